#!/bin/bash
# Protects the layout of the public structs: each member of each struct of include/*.h has its line in
# tests/abi/layout_test.c, in the same order, and each struct its size.
set -u
table=tests/abi/layout_test.c

# struct.member, and struct.ENDS behind the last one.
declared() { # headers...
	ctags --sort=no --kinds-C=m --fields=+s -f - "$@" | sed -n 's/^\([A-Za-z_0-9]*\)\t.*\tstruct:\([A-Za-z_0-9]*\).*/\2.\1/p' |
		awk -F. 'last && last != $1 { print last ".ENDS" } { print; last = $1 } END { if (last) print last ".ENDS" }'
}

headers=
for part in base store model run watch crypto test; do
	grep -qx "skafu_$part.h" tests/doc/drafts.txt || headers+=" include/skafu_$part.h"
done
typedefs=$(grep -hE '^} skafu_[a-z_]*;' $headers | wc -l)
structs=$(declared $headers | grep -c 'ENDS$')
[ "$typedefs" = "$structs" ] || { echo "$typedefs structs are declared, $structs were read"; exit 1; }
diff <(sed -n 's/^AT(\([a-z_0-9]*\), \([a-z_0-9]*\), .*/\1.\2/p; s/^ENDS(\([a-z_0-9]*\),.*/\1.ENDS/p' $table) <(declared $headers) |
	sed -n 's/^< \(.*\)/layout_test.c: \1 is in no header, or stands elsewhere there/p; s/^> \(.*\)/layout_test.c: \1 is missing/p' |
	grep . && exit 1
echo "$structs structs"
