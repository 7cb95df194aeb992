/*
 * skafu_model.h: what a store means to an application: domains, event types, deciders, upcasters, projections, rules.
 *
 * A model holds the definitions of this process over one store.  Definitions are added first; the first use (execute,
 * read a view, open an engine) checks them as a whole and closes the model for more.  What of them is durable (names,
 * versions) is compared with what the store remembers, and a difference is refused with both values.
 *
 * The functions of a definition run only inside a call of the host into this library, in its thread: those of a
 * decider, checks and upcasters in several threads at once when several execute, all others in one at a time.  They
 * may read through the objects that they are given and must not call the library with the model, its store or its
 * engine: a call with the model is answered with SKAFU_EMISUSE, and no lock is held that could hang.  They return
 * 0, or a negative code (SKAFU_EHOST when none fits) with a message in the error that they are given.  No longjmp may
 * leave them; an exception of C++ passes to the caller and counts as a failure (skafu-threads(7)), but none may leave
 * a function that releases.  A user pointer is released by its free_user once: with the model, or before a
 * refused definition returns.  Definitions and their texts are copied.
 */
#ifndef SKAFU_MODEL_H
#define SKAFU_MODEL_H

#include "skafu_store.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct skafu_model skafu_model;
typedef struct skafu_turn skafu_turn;
typedef struct skafu_writer skafu_writer;
typedef struct skafu_upcast skafu_upcast;
typedef struct skafu_edit skafu_edit;
typedef struct skafu_state skafu_state;
typedef struct skafu_view skafu_view;
typedef struct skafu_rules skafu_rules;

/* ---- the model ----------------------------------------------------------------------------------------------- */

typedef struct skafu_model_opts {
	uint32_t size;            /* sizeof(skafu_model_opts) */
	uint32_t flags;           /* 0 */
	uint64_t cache_bytes_max; /* memory for states of deciders between commands; 0: 16 MiB */
	uint64_t edit_bytes_max;  /* memory for what a batch of a projection changes; 0: 16 MiB */
	uint64_t views_bytes_max; /* limit of the file of views and snapshots; 0: as far as the disk goes */
} skafu_model_opts;

/* A model without definitions, which is enough to read views and rows of others.  It keeps its store open.  Adding
 * definitions: one thread; after that any thread. */
SKAFU_API int32_t skafu_model_open(skafu_store *store, const skafu_model_opts *opts, skafu_model **out_model,
				   skafu_error *error);

/* States, views and engines that are still alive stay valid until the last of them is freed.  NULL is fine. */
SKAFU_API void skafu_model_close(skafu_model *model);

/* The store, borrowed. */
SKAFU_API skafu_store *skafu_model_store(const skafu_model *model);

/* Check all definitions now instead of at the first use: unknown types, gaps and cycles of upcasters, commands that
 * two deciders claim, names and versions that differ from the store's.  SKAFU_EDEFINITION says which and why. */
SKAFU_API int32_t skafu_model_freeze(skafu_model *model, skafu_error *error);

/* ---- domains and event types --------------------------------------------------------------------------------- */

/* A domain owns event types, deciders, projections, reactions and processes.  They name it, so it comes first. */
SKAFU_API int32_t skafu_model_add_domain(skafu_model *model, const char *domain, skafu_error *error);

/* Look at an event that a definition of this model emits, before it is recorded. */
typedef int32_t (*skafu_check_fn)(void *user, const skafu_new_record *event, skafu_error *error);

typedef struct skafu_event_def {
	uint32_t size;          /* sizeof(skafu_event_def) */
	uint32_t event_version; /* the newest, which is emitted and handled: major << 16 | minor; 0: 1.0 */
	const char *domain;
	const char *type;           /* belongs to one domain of the store, for ever */
	const char *subject_prefix; /* seal the payload for the subject in the first tag "<prefix><subject>" */
	skafu_check_fn check;       /* NULL: the strict check of JSON only */
	void *user;
	skafu_free_fn free_user;
} skafu_event_def;

