#!/usr/bin/env bash
# Fuzzes the protocol. usage: scripts/fuzz.sh [SECONDS]   (default: 30)
# Needs cargo-fuzz (cargo install cargo-fuzz) and a C++ compiler. The tested code has no unsafe block, so it runs without a
# sanitizer, on a stable toolchain.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none session "$corpus" fuzz/seeds/session -- \
    -max_total_time="${1:-30}" -max_len=8192 -timeout=10
