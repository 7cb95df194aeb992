/*
 * skafu.h: the one header that a host includes.
 *
 * libskafu keeps what happened in an append-only log, decides upon it, and lets others follow it.  Opt-in, and not
 * here: skafu_test.h (a kit for tests).
 */
#ifndef SKAFU_H
#define SKAFU_H

#include "skafu_base.h"
#include "skafu_store.h"
#include "skafu_model.h"
#include "skafu_run.h"
#include "skafu_watch.h"

/* Declared and not built yet; they move up as they come into force. */
#ifdef SKAFU_DRAFTS
#include "skafu_crypto.h"
#endif

#endif