SKAFU_API int32_t skafu_model_add_event(skafu_model *model, const skafu_event_def *def, skafu_error *error);

/* ---- upcasters ----------------------------------------------------------------------------------------------- */

/*
 * Bring a stored event to a later form: add each event that it stands for today to `out`, in order; adding none hides
 * it.  Must depend on nothing but the record.  Stored bytes are never rewritten.  From the oldest version with an
 * upcaster on, each major version needs one, and every way must end in the newest version of a defined type; a type
 * that is no more is left undefined and has upcasters only.
 */
typedef int32_t (*skafu_upcast_fn)(void *user, const skafu_record *stored, skafu_upcast *out, skafu_error *error);

typedef struct skafu_upcaster_def {
	uint32_t size;         /* sizeof(skafu_upcaster_def) */
	uint32_t from_version; /* takes this version of the type: major << 16 | minor */
	uint32_t revision;     /* raise it when the function changes: snapshots and projections notice */
	uint32_t to_count;     /* how many forms it may add; 0: it hides the event */
	const char *type;
	const char *const *to_types; /* the forms, type by type ... */
	const uint32_t *to_versions; /* ... and version by version */
	skafu_upcast_fn upcast;
	void *user;
	skafu_free_fn free_user;
} skafu_upcaster_def;

SKAFU_API int32_t skafu_model_add_upcaster(skafu_model *model, const skafu_upcaster_def *def, skafu_error *error);

/* Inside an upcaster: add one event.  All else (id, stream, tags, times) stays as stored; the outputs share sequence
 * and version and are told apart by their ordinal, 0, 1, ..., in the member reserved.  The data is copied. */
SKAFU_API int32_t skafu_upcast_add(skafu_upcast *out, const char *type, uint32_t event_version, const void *data,
				   size_t data_length, skafu_error *error);

/* From now on the cursor, not yet stepped, returns records as the handlers of this model see them: upcast and, with
 * a keyring, unsealed.  Without this call cursors return what is stored.  The limit counts stored records. */
SKAFU_API int32_t skafu_model_upcast(skafu_model *model, skafu_cursor *cursor, skafu_error *error);

/* ---- states -------------------------------------------------------------------------------------------------- */

/* Bytes that a function of the host hands back.  They are copied; several puts follow one another. */
SKAFU_API int32_t skafu_writer_put(skafu_writer *writer, const void *bytes, size_t length, skafu_error *error);

/*
 * How the state of a decider or process is held.  Flat: `bytes` of memory, zeroed, then set by `init` if given,
 * copied and saved byte by byte; no pointers in it.  Managed (bytes = 0): an object of the host, made by `make`,
 * released by `drop`, copied by `copy`; with both `save` and `load` it can be kept in snapshots.  All get the user
 * pointer of the definition that refers to this table.
 */
typedef struct skafu_state_def {
	uint32_t size;    /* sizeof(skafu_state_def) */
	uint32_t version; /* raise it when the state or the way it evolves changes; older snapshots are ignored */
	size_t bytes;
	int32_t (*init)(void *user, void *state, skafu_error *error);
	int32_t (*make)(void *user, void **out_state, skafu_error *error);
	void (*drop)(void *user, void *state);
	int32_t (*copy)(void *user, const void *state, void **out_state, skafu_error *error);
	int32_t (*save)(void *user, const void *state, skafu_writer *writer, skafu_error *error);
	int32_t (*load)(void *user, const void *bytes, size_t length, void **out_state, skafu_error *error);
} skafu_state_def;

/* Take one event into the state.  Must depend on nothing else, and cannot refuse: what is recorded has happened. */
typedef int32_t (*skafu_evolve_fn)(void *user, void *state, const skafu_record *event, skafu_error *error);

/* ---- commands and deciders ----------------------------------------------------------------------------------- */

