#!/bin/sh
# Protects the promise that every public function fails cleanly: each function of the library and of the kit is called
# in a row of the tables of tests/fault while the machine fails, or is listed in tests/doc/failcalls.allow with the
# reason why it cannot fail; and the list names nothing else.
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
{
	sed -n 's/^\t\t\(skafu_[a-z0-9_]*\);.*/\1/p' lib/skafu.map
	sed -n 's/^SKAFU_API.*[ *]\(skafu_[a-z0-9_]*\)(.*/\1/p' include/skafu_test.h
} | sort -u >"$tmp/all"
grep -oh '{"skafu_[a-z0-9_]*",' tests/fault/calls*.c tests/fault/failcalls_test.c | tr -d '{",' | sort -u >"$tmp/rows"
awk '!/^#/ && NF { print $1; if (NF < 2) print $1 " has no reason" > "/dev/stderr" }' tests/doc/failcalls.allow \
	2>"$tmp/reasonless" | sort >"$tmp/allowed"
say() { # lines, what is wrong with them
	while read -r name; do
		echo "$name $1"
		failed=1
	done <"$tmp/found"
}
cp "$tmp/reasonless" "$tmp/found" && say ""
sort -u "$tmp/rows" "$tmp/allowed" | comm -23 "$tmp/all" - >"$tmp/found" &&
	say "is in no row of tests/fault and not in tests/doc/failcalls.allow"
comm -12 "$tmp/rows" "$tmp/allowed" >"$tmp/found" && say "is in a row: take it out of tests/doc/failcalls.allow"
sort -u "$tmp/rows" "$tmp/allowed" | comm -13 "$tmp/all" - >"$tmp/found" && say "is no function of the library or the kit"
uniq -d "$tmp/allowed" >"$tmp/found" && say "is listed twice"
echo "$(wc -l <"$tmp/rows") functions called while the machine fails, $(wc -l <"$tmp/allowed") that cannot fail"
exit $failed
