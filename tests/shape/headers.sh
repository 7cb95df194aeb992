#!/bin/sh
# Protects every host: each public header stands alone, as C99, C11 and C++17, without a warning and without padding
# that a binding could get wrong.  Other files may be given as arguments.
set -u
: "${CC:=cc}" "${CXX:=c++}"
[ $# -gt 0 ] || set -- include/skafu*.h
strict='-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wpadded -Werror'
failed=0
for header in "$@"; do
	file=$(realpath "$header")
	for standard in c99 c11; do
		$CC -std=$standard $strict -Iinclude -fsyntax-only -x c - <<-END || failed=1
			#include "$file"
			int skafu_header_end;
		END
	done
	$CXX -std=c++17 $strict -Iinclude -fsyntax-only -x c++ - <<-END || failed=1
		#include "$file"
		int skafu_header_end;
	END
	grep -q '^extern "C" {' "$header" || ! grep -q SKAFU_API "$header" || { echo "$header: no extern \"C\""; failed=1; }
done
echo "$# headers in C99, C11, C++17"
exit $failed
