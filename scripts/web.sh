#!/usr/bin/env bash
# Build the console from web/ and put it in the package; with --check, say whether what is committed is that build; with
# --install, only have what the build and the tests of the console need.
set -euo pipefail
cd "$(dirname "$0")/../web"
kept=../src/kansatsu/console/static

hashes() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs sha256sum); }

# What npm ci installs is named by the lock file: once is enough.
lock=$(sha256sum package-lock.json | cut -d' ' -f1)
if [ "$(cat node_modules/.of-lock 2>/dev/null)" != "$lock" ]; then
    npm ci --no-audit --no-fund --ignore-scripts --prefer-offline --loglevel=error >/dev/null
    echo "$lock" >node_modules/.of-lock
fi
if [ "${1:-}" = --install ]; then exit; fi
npx --no-install tsc --noEmit
if [ "${1:-}" != --check ]; then
    npx --no-install vite build
    exit
fi
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
npx --no-install vite build --outDir "$built" --emptyOutDir
if ! diff <(hashes "$kept") <(hashes "$built"); then
    echo "The console in src/kansatsu/console/static is not the build of web/: run scripts/web.sh and commit it." >&2
    exit 1
fi
