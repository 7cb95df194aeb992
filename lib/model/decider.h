/*
 * decider.h: deciders as they were defined, and their states, flat or managed, behind one set of verbs.
 */
#ifndef SKAFU__MODEL_DECIDER_H
#define SKAFU__MODEL_DECIDER_H

#include <stdint.h>

#include "base/buf.h"
#include "model/registry.h"
#include "skafu_model.h"

struct skafu__decider {
	struct skafu__decider *next;
	const struct skafu__domain *domain;
	char *name;
	char **commands;
	size_t command_count;
	uint32_t number;      /* from 1, of this process */
	uint32_t has_state;
	uint32_t snapshot_every;
	struct skafu_state_def state;
	skafu_evolve_fn evolve;
	skafu_decide_fn decide;
	skafu_scope_fn scope;
	void *user;
	skafu_free_fn free_user;
	uint8_t fingerprint[16]; /* of state and upcasters; a snapshot under another one is ignored */
};

void skafu__decider_free(const struct skafu__sys *sys, struct skafu__decider *decider); /* calls free_user */

/* The fingerprints, when the upcasters are known. */
void skafu__decider_freeze(struct skafu__registry *registry, const uint8_t upcasters[16]);

/* Check a table of state functions; `what` names whose it is. */
int32_t skafu__state_check(const skafu_state_def *given, skafu_state_def *out, const char *what, skafu_error *error);

/* These call functions of the host. */
int32_t skafu__state_make(const struct skafu__sys *sys, const skafu_state_def *def, void *user, void **out_state,
			  skafu_error *error);
int32_t skafu__state_copy(const struct skafu__sys *sys, const skafu_state_def *def, void *user, const void *state,
			  void **out_state, skafu_error *error);
int32_t skafu__state_save(const skafu_state_def *def, void *user, const void *state, struct skafu__buf *out,
			  skafu_error *error);

struct skafu__bytes {
	const void *bytes;
	size_t length;
};
int32_t skafu__state_restore(const struct skafu__sys *sys, const skafu_state_def *def, void *user,
			     const struct skafu__bytes *saved, void **out_state, skafu_error *error);
void skafu__state_drop(const struct skafu__sys *sys, const skafu_state_def *def, void *user, void *state);

/* 1 when snapshots of it can be kept. */
int skafu__state_can_save(const skafu_state_def *def);

#endif
