#!/usr/bin/env bash
# Install the package, editable and with the extras of $2, into the virtual environment $1, in the releases of
# constraints.txt: the models of botocore grow every day, and what was tested is what is installed. A pip of today resolves
# in seconds what that of Debian 12 takes minutes for; what is never imported need not be compiled.
set -euo pipefail
echo "Installing $2 into $1 (once; a minute or two) ..." >&2
pip=("$1/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" --upgrade 'pip>=25' || echo "Going on with the pip that is there." >&2
"${pip[@]}" --no-compile --constraint constraints.txt --editable "$2"
