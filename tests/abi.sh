#!/bin/bash
# Protects programs that were built before: the library offers what tests/abi/libskafu.abi says it did.
#
#   tests/abi.sh write    make the reference anew, after an addition that is wanted
#   tests/abi.sh check    compare, after changes that break were planted and seen
#
# The reference is text, of public types and exported functions only, and holds no path of a machine.  What breaks is a
# failure; what is added asks for `make abi`, so that the review sees it.
set -u
: "${BUILD:=build}" "${CC:=cc}"
reference=tests/abi/libskafu.abi
library=$BUILD/libskafu.so
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

[ "$(uname -m)" = x86_64 ] || { echo 'the reference is one of x86_64'; echo '0 passed, 0 failed, 1 skipped'; exit 0; }

# The build has to have debug information: without it every type would look alike.
describe() { # library, directory of its headers, file
	abidw --exported-interfaces-only --headers-dir "$2" --drop-private-types --no-corpus-path --no-comp-dir-path \
		--no-show-locs --no-elf-needed --no-parameter-names --type-id-style hash --out-file "$3" "$1" || return
	grep -q "class-decl name='skafu_record'" "$3" || { echo "$1 was built without -g"; return 1; }
}

# 0 when what is described takes nothing from a program that was built before.
keeps() { # description
	abidiff --leaf-changes-only --no-added-syms --suppressions tests/abi/grown.suppr "$reference" "$1"
}

count() { # what, command ...
	local what=$1
	shift
	if "$@" >"$tmp/say" 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what"
		sed 's/^/    | /' "$tmp/say" | head -n 60
	fi
}

# The whole library from one file, with a member in the middle of a struct, another type of a parameter, and a struct
# that grew at its end.
plant() {
	cp "$BUILD/single/skafu.c" "$BUILD/single/skafu_all.h" "$tmp" &&
		sed -i 's/^\(SKAFU_API \)*\(int32_t skafu_get(skafu_store \*store, \)uint64_t/\1\2int64_t/' \
			"$tmp/skafu.c" "$tmp/skafu_all.h" &&
		sed -i -e '/^typedef struct skafu_read_opts {/,/^}/s/.*uint64_t from;.*/\tuint64_t planted;\n&/' \
			-e 's/^} skafu_stream_info;/\tuint64_t grown;\n&/' "$tmp/skafu_all.h" &&
		$CC -std=c11 -D_GNU_SOURCE -O0 -g -fPIC -fvisibility=hidden -shared -I"$tmp" \
			$(pkg-config --cflags lmdb libsodium libcjson 2>/dev/null) -Wl,-soname,libskafu.so.0 \
			-Wl,--version-script=lib/skafu.map "$tmp/skafu.c" -o "$tmp/libplanted.so" \
			-llmdb -lsodium -lcjson -lpthread -lm
}

planted_is_seen() {
	plant && describe "$tmp/libplanted.so" "$tmp" "$tmp/planted.abi" || return
	keeps "$tmp/planted.abi" >"$tmp/breaks"
	abidiff --leaf-changes-only "$reference" "$tmp/planted.abi" >"$tmp/all"
	cat "$tmp/all"
	grep -q 'planted.*offset' "$tmp/breaks" && grep -q 'skafu_get(' "$tmp/breaks" && ! grep -q grown "$tmp/breaks" &&
		grep -q 'grown.*offset' "$tmp/all"
}

holds() {
	describe "$library" include "$tmp/now.abi" || return
	if ! keeps "$tmp/now.abi"; then
		echo 'Programs that were built before would break.  Undo it; before 0.9 `make abi` may take it over instead.'
		return 1
	fi
	abidiff --leaf-changes-only "$reference" "$tmp/now.abi" && return
	echo 'Something was added.  Look at it, then say `make abi` and commit the reference.'
	return 1
}

case ${1-} in
write)
	describe "$library" include "$tmp/new" && mv "$tmp/new" "$reference" && echo "$reference: $(wc -l <"$reference") lines"
	;;
check)
	count 'planted changes are seen' planted_is_seen
	count 'the library offers what it did' holds
	echo "$passed passed, $failed failed"
	[ $failed = 0 ]
	;;
*)
	echo "usage: tests/abi.sh write | check"
	exit 2
	;;
esac
