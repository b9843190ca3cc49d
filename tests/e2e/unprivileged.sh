#!/bin/sh
# Run a command as nobody. usage: unprivileged.sh [CLOSED OPENED] -- COMMAND...
# CLOSED is a directory that only its owner may enter, OPENED one directly in it: in a view of the files of this
# process's own, OPENED is there and nothing else of CLOSED. Run it by `unshare --mount`.
set -eu
if [ "$1" != -- ]; then
    hold=$(mktemp -d)
    mount --bind "$2" "$hold"
    mount -t tmpfs -o mode=755 tmpfs "$1"
    mkdir "$2"
    mount --bind "$hold" "$2"
    umount "$hold"
    rmdir "$hold"
    shift 2
fi
shift
exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