#define SKAFU_COMMAND_EXPIRES 0x1u /* expires_ns is given */

/* What somebody wants.  Only the type must be given, and the stream for a decider without a scope. */
typedef struct skafu_command {
	uint32_t size;  /* sizeof(skafu_command) */
	uint32_t flags; /* SKAFU_COMMAND_ */
	const char *type;
	const char *domain; /* that decides it; source of its records; NULL: the one that defines the type */
	const char *stream; /* whose events decide, and where events go that name no stream; NULL: none */
	const void *data;   /* strict JSON unless content_type says otherwise; NULL: an empty object */
	size_t data_length;
	const char *content_type; /* NULL: "application/json" */
	const void *metadata;     /* strict JSON, an object; NULL: none */
	size_t metadata_length;
	const char *const *tags;
	size_t tag_count;
	const char *key;          /* 1 to 255 bytes: decided once in the domain, answered alike later; NULL: none */
	const uint8_t *id;        /* 16 bytes; NULL: derived from the key, or new */
	const uint8_t *causation; /* 16 bytes, also of what is emitted; NULL: command's id, or handler's input */
	const char *correlation;  /* NULL: the text of the id, or the correlation of the handler's input */
	int64_t expires_ns;       /* with SKAFU_COMMAND_EXPIRES: refused with the code "expired" from then on */
} skafu_command;

/*
 * Say which events a command depends on.  What is added to `read` is folded into the state; what is added to `guard`
 * must not have new matches when the decision is appended.  A guard to which nothing is added is the same as `read`;
 * a smaller one tolerates what does not matter.  Nothing added to either: nothing is read and nothing required; for
 * every event add an item without types and tags.  Must depend on nothing but the command.
 */
typedef int32_t (*skafu_scope_fn)(void *user, const skafu_command *command, skafu_query *read, skafu_query *guard,
				  skafu_error *error);

/* Decide: skafu_turn_emit() what happens, or skafu_turn_refuse(), or neither.  May run again after a conflict. */
typedef int32_t (*skafu_decide_fn)(void *user, const skafu_command *command, const void *state, skafu_turn *turn,
				   skafu_error *error);

typedef struct skafu_decider_def {
	uint32_t size;           /* sizeof(skafu_decider_def) */
	uint32_t snapshot_every; /* keep a snapshot each so many events; 0: none */
	const char *domain;
	const char *name;            /* unique in the domain */
	const char *const *commands; /* the command types it decides; each belongs to one decider */
	size_t command_count;
	const skafu_state_def *state; /* NULL: nothing is read or required, and evolve and scope are NULL too */
	skafu_evolve_fn evolve;
	skafu_decide_fn decide;
	skafu_scope_fn scope; /* NULL: the stream of the command is read, and must not have moved */
	void *user;
	skafu_free_fn free_user;
} skafu_decider_def;

SKAFU_API int32_t skafu_model_add_decider(skafu_model *model, const skafu_decider_def *def, skafu_error *error);

/*
 * A turn is what a handler does about its input: deciders emit or refuse; reactions and processes (skafu_run.h) emit,
 * send and schedule.  It is valid inside the handler only; all of it is recorded in one commit or nothing.
 *
 * skafu_turn_emit: record an event.  Left out of it are filled in: the source is the handler's domain, the stream the
 * command's (a reaction must give one), the version the type's newest, correlation and causation those of the input.
 */
SKAFU_API int32_t skafu_turn_emit(skafu_turn *turn, const skafu_new_record *event, skafu_error *error);

/* A decider says no: a code for programs ("overdrawn") and a sentence for people.  Takes back what was emitted.  The
 * handler still returns 0: a refusal is an answer, not a failure. */
SKAFU_API int32_t skafu_turn_refuse(skafu_turn *turn, const char *code, const char *message, skafu_error *error);

