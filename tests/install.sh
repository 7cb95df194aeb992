#!/bin/bash
# Protects who links the library: what `make install` leaves can be found by pkg-config, by CMake and by plain flags,
# from C and C++, shared and static, also after the tree was moved; what `make uninstall` leaves is nothing.
set -u
: "${BUILD:=build}" "${CC:=cc}" "${CXX:=c++}" "${MAKE:=make}"
export LC_ALL=C
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0
failed=0

try() { # what, command ...
	local what=$1
	shift
	if "$@" >"$tmp/say" 2>&1; then
		passed=$((passed + 1))
	else
		echo "FAILED: $what"
		sed 's/^/    | /' "$tmp/say" | tail -n 20
		failed=$((failed + 1))
	fi
}

prefix=$tmp/prefix
try 'make install' $MAKE -s install PREFIX="$prefix" BUILD="$BUILD"
try 'make install to a staging directory' $MAKE -s install PREFIX=/opt/skafu DESTDIR="$tmp/stage" BUILD="$BUILD"

cat >"$tmp/hello.c" <<'EOF'
#include <stdio.h>
#include <skafu.h>

int main(void)
{
	skafu_store *store = NULL;
	skafu_model *model = NULL;
	uint64_t head = 1;
	int32_t rc = skafu_store_open_memory(NULL, &store, NULL);
	if (rc == 0)
		rc = skafu_model_open(store, NULL, &model, NULL);
	if (rc == 0)
		rc = skafu_store_head(store, &head, NULL);
	skafu_model_close(model);
	skafu_store_close(store);
	printf("%s %d\n", skafu_version_text(), (int)rc);
	return rc != 0 || head != 0 || skafu_version() == 0;
}
EOF
cp "$tmp/hello.c" "$tmp/hello.cc"
cat >"$tmp/kit.c" <<'EOF'
#include <string.h>
#include <skafu_test.h>

int main(void)
{
	skafu_new_record event = {.size = sizeof(event), .stream = "s", .type = "Nothing"};
	skafu_scenario *scenario = NULL;
	int32_t rc = skafu_scenario_new(NULL, &scenario, NULL);
	int stands = skafu_time_now() == skafu_scenario_now(scenario);
	if (rc == 0)
		rc = skafu_scenario_then_event(scenario, &event, NULL);
	stands &= strstr(skafu_scenario_report(scenario), "nothing more came") != NULL;
	skafu_scenario_free(scenario);
	return rc != 1 || !stands;
}
EOF
warnings='-Wall -Wextra -Wpedantic -Werror'
run() { env LD_LIBRARY_PATH="$prefix/lib" "$@"; }

# pkg-config
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig
try 'pkg-config knows the version' pkg-config --exact-version="$(sed -n 's/^.define SKAFU_VERSION_STRING "\(.*\)"/\1/p' \
	include/skafu_base.h)" skafu
try 'C by pkg-config' $CC -std=c99 $warnings "$tmp/hello.c" -o "$tmp/c" $(pkg-config --cflags --libs skafu)
try 'its program runs' run "$tmp/c"
try 'C++ by pkg-config' $CXX -std=c++17 $warnings "$tmp/hello.cc" -o "$tmp/cc" $(pkg-config --cflags --libs skafu)
try 'its program runs' run "$tmp/cc"
try 'C by pkg-config, static' $CC -std=c11 "$tmp/hello.c" -o "$tmp/c-static" $(pkg-config --cflags skafu) \
	-Wl,-Bstatic -lskafu -Wl,-Bdynamic -L"$prefix/lib" $(pkg-config --static --libs skafu | sed 's/-lskafu//')
try 'its program runs without the shared library' "$tmp/c-static"

# the kit
try 'a test by pkg-config' $CC -std=c11 $warnings "$tmp/kit.c" -o "$tmp/kit" $(pkg-config --cflags --libs skafu-test)
try 'it runs' run "$tmp/kit"
try 'a test by plain flags, static' $CC -std=c11 "$tmp/kit.c" -I"$prefix/include" "$prefix/lib/libskafu_test.a" \
	"$prefix/lib/libskafu.a" -llmdb -lsodium -lcjson -lpthread -lm -o "$tmp/kit-static"
try 'it runs' "$tmp/kit-static"

