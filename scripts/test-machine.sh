#!/usr/bin/env bash
# Have what the tests use: Debian packages, container images, real clients, what the console is built with.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$PATH:/usr/sbin:/sbin"

declare -A package=(
    [podman]=podman [runc]=runc [nft]=nftables [ip]=iproute2 [iptables]=iptables [faketime]=faketime [curl]=curl [jq]=jq
    [node]=nodejs [npm]=npm [dpkg-deb]=dpkg [restic]=restic [openssl]=openssl [chromium]=chromium
    [docker-registry]=docker-registry
)
missing=()
for program in "${!package[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
find /usr/lib /lib -name 'libfaketime*.so*' -print -quit 2>/dev/null | grep -q . || missing+=(libfaketime)
# Not in PATH: Debian keeps the servers of several releases beside each other.
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing+=(postgresql-15)
# podman only recommends the programs that make its networks.
for program in netavark aardvark-dns; do
    [ -x "/usr/lib/podman/$program" ] || missing+=("$program")
done

if [ ${#missing[@]} -gt 0 ]; then
    sudo=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "The tests need these packages; install them as root: apt-get install ${missing[*]}" >&2
            exit 1
        fi
        sudo=sudo
    fi
    echo "Installing ${missing[*]} ..." >&2
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
tests/images/build.sh python node
tests/clients/install.sh >/dev/null
scripts/web.sh --install