/* The time to decide by: of the input when it is a record, else now.  The same when the input is handled again. */
SKAFU_API int64_t skafu_turn_now(const skafu_turn *turn);

/* ---- execute ------------------------------------------------------------------------------------------------- */

#define SKAFU_DECISION_ACCEPTED 1u
#define SKAFU_DECISION_REFUSED 2u

#define SKAFU_OUTCOME_REPEATED 0x1u /* the key was decided before; this is that answer */

/* What became of a command.  Texts end in a NUL and are never NULL. */
typedef struct skafu_outcome {
	uint32_t size;
	uint32_t flags;          /* SKAFU_OUTCOME_ */
	uint32_t decision;       /* SKAFU_DECISION_ */
	uint32_t attempts;       /* how often it was decided until no conflict came between */
	uint64_t commit;         /* 0 when there was nothing to record */
	uint64_t first_sequence; /* of the events; 0 when there are none */
	uint64_t last_sequence;
	uint64_t stream_version; /* of the command's stream after the decision; 0 without one, or when it failed to be
				  * read after the append */
	const char *code;        /* of the refusal; "" when accepted */
	const char *message;
	const char *correlation;
	const uint8_t *command; /* 16 bytes: id of the command */
	uint32_t event_count;
	int32_t wait_result; /* of waiting for the views that opts name: 0, SKAFU_ETIMEOUT ... */
} skafu_outcome;

typedef struct skafu_execute_opts {
	uint32_t size;                 /* sizeof(skafu_execute_opts) */
	uint32_t attempts_max;         /* decide so often while others get in between; 0: 8 */
	const char *const *wait_views; /* return when these projections have seen the events, or the time is over */
	size_t wait_view_count;
} skafu_execute_opts;

/*
 * Decide a command and append what it emits, on condition that nothing which the decision read has changed.  A
 * refusal is a success of this call: look at the outcome's decision.  SKAFU_ECONFLICT or SKAFU_EMATCH when the
 * attempts are used up.  Time running out before the append is SKAFU_ETIMEOUT (0: do not wait for other writers, but
 * decide all the same); after it the outcome stands and its wait_result tells.  Waiting steps projections of this
 * process; for others it says who runs them, or that nobody does.  Free the outcome with skafu_outcome_free().  Any
 * thread.
 */
SKAFU_API int32_t skafu_model_execute(skafu_model *model, const skafu_command *command, uint64_t timeout_ns,
				      const skafu_execute_opts *opts, skafu_outcome **out_outcome,
				      skafu_error *error);
SKAFU_API void skafu_outcome_free(skafu_outcome *outcome);

/*
 * The state that a decider would decide this command upon (its type, stream and, for a scope, its data count), as of
 * a sequence (0: now).  skafu_state_data() lends the host's state until the free.
 */
SKAFU_API int32_t skafu_state_load(skafu_model *model, const skafu_command *command, uint64_t at_sequence,
				   skafu_state **out_state, skafu_error *error);
SKAFU_API const void *skafu_state_data(const skafu_state *state);
SKAFU_API uint64_t skafu_state_sequence(const skafu_state *state); /* of the last event folded; 0: none */
SKAFU_API void skafu_state_free(skafu_state *state);

/* ---- projections --------------------------------------------------------------------------------------------- */

/*
 * Three ways to say what events do to rows; a definition has one of them.  each: one event at a time.  batch: several
 * at a time.  key with fold: the library sorts the events of a batch by the keys that `key` names for each (none, one
 * or several), reads the row of each key, folds all its events at once and writes it back.
 */
typedef int32_t (*skafu_each_fn)(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error);
typedef int32_t (*skafu_batch_fn)(void *user, const skafu_record *const *events, uint32_t count, skafu_edit *edit,
				  skafu_error *error);
typedef int32_t (*skafu_key_fn)(void *user, const skafu_record *event, skafu_edit *edit, skafu_error *error);

