#!/usr/bin/env bash
# Builds all programs with the release profile and installs them into one folder, where they find each other.
# `compare` asks every `server-*` program beside it for its description, so use a folder that has no others.
# usage: scripts/install.sh FOLDER
set -euo pipefail
[ $# -eq 1 ] && [ -n "$1" ] || {
    echo "usage: install.sh FOLDER; use a folder of its own, such as ~/rpc-models" >&2
    exit 2
}
folder=$1
here=$PWD
[[ $folder == /* ]] || folder=$here/$folder
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v cargo >/dev/null || {
    echo "install.sh: cargo is missing; install the Rust toolchain first" >&2
    exit 2
}
cargo build --release --locked --quiet --bin compare --bin loadgen --bin 'server-*'

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$folder"
for program in compare loadgen $(cd crates && echo server-*); do
    install -m 755 "$target/release/$program" "$folder/$program"
done
echo "installed into $folder: compare, loadgen and $(cd crates && echo server-* | wc -w) servers"
