#include "model/writer.h"

#include "base/error.h"

int32_t skafu_writer_put(skafu_writer *writer, const void *bytes, size_t length, skafu_error *error)
{
	if (!writer || (length != 0 && !bytes))
		return skafu__fail(error, SKAFU_EINVAL, "the writer is NULL, or %zu bytes are announced and none "
				   "given", length);
	int32_t rc = skafu__buf_put(writer->buf, bytes, length);
	if (rc == SKAFU_ELIMIT)
		return skafu__fail(error, SKAFU_ELIMIT, "what is written would exceed %zu bytes",
				   writer->buf->ceiling);
	if (rc != 0)
		return skafu__fail_memory(error);
	writer->put = 1;
	return 0;
}
