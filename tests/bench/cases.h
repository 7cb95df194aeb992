/* The bench cases, in the order of the table of bars. Each measures, and adds its rows to the report. */
#ifndef BENCH_CASES_H
#define BENCH_CASES_H

#include "bench/job.h"

typedef void bench_case(const struct bench_context *ctx);

bench_case case_append_1000, case_append_100, case_cpu_only, case_growth, case_one_caller, case_callers;
bench_case case_duplicates, case_many_streams, case_disk;
bench_case case_sqlite_append, case_sqlite_callers, case_sqlite_bulk, case_sqlite_reads, case_sqlite_command;
bench_case case_scan, case_stream, case_by_id, case_by_sequence, case_rebuild, case_replay, case_command;
bench_case case_open;
bench_case case_notify, case_live_commits, case_engine, case_timers, case_errors, case_rules;

#endif
