#!/bin/sh
# Protects the operator: the codes of skafu_base.h are exactly those that skafu-errors(7) explains, with their numbers
# where the page gives them, and no two codes share a number.
set -u
page=man/skafu-errors.7
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
sed -n 's/^#define \(SKAFU_E[A-Z0-9]*\) (\(-[0-9]*\)).*/\1 \2/p' include/skafu_base.h | sort >"$tmp/header"
[ -s "$tmp/header" ] || { echo 'no codes in include/skafu_base.h'; exit 1; }
awk '{ print $2 }' "$tmp/header" | sort | uniq -d | sed 's/^/two codes have the number /' | grep . && failed=1
[ -f "$page" ] || { echo "no $page yet"; [ $failed = 0 ] && exit 77; exit 1; }
awk '/^\.It/ {
	name = number = ""
	for (i = 2; i <= NF; i++) {
		w = $i; gsub(/[(),]|\\&/, "", w); gsub(/\\-/, "-", w)
		if (w ~ /^SKAFU_E[A-Z0-9]+$/) name = w
		if (w ~ /^-[0-9]+$/) number = w
	}
	if (name) print name, number
}' "$page" | sort >"$tmp/page"
awk 'FNR == NR { header[$1] = $2; next }
	{ seen[$1] = 1 }
	!($1 in header) { print $1 " is explained, but not declared"; bad = 1; next }
	NF == 2 && $2 != header[$1] { print $1 " is " header[$1] ", the page says " $2; bad = 1 }
	END {
		for (name in header) if (!(name in seen)) { print name " is declared, but not explained"; bad = 1 }
		exit bad
	}' "$tmp/header" "$tmp/page" || failed=1
echo "$(wc -l <"$tmp/header") codes"
exit $failed
