/*
 * http.c: libcurl, told to be careful.
 */
#include "http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct transfer {
	const struct http_request *request;
	struct http_answer *answer;
	size_t limit;
	size_t received;
	int32_t stopped; /* why a callback ended the transfer */
	char where[512]; /* the URL without what may be secret in it */
	int is_local;
	int is_tls;
	struct curl_slist *headers;
	CURL *curl;
};

static pthread_once_t http_once = PTHREAD_ONCE_INIT;

static void http_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* ---- the answer ---- */

static size_t on_head(char *bytes, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;

	/* A new answer begins, after "100 Continue" for example. */
	if (count > 5 && strncmp(bytes, "HTTP/", 5) == 0)
		text_clear(&transfer->answer->head);
	transfer->stopped = text_add(&transfer->answer->head, bytes, size * count);
	return transfer->stopped == SKAFU_OK ? count : 0;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
	struct transfer *transfer = user;
	const struct http_request *request = transfer->request;
	long status = 0;

	(void)size; /* is 1 */
	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	if (count > transfer->limit - transfer->received)
		transfer->stopped = SKAFU_ELIMIT;
	else if (request->on_bytes != NULL && status >= 200 && status < 300)
		transfer->stopped = request->on_bytes(request->user, bytes, count);
	else
		transfer->stopped = text_add(&transfer->answer->body, bytes, count);
	transfer->received += count;
	return transfer->stopped == SKAFU_OK ? count : 0;
}

void http_header(const struct http_answer *answer, const char *name, char *out_value, size_t size)
{
	const char *line = text_string(&answer->head);
	size_t length = strlen(name);

	out_value[0] = '\0';
	for (; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		line += length + 1;
		line += strspn(line, " \t");
		snprintf(out_value, size, "%.*s", (int)strcspn(line, "\r\n"), line);
		return;
	}
}

/* Retry-After holds seconds or a date. */
static int64_t retry_after_ms(const struct http_answer *answer)
{
	char value[64];
	char *end;
	long long seconds;

	http_header(answer, "retry-after", value, sizeof value);
	if (value[0] == '\0')
		return -1;
	seconds = strtoll(value, &end, 10);
	if (*end != '\0') {
		time_t when = curl_getdate(value, NULL);

		if (when < 0)
			return -1;
		seconds = (long long)(when - time(NULL));
	}
	if (seconds < 0)
		return 0;
	return seconds > 86400 ? 86400000 : (int64_t)seconds * 1000;
}

/* ---- the request ---- */

static int is_loopback(const char *host)
{
	return strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0;
}

/* Split the URL: what may be said of it, and who may be given a secret. */
static int32_t look_at_url(struct transfer *transfer, skafu_error *error)
{
	CURLU *url = curl_url();
	char *scheme = NULL;
	char *host = NULL;
	char *port = NULL;
	char *path = NULL;
	int32_t rc = SKAFU_OK;

	if (url == NULL || curl_url_set(url, CURLUPART_URL, transfer->request->url, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
	    curl_url_get(url, CURLUPART_PATH, &path, 0) != CURLUE_OK ||
	    (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)) {
		rc = failed(error, SKAFU_EINVAL, "This is not an http or https URL.");
	} else {
		curl_url_get(url, CURLUPART_PORT, &port, 0);
		snprintf(transfer->where, sizeof transfer->where, "%s://%s%s%s%s", scheme, host,
			 port != NULL ? ":" : "", port != NULL ? port : "", path);
		transfer->is_tls = strcmp(scheme, "https") == 0;
		transfer->is_local = is_loopback(host);
	}
	curl_free(scheme);
	curl_free(host);
	curl_free(port);
	curl_free(path);
	curl_url_cleanup(url);
	return rc;
}

int http_is_private(const char *url)
{
	struct http_request request = {.url = url};
	struct transfer transfer = {.request = &request};

	return look_at_url(&transfer, NULL) == SKAFU_OK && (transfer.is_tls || transfer.is_local);
}

static int32_t add_header(struct transfer *transfer, const char *header, skafu_error *error)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, header);

	if (longer == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory for a request.");
	transfer->headers = longer;
	return SKAFU_OK;
}

static int32_t set_headers(struct transfer *transfer, skafu_error *error)
{
	const struct http_request *request = transfer->request;
	int has_type = 0;
	int32_t rc = add_header(transfer, "Expect:", error);

	for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL && rc == SKAFU_OK; i++) {
		has_type = has_type || strncasecmp(request->headers[i], "content-type:", 13) == 0;
		rc = add_header(transfer, request->headers[i], error);
	}
	/* Without one libcurl would say that the body is a form. */
	if (rc == SKAFU_OK && request->body != NULL && !has_type)
		rc = add_header(transfer, "Content-Type: application/octet-stream", error);
	if (rc == SKAFU_OK && request->secret_header != NULL) {
		if (!transfer->is_tls && !transfer->is_local)
			return failed(error, SKAFU_EACCESS, "A key is not sent to %s without TLS; use https.",
				      transfer->where);
		rc = add_header(transfer, request->secret_header, error);
	}
	return rc;
}

static void set_body(struct transfer *transfer)
{
	const struct http_request *request = transfer->request;
	const char *method = request->method != NULL ? request->method : "GET";

	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(transfer->curl, CURLOPT_NOBODY, 1L);
		return;
	}
	if (request->body != NULL) {
		curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_length);
		curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDS, request->body);
	}
	curl_easy_setopt(transfer->curl, CURLOPT_CUSTOMREQUEST, method);
}

