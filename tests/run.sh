#!/bin/bash
# Run gates, test programs, examples and fuzzers, two at a time, and count them: tests/run.sh ITEM ...
#
# One line each, the tail of the log when one fails, and a last line that a machine can read.  Exit 77 means skipped.
# An item is a script (.sh, .py), a program under $BUILD, or valgrind:PROGRAM.  SKAFU_TEST_SCALE tells a program that
# it runs under valgrind, so many times slower: tests that enumerate look at fewer places then, and each says which.
set -u
: "${BUILD:=build}" "${JOBS:=2}" "${TEST_SECONDS:=300}" "${FUZZ_SECONDS:=15}" "${CC:=cc}"
top=$PWD
[[ $BUILD == /* ]] || BUILD=$top/$BUILD
export BUILD JOBS TEST_SECONDS FUZZ_SECONDS CC
export SKAFU_LIBRARY=$BUILD/libskafu.so
export ASAN_OPTIONS=detect_stack_use_after_return=1:allocator_may_return_null=1:${ASAN_OPTIONS-}
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS-}
export TSAN_OPTIONS=suppressions=$top/tests/tsan.supp:halt_on_error=1:${TSAN_OPTIONS-}

# An example runs in an empty directory and must print what tests/examples/<name>.out says, where there is one.
run_example() {
	local dir rc expected=$top/tests/examples/${1##*/}.out
	dir=$(mktemp -d) || return
	(cd "$dir" && timeout -k 5 "$TEST_SECONDS" "$1") </dev/null >"$log.out" 2>"$log"
	rc=$?
	rm -rf "$dir"
	if [ $rc = 0 ] && [ -f "$expected" ]; then
		diff -u "$expected" "$log.out" >>"$log"
		rc=$?
	fi
	cat "$log.out" >>"$log"
	rm -f "$log.out"
	return $rc
}

# What the fuzzer finds goes to the build; the seeds in tests/fuzz/corpus are only read.
run_fuzzer() {
	local name seeds
	name=$(basename "$1" _fuzz)
	seeds=$top/tests/fuzz/corpus/$name
	mkdir -p "$BUILD/fuzz/found/$name"
	[ -d "$seeds" ] || seeds=
	timeout -k 5 $((FUZZ_SECONDS + 60)) "$1" -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=1024 -timeout=10 -error_exitcode=1 \
		-artifact_prefix="$BUILD/fuzz/found/$name-" "$BUILD/fuzz/found/$name" $seeds >"$log" 2>&1 </dev/null
}

run_item() {
	local limit=(timeout -k 5 "$TEST_SECONDS")
	case $1 in
	*.sh) "${limit[@]}" "./$1" >"$log" 2>&1 </dev/null ;;
	*.py) "${limit[@]}" python3 "$1" >"$log" 2>&1 </dev/null ;;
	valgrind:*) CK_TIMEOUT_MULTIPLIER=20 SKAFU_TEST_SCALE=50 "${limit[@]}" \
		valgrind -q --error-exitcode=99 --leak-check=full \
		--show-leak-kinds=definite,indirect \
		--errors-for-leak-kinds=definite,indirect "${1#*:}" >"$log" 2>&1 </dev/null ;;
	*/examples/*) run_example "$1" ;;
	*_fuzz) run_fuzzer "$1" ;;
	*/address/* | */thread/*) CK_TIMEOUT_MULTIPLIER=10 "${limit[@]}" "$1" >"$log" 2>&1 </dev/null ;;
	*) "${limit[@]}" "$1" >"$log" 2>&1 </dev/null ;;
	esac
}

# Run one item, print its line, note its result.
one() {
	local item=$1 path=${1#valgrind:} name log start ms rc word
	[[ $path == *.sh || $path == *.py || $path == /* ]] || path=$top/$path
	name=${path#"$BUILD"/}
	log=$BUILD/${name%.*}.log
	if [[ $item == valgrind:* ]]; then
		item=valgrind:$path log=$BUILD/valgrind/$name.log name="$name (valgrind)"
	else
		item=$path
	fi
	mkdir -p "$(dirname "$log")"
	start=$(date +%s%N)
	run_item "$item"
	rc=$?
	ms=$((($(date +%s%N) - start) / 1000000))
	case $rc in
	0) word=ok ;;
	77) word="skipped: $(tail -n 1 "$log")" ;;
	124 | 137) word="FAILED: not over after $TEST_SECONDS s" ;;
	*) word="FAILED: exit $rc" ;;
	esac
	# One write, so that the lines of two workers do not mix.
	printf '%s\n' "$(
		printf '%-60s %4d.%03d s  %s' "$name" $((ms / 1000)) $((ms % 1000)) "$word"
		[[ $word != FAILED* ]] || [ ! -s "$log" ] || { echo; tail -n 40 "$log" | sed 's/^/    | /'; }
	)"
	echo "${word%%[: ]*}" >>"$RESULTS"
}

[ "${1-}" != --one ] || { one "$2"; exit 0; }

RESULTS=$(mktemp)
export RESULTS
trap 'rm -f "$RESULTS"' EXIT
[ $# = 0 ] || printf '%s\0' "$@" | xargs -0 -n 1 -P "$JOBS" "$0" --one
passed=$(grep -c ok "$RESULTS")
failed=$(grep -c FAILED "$RESULTS")
skipped=$(grep -c skipped "$RESULTS")
# An item that could not even report is a failure.
failed=$((failed + $# - passed - failed - skipped))
if [ "$skipped" = 0 ]; then echo "$passed passed, $failed failed"
else echo "$passed passed, $failed failed, $skipped skipped"; fi
[ "$failed" = 0 ]
