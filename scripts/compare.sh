#!/usr/bin/env bash
# Builds everything with the release profile, then measures the models side by side. Arguments go on to `compare run`
# (see `compare run --help`); without any, all six models in under two minutes once it is built.
set -euo pipefail
here=$PWD
out=()
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

command -v cargo >/dev/null || {
    echo "compare.sh: there is no cargo; install the Rust toolchain first" >&2
    exit 2
}
(cd "$root" && cargo build --release --locked --bins --quiet)

target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
# Results lie in the repository, wherever this was called from, unless it is told where they go, or they are there already.
[[ $here == "$root" ]] || out=(--out "$root/results")
for argument in "$@"; do
    case $argument in
    --out | --out=* | --resume | --resume=*) out=() ;;
    esac
done
COMPARE_SOURCES=$root exec "$target/release/compare" run ${out[@]+"${out[@]}"} "$@"
