/*
 * fixture.h: a model with a bank in it, which the tests of lib/model share: streams of accounts, flat state.
 */
#ifndef SKAFU_TESTS_MODEL_FIXTURE_H
#define SKAFU_TESTS_MODEL_FIXTURE_H

#include <stdint.h>

#include "base/error.h"
#include "skafu_model.h"

struct account {
	int64_t balance;
	int64_t events;
	int64_t is_open;
};

struct fixture {
	skafu_store *store;
	skafu_model *model;
	struct skafu_error error;
	uint32_t evolved; /* how often evolve ran; only meant for one thread */
	uint32_t decided;
	uint32_t freed;   /* how often free_user ran */
};

/* A store in memory and an empty model. */
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);

/* Another model over the same store, as another process would have it. */
void fixture_reopen_model(struct fixture *fixture);

/* Commands Open, Deposit, Withdraw {"amount":n}; Nothing emits nothing; Fail fails.  Events Opened, Deposited,
 * Withdrawn. */
void fixture_define_bank(struct fixture *fixture, uint32_t snapshot_every);
int32_t fixture_evolve(void *user, void *state, const skafu_record *event, skafu_error *error);
int32_t fixture_decide(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
		       skafu_error *error);
void fixture_freed(void *user);

/* Define one event type of domain "bank" in its first version. */
void fixture_event(struct fixture *fixture, const char *type);

/* Execute on a stream; ck_assert that it is not an error. */
skafu_outcome *fixture_execute(struct fixture *fixture, const char *type, const char *stream, int64_t amount);

/* The same with a key, giving the code. */
int32_t fixture_try(struct fixture *fixture, const char *type, const char *stream, const char *key,
		    skafu_outcome **out);

int64_t fixture_balance(struct fixture *fixture, const char *stream);
uint64_t fixture_version(struct fixture *fixture, const char *stream);

/* Take a stream or a payload away; number is a version, or the sequence of the record. */
enum fixture_hide { FIXTURE_TRUNCATE, FIXTURE_DELETE, FIXTURE_TOMBSTONE, FIXTURE_ERASE };
void fixture_hide(struct fixture *fixture, enum fixture_hide how, const char *stream, uint64_t number);

/* Append an event past the model. */
void fixture_append(struct fixture *fixture, const char *stream, const char *type, uint32_t version,
		    const char *data);

#endif
