#!/bin/sh
# Protects the pages: mandoc finds nothing to warn about, and every page that another one refers to is there.
set -u
command -v mandoc >/dev/null || { echo 'mandoc is not here'; exit 77; }
failed=0
count=0
for page in man/*.[137]; do
	[ -f "$page" ] || continue
	count=$((count + 1))
	mandoc -T lint -W warning "$page" || failed=1
	awk '/^\.Xr skafu/ { print $2 "." $3 }' "$page" | sort -u | while read -r other; do
		[ -f "man/$other" ] || echo "$page: refers to $other, which does not exist"
	done | grep . && [ -z "$(sed -n 's/#.*//; /^man$/p' tests/doc/drafts.txt)" ] && failed=1
done
echo "$count pages"
exit $failed
