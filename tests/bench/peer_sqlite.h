/*
 * SQLite the way an event store is usually built on it: WAL, synchronous=FULL, prepared statements, one event
 * table with position AUTOINCREMENT and UNIQUE(stream, version), unique event ids, indexes on type and
 * correlation, a tag table. Cache 256 MiB, mmap 2 GiB. The version check of an append is the unique index.
 * Several callers use either a mutex and a connection each, or (options.group) one connection with a leader
 * that commits everything that waits. Bulk is synchronous=OFF with one checkpoint at the end.
 */
#ifndef BENCH_PEER_SQLITE_H
#define BENCH_PEER_SQLITE_H

#include "bench/subject.h"

#endif
