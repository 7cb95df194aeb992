/*
 * writer.h: where a function of the host puts bytes that the library copies.
 */
#ifndef SKAFU__MODEL_WRITER_H
#define SKAFU__MODEL_WRITER_H

#include "base/buf.h"
#include "skafu_model.h"

struct skafu_writer {
	struct skafu__buf *buf;
	int put; /* 1 once something was put, be it empty */
};

#endif
