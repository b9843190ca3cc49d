#!/usr/bin/env bash
# The image of the task story: tests/e2e/sample with its npm packages, on the image of node. Prints its name.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KANSATSU_TEST_CACHE:-$(cd "$here/../.." && pwd)/.cache}
program=$here/../e2e/sample/sample.js
base=$("$here/build.sh" node)
parent=$("$here/podman" image inspect --format '{{.Id}}' "$base")
name=localhost/kansatsu-test/sample:$({ cat "$program" "${BASH_SOURCE[0]}"; echo "$parent"; } | sha256sum | cut -c1-12)
exec 9>"$cache/sample.lock"
flock 9
if ! "$here/podman" image exists "$name"; then
  work=$(mktemp -d "$cache/build-sample.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  mkdir "$work/sample"
  cp "$program" "$work/sample/"
  (cd "$work/sample" && echo '{"private":true}' >package.json &&
    npm install --no-package-lock --no-audit --no-fund --loglevel=error aws-sdk@2 node-uuid >/dev/null)
  printf 'FROM %s\nCOPY sample /sample\nWORKDIR /sample\nCMD ["node", "sample.js"]\n' "$base" >"$work/Containerfile"
  "$here/podman" build -q --pull=never --network=none -t "$name" "$work" >/dev/null
fi
echo "$name"
