#!/bin/sh
# Protects the host's name space and the amalgamation: what the linker sees is skafu_* (public) or skafu__* (shared
# inside), and everything that is private to a file has a name that is unique over lib/.
set -u
: "${BUILD:=build}"
complain() { sed "s|^|$1: |" >>"$found"; } # text; names on stdin
found=$(mktemp)
trap 'rm -f "$found"' EXIT
globals() { nm -g --defined-only "$@" 2>/dev/null | awk 'NF >= 3 { print $3 }' | sort -u; }

if [ -f "$BUILD/libskafu.so" ]; then
	nm -D --defined-only "$BUILD/libskafu.so" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' |
		grep -v '^skafu_[a-z]' | complain 'exported without the prefix skafu_'
fi
[ ! -f "$BUILD/libskafu.a" ] || globals "$BUILD/libskafu.a" | grep -v '^skafu_[a-z]' |
	complain 'an internal name is global in libskafu.a'
find "$BUILD/obj-static/lib" -name '*.o' ! -path '*/lib/test/*' 2>/dev/null | xargs -r nm -g --defined-only |
	awk 'NF == 3 { print $3 }' | sort -u | grep -v -e '^skafu_' -e '^DW\.ref\.' | complain 'global without the prefix skafu_ or skafu__'

# Functions, variables, types and macros of all files: one translation unit must be able to hold them.
find lib -name '*.[ch]' ! -path 'lib/nats/*' | sort |
	xargs -r ctags --c-kinds=fvstugde --fields=+fKs --output-format=u-ctags --sort=no -f - |
	awk -F'\t' '!/^!/ && $4 !~ /^(anon|macro-param)/ && $1 !~ /^__anon/ {
		global = $4 == "function" || $4 == "variable"
		for (i = 5; i <= NF; i++) if ($i == "file:") global = 0
		if (!global && !(($1, $2) in seen)) { seen[$1, $2] = 1; files[$1] = files[$1] " " $2; count[$1]++ }
	} END { for (n in count) if (count[n] > 1) print n " in" files[n] }' | sort | complain 'not unique in lib/'
cat "$found"
[ ! -s "$found" ]
