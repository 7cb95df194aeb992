#!/bin/bash
# Protects the next compiler: gcc and clang (where it is) accept the library, the tests and the examples without a
# warning.  Only the front end runs; the build itself shows what the optimiser has to say.
#
# What has passed is not asked again until it, a header or this file changes.
set -u
: "${BUILD:=build}"
passed=$BUILD/tests/shape/warnings.passed
begun=$BUILD/tests/shape/warnings.begun
mkdir -p "$(dirname "$passed")"
touch "$begun"
newer=
if [ -f "$passed" ] && [ -z "$(find include lib tests examples "$0" \( -name '*.h' -o -name warnings.sh \) -newer "$passed")" ]; then
	newer="-newer $passed"
fi
warnings='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wvla -Werror'
flags="-std=c11 -D_GNU_SOURCE -Iinclude -Ilib -Itests -Iexamples/skafu"
flags+=" $(pkg-config --cflags lmdb libsodium libcjson libcurl libmicrohttpd 2>/dev/null)"
failed=0
for compiler in gcc clang; do
	command -v $compiler >/dev/null || { echo "$compiler is not here"; continue; }
	find lib examples tests -name '*.c' ! -path 'lib/nats/*' ! -path '*/templates/*' $newer -print0 | sort -z |
		xargs -0 -r -n 8 $compiler $flags $warnings -fsyntax-only || failed=1
done
[ $failed != 0 ] || mv "$begun" "$passed"
exit $failed
