#!/bin/sh
# Makes the image that deploy/Dockerfile begins with, under its name, where it is missing and no registry can be reached: a minimal Debian of the
# suite that is named (default: bookworm), from Debian's own mirror.
#
#   deploy/base-image.sh [SUITE]
set -eu
suite=${1:-bookworm}
image="debian:$suite-slim"
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}

fail() {
    echo "rejoin: $1" >&2
    exit 1
}

docker image inspect "$image" >/dev/null 2>&1 && exit 0
if docker pull --quiet "$image" >/dev/null 2>&1; then
    exit 0
fi
[ "$(id -u)" = 0 ] || fail "$image cannot be pulled, and only root can make it: run $0 $suite as root"
command -v debootstrap >/dev/null 2>&1 ||
    fail "$image cannot be pulled, and debootstrap is missing: run 'apt-get install debootstrap', and run $0 $suite again"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT INT TERM
echo "rejoin: making $image with debootstrap (once, a minute or two)"
debootstrap --variant=minbase "$suite" "$root/root" "$mirror" >"$root/log" 2>&1 ||
    fail "debootstrap failed: $(tail -n 3 "$root/log")"
rm -rf "$root/root/var/cache/apt/archives/"*.deb "$root/root/var/lib/apt/lists/"*
tar --directory "$root/root" --create . | docker import --message "minimal Debian $suite" - "$image" >/dev/null
