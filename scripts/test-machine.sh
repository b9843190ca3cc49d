#!/usr/bin/env bash
# Install the Debian packages that the tests use, where they are missing.
set -euo pipefail

declare -A package=(
    [podman]=podman [runc]=runc [nft]=nftables [ip]=iproute2 [iptables]=iptables [faketime]=faketime [curl]=curl [jq]=jq
    [node]=nodejs [npm]=npm [dpkg-deb]=dpkg [restic]=restic [openssl]=openssl [chromium]=chromium
    [docker-registry]=docker-registry
)
missing=()
for program in "${!package[@]}"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "$program" >/dev/null || missing+=("${package[$program]}")
done
find /usr/lib /lib -name 'libfaketime*.so*' -print -quit 2>/dev/null | grep -q . || missing+=(libfaketime)
# Not in PATH: Debian keeps the servers of several releases beside each other.
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing+=(postgresql-15)
# podman only recommends the programs that make its networks.
for program in netavark aardvark-dns; do
    [ -x "/usr/lib/podman/$program" ] || missing+=("$program")
done
[ ${#missing[@]} -gt 0 ] || exit 0

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
