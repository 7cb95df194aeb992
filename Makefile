# libskafu: one makefile, no recursion, no generator.  Everything is built into $(BUILD).
#
#   make          libskafu.so, libskafu.a, the examples and skafuctl
#   make run      shows the library at work on this machine
#   make check    every gate and every test that is over in minutes
#
# Each `flavour` of the objects has a tree of its own, so that a sanitizer's objects never meet plain ones:
# static shared address (ASan + UBSan) thread (TSan) cover (gcov) mcdc (clang-19) fuzz (clang, libFuzzer)
# single (skafu.c, one file).

BUILD    ?= build
CFLAGS   ?= -O2 -g
CLANG    ?= clang
CLANG_MCDC ?= clang-19
OBJCOPY  ?= objcopy
FUZZ_SECONDS ?= 15
JOBS     ?= 2

# The lower-case names of the GNU standards work too.
PREFIX     ?= $(or $(prefix),/usr/local)
LIBDIR     ?= $(or $(libdir),$(PREFIX)/lib)
INCLUDEDIR ?= $(or $(includedir),$(PREFIX)/include)
MANDIR     ?= $(or $(mandir),$(PREFIX)/share/man)
BINDIR     ?= $(or $(bindir),$(PREFIX)/bin)
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

# The header is the only place that holds the version; the soname counts breaks of the ABI and nothing else.
VERSION := $(shell sed -n 's/^.define SKAFU_VERSION_STRING "\(.*\)"/\1/p' include/skafu_base.h)
SOVERSION := 0
SONAME  := libskafu.so.$(SOVERSION)

.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
export LC_ALL := C
Q := $(if $(V),,@)
, := ,
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))')

# ---- what there is -----------------------------------------------------------------------------------------------

