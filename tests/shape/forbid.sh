#!/bin/bash
# Protects the host's process and the fault tests: the library asks the machine only through lib/base/sys.c, starts
# no thread, writes nothing, ends nothing; and no file carries marks of unfinished work or paths of one machine.
set -u
failed=0
never='v?f?printf|v?dprintf|puts|fputs|putchar|perror|exit|_exit|_Exit|quick_exit|abort|raise|kill|signal|sigaction'
never+='|setlocale|longjmp|pthread_create|thrd_create|fork|vfork|system|popen|atexit|getenv|setenv|strtok|sprintf|strcpy'
never+='|strcat|gets|rand|srand|alloca'
machine='malloc|calloc|realloc|reallocarray|free|strn?dup|v?asprintf|posix_memalign|aligned_alloc|fopen|fdopen|open|openat'
machine+='|creat|close|p?read|p?write|p?readv|p?writev|f?truncate|fallocate|posix_fallocate|[fl]?stat|fstatat|fsync'
machine+='|fdatasync|rename|renameat|unlink|unlinkat|mkdir|rmdir|syscall|clock_gettime|gettimeofday|time|nanosleep|sleep'
machine+='|usleep|getrandom|getentropy|randombytes_buf'

# Calls in the code alone: the preprocessor takes the comments out, sed the strings and what follows -> or a dot.
calls() { # file names...
	local file
	for file in "$@"; do
		gcc -fpreprocessed -dD -E -P "$file" 2>/dev/null | sed 's/"\([^"\\]\|\\.\)*"/""/g; s/\(->\|\.\) *[a-z_]* *(/(/g' |
			sed "s|^|$file: |"
	done
}

mapfile -t all < <(find lib -name '*.[ch]' ! -path 'lib/nats/*' | sort)
mapfile -t above < <(printf '%s\n' "${all[@]}" | grep -v '^lib/base/sys\.[ch]$')
calls "${all[@]}" | grep -E "(^|[^A-Za-z0-9_])($never) *\(" && failed=1
calls "${above[@]}" | grep -E "(^|[^A-Za-z0-9_])($machine) *\(" && failed=1

files=$(find Makefile README.md LICENSE .ci lib include examples tests man -type f ! -name forbid.sh ! -path '*/corpus/*' \
	! -name '*.pyc' 2>/dev/null)
grep -InE '\b(TODO|FIXME|XXX|HACK)\b' $files && failed=1
grep -InE '(^|[^A-Za-z0-9_.])/(work|home|root|mnt|Users)/' $files && failed=1
grep -In 'include.*internal\.h"' $files && failed=1
grep -InE '[ 	]+$' $(printf '%s\n' $files | grep -E '\.([ch]|sh|py|[137])$|Makefile$') && { echo 'blanks at the end of a line'; failed=1; }
exit $failed
