#!/usr/bin/env bash
# Builds everything with the release profile, then compares the models. usage: scripts/compare.sh [ARGUMENT...]
# The arguments are those of `compare run` (see `compare run --help`). Without arguments it compares all models in under
# three minutes, plus the build.
set -euo pipefail
here=$PWD
out=()
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

command -v cargo >/dev/null || {
    echo "compare.sh: cargo is missing; install the Rust toolchain first" >&2
    exit 2
}
(cd "$root" && cargo build --release --locked --quiet --bin compare --bin loadgen --bin 'server-*')

target=${CARGO_TARGET_DIR:-$root/target}
[[ $target == /* ]] || target=$root/$target
# Results go into the repository, wherever this is called from, unless a flag gives another place.
[[ $here == "$root" ]] || out=(--out "$root/results")
for argument in "$@"; do
    case $argument in
    --out | --out=* | --resume | --resume=*) out=() ;;
    esac
done
COMPARE_SOURCES=$root exec "$target/release/compare" run ${out[@]+"${out[@]}"} "$@"
