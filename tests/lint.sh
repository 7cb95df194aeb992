#!/bin/bash
# Three analysers over the library, the kit and the examples: tests/lint.sh FILE ...
#
# Each has to find the faults that are planted for it first: an analyser that finds nothing there says nothing about
# the rest.  LINT_CFLAGS are the flags of the compiler; the last line counts the analysers, the lines before tell what
# each took.
set -u
: "${CC:=gcc}" "${JOBS:=2}" "${LINT_CFLAGS:=-std=c11 -D_GNU_SOURCE -DSKAFU__ANALYSED -Iinclude -Ilib}"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

run_cppcheck() {
	cppcheck -q -j "$JOBS" --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -D_GNU_SOURCE -DSKAFU__ANALYSED \
		-Iinclude -Ilib -Iexamples/skafu "$@"
}

# One file a process: clang 14 carries what it knows of a va_list from one to the next.  The default of max-nodes triples
# the time and finds no more here.
run_clang-tidy() {
	printf '%s\0' "$@" | LINT_CFLAGS="$LINT_CFLAGS -Xclang -analyzer-config -Xclang max-nodes=75000" xargs -0 -P "$JOBS" -n 1 \
		sh -c 'out=$(clang-tidy --quiet --config-file=.clang-tidy "$1" -- $LINT_CFLAGS 2>&1) || { echo "$out"; exit 1; }' clang-tidy
}

# The optimiser must not have been there before.  What is kept in an array counts as a leak for gcc 12, so leaks of
# memory are left to clang-tidy; leaks of files are not.
run_gcc() {
	printf '%s\0' "$@" | LINT_CFLAGS=$LINT_CFLAGS CC=$CC xargs -0 -P "$JOBS" -n 1 sh -c \
		'$CC $LINT_CFLAGS -O0 -fanalyzer -Wno-analyzer-malloc-leak -Werror -c "$1" -o /dev/null' gcc
}

# What a fault looks like inside a function that gets `char *text` and `int number`.
declare -A fault=(
	[leak]='char *copy = strdup(text); return copy ? copy[0] : 0;'
	[file]='FILE *file = fopen(text, "r"); if (!file) return 0; int first = fgetc(file); return first;'
	[null]='const struct pair *pair = NULL; if (number > 3) pair = &some; return pair->first + text[0];'
	[freed]='char *copy = strdup(text); if (!copy) return 0; free(copy); return copy[0];'
	[unset]='int value; if (number > 3) value = 2; return value + text[0];'
	[unused]='int value = number * 2; value = text[0]; value = 3; return number;'
	[carried]='int32_t rc = check(number, NULL); const struct pair *pair = rc == 0 ? NULL : &some; return pair->first + text[0];'
)
declare -A finds=(
	[cppcheck]='leak file null unset'
	[clang-tidy]='leak null freed unset unused carried'
	[gcc]='file null freed unset carried'
)

plant() { # kind
	cat <<-END
		#include <stdint.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include "base/error.h"
		struct pair { int first; int second; };
		static const struct pair some = {1, 2};
		static int32_t check(int number, skafu_error *error)
		{
			return number > 3 ? skafu__fail(error, SKAFU_EINVAL, "more than %d", number) : 0;
		}
		int planted(const char *text, int number);
		int planted(const char *text, int number)
		{
			if (check(number, NULL) == 0 && some.second == number)
				return 1;
			${fault[$1]-return text[0] + number;}
		}
	END
}

# 0 when the analyser finds every fault that it is for, and none where none is.
has_teeth() { # analyser
	local kind rc=0
	for kind in none ${finds[$1]}; do
		plant "$kind" >"$dir/$kind.c"
		if "run_$1" "$dir/$kind.c" >"$dir/out" 2>&1; then
			[ "$kind" = none ] || { echo "$1 does not find what is planted: ${fault[$kind]}"; rc=1; }
		elif [ "$kind" = none ]; then
			echo "$1 finds something where nothing is planted:"
			cat "$dir/out"
			rc=1
		fi
	done
	return $rc
}

for analyser in cppcheck clang-tidy gcc; do
	start=$SECONDS word=ok
	has_teeth $analyser && run_$analyser "$@" || word=FAILED
	printf '%-12s %4d s  %s\n' "$analyser" $((SECONDS - start)) "$word, $# files, faults planted: ${finds[$analyser]}"
	if [ $word = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
