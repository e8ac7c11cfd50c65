#!/bin/sh
# Installs what the tests with network namespaces, containers and sessions over HTTP need and is missing, where this is Debian and the user is root. Without it those
# tests say what they skip, and why: so nothing here fails.
set -eu

[ "$(uname -s)" = Linux ] || exit 0
[ "$(id -u)" = 0 ] || exit 0
command -v apt-get >/dev/null 2>&1 || exit 0

missing=""
for pair in ip:iproute2 tc:iproute2 iptables:iptables mount:mount curl:curl node:nodejs; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
# Only where a container engine answers: nobody gets one for the sake of a test.
if command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
    command -v debootstrap >/dev/null 2>&1 || missing="$missing debootstrap"
    docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null 2>&1 || missing="$missing docker-compose"
fi
[ -n "$missing" ] || exit 0

echo "rejoin: installing$missing (for the tests with real networks) with apt-get"
# The words are packages.
# shellcheck disable=SC2086
env DEBIAN_FRONTEND=noninteractive sh -c 'apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"' sh $missing >/dev/null ||
    echo "rejoin: apt-get could not install$missing: the tests that need them say that they are skipped" >&2
