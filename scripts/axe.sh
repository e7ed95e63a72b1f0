#!/usr/bin/env bash
# Prints the path of axe-core's script, which checks a page for accessibility. usage: scripts/axe.sh
# It is fetched once, by npm, into target/axe-core. Version and checksum are fixed, so what runs is always the same.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=4.14.1
sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
folder=${CARGO_TARGET_DIR:-$PWD/target}/axe-core/$version
script=$folder/package/axe.min.js

if [ ! -s "$script" ]; then
    command -v npm >/dev/null || { echo "npm is not installed, so axe-core can't be fetched" >&2; exit 1; }
    mkdir -p "$(dirname "$folder")"
    # A folder of its own: two tests may fetch at the same time.
    fetched=$(mktemp -d "$folder.XXXXXX")
    trap 'rm -rf "$fetched"' EXIT
    npm pack --silent --pack-destination "$fetched" "axe-core@$version" >/dev/null
    echo "$sha512  $fetched/axe-core-$version.tgz" | sha512sum --check --quiet >&2
    tar -xzf "$fetched/axe-core-$version.tgz" -C "$fetched"
    mv -T "$fetched" "$folder" 2>/dev/null || [ -s "$script" ]
fi
echo "$script"
