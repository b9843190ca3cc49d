#!/usr/bin/env bash
# Build the images of the tests, install the clients that they run, and run all tests with the programs in $1; further arguments go to pytest.
# Tests marked `root` share one worker (tests/conftest.py). The last line is pytest's own.
set -euo pipefail
bin=$1
shift
if [ "$(id -u)" != 0 ]; then
    echo "The tests make network namespaces and containers: run \`sudo make test\`." >&2
    exit 1
fi
export AWS_EC2_METADATA_DISABLED=true
PATH="$PATH:/usr/sbin:/sbin"
tests/images/build.sh python node
tests/clients/install.sh >/dev/null
exec "$bin/python" -m pytest -n "${PYTEST_WORKERS:-2}" --dist loadgroup "$@"
