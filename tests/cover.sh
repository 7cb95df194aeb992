#!/bin/sh
# Print the share of lines of each library file that the unit tests reach, least first: tests/cover.sh FILE.c ...
set -u
: "${BUILD:=build}"
for source in "$@"; do
	gcov -n -o "$BUILD/obj-cover/${source%.c}.o" "$source" 2>/dev/null | awk -v source="$source" '
		/^File/ { ours = index($0, source) }
		/^Lines executed/ && ours { split($0, a, /[:% ]+/); print a[3], a[5], source; exit }'
done | sort -n | awk '
	{ printf "%6.2f %% of %4d lines  %s\n", $1, $2, $3; hit += $1 * $2; all += $2 }
	END { if (all) printf "%6.2f %% of %4d lines  total\n", hit / all, all }'
