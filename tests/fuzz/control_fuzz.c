/*
 * control_fuzz.c: any bytes as the control file, when a store is opened and while it is open.  Whatever is in it, the
 * store opens when nobody has it open; it is read; a write succeeds or is refused; a wait ends.
 *
 * The first byte says where the rest is cut: what is before that is there when the store is opened, what is behind it
 * is written into the file afterwards, at a place that its first byte says.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "skafu_store.h"
#include "store/store.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char directory[64];
static char store_path[96];
static char control_path[128];

static void demand(int condition)
{
	if (!condition)
		abort();
}

/* Nobody is left who uses it. */
static void clean(void)
{
	static const char *const names[] = {"log", "log-lock", "control", "wake"};
	char path[128];
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", store_path, names[i]);
		unlink(path);
	}
	rmdir(store_path);
	rmdir(directory);
}

static int32_t append(skafu_store *store)
{
	skafu_batch *batch;
	demand(skafu_batch_new(store, &batch, NULL) == 0);
	demand(skafu_batch_put_row(batch, "t", "k", 1, NULL, 0, NULL) == 0);
	int32_t rc = skafu_append(store, batch, UINT64_C(1000000), NULL, NULL);
	skafu_batch_free(batch);
	return rc;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct skafu__tuning quick = {.map_bytes = 1 << 20, .no_sync = 1, .linger_off = 1};
	skafu_store *store;
	(void)argc;
	(void)argv;
	skafu__tuning_override(&quick);
	snprintf(directory, sizeof directory, "/tmp/control-fuzz-XXXXXX");
	demand(mkdtemp(directory) != NULL);
	snprintf(store_path, sizeof store_path, "%s/store", directory);
	snprintf(control_path, sizeof control_path, "%s/control", store_path);
	demand(skafu_store_create(store_path, NULL, &store, NULL) == 0);
	demand(append(store) == 0);
	skafu_store_close(store);
	atexit(clean);
	return 0;
}

static void write_file(const uint8_t *bytes, size_t length)
{
	int fd = open(control_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	demand(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
	close(fd);
}

static void use(const uint8_t *bytes, size_t length)
{
	skafu_store *store = NULL;
	uint64_t head = 1;
	demand(skafu_store_open(store_path, NULL, &store, NULL) == 0);
	int32_t rc = append(store);
	demand(rc == 0);
	if (length > 1) {
		/* Through the map of the store itself: closing another descriptor would give up its locks. */
		size_t at = bytes[0] % 64u;
		size_t fits = length - 1 < 4096 - at ? length - 1 : 4096 - at;
		memcpy((uint8_t *)store->control.page + at, bytes + 1, fits);
		rc = append(store);
		demand(rc == 0 || rc == SKAFU_EPOISONED || rc == SKAFU_EDAMAGED || rc == SKAFU_EBUSY);
	}
	demand(skafu_store_head(store, &head, NULL) == 0 && head == 0);
	demand(skafu_store_wait(store, 0, 1000, NULL, NULL) == SKAFU_ETIMEOUT);
	skafu_store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	size_t cut = data[0] * 4u < size - 1 ? data[0] * 4u : size - 1;
	write_file(data + 1, cut);
	use(data + 1 + cut, size - 1 - cut);
	return 0;
}
