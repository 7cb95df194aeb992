/*
 * The floor: one pwrite and one fdatasync a commit, into a file that was filled with zeros and synced before
 * (what a disk allows one caller, whatever the store). It starts over at the front when the file is full, and
 * reads nothing.
 */
#ifndef BENCH_PEER_FILE_H
#define BENCH_PEER_FILE_H

#include "bench/subject.h"

#endif