typedef struct skafu_fold {
	uint32_t size;
	uint32_t event_count;
	const uint8_t *key;
	size_t key_length;
	const uint8_t *value; /* NULL when there is no such row yet */
	size_t value_length;
	const skafu_record *const *events;
} skafu_fold;

/* 0: the row is what was written, or as before when nothing was; 1: the row goes. */
typedef int32_t (*skafu_fold_fn)(void *user, const skafu_fold *input, skafu_writer *value, skafu_error *error);

#define SKAFU_PROJECTION_HOLD 0x1u       /* a rebuilt version waits for skafu_projection_promote() */
#define SKAFU_PROJECTION_SKIP_NEWER 0x2u /* pass over records newer than the model instead of halting */
#define SKAFU_PROJECTION_KEEP_HIDDEN 0x4u /* what it made of events that are hidden later stays */

typedef struct skafu_projection_def {
	uint32_t size;      /* sizeof(skafu_projection_def) */
	uint32_t flags;     /* SKAFU_PROJECTION_ */
	uint32_t version;   /* raise it when the handler changes: the view is rebuilt beside the one in use; 0: 1 */
	uint32_t batch_max; /* events in a batch; 0: 1,024 */
	const char *domain;
	const char *name;         /* unique in the store */
	const char *const *types; /* the event types it sees; none: all */
	size_t type_count;
	const char *rule; /* a pattern that must match too; NULL: none */
	skafu_each_fn each;
	skafu_batch_fn batch;
	skafu_key_fn key;
	skafu_fold_fn fold;
	void *user;
	skafu_free_fn free_user;
} skafu_projection_def;

SKAFU_API int32_t skafu_model_add_projection(skafu_model *model, const skafu_projection_def *def, skafu_error *error);

/*
 * Inside a handler: the rows of its projection, by table (NULL: the table "main") and key of 1 to 255 bytes, with
 * what this batch has changed already.  The changes and the checkpoint are written together.  skafu_edit_get: 1 and a
 * value lent until the next call with this edit, 0 when there is no row.
 */
SKAFU_API int32_t skafu_edit_get(skafu_edit *edit, const char *table, const void *key, size_t key_length,
				 const void **out_value, size_t *out_length, skafu_error *error);
SKAFU_API int32_t skafu_edit_put(skafu_edit *edit, const char *table, const void *key, size_t key_length,
				 const void *value, size_t value_length, skafu_error *error);
SKAFU_API int32_t skafu_edit_delete(skafu_edit *edit, const char *table, const void *key, size_t key_length,
				    skafu_error *error);

/* Add to a number that is kept as a row of 8 bytes; a missing row counts as 0.  SKAFU_ELIMIT on overflow. */
SKAFU_API int32_t skafu_edit_count(skafu_edit *edit, const char *table, const void *key, size_t key_length,
				   int64_t delta, skafu_error *error);

/* The number in such a row; SKAFU_EINVAL when the row is none. */
SKAFU_API int32_t skafu_count_value(const void *value, size_t value_length, int64_t *out_count, skafu_error *error);

/* Inside a key function: the event belongs to this key. */
SKAFU_API int32_t skafu_edit_key(skafu_edit *edit, const void *key, size_t key_length, skafu_error *error);

/* May the handler do something to the world outside for this event?  1: yes, with this
 * key, the same whenever the event is handled again; 0: no, it is a rebuild or replay of what was told before. */
SKAFU_API int32_t skafu_edit_effect(skafu_edit *edit, const skafu_record *event, const char *name,
				    uint8_t out_key[16], skafu_error *error);

/* Bring a projection of this model, and a version that is being built beside it, forward by up to events_max events.
 * 1: there is more, 0: at the head.  An engine does this by itself. */
SKAFU_API int32_t skafu_projection_step(skafu_model *model, const char *name, uint32_t events_max,
					skafu_error *error);

