#!/bin/sh
# Protects the promise of the ABI: functions of the headers in force = lib/skafu.map = symbols of libskafu.so =
# functions that the man pages show.  A header or function named in drafts.txt is not in force; with "man" there, a page
# may be missing, but no page may show a function that no header declares.  The kit is a library of its own, held to the
# same: functions of skafu_test.h = symbols of libskafu_test.a = functions of its pages.  The two functions of
# lib/base/testhook.h, through which the kit reaches the library, are exported and have neither header nor page.
#
# exports.sh map writes the map from the headers.
set -u
: "${BUILD:=build}"
drafts=$(sed 's/#.*//' tests/doc/drafts.txt 2>/dev/null)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf '%s\n' $drafts >"$tmp/drafts"
drafted() { printf '%s\n' $drafts | grep -qx "$1"; }

functions_of() { # header
	cc -E -P -Iinclude -fpreprocessed -dD "$1" 2>/dev/null |
		tr '\n' ' ' | grep -oE '\bSKAFU_API [^;(]*\(' | grep -oE 'skafu_[a-z0-9_]+\($' | tr -d '('
}

# Names of the functions that a header exports.  The kit and replication are libraries of their own.
declared() {
	for header in include/skafu_*.h; do
		case $header in */skafu_test.h | */skafu_nats.h) continue ;; esac
		[ "$1" = all ] || ! drafted "${header#include/}" || continue
		functions_of "$header"
	done | sort -u | if [ "$1" = all ]; then cat; else grep -vxFf "$tmp/drafts"; fi
}

declared in_force >"$tmp/api"
functions_of lib/base/testhook.h >"$tmp/hook"
sort -u "$tmp/api" "$tmp/hook" >"$tmp/headers"
if [ "${1-}" = map ]; then
	minor=$(sed -n 's/^.define SKAFU_VERSION_STRING "\([0-9]*\.[0-9]*\).*/\1/p' include/skafu_base.h)
	printf 'SKAFU_%s {\n' "$minor"
	[ ! -s "$tmp/headers" ] || { printf '\tglobal:\n'; sed 's/.*/\t\t&;/' "$tmp/headers"; }
	printf '\tlocal: *;\n};\n'
	exit 0
fi

failed=0
same() { # what, its names; compared with the headers
	comm -13 "$2" "$tmp/headers" | sed "s|^|declared, but not in $1: |" >"$tmp/diff"
	comm -23 "$2" "$tmp/headers" | sed "s|^|in $1, but not declared in force: |" >>"$tmp/diff"
	[ ! -s "$tmp/diff" ] || { cat "$tmp/diff"; failed=1; }
}

sed -n 's/^\t\t\(skafu_[a-z0-9_]*\);$/\1/p' lib/skafu.map >"$tmp/map"
sort -c "$tmp/map" || failed=1
same lib/skafu.map "$tmp/map"
if [ -f "$BUILD/libskafu.so" ]; then
	nm -D --defined-only "$BUILD/libskafu.so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$tmp/so"
	same libskafu.so "$tmp/so"
fi

# From here on without the hook: it has no page.
mv "$tmp/api" "$tmp/headers"

# Functions that a SYNOPSIS shows, and the names that pages can be found by.
for page in man/*.3; do
	[ -f "$page" ] || continue
	awk '/^\.Sh /{ synopsis = $2 == "SYNOPSIS" } synopsis && /^\.F[no] /{ print $2 }' "$page"
done | sort -u >"$tmp/shown"
for page in man/*.3; do
	[ -f "$page" ] && awk '/^\.Sh /{ name = $2 == "NAME" } name && /^\.Nm /{ print $2 }' "$page"
done | grep '^skafu_' | sort -u >"$tmp/named"
for list in shown named; do
	if drafted man; then
		{ declared all; functions_of include/skafu_test.h; } | sort -u | comm -13 - "$tmp/$list" | grep . && { echo "^ $list by a man page, but declared nowhere"; failed=1; }
	else
		grep -v '^skafu_\(scenario\|nats\)_' "$tmp/$list" | sort -u >"$tmp/$list.ours"
		same "man pages ($list)" "$tmp/$list.ours"
	fi
done

if ! drafted skafu_test.h; then
	functions_of include/skafu_test.h | sort -u >"$tmp/headers"
	if [ -f "$BUILD/libskafu_test.a" ]; then
		nm -g --defined-only "$BUILD/libskafu_test.a" | awk 'NF == 3 { print $3 }' | sort -u >"$tmp/kit"
		same libskafu_test.a "$tmp/kit"
	fi
	for list in shown named; do
		grep '^skafu_scenario_' "$tmp/$list" >"$tmp/$list.kit"
		same "man pages of the kit ($list)" "$tmp/$list.kit"
	done
fi
echo "$(declared in_force | wc -l) functions in force, $(declared all | wc -l) declared, $(wc -l <"$tmp/shown") in man pages"
exit $failed
