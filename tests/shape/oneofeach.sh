#!/bin/sh
# Protects the map in the reader's head: lib/x/y.c has lib/x/y.h (or begins with the public header that declares it)
# and is tested by tests/x/y_test.c.  Exceptions are in oneofeach.allow with their reason.
set -u
failed=0
allow=tests/shape/oneofeach.allow
for source in lib/*/*.c; do
	[ -f "$source" ] || continue
	stem=${source#lib/}
	stem=${stem%.c}
	header=lib/$stem.h
	public=$(grep -m1 '^#include' "$source" | grep -c '"skafu')
	allowed=0
	grep -q "^$source [^ ]" $allow && allowed=1
	[ $allowed = 0 ] || continue
	[ -f "$header" ] || [ "$public" = 1 ] || { echo "$source: no $header"; failed=1; }
	[ -f "tests/${stem}_test.c" ] || { echo "$source: no tests/${stem}_test.c"; failed=1; }
done
grep -v '^#' $allow | while read -r source reason; do
	[ -n "$reason" ] && [ -f "$source" ] || echo "$allow: $source: no such file, or no reason"
done | grep . && failed=1
exit $failed
