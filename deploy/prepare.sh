#!/bin/sh
# Installs what a build needs and is missing: a C++ compiler and libclang (for RocksDB and its bindings), and the cargo
# subcommands that are named as arguments. Rust itself is the user's: without it, or with one that is too old, one line says what to do.
set -eu
cd "$(dirname "$0")/.."

fail() {
    echo "rejoin: $1" >&2
    exit 1
}

needed=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
command -v cargo >/dev/null 2>&1 ||
    fail "cargo is missing: install Rust $needed or newer from https://rustup.rs, open a new shell, and run make again"
# The cargo of rustup is there before any toolchain is, and fails until then.
version=$(cargo --version 2>/dev/null) ||
    fail "cargo does not run: run 'rustup default stable' (Rust $needed or newer is needed), and run make again"
found=$(echo "$version" | sed -n 's/^cargo \([0-9.]*\).*/\1/p')
oldest=$(printf '%s\n%s\n' "$needed" "$found" | sort -V | head -n 1)
[ "$oldest" = "$needed" ] ||
    fail "cargo $found is too old: run 'rustup update stable' (Rust $needed or newer is needed), and run make again"

has_libclang() {
    [ -n "${LIBCLANG_PATH:-}" ] || ls /usr/lib/llvm-*/lib/libclang*.so* /usr/lib/*/libclang*.so* /usr/lib64/libclang*.so* 2>/dev/null | grep -qv cpp
}

if ! command -v c++ >/dev/null 2>&1 || ! command -v clang >/dev/null 2>&1 || ! has_libclang; then
    command -v apt-get >/dev/null 2>&1 ||
        fail "a C++ compiler and libclang are needed for RocksDB: install your system's packages (e.g. gcc-c++ and clang-devel), and run make again"
    root=""
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null 2>&1 ||
            fail "g++, clang and libclang-dev are missing, and there is no sudo: run 'apt-get install g++ clang libclang-dev' as root, and run make again"
        root="sudo"
    fi
    echo "rejoin: installing g++, clang and libclang (for RocksDB) with apt-get"
    $root env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get update -qq && apt-get install -y -qq --no-install-recommends g++ clang libclang-dev' >/dev/null ||
        fail "apt-get could not install g++, clang and libclang-dev: install them by hand, and run make again"
fi

for tool in "$@"; do
    command -v "$tool" >/dev/null 2>&1 || [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/$tool" ] || {
        echo "rejoin: installing $tool (once, a few minutes)"
        cargo install --quiet --locked "$tool"
    }
done