SRC     := $(filter-out lib/test/% lib/nats/%,$(sort $(wildcard lib/*/*.c)))
KIT_SRC := $(sort $(wildcard lib/test/*.c))
HEADERS := $(sort $(wildcard include/*.h))

# Functions, headers and examples that are not written yet: compiled by the gates, but neither exported nor run.
DRAFTS := $(shell sed 's/\#.*//' tests/doc/drafts.txt 2>/dev/null)

LESSONS := $(filter-out $(DRAFTS),$(sort $(wildcard examples/*.c)))
TOOL    := $(sort $(wildcard examples/skafuctl/*.c))
APP_SRC := $(sort $(wildcard examples/skafu/*.c))
APP     := $(if $(filter %/main.c,$(APP_SRC)),$(BUILD)/examples/skafu)

SUITES  := base codec store model run watch test flow fault abi app
TESTS   := $(sort $(wildcard $(SUITES:%=tests/%/*_test.c) $(SUITES:%=tests/%/*/*_test.c) $(SUITES:%=tests/%/*_test.cc)))
LONG    := $(filter %_long_test.c,$(TESTS))
UTIL    := $(sort $(wildcard tests/util/*.c))
GATES   := $(sort $(wildcard tests/shape/*.sh)) $(sort $(wildcard tests/doc/*.sh))
BINDINGS := $(filter-out $(DRAFTS),$(sort $(wildcard tests/binding/*_test.py)))

# ---- flags -------------------------------------------------------------------------------------------------------

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wvla \
        $(if $(WERROR),-Werror)
# The build directory must not leak into debug information: two clones give equal bytes.
BASE := -std=c11 -D_GNU_SOURCE -Iinclude -ffile-prefix-map=$(CURDIR)=. $(WARN)

# Asked when the first recipe needs it, not when the makefile is read: `make deps` may install pkg-config in between.
pkg = $(shell pkg-config $(1) 2>/dev/null || echo '$(2)')
LIB_CFLAGS = $(eval LIB_CFLAGS := $$(call pkg,--cflags lmdb libsodium libcjson))$(LIB_CFLAGS)
LIB_LIBS   = $(eval LIB_LIBS := $$(call pkg,--libs lmdb libsodium libcjson,-llmdb -lsodium -lcjson))$(LIB_LIBS)
CHECK_LIBS = $(eval CHECK_LIBS := $$(call pkg,--libs check,-lcheck -lsubunit))$(CHECK_LIBS)
TEST_LIBS  = $(CHECK_LIBS) $(LIB_LIBS) -lrt -lm -lpthread
APP_CFLAGS = $(eval APP_CFLAGS := $$(call pkg,--cflags libcurl libcjson libsodium libmicrohttpd))$(APP_CFLAGS)
APP_LIBS   = $(eval APP_LIBS := $$(call pkg,--libs libcurl libcjson libsodium libmicrohttpd,-lcurl -lcjson -lsodium -lmicrohttpd) \
	-lpthread -lm)$(APP_LIBS)

UBSAN := -fsanitize=undefined -fno-sanitize-recover=undefined
flags-static  :=
flags-single  :=
flags-shared  := -fPIC
flags-address := -O1 -fno-omit-frame-pointer -fsanitize=address $(UBSAN)
flags-thread  := -O1 -fno-omit-frame-pointer -fsanitize=thread
# Threads must not lose counts; the later -O0 wins over CFLAGS.
flags-cover   := -O0 --coverage -fprofile-update=atomic
flags-mcdc     = -O0 $(if $(filter %.o,$@),$(if $(filter %/lib/codec/$(@F),$@),$(mcdc)),-fprofile-instr-generate)
mcdc          := -fprofile-instr-generate -fcoverage-mapping -fcoverage-mcdc
flags-fuzz    := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address $(UBSAN)
FLAVOURS := static shared address thread cover mcdc fuzz single
compiler = $(if $(filter fuzz,$(1)),$(CLANG),$(if $(filter mcdc,$(1)),$(CLANG_MCDC),$(CC)))
cxx = $(if $(filter fuzz mcdc,$(1)),$(call compiler,$(1)) --driver-mode=g++,$(CXX))

# A test, fuzzer or crash program that includes tests/x/y.h links tests/x/y.c.  tests/util reaches all of them.
linked = $(patsubst %.c,$(BUILD)/obj-$(1)/%.o,$(shell tests/links.sh $(2)))
.SECONDEXPANSION:

# Where the programs of a flavour go; the plain ones are at the top of $(BUILD).
outdir = $(BUILD)$(if $(filter static,$(1)),,/$(1))
FLAVOUR := $(or $(SAN),static)
$(if $(filter $(FLAVOUR),$(FLAVOURS)),,$(error SAN is address or thread))

# With exceptions, what must be put right when a handler's thread ends is also put right when a handler throws.
# The user's flags come last, so that they win; ours are never lost.
flags = $(BASE) -fexceptions -Ilib $(LIB_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(flags-$(1))
cxxflags = -std=c++20 -D_GNU_SOURCE -Iinclude $(filter-out -Wstrict-prototypes,$(WARN)) $(CPPFLAGS) $(CFLAGS) $(flags-$(1))

# ---- the library -------------------------------------------------------------------------------------------------

SO := $(BUILD)/libskafu.so.$(VERSION)
# While there are drafts, a finished file may call a function that is not written yet.
COMPLETE := $(if $(filter %.h skafu_%,$(DRAFTS)),-Wl$(,)--unresolved-symbols=ignore-all,-Wl$(,)-z$(,)defs)
LIBRARIES := $(if $(SRC),$(SO) $(BUILD)/libskafu.so $(BUILD)/libskafu.a) $(if $(KIT_SRC),$(BUILD)/libskafu_test.a)
EXAMPLES := $(LESSONS:examples/%.c=$(BUILD)/examples/%) $(APP)

.PHONY: all examples
all: $(LIBRARIES) $(BUILD)/libskafu_internal.a examples
examples: $(EXAMPLES) $(if $(TOOL),$(BUILD)/skafuctl)

# Only these goals may install packages: a packager's `make` and `make install` never do.
INSTALLING := run check crash bench cover mcdc fuzz lint valgrind check-long check-single check-bindings \
              check-install abi check-abi
NEED := $(if $(filter $(INSTALLING),$(MAKECMDGOALS)),$(if $(filter-out run,$(filter $(INSTALLING),$(MAKECMDGOALS))),\
        $(or $(strip $(if $(filter fuzz lint valgrind check-long check-install abi check-abi,$(MAKECMDGOALS)),deps-long) \
        $(if $(filter mcdc,$(MAKECMDGOALS)),deps-mcdc)),deps),deps-run))

# A file that changes when compiler or flags do, so that objects of other flags are made again.
FLAGS_NOW = $(CC) $(CXX) $(CLANG) $(CLANG_MCDC) $(BASE) -fexceptions $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)
$(BUILD)/flags: FORCE | $(NEED)
	@mkdir -p $(@D); echo '$(FLAGS_NOW)' | cmp -s - $@ || echo '$(FLAGS_NOW)' > $@
.PHONY: FORCE

define flavour_rules
$(BUILD)/obj-$(1)/%.o: %.c $(BUILD)/flags | $(NEED)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(call compiler,$(1)) $$(call flags,$(1)) $$(if $$(filter tests/%,$$<),-Itests) \
		$$(if $$(filter tests/app/% tests/flow/skafu/% examples/skafu/%,$$<),-Iexamples/skafu $$(APP_CFLAGS)) \
		-fvisibility=hidden \
		-MMD -MP -c $$< -o $$@

$(call outdir,$(1))/libskafu_internal.a: $(if $(filter single,$(1)),$(BUILD)/single/skafu.o,$(SRC:%.c=$(BUILD)/obj-$(1)/%.o)) \
                                      $(KIT_SRC:%.c=$(BUILD)/obj-$(1)/%.o) $(UTIL:%.c=$(BUILD)/obj-$(1)/%.o)
	$$(call say,AR,$$@)
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)$$(AR) rcsD $$@ $$^

$(call outdir,$(1))/tests/%: tests/%.c $$$$(call linked,$(1),tests/$$$$*.c) \
                            $(call outdir,$(1))/libskafu_internal.a $(BUILD)/flags
	$$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(call compiler,$(1)) $$(call flags,$(1)) -Itests -MMD -MP -MF $$@.d $$(filter %.c %.o %.a,$$^) \
		$$(LDFLAGS) $$(TEST_LIBS) -o $$@

# A test of what C++ needs sees the public headers only.
$(call outdir,$(1))/tests/%: tests/%.cc $(call outdir,$(1))/libskafu_internal.a $(BUILD)/flags
	$$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(call cxx,$(1)) $$(call cxxflags,$(1)) -MMD -MP -MF $$@.d $$(filter-out %/flags,$$^) $$(LDFLAGS) $$(TEST_LIBS) -o $$@

# The tests of the application and of its flows link all of it but its main().
$(call outdir,$(1))/libskafu_app.a: $(patsubst %.c,$(BUILD)/obj-$(1)/%.o,$(filter-out %/main.c,$(APP_SRC)))
	$$(call say,AR,$$@)
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)$$(AR) rcsD $$@ $$^

endef
$(foreach f,$(FLAVOURS),$(eval $(call flavour_rules,$(f))))

define app_test_rule
$(call outdir,$(1))/tests/$(2)/%: tests/$(2)/%.c $$$$(call linked,$(1),tests/$(2)/$$$$*.c) \
                                $(call outdir,$(1))/libskafu_app.a \
                                $(call outdir,$(1))/libskafu_internal.a $(BUILD)/flags
	$$(call say,TEST,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(call flags,$(1)) -Itests -Iexamples/skafu $$(APP_CFLAGS) -MMD -MP -MF $$@.d \
		$$(filter %.c %.o %.a,$$^) $$(LDFLAGS) $$(TEST_LIBS) $$(APP_LIBS) -o $$@
endef
$(foreach f,$(FLAVOURS),$(foreach d,app flow/skafu,$(eval $(call app_test_rule,$(f),$(d)))))

$(SO): $(SRC:%.c=$(BUILD)/obj-shared/%.o) lib/skafu.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(CFLAGS) -Wl,-soname,$(SONAME) -Wl,--version-script=lib/skafu.map $(COMPLETE) \
		-Wl,--no-undefined-version $(LDFLAGS) $(filter %.o,$^) $(LIB_LIBS) -o $@

$(BUILD)/libskafu.so: $(SO)
	@ln -sf $(<F) $(BUILD)/$(SONAME) && ln -sf $(SONAME) $@

# One object with its internals made local: neither ours nor the host's names can clash.
$(BUILD)/libskafu.a: $(SRC:%.c=$(BUILD)/obj-static/%.o)
	$(call say,AR,$@)
	$(Q)$(LD) -r $^ -o $(BUILD)/obj-static/skafu.o && $(OBJCOPY) --localize-hidden $(BUILD)/obj-static/skafu.o
	$(Q)rm -f $@ && $(AR) rcsD $@ $(BUILD)/obj-static/skafu.o

# The kit likewise.
$(BUILD)/libskafu_test.a: $(KIT_SRC:%.c=$(BUILD)/obj-static/%.o)
	$(call say,AR,$@)
	$(Q)$(LD) -r $^ -o $(BUILD)/obj-static/skafu_test.o && \
		$(OBJCOPY) --localize-hidden $(BUILD)/obj-static/skafu_test.o
	$(Q)rm -f $@ && $(AR) rcsD $@ $(BUILD)/obj-static/skafu_test.o

# Examples are built as a host would build them: public headers, the shared library, nothing else.
host_flags = $(BASE) $(CPPFLAGS) $(CFLAGS) -MMD -MP
$(BUILD)/examples/%: examples/%.c $(BUILD)/libskafu.so
	$(call say,EXAMPLE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(host_flags) -MF $@.d $< -L$(BUILD) -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS) -lskafu -lpthread -lm -o $@

# The lesson about testing tests two others, with the kit.
$(BUILD)/examples/testing: examples/testing.c examples/bank.c examples/saga.c $(BUILD)/libskafu_test.a \
                           $(BUILD)/libskafu.so
	$(call say,EXAMPLE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(host_flags) -MF $@.d $< -L$(BUILD) -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS) -lskafu_test -lskafu \
		-lpthread -lm -o $@

$(BUILD)/obj-app/%.o: examples/skafu/%.c $(BUILD)/flags | $(NEED)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(host_flags) $(APP_CFLAGS) -c $< -o $@

$(BUILD)/examples/skafu: $(APP_SRC:examples/skafu/%.c=$(BUILD)/obj-app/%.o) $(BUILD)/libskafu.so
	$(call say,EXAMPLE,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(filter %.o,$^) -L$(BUILD) -Wl,-rpath,'$$ORIGIN/..' $(LDFLAGS) -lskafu $(APP_LIBS) -o $@

# The operator's tool carries the library in itself: it must work when the shared one is broken or missing.
$(BUILD)/obj-tool/%.o: examples/skafuctl/%.c $(BUILD)/flags | $(NEED)
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(host_flags) -MF $(@:.o=.d) -c $< -o $@

$(BUILD)/skafuctl: $(TOOL:examples/skafuctl/%.c=$(BUILD)/obj-tool/%.o) $(BUILD)/libskafu.a
	$(call say,TOOL,$@)
	$(Q)$(CC) $(CFLAGS) $^ $(LDFLAGS) $(LIB_LIBS) -lpthread -lm -o $@

# The whole library as one file, for hosts that compile their libraries themselves.
.PHONY: amalgamation
amalgamation: $(BUILD)/single/skafu.c $(BUILD)/single/skafu_all.h
$(BUILD)/single/skafu.c: .ci/amalgamate $(SRC) $(wildcard lib/*/*.h) $(HEADERS)
	$(call say,WRITE,$@)
	@mkdir -p $(@D)
	$(Q).ci/amalgamate $(SRC) > $@

$(BUILD)/single/skafu_all.h: $(BUILD)/skafu_all.h
	@mkdir -p $(@D); cp $< $@

# Every host has warnings of its own turned on: ours are errors here.
$(BUILD)/single/skafu.o: $(BUILD)/single/skafu.c $(BUILD)/single/skafu_all.h $(BUILD)/flags | $(NEED)
	$(call say,CC,$@)
	$(Q)$(CC) -std=c11 -fexceptions $(WARN) -Werror $(LIB_CFLAGS) $(CPPFLAGS) $(CFLAGS) -I$(@D) -c $< -o $@

# ---- packages ----------------------------------------------------------------------------------------------------

# package=probe; a probe with "pc:" is a pkg-config module, with "file:" a compiler's file, else a command.
DEPS_RUN := gcc=gcc make=make libc6-dev=file:crt1.o pkg-config=pkg-config xz-utils=xz \
            liblmdb-dev=pc:lmdb libcjson-dev=pc:libcjson libsodium-dev=pc:libsodium \
            libcurl4-openssl-dev=pc:libcurl libmicrohttpd-dev=pc:libmicrohttpd git=git
DEPS      = $(DEPS_RUN) g++=g++ check=pc:check libsqlite3-dev=pc:sqlite3 mandoc=mandoc universal-ctags=ctags \
            python3=python3
DEPS_LONG = $(DEPS) clang=clang cmake=cmake libclang-rt-14-dev=fuzzer:clang valgrind=valgrind cppcheck=cppcheck \
            clang-tidy=clang-tidy abigail-tools=abidiff
DEPS_MCDC = $(DEPS) clang-19=clang-19 llvm-19=llvm-cov-19 libclang-rt-19-dev=fuzzer:clang-19

.PHONY: deps deps-run deps-long deps-mcdc
deps-run:  ; @.ci/deps $(DEPS_RUN)
deps:      ; @.ci/deps $(DEPS)
deps-long: ; @.ci/deps $(DEPS_LONG)
deps-mcdc: $(filter deps-long,$(NEED)) ; @.ci/deps $(DEPS_MCDC)

# ---- tests -------------------------------------------------------------------------------------------------------

# T=store/append runs only what has that in its path.
match = $(if $(T),$(foreach w,$(1),$(if $(strip $(foreach t,$(T),$(findstring $(t),$(w)))),$(w))),$(1))
programs = $(patsubst tests/%,$(call outdir,$(1))/tests/%,$(basename $(call match,$(2))))
UNIT := $(filter-out $(LONG),$(TESTS))

# Gates and examples look at the plain build; under a sanitizer only the unit tests run.
ifeq ($(FLAVOUR),static)
CHECK_FIRST := $(call match,$(GATES))
CHECK_LAST  := $(call match,$(BINDINGS)) $(call match,$(LESSONS:.c=))
endif
CHECK_PROGRAMS := $(call programs,$(FLAVOUR),$(UNIT))

# A filter that matches nothing is a typing error, not a success.
ifneq ($(T),)
$(if $(strip $(CHECK_FIRST) $(CHECK_PROGRAMS) $(CHECK_LAST) $(call match,$(LONG)) \
	$(if $(filter lint,$(MAKECMDGOALS)),$(call match,$(SRC)))),,$(error nothing matches T=$(T)))
endif

RUNNER = BUILD='$(BUILD)' CC='$(CC)' JOBS='$(JOBS)' tests/run.sh

.PHONY: abi check-abi check check-long check-single check-bindings check-install check-fresh valgrind crash bench fuzz cover mcdc lint run headers map
check: $(NEED) $(CHECK_PROGRAMS) $(if $(strip $(CHECK_FIRST)$(CHECK_LAST)),all)
	@$(RUNNER) $(CHECK_FIRST) $(CHECK_PROGRAMS) $(CHECK_LAST:examples/%=$(BUILD)/examples/%)

LONG_PROGRAMS := $(call programs,static,$(LONG)) $(call programs,address,$(UNIT)) $(call programs,thread,$(UNIT))
PLAIN := $(call programs,static,$(UNIT))
check-long: $(NEED) $(LONG_PROGRAMS) $(PLAIN)
	@TEST_SECONDS=$${TEST_SECONDS:-1800} $(RUNNER) $(LONG_PROGRAMS) $(PLAIN:%=valgrind:%)

# The plain programs under valgrind alone; T as for check.
valgrind: $(NEED) $(PLAIN)
	@TEST_SECONDS=$${TEST_SECONDS:-1800} $(RUNNER) $(PLAIN:%=valgrind:%)

crash: $(NEED) $(if $(wildcard tests/fault/crash.c),$(BUILD)/tests/fault/crash)
	@timeout -k 5 $${TEST_SECONDS:-600} $(filter %/crash,$^)

# In tests/bench the files with a main() are programs, the others are linked into each of them.
BENCH_SRC := $(sort $(wildcard tests/bench/*.c))
BENCH_MAIN := $(if $(BENCH_SRC),$(shell grep -lw '^int main' $(BENCH_SRC)))
BENCHES := $(BENCH_MAIN:tests/bench/%.c=$(BUILD)/bench/%)
$(BUILD)/bench/%: tests/bench/%.c $(patsubst %.c,$(BUILD)/obj-static/%.o,$(filter-out $(BENCH_MAIN),$(BENCH_SRC))) \
                  $(BUILD)/libskafu_internal.a
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(call flags,static) -DBENCH_SKAFU -Itests -MMD -MP -MF $@.d $^ $(LDFLAGS) $(LIB_LIBS) -lsqlite3 -lpthread -lm \
		-o $@

bench: $(NEED) $(BENCHES)
	@if [ -x tests/bench/run.sh ]; then BUILD='$(BUILD)' QUICK='$(QUICK)' tests/bench/run.sh; \
	else for b in $(BENCHES); do QUICK='$(QUICK)' $$b || exit; done; fi

FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
$(BUILD)/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $$(call linked,fuzz,tests/fuzz/$$*_fuzz.c) \
                      $(BUILD)/fuzz/libskafu_internal.a
	$(call say,FUZZ,$@)
	$(Q)$(CLANG) $(call flags,fuzz) -fsanitize=fuzzer -Itests -MMD -MP -MF $@.d $(filter %.c %.o %.a,$^) $(LDFLAGS) $(LIB_LIBS) \
		-lpthread -lm -o $@

fuzz: $(NEED) $(call match,$(FUZZERS))
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' $(RUNNER) $(call match,$(FUZZERS))

# What all tests of minutes reach of the library and the kit.  Without T the exit status holds the bars.
# A process that dies by SIGKILL leaves no counts, and with counters in them those of two tests die before they get on;
# what they run, other tests run too.
COVERED := $(call programs,cover,$(filter-out tests/fault/replaykill_test.c tests/fault/foldkill_test.c,$(UNIT)))
cover: $(NEED) $(COVERED)
	@find $(BUILD)/obj-cover $(BUILD)/cover -name '*.gcda' -delete
	@TEST_SECONDS=$${TEST_SECONDS:-1200} $(RUNNER) $(COVERED); rc=$$?; \
		tests/cover.py $(if $(T),,--lines 95 --branches 85) $(BUILD)/obj-cover $(BUILD)/cover.txt $(SRC) $(KIT_SRC) && exit $$rc

# Does every condition of a decision decide alone?  A report about the codecs, from their tests and the fuzzers' seeds.
CODEC_TESTS := $(call programs,mcdc,$(filter tests/codec/%,$(UNIT)))
CODEC_FUZZERS := $(patsubst %,$(BUILD)/mcdc/fuzz/%_fuzz,commit json key record segment)
mcdc: $(NEED) $(CODEC_TESTS) $(CODEC_FUZZERS)
	@rm -rf $(BUILD)/mcdc/profile; mkdir -p $(BUILD)/mcdc/profile
	@LLVM_PROFILE_FILE='$(abspath $(BUILD))/mcdc/profile/%m.profraw' $(RUNNER) $(CODEC_TESTS)
	@for f in $(CODEC_FUZZERS); do seeds=tests/fuzz/corpus/$$(basename $$f _fuzz); [ ! -d $$seeds ] || \
		LLVM_PROFILE_FILE='$(abspath $(BUILD))/mcdc/profile/%m.profraw' $$f -runs=0 $$seeds 2>/dev/null || exit; done
	@tests/mcdc.py $(BUILD)/mcdc $(BUILD)/mcdc.txt $(filter lib/codec/%,$(SRC)) -- $(CODEC_TESTS) $(CODEC_FUZZERS)

$(BUILD)/mcdc/fuzz/%_fuzz: tests/fuzz/%_fuzz.c $$(call linked,mcdc,tests/fuzz/$$*_fuzz.c) \
                           $(BUILD)/mcdc/libskafu_internal.a
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG_MCDC) $(call flags,mcdc) -fsanitize=fuzzer -Itests -MMD -MP -MF $@.d $(filter %.c %.o %.a,$^) \
		$(LDFLAGS) $(LIB_LIBS) -lpthread -lm -o $@

# What programs that were built before rely on; `make abi` writes the reference, after a look at the change.
abi: $(NEED) $(BUILD)/libskafu.so
	@BUILD='$(BUILD)' tests/abi.sh write
check-abi: $(NEED) $(BUILD)/libskafu.so amalgamation
	@BUILD='$(BUILD)' CC='$(CC)' tests/abi.sh check

SINGLE := $(call programs,single,$(call match,$(UNIT)))
check-single: $(NEED) amalgamation $(SINGLE)
	@$(RUNNER) $(SINGLE)

# Library, kit and examples.
LINTED := $(call match,$(SRC) $(KIT_SRC) $(LESSONS) $(TOOL) $(APP_SRC))
LINT_CFLAGS = $(BASE) -DSKAFU__ANALYSED -Ilib -Iexamples/skafu $(LIB_CFLAGS) $(APP_CFLAGS)
lint: $(NEED)
	@LINT_CFLAGS='$(LINT_CFLAGS)' CC='$(CC)' JOBS='$(JOBS)' tests/lint.sh $(LINTED)

# The application once it stands, the lessons in the order of learning until then.
TOUR := $(filter $(LESSONS:examples/%.c=$(BUILD)/examples/%),$(addprefix $(BUILD)/examples/,hello bank course saga))
run: $(NEED) examples
	@if [ -x examples/skafu/demo.sh ]; then BUILD='$(BUILD)' examples/skafu/demo.sh; \
	else here=$$PWD; d=$$(mktemp -d) && trap 'rm -rf "$$d"' EXIT && for e in $(abspath $(TOUR)); do \
		echo "== $${e##*/}"; (cd "$$d" && "$$e") || exit; done; fi

# ---- upkeep ------------------------------------------------------------------------------------------------------

# All public headers as one file, for binding generators.
headers: $(BUILD)/skafu_all.h
ALL_HEADERS := $(filter-out include/skafu.h include/skafu_test.h include/skafu_nats.h,$(HEADERS))
$(BUILD)/skafu_all.h: $(ALL_HEADERS) tests/shape/headers.sh
	@mkdir -p $(@D)
	@for h in base store model run watch crypto; do f=include/skafu_$$h.h; \
		if [ -f $$f ]; then sed '/^#include "skafu_/d' $$f; fi; done > $@
	@BUILD='$(BUILD)' tests/shape/headers.sh $@

# The export list is written from the headers in force and kept in git, so that a change of it is seen in review.
map:
	@tests/doc/exports.sh map > lib/skafu.map.new && mv lib/skafu.map.new lib/skafu.map

.PHONY: install uninstall clean dist
INSTALL ?= install
D := $(DESTDIR)
PAGES := $(sort $(wildcard man/*.1 man/*.3 man/*.7))
PUBLIC := $(filter-out $(if $(KIT_SRC),,include/skafu_test.h) include/skafu_nats.h,$(HEADERS))

# Where the paths of the templates come from; a prefix inside them keeps the installation movable.
CMAKEDIR := $(LIBDIR)/cmake/skafu
fill = sed -e 's,@PREFIX@,$(PREFIX),;s,@VERSION@,$(VERSION),;s,@SONAME@,$(SONAME),' \
	-e 's,@LIBDIR@,$(patsubst $(PREFIX)/%,$${prefix}/%,$(LIBDIR)),' \
	-e 's,@INCLUDEDIR@,$(patsubst $(PREFIX)/%,$${prefix}/%,$(INCLUDEDIR)),' \
	-e 's,@INCLUDE_FROM_HERE@,$(shell realpath -m --relative-to=$(CMAKEDIR) $(INCLUDEDIR)),' $(1) > $(2)

install: all
	$(Q)$(INSTALL) -d $(D)$(LIBDIR)/pkgconfig $(D)$(CMAKEDIR) $(D)$(INCLUDEDIR) $(D)$(BINDIR) \
		$(addprefix $(D)$(MANDIR)/man,1 3 7)
	$(Q)$(INSTALL) -m 755 $(SO) $(D)$(LIBDIR)
	$(Q)ln -sf $(notdir $(SO)) $(D)$(LIBDIR)/$(SONAME) && ln -sf $(SONAME) $(D)$(LIBDIR)/libskafu.so
	$(Q)$(INSTALL) -m 644 $(filter %.a,$(LIBRARIES)) $(D)$(LIBDIR)
	$(Q)$(INSTALL) -m 644 $(PUBLIC) $(D)$(INCLUDEDIR)
	$(Q)$(call fill,lib/skafu.pc.in,$(D)$(LIBDIR)/pkgconfig/skafu.pc)
	$(Q)$(call fill,lib/skafu-test.pc.in,$(D)$(LIBDIR)/pkgconfig/skafu-test.pc)
	$(Q)$(call fill,lib/skafu-config.cmake.in,$(D)$(CMAKEDIR)/skafu-config.cmake)
	$(Q)$(call fill,lib/skafu-config-version.cmake.in,$(D)$(CMAKEDIR)/skafu-config-version.cmake)
	$(Q).ci/pages install $(D)$(MANDIR) $(PAGES)
	$(Q)$(INSTALL) -m 755 $(BUILD)/skafuctl $(D)$(BINDIR)
	$(Q)$(INSTALL) -d $(D)$(COMPLETIONDIR)
	$(Q)$(INSTALL) -m 644 examples/skafuctl/completion.bash $(D)$(COMPLETIONDIR)/skafuctl

uninstall:
	$(Q)rm -f $(addprefix $(D)$(LIBDIR)/,$(notdir $(SO)) $(SONAME) libskafu.so libskafu.a libskafu_test.a) \
		$(addprefix $(D)$(LIBDIR)/pkgconfig/,skafu.pc skafu-test.pc) $(PUBLIC:include/%=$(D)$(INCLUDEDIR)/%) $(D)$(BINDIR)/skafuctl \
		$(D)$(COMPLETIONDIR)/skafuctl
	$(Q)rm -rf $(D)$(CMAKEDIR)
	$(Q).ci/pages uninstall $(D)$(MANDIR) $(PAGES)

# Every binding; one whose language is not on this machine is skipped.
check-bindings: $(NEED) all
	@$(RUNNER) $(BINDINGS) $(sort $(filter-out %_test.py %/headers.py,$(wildcard tests/binding/*.py)))

# Installs into an empty directory, builds consumers in every way that the documentation names, and uninstalls.
check-install: $(NEED) all
	@BUILD='$(BUILD)' CC='$(CC)' CXX='$(CXX)' MAKE='$(MAKE)' tests/install.sh

# The README's two commands on a minimal system made for it; root only.
check-fresh:
	@tests/fresh.sh

# Same files, same order, same times: the same bytes on every machine.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
dist:
	@mkdir -p $(BUILD)
	$(Q)git ls-files -z | tar --null -T - --sort=name --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw \
		--mtime=@$(SOURCE_DATE_EPOCH) --transform 's,^,skafu-$(VERSION)/,' -cf - | \
		xz -9 > $(BUILD)/skafu-$(VERSION).tar.xz
	@echo $(BUILD)/skafu-$(VERSION).tar.xz

clean:
	$(Q)rm -rf $(BUILD)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