static void set_limits(struct transfer *transfer)
{
	const struct http_request *request = transfer->request;
	long timeout = request->timeout_ms != 0 ? (long)request->timeout_ms : HTTP_TIMEOUT_MS;

	curl_easy_setopt(transfer->curl, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(transfer->curl, CURLOPT_CONNECTTIMEOUT_MS, timeout < 10000 ? timeout : 10000L);
	if (request->silence_ms != 0) {
		curl_easy_setopt(transfer->curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(transfer->curl, CURLOPT_LOW_SPEED_TIME, ((long)request->silence_ms + 999) / 1000);
	}
	curl_easy_setopt(transfer->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(transfer->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(transfer->curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(transfer->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	if (transfer->is_local)
		curl_easy_setopt(transfer->curl, CURLOPT_NOPROXY, "*");
}

static void set_callbacks(struct transfer *transfer)
{
	curl_easy_setopt(transfer->curl, CURLOPT_URL, transfer->request->url);
	curl_easy_setopt(transfer->curl, CURLOPT_USERAGENT, "skafu/" SKAFU_VERSION_STRING);
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->curl, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(transfer->curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(transfer->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(transfer->curl, CURLOPT_WRITEDATA, transfer);
}

static int32_t code_of(const struct transfer *transfer, CURLcode result)
{
	if (transfer->stopped != SKAFU_OK)
		return transfer->stopped;
	switch (result) {
	case CURLE_OK:
		return SKAFU_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return SKAFU_ETIMEOUT;
	case CURLE_OUT_OF_MEMORY:
		return SKAFU_ENOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return SKAFU_EACCESS;
	default:
		return SKAFU_EIO;
	}
}

static int32_t perform(struct transfer *transfer, skafu_error *error)
{
	char detail[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode result;
	int32_t rc;

	curl_easy_setopt(transfer->curl, CURLOPT_ERRORBUFFER, detail);
	result = curl_easy_perform(transfer->curl);
	curl_easy_getinfo(transfer->curl, CURLINFO_RESPONSE_CODE, &status);
	transfer->answer->status = (int)status;
	transfer->answer->retry_after_ms = retry_after_ms(transfer->answer);
	rc = code_of(transfer, result);
	if (rc == SKAFU_ELIMIT)
		return failed(error, rc, "The answer of %s is too large.", transfer->where);
	if (rc == SKAFU_ENOMEM)
		return failed(error, rc, "There is no memory for the answer of %s.", transfer->where);
	if (transfer->stopped != SKAFU_OK)
		return failed(error, rc, "The answer of %s was not taken to its end.", transfer->where);
	if (rc != SKAFU_OK)
		return failed(error, rc, "%s gave no whole answer: %s.", transfer->where,
			      detail[0] != '\0' ? detail : curl_easy_strerror(result));
	return SKAFU_OK;
}

int32_t http_call(const struct http_request *request, struct http_answer *out_answer, skafu_error *error)
{
	struct transfer transfer = {.request = request, .answer = out_answer};
	int32_t rc;

	pthread_once(&http_once, http_init);
	*out_answer = (struct http_answer){.head = {.limit = HTTP_HEAD_BYTES}, .retry_after_ms = -1};
	transfer.limit = request->limit != 0 ? request->limit : HTTP_BODY_BYTES;
	transfer.curl = curl_easy_init();
	if (transfer.curl == NULL)
		return failed(error, SKAFU_ENOMEM, "There is no memory for a request.");
	rc = look_at_url(&transfer, error);
	if (rc == SKAFU_OK)
		rc = set_headers(&transfer, error);
	if (rc == SKAFU_OK) {
		set_callbacks(&transfer);
		set_limits(&transfer);
		set_body(&transfer);
		rc = perform(&transfer, error);
	}
	curl_slist_free_all(transfer.headers);
	curl_easy_cleanup(transfer.curl);
	return rc;
}

void http_answer_free(struct http_answer *answer)
{
	text_free(&answer->head);
	text_free(&answer->body);
}

/* ---- what it means ---- */

static int32_t code_of_status(int status)
{
	if (status >= 200 && status < 300)
		return SKAFU_OK;
	switch (status) {
	case 401:
	case 403:
		return SKAFU_EACCESS;
	case 404:
		return SKAFU_ENOTFOUND;
	case 409:
		return SKAFU_EEXISTS;
	case 429:
	case 503:
	case 529:
		return SKAFU_EBUSY;
	default:
		return status >= 500 ? SKAFU_EIO : SKAFU_EINVAL;
	}
}

int32_t http_result(const struct http_answer *answer, const char *who, const char *detail, skafu_error *error)
{
	int32_t rc = code_of_status(answer->status);
	char wait[64] = "";

	if (rc == SKAFU_OK)
		return SKAFU_OK;
	if (rc == SKAFU_EBUSY && answer->retry_after_ms >= 0)
		snprintf(wait, sizeof wait, "; it asks to wait %lld s", (long long)answer->retry_after_ms / 1000);
	return failed(error, rc, "%s answered with status %d%s%.200s%s.", who, answer->status,
		      detail[0] != '\0' ? ": " : "", detail, wait);
}

int http_can_retry(int32_t result)
{
	return result == SKAFU_EBUSY || result == SKAFU_ETIMEOUT || result == SKAFU_EIO;
}
