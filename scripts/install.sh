#!/usr/bin/env bash
# Install the package, editable and with the extras of $2, into the virtual environment $1, in the releases of
# constraints.txt: the models of botocore grow every day, and what was tested is what is installed.
set -euo pipefail
echo "Installing $2 into $1 (once; a minute or two) ..." >&2
"$1/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable "$2"
