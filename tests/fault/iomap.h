/*
 * iomap.h: the shared writable mappings of followed files, part of iotrace.c, which calls it under its lock.
 *
 * Stores into a mapping are no calls, so they are found by comparing: when something is marked in the log, when the
 * mapping is synced and when it goes, what changed since the last time is noted as writes.
 */
#ifndef TESTS_FAULT_IOMAP_H
#define TESTS_FAULT_IOMAP_H

#include "fault/iolog.h"

void iomap_add(struct iolog *log, void *at, size_t length, uint32_t object, uint64_t offset);

/* The object that is mapped there; IOLOG_NONE. */
uint32_t iomap_object(const void *at);

/* Note what changed in the mapping that holds this address; NULL: in all of them. */
void iomap_capture(struct iolog *log, const void *at);

void iomap_remove(const void *at);
void iomap_clear(void);

#endif