/* Build it anew from the first event, beside the one that is read meanwhile; goes on after a restart. */
SKAFU_API int32_t skafu_projection_rebuild(skafu_model *model, const char *name, skafu_error *error);

/* Go on after the handler failed and the projection halted. */
SKAFU_API int32_t skafu_projection_resume(skafu_model *model, const char *name, skafu_error *error);

#define SKAFU_DIFFERENCE_MISSING 1u /* only in the view in use */
#define SKAFU_DIFFERENCE_ADDED 2u   /* only in the one beside it */
#define SKAFU_DIFFERENCE_CHANGED 3u

typedef struct skafu_difference {
	uint32_t size;
	uint32_t kind; /* SKAFU_DIFFERENCE_ */
	const char *table;
	const uint8_t *key;
	size_t key_length;
	const uint8_t *live_value;
	size_t live_length;
	const uint8_t *shadow_value;
	size_t shadow_length;
} skafu_difference;

/* Not 0 stops: 1 politely, a negative code with that code. */
typedef int32_t (*skafu_difference_fn)(void *user, const skafu_difference *difference);

/* Shadow run: compare the version in use with the one beside it, row by row at the same sequence, in key order.
 * `tell` may be NULL, and is not kept: it needs no free_user. */
SKAFU_API int32_t skafu_projection_compare(skafu_model *model, const char *name, skafu_difference_fn tell, void *user,
					   uint64_t *out_differences, skafu_error *error);

/* Put the version beside in use, atomically, if at most differences_max rows differ (SKAFU_NO_LIMIT: whatever);
 * else SKAFU_EROW.  Discard throws it away. */
SKAFU_API int32_t skafu_projection_promote(skafu_model *model, const char *name, uint64_t differences_max,
					   skafu_error *error);
SKAFU_API int32_t skafu_projection_discard(skafu_model *model, const char *name, skafu_error *error);

#define SKAFU_VIEW_LIVE 1u
#define SKAFU_VIEW_STALE 2u  /* made by another version or other upcasters; being rebuilt */
#define SKAFU_VIEW_HALTED 3u /* its handler failed; the dead letter or error record says why */

typedef struct skafu_projection_info {
	uint32_t size;           /* set by the caller to sizeof(skafu_projection_info) */
	uint32_t state;          /* SKAFU_VIEW_ */
	uint32_t version;        /* of the view in use */
	uint32_t shadow_version; /* of the one beside it; 0: there is none */
	uint64_t sequence;       /* the view in use has seen everything up to here */
	uint64_t shadow_sequence;
	uint64_t head;
	uint64_t rows;
	uint64_t lag; /* events that it has not seen */
	int64_t pid;  /* process that stepped it last; 0: none that lives */
} skafu_projection_info;

SKAFU_API int32_t skafu_projection_info_get(skafu_model *model, const char *name, skafu_projection_info *out_info,
					    skafu_error *error);

/* ---- views: reading what projections made -------------------------------------------------------------------- */

/* The view of a projection, of this process or another, now or as of a sequence (0: kept up to date).  As of a
 * sequence it is built aside by the handler of this model, which may take up to timeout_ns.  A view handle is used by
 * one thread at a time. */
SKAFU_API int32_t skafu_view_open(skafu_model *model, const char *projection, uint64_t at_sequence,
				  uint64_t timeout_ns, skafu_view **out_view, skafu_error *error);
SKAFU_API void skafu_view_close(skafu_view *view);

#define SKAFU_FRESH_ANY 1u      /* whatever is there */
#define SKAFU_FRESH_HEAD 2u     /* all that is in the log now */
#define SKAFU_FRESH_SEQUENCE 3u /* at least up to the sequence given */

/* Make what is read from now on at least so fresh: steps the projection when this process defines it, else waits for
 * the process that does.  out_sequence (may be NULL): how far the view is. */
SKAFU_API int32_t skafu_view_refresh(skafu_view *view, uint32_t freshness, uint64_t sequence, uint64_t timeout_ns,
				     uint64_t *out_sequence, skafu_error *error);

