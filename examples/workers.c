/*
 * Lesson 5: several workers share the work.
 *
 * The program starts itself three times.  Each worker serves the same subscription "thumbnails"; the library shares
 * its partitions among them, keeps the pictures of one album in order, and when a worker is killed the others go on
 * with its part.  What a worker makes and how far it is are one commit, so every picture gets one thumbnail.
 *
 * Usage: workers [directory]
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <skafu_run.h>

#define WORKERS 3
#define ALBUMS 12
#define PICTURES 120
#define SECOND UINT64_C(1000000000)

/* ---- a worker ---- */

/* A thumbnail of the picture, in the commit that also says how far we are. */
static int32_t work_on(skafu_store *store, skafu_subscription *subscription, skafu_batch *batch,
		       const skafu_record *picture, skafu_error *error)
{
	skafu_new_record thumbnail = {.size = sizeof(thumbnail), .type = "ThumbnailMade", .source = "thumbnails"};
	char stream[64];
	int32_t rc;

	snprintf(stream, sizeof(stream), "thumbnails/%s", picture->stream);
	thumbnail.stream = stream;
	thumbnail.data = picture->data;
	thumbnail.data_length = picture->data_length;
	thumbnail.causation = picture->id;
	thumbnail.correlation = picture->correlation;
	skafu_batch_clear(batch);
	rc = skafu_batch_add(batch, &thumbnail, error);
	if (rc == 0)
		rc = skafu_subscription_ack_in(subscription, picture->sequence, batch, error);
	return rc == 0 ? skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error) : rc;
}

static int32_t work(skafu_store *store, skafu_subscription *subscription, skafu_error *error)
{
	const skafu_record *const *pictures;
	skafu_batch *batch = NULL;
	int32_t rc = skafu_batch_new(store, &batch, error);

	while (rc >= 0) {
		rc = skafu_subscription_next(subscription, 1, SKAFU_WAIT_FOREVER, &pictures, error);
		if (rc > 0)
			rc = work_on(store, subscription, batch, pictures[0], error);
		if (rc == SKAFU_EROW)
			rc = 0; /* the picture is somebody else's now */
	}
	skafu_batch_free(batch);
	return rc;
}

static int32_t subscribe(skafu_model *model, skafu_subscription **out, skafu_error *error)
{
	static const char *const types[] = {"PictureTaken"};
	skafu_source source = {.size = sizeof(source), .types = types, .type_count = 1};
	skafu_subscription_opts opts = {.size = sizeof(opts), .source = &source};

	return skafu_subscription_open(model, "thumbnails", &opts, out, error);
}

/* A process of its own opens the store anew. */
static int worker(const char *path)
{
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	skafu_subscription *subscription = NULL;
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open(path, NULL, &store, error);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, error);
	if (rc == 0)
		rc = subscribe(model, &subscription, error);
	if (rc == 0)
		rc = work(store, subscription, error);
	fprintf(stderr, "worker: %s\n", skafu_error_message(error));
	skafu_subscription_close(subscription);
	skafu_model_close(model);
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}

static pid_t start_worker(const char *path)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(worker(path));
	return pid;
}

/* ---- the boss ---- */

static int32_t take_picture(skafu_store *store, skafu_batch *batch, int number, skafu_error *error)
{
	char album[32], data[32];
	skafu_new_record picture = {.size = sizeof(picture), .type = "PictureTaken", .source = "camera"};
	int32_t rc;

	snprintf(album, sizeof(album), "album-%d", number % ALBUMS);
	picture.data_length = (size_t)snprintf(data, sizeof(data), "{\"number\":%d}", number);
	picture.stream = album;
	picture.data = data;
	skafu_batch_clear(batch);
	rc = skafu_batch_add(batch, &picture, error);
	return rc == 0 ? skafu_append(store, batch, SKAFU_WAIT_FOREVER, NULL, error) : rc;
}

/* How many thumbnails there are; they must be in order within each album. */
static int32_t count(skafu_store *store, int *out_count, int *out_disorder, skafu_error *error)
{
	int last[ALBUMS] = {0};
	const skafu_record *record;
	skafu_cursor *cursor = NULL;
	int32_t rc = skafu_read_domain(store, "thumbnails", SKAFU_NO_LIMIT, NULL, &cursor, error);

	*out_count = *out_disorder = 0;
	while (rc >= 0 && (rc = skafu_cursor_next(cursor, &record, error)) > 0) {
		int64_t number = 0;

		rc = skafu_json_int64(record->data, record->data_length, "/number", &number, error);
		*out_disorder += number < last[number % ALBUMS];
		last[number % ALBUMS] = (int)number;
		++*out_count;
	}
	skafu_cursor_free(cursor);
	return rc;
}

static int32_t boss(skafu_store *store, const char *path, pid_t pids[WORKERS], skafu_error *error)
{
	skafu_batch *batch = NULL;
	uint64_t head = 0;
	int done = 0, disorder = 0;
	int32_t rc = skafu_batch_new(store, &batch, error);

	for (int i = 0; rc == 0 && i < PICTURES; i++) {
		rc = take_picture(store, batch, i, error);
		if (i == PICTURES / 2) { /* an accident */
			kill(pids[0], SIGKILL);
			waitpid(pids[0], NULL, 0);
			pids[0] = start_worker(path);
		}
	}
	skafu_batch_free(batch);
	while (rc == 0 && done < PICTURES) {
		rc = skafu_store_wait(store, head, SECOND * 30, &head, error);
		if (rc == 0)
			rc = count(store, &done, &disorder, error);
	}
	if (rc == 0)
		printf("%d pictures, %d thumbnails, %d out of order\n", PICTURES, done, disorder);
	return rc;
}

int main(int argc, char **argv)
{
	const char *path = argc > 1 ? argv[1] : "workers.skafu";
	skafu_store_opts opts = {.size = sizeof(opts), .flags = SKAFU_STORE_CREATE};
	skafu_error *error = NULL;
	skafu_store *store = NULL;
	pid_t pids[WORKERS] = {0};
	int32_t rc = skafu_error_new(&error);

	if (rc == 0)
		rc = skafu_store_open(path, &opts, &store, error);
	for (int i = 0; rc == 0 && i < WORKERS; i++)
		pids[i] = start_worker(path);
	if (rc == 0)
		rc = boss(store, path, pids, error);
	for (int i = 0; i < WORKERS; i++)
		if (pids[i] > 0) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
	if (rc < 0)
		fprintf(stderr, "workers: %s\n", skafu_error_message(error));
	skafu_store_close(store);
	skafu_error_free(error);
	return rc < 0;
}
