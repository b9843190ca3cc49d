#!/usr/bin/env bash
# Write the newest releases of all dependencies, as pip resolves them for a new virtual environment, into $1.
set -euo pipefail
fresh=$(mktemp -d)
trap 'rm -rf "$fresh"' EXIT
scripts/venv.sh "$fresh"
"$fresh/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[aws,dev]'
"$fresh/bin/python" -m pip freeze --exclude-editable > "$1"
