#!/bin/bash
# Protects the README's promise: on a fresh system with nothing but git, make and sudo, its two commands work.
#
# Makes a minimal Debian in a directory (debootstrap, root only), clones the last commit for a user who
# may use sudo, and runs `make run` and `make check` there as that user.  FRESH names the directory to use; it is kept
# when given, so that a second run need not fetch everything again.
set -u
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo "only root can make a fresh system; run this with sudo"; exit 77; }
command -v debootstrap >/dev/null || { echo "debootstrap is not installed"; exit 77; }
root=${FRESH:-$(mktemp -d)}
# Its user must be able to look into it.
chmod 755 "$root" 2>/dev/null
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
passed=0
failed=0

mounted=
finish() {
	for m in $mounted; do umount -l "$root/$m"; done
	[ -n "${FRESH-}" ] || rm -rf --one-file-system "$root"
}
trap finish EXIT
trap 'exit 1' INT TERM

step() { # what, command ...
	local what=$1 start=$SECONDS log
	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		printf '%-40s %4d s  ok\n' "$what" $((SECONDS - start))
	else
		failed=$((failed + 1))
		printf '%-40s %4d s  FAILED\n' "$what" $((SECONDS - start))
		{ grep -A 12 ' FAILED' "$log" | head -n 60; tail -n 20 "$log"; } | sed 's/^/    | /'
	fi
	rm -f "$log"
}
inside() { # as the user of the fresh system
	chroot "$root" su - guest -c "$1"
}

if [ ! -x "$root/usr/bin/make" ]; then
	step 'a fresh Debian with git, make and sudo' debootstrap --variant=minbase \
		--include=git,make,sudo,ca-certificates "$suite" "$root"
	[ $failed = 0 ] || exit 1
fi
for m in proc sys dev dev/shm; do
	mkdir -p "$root/$m"
	mount --bind "/$m" "$root/$m" && mounted="$m $mounted"
done
cp /etc/resolv.conf "$root/etc/" 2>/dev/null
# How this machine reaches its packages is how the fresh one does.
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/" 2>/dev/null
cp -r /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null
chroot "$root" id guest >/dev/null 2>&1 || chroot "$root" useradd -m -s /bin/bash guest
echo 'guest ALL=(ALL) NOPASSWD: ALL' >"$root/etc/sudoers.d/guest"
rm -rf "$root/srv/skafu"
git clone -q --no-hardlinks . "$root/srv/skafu" || exit 1
chroot "$root" chown -R guest: /srv/skafu

step 'make run' inside 'cd /srv/skafu && make run'
step 'make check' inside 'cd /srv/skafu && make check'
echo "$passed passed, $failed failed"
[ $failed = 0 ]
