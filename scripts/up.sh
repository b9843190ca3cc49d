#!/usr/bin/env bash
# Start Kansatsu in the background with the programs in $1, or say that it runs, and what to type next.
set -euo pipefail
if "$1/kansatsu" status >/dev/null 2>&1; then
    echo "Kansatsu already runs." >&2
else
    "$1/kansatsu" up -d 2>&1 | sed '/^Next:/,$d' >&2
fi
cat >&2 <<NEXT
Next:
  export PATH="$(cd "$1" && pwd):\$PATH"
  eval "\$(kansatsu env)"
  aws iam get-user
  kansatsu instance register NAME
  make down
NEXT
