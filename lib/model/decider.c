#include "model/decider.h"

#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/opts.h"
#include "base/text.h"
#include "codec/hash.h"
#include "model/model.h"
#include "model/writer.h"

#define DECIDER_NAME_BYTES_MAX 255u
#define DECIDER_STATE_BYTES_MAX (UINT64_C(1) << 30)

/* ---- states -------------------------------------------------------------------------------------------------- */

static int32_t state_check_flat(const skafu_state_def *def, const char *what, skafu_error *error)
{
	if (def->bytes > DECIDER_STATE_BYTES_MAX)
		return skafu__fail(error, SKAFU_EDEFINITION, "%s has a flat state of %zu bytes; hold so much in a "
				   "managed one", what, def->bytes);
	if (def->make || def->drop || def->copy || def->save || def->load)
		return skafu__fail(error, SKAFU_EDEFINITION, "%s has a flat state, because bytes is not 0, and "
				   "functions of a managed one; give either", what);
	return 0;
}

static int32_t state_check_managed(const skafu_state_def *def, const char *what, skafu_error *error)
{
	if (def->init)
		return skafu__fail(error, SKAFU_EDEFINITION, "%s has a managed state, because bytes is 0, and the "
				   "function init of a flat one; give make instead", what);
	if (!def->make || !def->drop || !def->copy)
		return skafu__fail(error, SKAFU_EDEFINITION, "%s has a managed state without the function %s", what,
				   !def->make ? "make" : !def->drop ? "drop" : "copy");
	if (!def->save != !def->load)
		return skafu__fail(error, SKAFU_EDEFINITION, "%s has a state with save or load alone; give both or "
				   "none", what);
	return 0;
}

int32_t skafu__state_check(const skafu_state_def *given, skafu_state_def *out, const char *what, skafu_error *error)
{
	int32_t rc = skafu__opts_read(out, sizeof *out, given, "skafu_state_def", error);
	if (rc != 0)
		return rc;
	return out->bytes ? state_check_flat(out, what, error) : state_check_managed(out, what, error);
}

int skafu__state_can_save(const skafu_state_def *def)
{
	return def->bytes != 0 || def->save != NULL;
}

/* A function that failed without a word is given one; one that made nothing and said nothing too. */
static int32_t state_made(int32_t rc, const void *state, const char *function, skafu_error *own, skafu_error *error)
{
	if (rc >= 0 && state)
		return 0;
	if (rc >= 0)
		rc = SKAFU_EHOST;
	if (own->code == 0)
		skafu__fail(own, rc, "the function %s of a state failed", function);
	skafu__error_set_hosts(own);
	return skafu__error_copy(error, own, rc);
}

struct state_making {
	const struct skafu__sys *sys;
	void *state;
};

static void state_unmake(void *arg)
{
	const struct state_making *making = arg;
	skafu__free(making->sys, making->state);
}

static int32_t state_make_flat(const struct skafu__sys *sys, const skafu_state_def *def, void *user, void **out,
			       skafu_error *error)
{
	struct skafu_error own = {0};
	struct state_making making = {sys, skafu__alloc_zeroed(sys, 1, def->bytes)};
	int32_t rc = 0;
	if (!making.state)
		return skafu__fail_memory(error);
	pthread_cleanup_push(state_unmake, &making);
	rc = def->init ? def->init(user, making.state, &own) : 0;
	pthread_cleanup_pop(rc < 0);
	if (rc < 0)
		return state_made(rc, making.state, "init", &own, error);
	*out = making.state;
	return 0;
}

int32_t skafu__state_make(const struct skafu__sys *sys, const skafu_state_def *def, void *user, void **out_state,
			  skafu_error *error)
{
	struct skafu_error own = {0};
	void *state = NULL;
	if (def->bytes)
		return state_make_flat(sys, def, user, out_state, error);
	int32_t rc = def->make(user, &state, &own);
	rc = state_made(rc, state, "make", &own, error);
	if (rc == 0)
		*out_state = state;
	return rc;
}

int32_t skafu__state_copy(const struct skafu__sys *sys, const skafu_state_def *def, void *user, const void *state,
			  void **out_state, skafu_error *error)
{
	struct skafu_error own = {0};
	void *copy = NULL;
	if (def->bytes) {
		copy = skafu__alloc(sys, def->bytes);
		if (!copy)
			return skafu__fail_memory(error);
		memcpy(copy, state, def->bytes);
		*out_state = copy;
		return 0;
	}
	int32_t rc = def->copy(user, state, &copy, &own);
	rc = state_made(rc, copy, "copy", &own, error);
	if (rc == 0)
		*out_state = copy;
	return rc;
}

