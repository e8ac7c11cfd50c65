#!/bin/sh
# Writes the manifests of a workspace, with sources that are empty, to a directory of their own. What is compiled from these are the dependencies: as
# long as no manifest changes, the image's layer with them stays.
#
#   deploy/only-manifests.sh FROM TO
set -eu
[ $# = 2 ] || {
    echo "usage: only-manifests.sh FROM TO" >&2
    exit 2
}
from=$1
to=$2
mkdir -p "$to"
cp "$from/Cargo.lock" "$to/"

stub() {
    mkdir -p "$(dirname "$1")"
    echo 'fn main() {}' >"$1"
}

(cd "$from" && find . -name target -prune -o -name Cargo.toml -print) | while read -r manifest; do
    package=$to/$(dirname "$manifest")
    mkdir -p "$package/src"
    cp "$from/$manifest" "$package/"
    grep -q '^\[package\]' "$from/$manifest" || continue
    : >"$package/src/lib.rs"
    # Programs that the manifest names, and a build script where it has dependencies.
    sed -n 's/^path = "\(.*\.rs\)"$/\1/p' "$from/$manifest" | while read -r source; do
        stub "$package/$source"
    done
    if grep -q '^\[build-dependencies\]' "$from/$manifest"; then stub "$package/build.rs"; fi
done
