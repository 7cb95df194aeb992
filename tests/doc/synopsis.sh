#!/bin/bash
# Protects the reader of a page: every SYNOPSIS, turned into C, is compatible with the headers.  A wrong type, a
# missing argument or a function that is not there any more is an error of the compiler.
set -u
: "${CC:=cc}"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
count=0
for page in man/*.3; do
	[ -f "$page" ] || continue
	grep -q '^\.Sh SYNOPSIS' "$page" || { grep -q '^\.so ' "$page" || { echo "$page: no SYNOPSIS"; failed=1; }; continue; }
	awk '
		function text(line) { # a macro line: quotes group words, \& and the like only print
			gsub(/\\&|\\,|\\\//, "", line); gsub(/"/, "", line); return line
		}
		function arguments(line,   n, i, out, a) { # "int a" "char *b" -> int a, char *b
			n = split(line, a, "\"")
			if (n == 1) { gsub(/ +/, ", ", line); return line }
			for (i = 2; i <= n; i += 2) out = out (out ? ", " : "") a[i]
			return out
		}
		/^\.Sh / { on = $2 == "SYNOPSIS"; next }
		!on { next }
		/^\.In / { print "#include <" $2 ">"; next }
		/^\.Fd / { sub(/^\.Fd +/, ""); print text($0); next }
		/^\.Ft / { sub(/^\.Ft +/, ""); type = text($0); next }
		/^\.Vt / { sub(/^\.Vt +/, ""); line = text($0); print line (line ~ /;$/ ? "" : ";"); next }
		/^\.Fn / {
			name = $2; sub(/^\.Fn +[^ ]+ */, "")
			a = arguments($0); gsub(/\\&/, "", a)
			print type, name "(" (a == "" ? "void" : a) ");"; next
		}
		/^\.Fo / { name = $2; list = ""; next }
		/^\.Fa / { sub(/^\.Fa +/, ""); a = $0 ~ /^"/ ? arguments($0) : $0; list = list (list ? ", " : "") a; next }
		/^\.Fc/ { print type, name "(" (list == "" ? "void" : list) ");"; next }
		/^\.Bd / { block = 1; next }
		/^\.Ed/ { block = 0; next }
		block { gsub(/\\e/, "\\"); gsub(/\\&/, ""); print }
	' "$page" >"$tmp/synopsis.c"
	$CC -std=c11 -Iinclude -Wall -Wextra -Wpedantic -Werror -fsyntax-only "$tmp/synopsis.c" 2>"$tmp/say" || {
		echo "$page: its SYNOPSIS does not agree with the headers"
		sed 's|^.*/synopsis.c|  synopsis.c|' "$tmp/say"
		failed=1
	}
	count=$((count + 1))
done
echo "$count pages"
exit $failed
