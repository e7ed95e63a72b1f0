#!/usr/bin/env bash
# Builds everything with the release profile, then measures the models side by side. Arguments go on to `compare run`
# (see `compare run --help`); without any, all six models in under two minutes once it is built.
set -euo pipefail
here=$PWD
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

command -v cargo >/dev/null || {
    echo "compare.sh: there is no cargo; install the Rust toolchain first" >&2
    exit 2
}
(cd "$root" && cargo build --release --locked --bins --quiet)

target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
# Results lie in the repository unless --out says otherwise, wherever this was called from; the arguments that were
# given come last, and so win.
[[ $here == "$root" ]] || set -- --out "$root/results" "$@"
COMPARE_SOURCES=$root exec "$target/release/compare" run --profile quick "$@"
