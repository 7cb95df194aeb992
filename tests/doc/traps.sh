#!/bin/sh
# Protects the promise of skafu-testing(7): each of the 32 traps of LMDB has a defence and a test that is there and is
# run, or a reason why not; and no trap test is missing in the list.
set -u
page=man/skafu-testing.7
[ -f "$page" ] || { echo "no $page"; exit 1; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0
# "number file test" for each test of the list, "number reason" where there is none.
awk '/^\.Ss What LMDB does/ { inside = 1 }
	/^\.Sh SEE ALSO/ || /^\.El/ { inside = 0 }
	!inside { next }
	/^\.It/ { number++; file = "" }
	/^\.Em Not provoked here/ { print number, "reason" }
	/^\.Em Defence/ { print number, "defence" }
	/^\.Pa tests\/.*\.c/ { file = $2 }
	/^\.Sy / && file != "" { print number, file, $2 }' "$page" >"$tmp/list"
i=1
while [ $i -le 32 ]; do
	if grep -q "^$i reason" "$tmp/list"; then :
	elif ! grep -q "^$i defence" "$tmp/list"; then echo "trap $i: no defence"; failed=1
	elif ! grep -q "^$i tests/" "$tmp/list"; then echo "trap $i: neither a test nor a reason"; failed=1
	fi
	i=$((i + 1))
done
awk '$1 > 32 { print "trap " $1 ": there are 32"; bad = 1 } END { exit bad }' "$tmp/list" || failed=1
while read -r number file name; do
	case $file in tests/*) ;; *) continue ;; esac
	if ! grep -q "^START_TEST($name)" "$file" 2>/dev/null; then
		echo "trap $number: $file has no test $name"
		failed=1
	elif ! grep -Eq "tcase_add_(loop_)?test\([a-z_]*, $name[,)]" "$file"; then
		echo "trap $number: $name of $file is not run"
		failed=1
	fi
done <"$tmp/list"
for name in $(sed -n 's/^START_TEST(\(trap[0-9]*_[a-z0-9_]*\))$/\1/p' tests/fault/traps_test.c); do
	number=$(echo "$name" | sed 's/^trap0*\([0-9]*\)_.*/\1/')
	grep -q "^$number tests/fault/traps_test.c $name\$" "$tmp/list" || {
		echo "$name is not in the list under its number"
		failed=1
	}
done
echo "$(grep -c ' tests/' "$tmp/list") tests, $(grep -c ' reason' "$tmp/list") reasons for 32 traps"
exit $failed
