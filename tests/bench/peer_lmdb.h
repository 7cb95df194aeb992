/*
 * Raw LMDB, the reference of most rows: mdb_put(MDB_APPEND | MDB_RESERVE) of the plain record under an 8-byte
 * INTEGERKEY, one record a put, one transaction a batch, no index, no checksum; default (safe) sync, or
 * MDB_NOSYNC where the subject under test does not sync either. Reads are by sequence and by cursor; its
 * subscriber polls every millisecond.
 */
#ifndef BENCH_PEER_LMDB_H
#define BENCH_PEER_LMDB_H

#include "bench/subject.h"

#endif
