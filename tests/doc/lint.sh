#!/bin/sh
# Protects the pages: mandoc finds nothing to warn about, and every page that another one refers to is there, by its
# own name or by one of those under which it is installed too.
set -u
command -v mandoc >/dev/null || { echo 'mandoc is not here'; exit 77; }
failed=0
count=0
named=$(for page in man/*.[137]; do
	awk -v section="${page##*.}" '/^\.Sh /{ on = $2 == "NAME" } on && /^\.Nm /{ print $2 "." section }' "$page"
done)
for page in man/*.[137]; do
	[ -f "$page" ] || continue
	count=$((count + 1))
	mandoc -T lint -W warning "$page" || failed=1
	awk '/^\.Xr skafu/ { print $2 "." $3 }' "$page" | sort -u | while read -r other; do
		printf '%s\n' "$named" | grep -qx "$other" || echo "$page: refers to $other, which does not exist"
	done | grep . && [ -z "$(sed -n 's/#.*//; /^man$/p' tests/doc/drafts.txt)" ] && failed=1
done
echo "$count pages"
exit $failed
