#!/usr/bin/env bash
# Shows that a new model is one new directory: copies the workspace, adds a model to the copy by copying server-thread, and
# changes no other file. Then the model must build, pass the conformance suite, appear in `compare list` and be measured.
# usage: scripts/add-model.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=$(mkdir -p "${CARGO_TARGET_DIR:-target}" && cd "${CARGO_TARGET_DIR:-target}" && pwd)
work=$target/add-model
copy=$work/workspace
model=copied
new=crates/server-$model

say() { printf 'add-model: %s\n' "$*"; }
fail() { say "$*" >&2; exit 1; }

mkdir -p "$work"
exec 9>"$work/lock"
flock 9

# The copy can use the libraries that the workspace has compiled.
if [ ! -d "$work/target" ] && [ -d "$target/debug/deps" ]; then
    say "copy compiled dependencies"
    mkdir -p "$work/target/debug/deps"
    cp -a "$target/debug/.fingerprint" "$target/debug/build" "$work/target/debug/"
    find "$target/debug/deps" -name 'lib*' -exec cp -a -t "$work/target/debug/deps" {} +
fi

say "copy the sources"
rm -rf "$copy"
mkdir -p "$copy"
# The target folder may lie in the repository under any name.
tar --exclude="./${target#"$PWD"/}" --exclude=./target --exclude=./.git --exclude=./fuzz/target -cf - . | tar -xpf - -C "$copy"
cd "$copy"
checksums() { find . -type f ! -path "./$new/*" ! -path ./Cargo.lock -print0 | sort -z | xargs -0 sha256sum; }
checksums >"$work/before"

say "add $new"
[ ! -e "$new" ] || fail "$new exists already"
cp -r crates/server-thread "$new"
find "$new" -type f -exec sed -i "s/server-thread/server-$model/g; s/name: \"thread\"/name: \"$model\"/" {} +

export CARGO_TARGET_DIR=$work/target CARGO_INCREMENTAL=0
say "build"
cargo build --offline --quiet --workspace --bins
say "conformance suite"
cargo test --offline --quiet -p "server-$model"
programs=$work/target/debug
say "compare list"
"$programs/compare" list | grep -w "$model" || fail "compare list does not show $model"
say "smoke run"
rm -rf "$work/results"
# It exits with 1 if requests were lost, as on a very busy machine. The record is what counts here.
"$programs/compare" run --profile smoke --models "$model" --experiments request-cost --out "$work/results" || [ $? -eq 1 ]
# A trial that failed has a record too, with `failed` in place of `measured` (docs/RECORDS.md).
grep -qh "\"model\":\"$model\".*\"measured\":{" "$work/results"/runs/*/records.jsonl || fail "no trial of $model was measured"

checksums >"$work/after"
cmp -s "$work/before" "$work/after" || {
    diff "$work/before" "$work/after" || true
    fail "files outside $new changed"
}
rm -rf "$copy" "$work/results"
say "$new was built, tested, listed and measured; no other file changed"
