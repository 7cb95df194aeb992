/*
 * skafu_base.h: what every other header of libskafu stands on: results, errors, memory, logging, identifiers, time.
 *
 * Every function that can fail returns an int32_t: 0 or a positive number is success, a negative number is one of
 * the codes below.  The numbers are frozen; new ones may be added, so treat an unknown negative number as a failure
 * that nothing is known about.  Outputs are written on success only.
 */
#ifndef SKAFU_BASE_H
#define SKAFU_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SKAFU_API __attribute__((visibility("default")))
#else
#define SKAFU_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- version ------------------------------------------------------------------------------------------------- */

#define SKAFU_VERSION_MAJOR 0
#define SKAFU_VERSION_MINOR 1
#define SKAFU_VERSION_PATCH 0
#define SKAFU_VERSION_STRING "0.1.0"

/* The version of the library that is loaded: major << 16 | minor << 8 | patch.  Compare it with the macros that the
 * host was compiled with.  Any thread. */
SKAFU_API uint32_t skafu_version(void);

/* The same as text, "0.1.0".  Static, never freed. */
SKAFU_API const char *skafu_version_text(void);

/* ---- results ------------------------------------------------------------------------------------------------- */

#define SKAFU_OK 0

/* Fix the call: nothing was changed, and the same call will fail again. */
#define SKAFU_EINVAL (-1)     /* an argument is missing, out of range or contradicts another */
#define SKAFU_ELIMIT (-2)     /* a name, payload, batch or other input is larger than the store's limit for it */
#define SKAFU_EUTF8 (-3)      /* a text is not valid UTF-8, or holds a control character where none may be */
#define SKAFU_EJSON (-4)      /* a payload declared as JSON is not strict JSON */
#define SKAFU_EOPTION (-5) /* an options struct has an unknown flag, an unknown tail that is not zero, or no size */
#define SKAFU_EMISUSE (-6) /* the object is used in a way its state forbids: re-entered, closed, of another store */
#define SKAFU_EFORK (-7)      /* the object was made before a fork; open the store again in this process */
#define SKAFU_EOPENED (-8)    /* the store is open in this process already, with other options */
#define SKAFU_EDEFINITION (-9) /* a domain, handler or upcaster is defined twice, incompletely, or unlike before */
#define SKAFU_EPATTERN (-10)  /* a rule's pattern is malformed; the error says where */
#define SKAFU_EUNSUPPORTED (-11) /* this store or platform cannot do that */

/* Conflict: the store decided against the append; read again, decide again. */
#define SKAFU_ECONFLICT (-20)   /* a stream is not at the version that the append expects */
#define SKAFU_EMATCH (-21)      /* an event matches a query that the append requires to match nothing */
#define SKAFU_EROW (-22)        /* a row is not what the append expects */
#define SKAFU_EDUPLICATE (-23)  /* an event id is in the log already, under another commit */
#define SKAFU_ECOMMIT (-24)     /* the commit id is in the log already, with other content */
#define SKAFU_EDELETED (-25)    /* the stream has been deleted for good; nothing can be appended to it */

/* Try again: nothing was changed, and the same call may succeed later. */
#define SKAFU_EBUSY (-40)       /* another writer holds the store; the error names it */
#define SKAFU_ETIMEOUT (-41)    /* the deadline passed while waiting */
#define SKAFU_EINTERRUPTED (-42) /* the wait was ended from another thread */

/* The operator has to act. */
#define SKAFU_ENOSPACE (-60)    /* the disk or the quota is full; the store works again when there is room */
#define SKAFU_EIO (-61)         /* the operating system could not read or write; nothing was appended */
#define SKAFU_EUNKNOWN (-62)    /* a write failed after it may have taken effect; ask skafu_commit_status() */
#define SKAFU_EPOISONED (-63)   /* an earlier write had an unknown outcome; close everywhere and open again */
#define SKAFU_EREADONLY (-64)   /* the store, its directory or its file system does not allow writing */
#define SKAFU_ENOTFOUND (-65)   /* there is no such store, stream, record, handler or session */
#define SKAFU_EEXISTS (-66)     /* there is one already */
#define SKAFU_EFILESYSTEM (-67) /* the file system cannot carry a store (network, or no shared memory maps) */
#define SKAFU_EFULL (-68)       /* the store reached the size limit that it was opened with */
#define SKAFU_EACCESS (-69)     /* the operating system denies access */

/* The data is not what it should be. */
#define SKAFU_EDAMAGED (-80)    /* a checksum or a structure is wrong; the error says what and where */
#define SKAFU_EFOREIGN (-81)    /* the file is not a libskafu store */
#define SKAFU_ENEWER (-82)      /* written by a newer version, with features that this one does not know */
#define SKAFU_ESTALE (-83)      /* the store was restored to an earlier point than the caller has seen */
#define SKAFU_EGONE (-84)       /* the content was erased, or its key destroyed */

#define SKAFU_ENOMEM (-100)     /* out of memory, or over a memory ceiling of the store */
#define SKAFU_EINTERNAL (-101)  /* a fault in libskafu; please report it with the message */

/* For callbacks of the host. */
#define SKAFU_EHOST (-120)      /* the host's own failure, carried through unchanged */
#define SKAFU_EABSENT (-121)    /* behave as if this callback had not been given */

/* The name of a code, "SKAFU_ECONFLICT"; "SKAFU_E?" for a number that is none.  Static. */
SKAFU_API const char *skafu_result_name(int32_t code);

/* A short sentence about a code, without the particulars that skafu_error_message() has.  Static. */
SKAFU_API const char *skafu_result_text(int32_t code);

