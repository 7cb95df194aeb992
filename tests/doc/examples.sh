#!/bin/bash
# Protects who copies from a page: every block of code in EXAMPLES compiles, and one with a main() links.
#
# A block (.Bd -literal ... .Ed) is file-level code or, failing that, the inside of a function in which the variables
# of tests/doc/context.h stand ready.  A block in another language begins with .\" not C on the line before .Bd.
set -u
: "${BUILD:=build}" "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
count=0
headers=$(cd include && ls skafu.h 2>/dev/null || ls skafu_*.h)
flags='-std=c11 -D_GNU_SOURCE -DSKAFU_DRAFTS -Iinclude -Itests -Wall -Wextra -Werror -Wno-unused'

compile() { # file, further flags
	$CC $flags "$@" 2>"$tmp/say"
}
prelude() {
	printf '#include <%s>\n' $headers inttypes.h stdio.h stdlib.h string.h
}
try() { # block
	{ prelude; echo '#line 1'; cat "$1"; } >"$tmp/file.c"
	if grep -q '\<main *(' "$1"; then
		if [ -f "$BUILD/libskafu.so" ] && ! grep -q . "$tmp/drafts"; then
			compile "$tmp/file.c" -o "$tmp/program" -L"$BUILD" -lskafu
		else
			compile -c "$tmp/file.c" -o "$tmp/object"
		fi
		return
	fi
	compile -fsyntax-only "$tmp/file.c" && return
	cp "$tmp/say" "$tmp/say.file"
	{ prelude; echo '#include "doc/context.h"'; echo 'int32_t example(void);'; echo 'int32_t example(void)'; echo '{'
		echo '#line 1'; cat "$1"; echo 'return 0;'; echo '}'; } >"$tmp/inside.c"
	compile -fsyntax-only "$tmp/inside.c" && return
	return 1
}

sed 's/#.*//' tests/doc/drafts.txt 2>/dev/null | grep 'skafu_' >"$tmp/drafts"
for page in man/*.[37]; do
	[ -f "$page" ] || continue
	rm -f "$tmp"/block.*
	awk -v out="$tmp/block." '
		/^\.Sh /{ on = $2 == "EXAMPLES" || $2 == "EXAMPLE" }
		/^\.\\" not C/{ skip = 1; next }
		on && /^\.Bd /{ block = !skip; skip = 0; if (block) n++; next }
		/^\.Ed/{ if (block) close(out n); block = 0; next }
		block && /^\.\\"/ { next }
		block && /^\.(Pp|sp)/ { print "" > (out n); next }
		block { gsub(/\\&/, ""); gsub(/\\\(dq/, "\""); gsub(/\\-/, "-"); gsub(/\\e/, "\\"); print > (out n) }' "$page"
	for block in "$tmp"/block.*; do
		[ -f "$block" ] || continue
		count=$((count + 1))
		try "$block" && continue
		echo "$page: the code of EXAMPLES, block ${block##*.}, does not compile"
		sed "s|$tmp/||" "$tmp/say"
		failed=1
	done
done
echo "$count blocks of code"
exit $failed
