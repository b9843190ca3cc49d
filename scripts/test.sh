#!/usr/bin/env bash
# Run all tests with the programs in $1; further arguments go to pytest.
# Three workers, though the machine may have two cores: the one with the containers mostly waits (tests/scheduling.py).
# The last line is pytest's own.
set -euo pipefail
bin=$1
shift
if [ "$(id -u)" != 0 ]; then
    echo "The tests make network namespaces and containers: run \`sudo make test\`." >&2
    exit 1
fi
export AWS_EC2_METADATA_DISABLED=true
unset PYTHONDONTWRITEBYTECODE # else each of the hundreds of processes that the tests start compiles Kansatsu anew
PATH="$PATH:/usr/sbin:/sbin"

exec "$bin/python" -m pytest -n "${PYTEST_WORKERS:-3}" --dist loadgroup "$@"