# plain flags
try 'C by plain flags' $CC "$tmp/hello.c" -I"$prefix/include" -L"$prefix/lib" -lskafu -o "$tmp/plain"
try 'its program runs' run "$tmp/plain"
try 'C by plain flags, static' $CC "$tmp/hello.c" -I"$prefix/include" "$prefix/lib/libskafu.a" -llmdb -lsodium -lcjson \
	-lpthread -lm -o "$tmp/plain-static"
try 'its program runs' "$tmp/plain-static"

# CMake, from a place where it was moved to
mv "$prefix" "$tmp/moved"
mkdir -p "$tmp/cmake"
cat >"$tmp/cmake/CMakeLists.txt" <<'EOF'
cmake_minimum_required(VERSION 3.10)
project(consumer C CXX)
find_package(skafu 0.1 REQUIRED CONFIG)
add_executable(shared ../hello.c)
target_link_libraries(shared PRIVATE skafu::skafu)
add_executable(shared_cxx ../hello.cc)
target_link_libraries(shared_cxx PRIVATE skafu::skafu)
add_executable(static ../hello.c)
target_link_libraries(static PRIVATE skafu::skafu_static)
add_executable(kit ../kit.c)
target_link_libraries(kit PRIVATE skafu::skafu_test)
EOF
try 'CMake finds it' cmake -S "$tmp/cmake" -B "$tmp/cmake/build" -DCMAKE_PREFIX_PATH="$tmp/moved"
try 'CMake builds' cmake --build "$tmp/cmake/build"
for program in shared shared_cxx static kit; do
	try "the program $program runs" "$tmp/cmake/build/$program"
done
sed -i 's/skafu 0.1/skafu 7.0/' "$tmp/cmake/CMakeLists.txt"
try 'CMake refuses another version' sh -c '! cmake -S "$1" -B "$1/build7" -DCMAKE_PREFIX_PATH="$2"' - "$tmp/cmake" "$tmp/moved"
mv "$tmp/moved" "$prefix"

# what the libraries show
shown() { nm -D --defined-only "$prefix/lib/libskafu.so" | awk '$2 != "A" { print $3 }'; }
try 'the shared library shows skafu_ and nothing else' sh -c '! echo "$1" | grep -v "^skafu_[a-z]"' - "$(shown)"
try 'the static one too' sh -c '! nm -g --defined-only "$1" | awk "NF == 3 { print \$3 }" | grep -v "^skafu_[a-z]"' - \
	"$prefix/lib/libskafu.a"
try 'the kit shows its own' sh -c '! nm -g --defined-only "$1" | awk "NF == 3 { print \$3 }" | grep -v "^skafu_scenario_"' - \
	"$prefix/lib/libskafu_test.a"
try 'the soname' sh -c 'readelf -d "$1" | grep -q "SONAME.*libskafu.so.0\]"' - "$prefix/lib/libskafu.so"

# pages
try 'a page is found by its second name' sh -c 'grep -q "^.so man3/" "$1"' - \
	"$prefix/share/man/man3/skafu_batch_delete_row.3"
if command -v man >/dev/null 2>&1; then
	try 'man shows it' sh -c 'man -M "$1" skafu_batch_delete_row | grep -q SYNOPSIS' - "$prefix/share/man"
fi

try 'nothing installed names the source tree' sh -c '! grep -rIl "$1" "$2"' - "$PWD" "$prefix"
try 'make uninstall' $MAKE -s uninstall PREFIX="$prefix" BUILD="$BUILD"
left() { find "$1" ! -type d; }
try 'nothing is left' test -z "$(left "$prefix")"
try 'make uninstall from the staging directory' $MAKE -s uninstall PREFIX=/opt/skafu DESTDIR="$tmp/stage" BUILD="$BUILD"
try 'nothing is left there' test -z "$(left "$tmp/stage")"

# the tarball: the same bytes again, and it builds without git
tarball=$($MAKE -s dist BUILD="$tmp/dist-1" 2>/dev/null | tail -n 1)
try 'make dist is reproducible' sh -c 'sleep 1; "$1" -s dist BUILD="$2/dist-2" && cmp "$3" "$2"/dist-2/*.tar.xz' - \
	"$MAKE" "$tmp" "$tarball"
try 'the tarball unpacks' tar -xf "$tarball" -C "$tmp"
try 'and builds' $MAKE -s -C "$tmp"/skafu-[0-9]* BUILD=build all
try 'to the same library' cmp "$BUILD/libskafu.so" "$tmp"/skafu-[0-9]*/build/libskafu.so

echo "$passed passed, $failed failed"
[ $failed = 0 ]
