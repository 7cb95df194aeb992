#!/bin/sh
# Protects the reader: functions that fit a screen, files that fit a head, lines that fit a window.
#
# Functions: median <= 15 lines, 95th percentile <= 55, none above 70 but those of length.allow with their reason.
# Files <= 900 lines.  Lines <= 118 columns with tabs of 8.
set -u
failed=0
functions() { # "lines file function" of each function definition below the given directories
	find "$@" -name '*.c' 2>/dev/null | sort | xargs -r ctags --c-kinds=f --fields=ne --output-format=u-ctags --sort=no -f - |
		awk -F'\t' '!/^!/ {
			from = to = 0
			for (i = 4; i <= NF; i++) {
				if ($i ~ /^line:/) from = substr($i, 6)
				if ($i ~ /^end:/) to = substr($i, 5)
			}
			if (to) print to - from + 1, $2, $1
		}'
}

functions lib | sort -n | awk '
	{ n[NR] = $1 }
	END {
		if (!NR) exit 0
		median = n[int((NR + 1) / 2)]; p95 = n[int(NR * 0.95 + 0.999)]
		printf "lib: %d functions, median %d (15), 95th percentile %d (55), longest %d (70)\n", NR, median, p95, n[NR]
		exit median > 15 || p95 > 55
	}' || { echo 'lib: the functions are too long on the whole'; failed=1; }

functions lib examples | awk '
	FNR == NR { if ($0 !~ /^#/ && NF > 1) allowed[$1] = 1; next }
	{ key = $2 ":" $3; seen[key] = 1 }
	$1 > 70 && !(key in allowed) { printf "%s has %d lines, at most 70\n", key, $1; bad = 1 }
	$1 <= 70 && (key in allowed) { printf "%s needs no allowance any more\n", key; bad = 1 }
	END {
		for (key in allowed) if (!(key in seen)) { printf "%s is allowed but does not exist\n", key; bad = 1 }
		exit bad
	}' tests/shape/length.allow - || failed=1

find lib include examples tests -name '*.[ch]' | sort | xargs awk '
	FNR == 1 { width = 0 }
	{
		# Columns, not bytes: a tab goes to the next multiple of 8, a byte that continues a character takes no room.
		column = 0
		for (i = 1; i <= length($0) && length($0) > 40; i++) {
			c = substr($0, i, 1)
			if (c == "\t") column += 8 - column % 8
			else if (c < "\200" || c > "\277") column++
		}
		if (column > 118) { printf "%s:%d: %d columns, at most 118\n", FILENAME, FNR, column; bad = 1 }
	}
	FNR == 901 && FILENAME ~ /^(lib|include)/ { printf "%s: more than 900 lines\n", FILENAME; bad = 1 }
	END { exit bad }' || failed=1
exit $failed
