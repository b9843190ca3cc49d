#!/usr/bin/env bash
# End Kansatsu with the programs in $1, in the words of make.
set -euo pipefail
"$1/kansatsu" down 2>&1 | sed 's/^Next: .*/Next: make up/; s/`kansatsu up -d`/`make up`/' >&2
