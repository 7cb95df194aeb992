#!/bin/sh
# Print the helpers that a test links: for each tests/x/y.h that it includes, itself or through a helper, tests/x/y.c.
#
# Some helpers replace calls of the C library, so they reach only programs that include them.
exec awk 'BEGIN {
	queue[last = 1] = ARGV[1]
	for (at = 1; at <= last; at++) {
		header = queue[at]; sub(/\.c$/, ".h", header)
		scan(queue[at]); scan(header)
	}
}
function exists(file,   line, found) { found = (getline line < file) >= 0; close(file); return found }
function scan(file,   line, name) {
	while ((getline line < file) > 0) {
		if (line !~ /^#[ \t]*include "[^"]*\.h"/) continue
		split(line, part, "\"")
		name = "tests/" part[2]; sub(/\.h$/, "", name)
		if (name in seen || !exists(name ".h") || !exists(name ".c")) continue
		seen[name] = 1
		queue[++last] = name ".c"
		print name ".c"
	}
	close(file)
}' "$1"