int32_t skafu__state_save(const skafu_state_def *def, void *user, const void *state, struct skafu__buf *out,
			  skafu_error *error)
{
	struct skafu_error own = {0};
	struct skafu_writer writer = {.buf = out};
	if (def->bytes) {
		skafu__buf_put(out, state, def->bytes);
		return out->failed ? skafu__fail_memory(error) : 0;
	}
	int32_t rc = def->save(user, state, &writer, &own);
	if (rc >= 0 && out->failed)
		return skafu__fail(error, out->failed, "the saved state is too large, or there is no memory for it");
	return rc < 0 ? state_made(rc, state, "save", &own, error) : 0;
}

int32_t skafu__state_restore(const struct skafu__sys *sys, const skafu_state_def *def, void *user,
			     const struct skafu__bytes *saved, void **out_state, skafu_error *error)
{
	struct skafu_error own = {0};
	void *state = NULL;
	if (def->bytes) {
		if (saved->length != def->bytes)
			return skafu__fail(error, SKAFU_EINVAL, "a saved state has %zu bytes, not %zu",
					   saved->length, def->bytes);
		return skafu__state_copy(sys, def, user, saved->bytes, out_state, error);
	}
	int32_t rc = def->load(user, saved->bytes, saved->length, &state, &own);
	rc = state_made(rc, state, "load", &own, error);
	if (rc == 0)
		*out_state = state;
	return rc;
}

void skafu__state_drop(const struct skafu__sys *sys, const skafu_state_def *def, void *user, void *state)
{
	if (!state)
		return;
	if (def->bytes)
		skafu__free(sys, state);
	else
		def->drop(user, state);
}

/* ---- definitions --------------------------------------------------------------------------------------------- */

static void decider_free_texts(const struct skafu__sys *sys, struct skafu__decider *decider)
{
	for (size_t i = 0; decider->commands && i < decider->command_count; i++)
		skafu__free(sys, decider->commands[i]);
	skafu__free(sys, decider->commands);
	skafu__free(sys, decider->name);
	skafu__free(sys, decider);
}

void skafu__decider_free(const struct skafu__sys *sys, struct skafu__decider *decider)
{
	if (decider->free_user)
		decider->free_user(decider->user);
	decider_free_texts(sys, decider);
}

static int32_t decider_check_command(const struct skafu__registry *registry, const skafu_decider_def *def,
				     size_t number,
				     skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(def->commands[number], DECIDER_NAME_BYTES_MAX, "command", &length, error);
	if (rc != 0)
		return rc;
	const struct skafu__decider *owner = skafu__registry_command(registry, def->commands[number]);
	if (owner)
		return skafu__fail(error, SKAFU_EDEFINITION, "decider %s claims the command %s, which decider %s of "
				   "domain %s "
				   "decides already; a command has one decider", def->name, def->commands[number],
				   owner->name, owner->domain->name);
	for (size_t i = 0; i < number; i++)
		if (strcmp(def->commands[i], def->commands[number]) == 0)
			return skafu__fail(error, SKAFU_EDEFINITION, "decider %s names the command %s twice",
					   def->name,
					   def->commands[number]);
	return 0;
}

static int32_t decider_check_commands(const struct skafu__registry *registry, const skafu_decider_def *def,
				      skafu_error *error)
{
	int32_t rc = 0;
	if (def->command_count == 0 || def->command_count > 4096 || !def->commands)
		return skafu__fail(error, SKAFU_EDEFINITION, "decider %s names %zu commands; name 1 to 4096 that it "
				   "decides", def->name, def->commands ? def->command_count : 0);
	for (size_t i = 0; rc == 0 && i < def->command_count; i++)
		rc = decider_check_command(registry, def, i, error);
	return rc;
}

static int32_t decider_check_functions(const skafu_decider_def *def, skafu_error *error)
{
	if (!def->decide)
		return skafu__fail(error, SKAFU_EDEFINITION, "decider %s has no function decide", def->name);
	if (!def->state != !def->evolve)
		return skafu__fail(error, SKAFU_EDEFINITION, "decider %s has %s; give both, or none for decisions "
				   "that depend on the command alone", def->name,
				   def->state ? "a state and no function evolve" : "a function evolve and no state");
	if (def->scope && !def->state)
		return skafu__fail(error, SKAFU_EDEFINITION, "decider %s has a scope and no state to fold its events "
				   "into", def->name);
	if (def->snapshot_every != 0 && !def->state)
		return skafu__fail(error, SKAFU_EDEFINITION, "decider %s asks for snapshots and has no state",
				   def->name);
	return 0;
}

static int32_t decider_check_state(const skafu_decider_def *def, skafu_state_def *out, skafu_error *error)
{
	char what[300] = "decider ";
	if (!def->state)
		return 0;
	strncat(what, def->name, sizeof what - 9);
	int32_t rc = skafu__state_check(def->state, out, what, error);
	if (rc == 0 && def->snapshot_every != 0 && !skafu__state_can_save(out))
		rc = skafu__fail(error, SKAFU_EDEFINITION, "decider %s asks for snapshots, and its state has no "
				 "functions save and load", def->name);
	return rc;
}

