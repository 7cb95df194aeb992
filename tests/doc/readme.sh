#!/bin/sh
# Protects the first impression: the C in the README compiles against the headers, and the files that it names are there.
set -u
: "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
awk -v out="$tmp/block" '/^```c$/{ n++; on = 1; next } /^```/{ on = 0 } on { print > (out n ".c") }' README.md
for block in "$tmp"/block*.c; do
	$CC -std=c11 -Iinclude -Wall -Wextra -Werror -Wno-unused-parameter -fsyntax-only "$block" || failed=1
done
for name in $(grep -oE '`(examples|lib|tests|include|man)/[a-zA-Z0-9_./]+`' README.md | tr -d '`' | sort -u); do
	[ -e "$name" ] || { echo "README.md names $name, which is not there"; failed=1; }
done
for page in $(grep -oE '`skafu[a-z-]*\([17]\)`' README.md | tr -d '`' | sed 's/(\(.\))/.\1/' | sort -u); do
	[ -f "man/$page" ] || { echo "README.md names the page $page, which is not there"; failed=1; }
done
exit $failed