/* 1 when the same call may succeed later without a change (EBUSY, ETIMEOUT, EINTERRUPTED), else 0. */
SKAFU_API int32_t skafu_result_is_retriable(int32_t code);

/* 1 when the store refused because its content is not as expected (ECONFLICT .. EDELETED), else 0. */
SKAFU_API int32_t skafu_result_is_conflict(int32_t code);

/* ---- memory -------------------------------------------------------------------------------------------------- */

/* Called with the user pointer that was given beside it, once, when the library needs it no more. */
typedef void (*skafu_free_fn)(void *user);

/*
 * Where memory comes from.  All three functions or none.  They may be called from every thread that calls the
 * library, and must return memory aligned for any type.  Copied by the function it is given to.
 */
typedef struct skafu_allocator {
	uint32_t size;     /* sizeof(skafu_allocator) */
	uint32_t reserved; /* 0 */
	void *user;
	void *(*allocate)(void *user, size_t bytes);
	void *(*reallocate)(void *user, void *block, size_t bytes);
	void (*release)(void *user, void *block);
} skafu_allocator;

/* ---- errors -------------------------------------------------------------------------------------------------- */

/*
 * What went wrong in the last call that was given this object.  The host makes it, passes it (or NULL) as the last
 * argument, and may use it for any number of calls; each failing call overwrites it, a succeeding call leaves it
 * alone.  One thread at a time.  It never belongs to a store and may outlive it.
 */
typedef struct skafu_error skafu_error;

SKAFU_API int32_t skafu_error_new(skafu_error **out_error);
SKAFU_API void skafu_error_free(skafu_error *error); /* NULL is fine */
SKAFU_API void skafu_error_clear(skafu_error *error);

/* The code of the last failure, SKAFU_OK after a clear.  NULL gives SKAFU_OK. */
SKAFU_API int32_t skafu_error_code(const skafu_error *error);

/* One sentence in English that says what happened and what to do.  Borrowed until the object is used again. */
SKAFU_API const char *skafu_error_message(const skafu_error *error);

/*
 * Particulars, 0 when they do not apply: the errno of the system call that failed; the sequence of the record that
 * matched or is damaged; the version that a stream really has; the position, from 1, of the condition, query item or
 * batch that was refused; the process that holds what was waited for.
 */
SKAFU_API int32_t skafu_error_os(const skafu_error *error);
SKAFU_API uint64_t skafu_error_sequence(const skafu_error *error);
SKAFU_API uint64_t skafu_error_version(const skafu_error *error);
SKAFU_API uint32_t skafu_error_condition(const skafu_error *error);
SKAFU_API uint32_t skafu_error_item(const skafu_error *error);
SKAFU_API uint32_t skafu_error_batch(const skafu_error *error);
SKAFU_API int64_t skafu_error_pid(const skafu_error *error);

/* For a callback of the host that fails: fill in the error that the caller of the library will see.  The message is
 * copied and cut at 1,023 bytes. */
SKAFU_API void skafu_error_set(skafu_error *error, int32_t code, const char *message);

/* ---- logging ------------------------------------------------------------------------------------------------- */

#define SKAFU_LOG_ERROR 1
#define SKAFU_LOG_WARNING 2
#define SKAFU_LOG_NOTICE 3
#define SKAFU_LOG_DEBUG 4

/*
 * Where the library says what no return value can carry.  Without one it says nothing, and it never writes to
 * standard error.  Called in the thread that called the library; it must not call the library.  The text is one
 * line without a newline, borrowed for the call.
 */
typedef void (*skafu_log_fn)(void *user, int32_t level, const char *text);

/* ---- identifiers --------------------------------------------------------------------------------------------- */

#define SKAFU_ID_BYTES 16
#define SKAFU_ID_TEXT_BYTES 37 /* 36 characters and the NUL */

/* A new time-ordered identifier, UUID version 7 of RFC 9562.  Ids of one process ascend; their time is that of the
 * last tick of the clock, up to 10 ms ago.  Any thread. */
SKAFU_API int32_t skafu_id_new(uint8_t out_id[16]);

/* The identifier of a foreign text id: UUID version 8 over BLAKE2b of source and id, the same for the same input. */
SKAFU_API int32_t skafu_id_from_text(const char *source, const char *foreign_id, uint8_t out_id[16]);

/* To and from the 36-character form, in lower case; parsing accepts both cases and nothing else. */
SKAFU_API void skafu_id_format(const uint8_t id[16], char out_text[37]);
SKAFU_API int32_t skafu_id_parse(const char *text, uint8_t out_id[16]);

/* ---- time ---------------------------------------------------------------------------------------------------- */

#define SKAFU_WAIT_FOREVER UINT64_MAX /* as a timeout; 0 means: do not wait */
#define SKAFU_TIME_TEXT_BYTES 31      /* "2025-01-18T10:30:00.123456789Z" and the NUL */

/* Nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted.  The range is 1678 to 2262. */
SKAFU_API int64_t skafu_time_now(void);

/* RFC 3339 in UTC, with as many digits of the second (0, 3, 6 or 9) as the time needs.  Parsing accepts any offset
 * and 1 to 9 digits. */
SKAFU_API void skafu_time_format(int64_t time_ns, char out_text[31]);
SKAFU_API int32_t skafu_time_parse(const char *text, int64_t *out_time_ns);

/* ---- the constants as functions, for bindings that cannot read macros ---------------------------------------- */

/* The value of a SKAFU_ constant of this library by its name; SKAFU_ENOTFOUND when there is none. */
SKAFU_API int32_t skafu_constant(const char *name, int64_t *out_value);

#ifdef __cplusplus
}
#endif
#endif