static int32_t decider_check(const struct skafu__registry *registry, const skafu_decider_def *def,
			     const struct skafu__domain **out_domain, skafu_error *error)
{
	size_t length;
	int32_t rc = skafu__name_measure(def->name, DECIDER_NAME_BYTES_MAX, "decider", &length, error);
	if (rc == 0)
		rc = skafu__registry_need_domain(registry, def->domain, "a decider", out_domain, error);
	for (const struct skafu__decider *each = registry->deciders; rc == 0 && each; each = each->next)
		if (each->domain == *out_domain && strcmp(each->name, def->name) == 0)
			rc = skafu__fail(error, SKAFU_EDEFINITION, "domain %s has a decider %s already; choose "
					 "another name", def->domain, def->name);
	if (rc == 0)
		rc = decider_check_functions(def, error);
	return rc ? rc : decider_check_commands(registry, def, error);
}

static int32_t decider_copy_commands(const struct skafu__sys *sys, struct skafu__decider *decider,
				     const skafu_decider_def *def)
{
	decider->commands = skafu__alloc_zeroed(sys, def->command_count, sizeof *decider->commands);
	if (!decider->commands)
		return SKAFU_ENOMEM;
	decider->command_count = def->command_count;
	for (size_t i = 0; i < def->command_count; i++) {
		decider->commands[i] = skafu__strdup(sys, def->commands[i]);
		if (!decider->commands[i])
			return SKAFU_ENOMEM;
	}
	return 0;
}

static int32_t decider_index_commands(struct skafu__registry *registry, const struct skafu__decider *decider)
{
	for (size_t i = 0; i < decider->command_count; i++) {
		const char *name = decider->commands[i];
		if (skafu__map_insert(&registry->command_index, name, strlen(name),
				      (uint64_t)(uintptr_t)decider) >= 0)
			continue;
		while (i-- > 0)
			skafu__map_remove(&registry->command_index, decider->commands[i],
					  strlen(decider->commands[i]));
		return SKAFU_ENOMEM;
	}
	return 0;
}

static int32_t decider_make(struct skafu__registry *registry, const skafu_decider_def *def,
			    struct skafu__decider **out, skafu_error *error)
{
	struct skafu__decider *decider = skafu__alloc_zeroed(registry->sys, 1, sizeof *decider);
	if (!decider)
		return skafu__fail_memory(error);
	decider->name = skafu__strdup(registry->sys, def->name);
	int32_t rc = decider->name ? decider_copy_commands(registry->sys, decider, def) : SKAFU_ENOMEM;
	if (rc == 0)
		rc = decider_index_commands(registry, decider);
	if (rc != 0) {
		decider_free_texts(registry->sys, decider);
		return skafu__fail_memory(error);
	}
	*out = decider;
	return 0;
}

static int32_t decider_add(struct skafu__registry *registry, const skafu_decider_def *def, skafu_error *error)
{
	const struct skafu__domain *domain;
	struct skafu__decider *decider = NULL;
	skafu_state_def state = {0};
	int32_t rc = decider_check(registry, def, &domain, error);
	if (rc == 0)
		rc = decider_check_state(def, &state, error);
	if (rc == 0)
		rc = decider_make(registry, def, &decider, error);
	if (rc != 0)
		return rc;
	decider->domain = domain;
	decider->number = ++registry->decider_count;
	decider->has_state = def->state != NULL;
	decider->snapshot_every = def->snapshot_every;
	decider->state = state;
	decider->evolve = def->evolve;
	decider->decide = def->decide;
	decider->scope = def->scope;
	decider->user = def->user;
	decider->free_user = def->free_user;
	decider->next = registry->deciders;
	registry->deciders = decider;
	return 0;
}

int32_t skafu_model_add_decider(skafu_model *model, const skafu_decider_def *def, skafu_error *error)
{
	skafu_decider_def known = {0};
	int32_t rc = skafu__opts_read(&known, sizeof known, def, "skafu_decider_def", error);
	if (rc == 0)
		rc = skafu__model_may_define(model, error);
	if (rc == 0)
		rc = decider_add(&model->registry, &known, error);
	if (rc != 0 && known.free_user)
		known.free_user(known.user);
	return rc;
}

void skafu__decider_freeze(struct skafu__registry *registry, const uint8_t upcasters[16])
{
	static const char purpose[] = "skafu state 2";
	for (struct skafu__decider *decider = registry->deciders; decider; decider = decider->next) {
		uint8_t shape[16] = {0};
		skafu__store_u32(shape, decider->state.version);
		skafu__store_u64(shape + 8, decider->state.bytes);
		const struct skafu__part parts[] = {{purpose, sizeof purpose}, {decider->name, strlen(decider->name)},
						    {shape, sizeof shape}, {upcasters, 16}};
		skafu__blake2b(decider->fingerprint, 16, parts, 4);
	}
}
