#!/bin/sh
# Builds every fuzz target, of this checkout or of the one in $1. The stable toolchain is enough:
# cargo-fuzz needs a nightly one only for sanitizers, and tokend has no unsafe code for them.
set -eu
cd "${1:-$(dirname "$0")/..}"

if ! command -v cargo-fuzz >/dev/null; then
    echo "cargo-fuzz is missing: installing it with cargo (some minutes, once)"
    cargo install --locked cargo-fuzz
fi
if ! command -v c++ >/dev/null; then
    echo "error: libFuzzer needs a C++ compiler; install g++ or clang" >&2
    exit 1
fi
cargo fuzz build --sanitizer none
