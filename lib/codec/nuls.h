/*
 * nuls.h: where the NULs are in a window of bytes.
 *
 * Bit i of what is given stands for byte i of the window, so that whoever checks texts goes from NUL to NUL and not
 * from byte to byte.
 */
#ifndef SKAFU__CODEC_NULS_H
#define SKAFU__CODEC_NULS_H

#include <stddef.h>
#include <stdint.h>

#define SKAFU__NULS_WINDOW 64u

/* All bytes of the window can be read. */
uint64_t skafu__nuls(const uint8_t window[SKAFU__NULS_WINDOW]);

/* Of the first `length` bytes at `at`, at most a window; `readable` bytes can be read, and no fewer. */
uint64_t skafu__nuls_within(const uint8_t *at, size_t length, size_t readable);

/* The portable form, for tests to compare with. */
uint64_t skafu__nuls_portable(const uint8_t window[SKAFU__NULS_WINDOW]);

#endif
