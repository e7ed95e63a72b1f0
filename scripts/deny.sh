#!/usr/bin/env bash
# Checks the licences and sources of all dependencies, by deny.toml. usage: scripts/deny.sh [CHECK...]
# Without arguments it needs no network once the dependencies are fetched: licenses, bans and sources. The check
# `advisories` fetches the list of known vulnerabilities.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! cargo deny --version >/dev/null 2>&1; then
    cargo install --quiet --locked cargo-deny
fi
network=(--offline)
[ $# -eq 0 ] || network=()
[ $# -gt 0 ] || set -- licenses bans sources
for manifest in Cargo.toml fuzz/Cargo.toml; do
    cargo fetch --quiet --locked --manifest-path "$manifest"
    cargo deny --locked ${network[@]+"${network[@]}"} --manifest-path "$manifest" --config "$PWD/deny.toml" check "$@"
done
