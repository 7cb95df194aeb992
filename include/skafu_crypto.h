/*
 * skafu_crypto.h: payloads that can be forgotten, and logs that can be checked by strangers.
 *
 * Sealing encrypts the payload of a record under the key of a subject (XChaCha20-Poly1305); forgetting a subject
 * destroys the key, and the log stays valid because its hashes are over what is stored.  Only payloads are sealed:
 * names, tags, correlation and metadata stay readable, so put no more than pseudonyms there.
 *
 * A checkpoint is a signed statement (Ed25519) of how long the log is and of its hash; proofs (RFC 9162) show to
 * somebody who has only a checkpoint that a record is in the log, or that a log only grew.
 *
 * Handles may be used by any thread.
 */
#ifndef SKAFU_CRYPTO_H
#define SKAFU_CRYPTO_H

#include "skafu_model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct skafu_keyring skafu_keyring;

/* ---- keyring ------------------------------------------------------------------------------------------------- */

#define SKAFU_KEY_BYTES 32

/* Random bytes for a key of 32 bytes.  Keep it where the keyring and the store are not. */
SKAFU_API int32_t skafu_key_new(uint8_t out_key[32]);

/*
 * A file with one key for each subject, wrapped under a master key of 32 bytes that the host holds.  It is no part of
 * commits or backups: who has the store alone reads nothing sealed, who loses the keyring has forgotten everybody.
 * `create` wants that there is none, `open` that there is one.  SKAFU_EACCESS: this is not its master key.
 */
SKAFU_API int32_t skafu_keyring_create(const char *path, const uint8_t master_key[32], skafu_keyring **out_keyring,
				       skafu_error *error);
SKAFU_API int32_t skafu_keyring_open(const char *path, const uint8_t master_key[32], skafu_keyring **out_keyring,
				     skafu_error *error);
SKAFU_API void skafu_keyring_close(skafu_keyring *keyring); /* NULL is fine */

/* Wrap all keys anew, under another master key; what is sealed stays as it is. */
SKAFU_API int32_t skafu_keyring_rewrap(skafu_keyring *keyring, const uint8_t new_master_key[32], skafu_error *error);

/* ---- seal ---------------------------------------------------------------------------------------------------- */

/* skafu_batch_add() with the payload sealed; a subject's key is made when it is first needed.  SKAFU_EGONE when the
 * subject was forgotten. */
SKAFU_API int32_t skafu_batch_add_sealed(skafu_batch *batch, skafu_keyring *keyring, const char *subject,
					 const skafu_new_record *record, skafu_error *error);

/* A copy of a record with its payload readable (skafu_record_free); one that is not sealed is just copied.
 * SKAFU_EGONE when the subject was forgotten, SKAFU_ENOTFOUND when this keyring never had the key. */
SKAFU_API int32_t skafu_record_unseal(const skafu_record *record, skafu_keyring *keyring, skafu_record **out_record,
				      skafu_error *error);

/* Let a model seal what its event types say and unseal what its handlers get; before its first use.  What is
 * forgotten is passed over, like an event that an upcaster hides.  The model keeps the keyring open. */
SKAFU_API int32_t skafu_model_set_keyring(skafu_model *model, skafu_keyring *keyring, skafu_error *error);

/*
 * Destroy a subject's key, for good.  Records the event SubjectForgotten, drops snapshots, and marks the projections
 * of the model to be rebuilt.  Done again after a crash it completes; a subject that never was is SKAFU_ENOTFOUND.
 * Copies of the keyring file are the host's to destroy.
 */
SKAFU_API int32_t skafu_subject_forget(skafu_model *model, const char *subject, const char *reason,
				       uint64_t timeout_ns, skafu_error *error);

/* ---- signed checkpoints -------------------------------------------------------------------------------------- */

#define SKAFU_SIGNING_KEY_BYTES 64
#define SKAFU_VERIFYING_KEY_BYTES 32
#define SKAFU_HASH_BYTES 32

/* A pair of keys from 32 secret bytes (skafu_key_new): the same seed gives the same pair. */
SKAFU_API int32_t skafu_signing_key_from_seed(const uint8_t seed[32], uint8_t out_signing_key[64],
					      uint8_t out_verifying_key[32]);

typedef struct skafu_checkpoint {
	uint32_t size;
	uint32_t reserved;
	uint64_t commits;  /* the first so many commits of the log ... */
	uint64_t records;  /* ... and the first so many records: the size of the tree */
	int64_t time_ns;   /* when it was signed */
	uint8_t birth[16]; /* of which store */
	uint8_t chain[32]; /* hash chain over the commits */
	uint8_t root[32];  /* Merkle root over the records */
} skafu_checkpoint;

/* Sign the log up to its head: a short text to publish, with the signer's name in it.  Brings the chain up to date
 * first, which may take up to timeout_ns.  Free *out_text with skafu_text_free(). */
SKAFU_API int32_t skafu_checkpoint_sign(skafu_store *store, const char *signer, const uint8_t signing_key[64],
					uint64_t timeout_ns, char **out_text, size_t *out_length, skafu_error *error);

/* Needs no store.  SKAFU_EDAMAGED when it is not signed with this key, or is no checkpoint. */
SKAFU_API int32_t skafu_checkpoint_read(const char *text, size_t length, const uint8_t verifying_key[32],
					skafu_checkpoint *out_checkpoint, skafu_error *error);

/* Does this store still hold what the checkpoint says?  0, or SKAFU_EDAMAGED: its history is another one. */
SKAFU_API int32_t skafu_checkpoint_compare(skafu_store *store, const skafu_checkpoint *checkpoint,
					   skafu_error *error);

/* ---- proofs -------------------------------------------------------------------------------------------------- */

/* That a record is among the first `records` ones, and that the first `old_records` are the beginning of the first
 * `records`.  Free *out_proof with skafu_bytes_free(). */
SKAFU_API int32_t skafu_proof_of_record(skafu_store *store, uint64_t sequence, uint64_t records, void **out_proof,
					size_t *out_length, skafu_error *error);
SKAFU_API int32_t skafu_proof_of_growth(skafu_store *store, uint64_t old_records, uint64_t records, void **out_proof,
					size_t *out_length, skafu_error *error);

/* The leaf that a record is: the hash of its canonical bytes, sealed payloads as they are stored. */
SKAFU_API int32_t skafu_record_leaf(const skafu_record *record, uint8_t out_hash[32], skafu_error *error);

/* Check a proof without the store.  0 when it holds, SKAFU_EDAMAGED when not. */
SKAFU_API int32_t skafu_proof_check_record(const void *proof, size_t length, const uint8_t leaf[32],
					   uint64_t sequence, const skafu_checkpoint *checkpoint, skafu_error *error);
SKAFU_API int32_t skafu_proof_check_growth(const void *proof, size_t length, const skafu_checkpoint *old_checkpoint,
					   const skafu_checkpoint *checkpoint, skafu_error *error);

#ifdef __cplusplus
}
#endif
#endif
