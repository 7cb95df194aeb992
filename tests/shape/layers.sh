#!/bin/sh
# Protects the drawing of the house: a file includes its own directory and lower ones, never upwards; each foreign
# library has one home; a .c proves that its own header stands alone by including it first.  The kit and replication
# use public headers only; the kit alone includes base/testhook.h, which is there for it.
set -u
find lib include -name '*.[ch]' | sort | xargs awk '
BEGIN {
	split("base codec store model run watch", names)
	for (i in names) rank[names[i]] = i
	rank["watch"] = rank["run"] # siblings: neither sees the other
}
function bad(text) { printf "%s:%d: %s\n", FILENAME, FNR, text; failed = 1 }
function outside(name) { return name ~ /^skafu(_[a-z]+)?\.h$/ }
FNR == 1 {
	split(FILENAME, part, "/")
	top = part[1]; layer = part[2]; first = 1
	own = FILENAME; sub(/^lib\//, "", own); sub(/\.c$/, ".h", own)
	has_own = FILENAME ~ /\.c$/ && (getline line < ("lib/" own)) >= 0
	close("lib/" own)
}
/^[ \t]*#[ \t]*include/ {
	quoted = $0 ~ /"/
	name = $0; sub(/^[^<"]*[<"]/, "", name); sub(/[>"].*$/, "", name)
	if (first && top == "lib" && has_own && name != own) bad("the first include is not \"" own "\"")
	if (first && top == "lib" && FILENAME ~ /\.c$/ && !has_own && !outside(name))
		bad("the first include is neither an own header nor a public one")
	first = 0
	if (name ~ /(^|\/)lmdb\.h$/ && layer != "store") bad("lmdb.h outside lib/store")
	if (name ~ /(^|\/)(cJSON|sodium)\.h$/ && layer != "codec") bad(name " outside lib/codec")
	if (name ~ /internal\.h$/) bad("a header that knows everything: " name)
	if (quoted && top == "include" && !outside(name)) bad("a public header includes " name)
	if (!quoted || top != "lib" || outside(name)) next
	split(name, to, "/")
	if (layer == "test" || layer == "nats") {
		if (layer == "test" && name == "base/testhook.h") next
		if (to[1] != layer) bad("lib/" layer " uses public headers only, not " name)
	} else if (!(to[1] in rank) || name !~ /\//) {
		bad("include with the layer in front, \"layer/name.h\", not " name)
	} else if (rank[to[1]] > rank[layer] || (rank[to[1]] == rank[layer] && to[1] != layer)) {
		bad(layer " includes " name ", which is not below it")
	}
}
END { exit failed }'