/* One row, on its own memory (skafu_bytes_free); SKAFU_ENOTFOUND.  A table NULL is "main". */
SKAFU_API int32_t skafu_view_get(skafu_view *view, const char *table, const void *key, size_t key_length,
				 void **out_value, size_t *out_length, skafu_error *error);

/* The rows of a range (NULL: all), or whose keys begin with a prefix, in key order, all of one moment; read them with
 * skafu_rows_next(). */
SKAFU_API int32_t skafu_view_rows(skafu_view *view, const char *table, const skafu_key_range *range, uint64_t limit,
				  skafu_rows **out_rows, skafu_error *error);
SKAFU_API int32_t skafu_view_prefix(skafu_view *view, const char *table, const void *prefix, size_t prefix_length,
				    uint64_t limit, skafu_rows **out_rows, skafu_error *error);
SKAFU_API int32_t skafu_view_count(skafu_view *view, const char *table, const skafu_key_range *range,
				   uint64_t *out_count, skafu_error *error);

/* ---- rules --------------------------------------------------------------------------------------------------- */

/*
 * Patterns of the EventBridge language over the exported form of a record (skafu_record_to_json): exact values,
 * prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists, cidr, $or.  Numbers are compared
 * exactly.  A field of the event that is an array matches when any of its values does; fields within the objects of
 * one array must match in the same object.  Adding compiles; a bad pattern is SKAFU_EPATTERN with the byte and the
 * field in the message and leaves the set as it was.  Rules are numbered 0, 1, ...  A match costs what the rules cost
 * that the values of the event lead to, hardly more when there are many others; only anything-but and exists lead to
 * all rules that have nothing else to be found by.  A set is used by one thread at a time.
 */
SKAFU_API int32_t skafu_rules_new(skafu_rules **out_rules, skafu_error *error);
SKAFU_API void skafu_rules_free(skafu_rules *rules);
SKAFU_API int32_t skafu_rules_add(skafu_rules *rules, const char *pattern, size_t length, uint32_t *out_number,
				  skafu_error *error);

/* Returns how many rules match, of which the numbers of the first numbers_max are written, ascending.  The second
 * form takes any JSON object; SKAFU_EJSON when it is none. */
SKAFU_API int32_t skafu_rules_match(skafu_rules *rules, const skafu_record *record, uint32_t *out_numbers,
				    uint32_t numbers_max, skafu_error *error);
SKAFU_API int32_t skafu_rules_match_json(skafu_rules *rules, const char *json, size_t length, uint32_t *out_numbers,
					 uint32_t numbers_max, skafu_error *error);

/* ---- reading and writing JSON payloads ----------------------------------------------------------------------- */

/*
 * For handlers that have no JSON library at hand: a member of a document by its JSON pointer of RFC 6901 ("/amount",
 * "/lines/0/price").  SKAFU_ENOTFOUND when it is not there, SKAFU_EINVAL when it is of another kind (an int64 is an
 * integer in range), SKAFU_ELIMIT when the text, with its NUL, is larger than the buffer.
 */
SKAFU_API int32_t skafu_json_int64(const void *json, size_t length, const char *pointer, int64_t *out_value,
				   skafu_error *error);
SKAFU_API int32_t skafu_json_text(const void *json, size_t length, const char *pointer, size_t text_size,
				  char *out_text, skafu_error *error);

/* The bytes of any member, borrowed from the document. */
SKAFU_API int32_t skafu_json_find(const void *json, size_t length, const char *pointer, const char **out_member,
				  size_t *out_length, skafu_error *error);

/* A text as a JSON string, quotes and NUL included. */
SKAFU_API int32_t skafu_json_quote(const char *text, size_t json_size, char *out_json, skafu_error *error);

#ifdef __cplusplus
}
#endif
#endif
