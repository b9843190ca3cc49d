#!/usr/bin/env bash
# Build the images of the tests and run all tests with the programs in $1; further arguments go to pytest.
# Tests marked `root` come last and one after another: they share the engine, its networks and fixed addresses.
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
tests/images/build.sh python node
tests/clients/install.sh >/dev/null
scripts/web.sh --install

ran=0
some() { # some ARGUMENTS...: pytest, for which finding no test is no failure as long as the other part has some
    local code=0
    "$bin/python" -m pytest "$@" || code=$?
    if [ "$code" = 5 ]; then return 0; fi
    ran=1
    return "$code"
}
some -m 'not root' -n "${PYTEST_WORKERS:-2}" --dist loadgroup "$@"
if [ $# = 0 ]; then # the files that have some: the others need not be read once more
    mapfile -t marked < <(grep -rl 'mark\.root' tests --include='test_*.py')
    set -- "${marked[@]}"
fi
some -m root -n 0 "$@"
[ "$ran" = 1 ] || exit 5
