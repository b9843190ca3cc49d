"""Sends what one user, or one service, of this host asks of 169.254.169.254 to a port of its own, while this runs.

Run as `python -I -S redirect.py CHANNEL LISTENER`, inherited descriptors: a SOCK_SEQPACKET socket to the control plane
and the listening socket that the rule leads to. One packet {"table": "kansatsu_i_...", "uid": 1000} or {"table": ...,
"cgroup": "/system.slice/app.service"} is answered by {"ok": true} or {"ok": false, "message": "a sentence"}. The rule
ends with this process, and this process with the channel. Standard library and libnftables only; needs CAP_NET_ADMIN.
https://manpages.debian.org/bookworm/nftables/nft.8.en.html
"""

import ctypes
import fcntl
import json
import os
import re
import socket
import sys
from pathlib import Path
from typing import Any

_HIGH = 200  # a descriptor's number: see hold()
_TABLE = re.compile(r"kansatsu_[a-z0-9_]{1,40}")
_PATH = re.compile(r"(?:/[A-Za-z0-9_.:@\\-]+)+")
_ROOT = Path("/sys/fs/cgroup")  # where libnftables looks for control groups


class Refused(Exception):
    """No rule; the text says why."""


def rules(request: dict[str, Any], port: int) -> str:
    """The table, whole: one chain, one rule. Everything that does not match it goes its way untouched."""
    table = request["table"]
    if not _TABLE.fullmatch(table):
        raise Refused("not the name of a table")
    if "uid" in request:
        # Control groups come first: a service is more particular than its user.
        who, priority = f"meta skuid {int(request['uid'])}", -100
    else:
        path = request["cgroup"]
        if not _PATH.fullmatch(path):
            raise Refused(f"{path} is not the path of a control group")
        who, priority = f'socket cgroupv2 level {path.count("/")} "{_prefix()}{path[1:]}"', -101
    # INVARIANT: the table is owned by this process's netlink socket: the kernel removes it when the process ends,
    # however that comes about, so that no rule ever outlives the socket that it leads to.
    return (
        f"table inet {table} {{ flags owner; chain output {{ type nat hook output priority {priority}; policy accept; "
        f"{who} ip daddr 169.254.169.254 tcp dport 80 redirect to :{port}; }}; }}\n"
    )


def _prefix() -> str:
    """Where below _ROOT the second version of control groups is: "" or, beside the first, "unified/"."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        fields = line.split()
        if fields[2] == "cgroup2" and Path(fields[1]).is_relative_to(_ROOT):
            found = Path(fields[1]).relative_to(_ROOT).as_posix()
            return "" if found == "." else f"{found}/"
    raise Refused("this machine has no control groups of version 2")


def add(text: str) -> None:
    """Load the rules; what holds them is never given back."""
    try:
        library = ctypes.CDLL("libnftables.so.1")
    except OSError as error:
        raise Refused("there is no libnftables: apt install nftables") from error
    library.nft_ctx_new.restype = ctypes.c_void_p
    library.nft_ctx_get_error_buffer.restype = ctypes.c_char_p
    context = ctypes.c_void_p(library.nft_ctx_new(0))
    library.nft_ctx_buffer_error(context)
    if library.nft_run_cmd_from_buffer(context, text.encode()):
        said = (library.nft_ctx_get_error_buffer(context) or b"").decode(errors="replace").splitlines()
        raise Refused(f"nftables refuses: {said[0].removeprefix('Error: ') if said else 'no reason given'}")


def hold(listener: int) -> socket.socket:
    """INVARIANT: the port stays ours for longer than the rule that leads to it: a process that ends closes descriptors
    from the lowest, and netlink's comes to be below this one.
    """
    held = fcntl.fcntl(listener, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    os.close(listener)
    return socket.socket(fileno=held)


def main() -> int:
    channel, listener = socket.socket(fileno=int(sys.argv[1])), hold(int(sys.argv[2]))
    try:
        add(rules(json.loads(channel.recv(4096)), listener.getsockname()[1]))
    except (Refused, OSError, KeyError, ValueError) as error:
        channel.send(json.dumps({"ok": False, "message": str(error)}).encode())
        return 1
    channel.send(b'{"ok": true}')
    channel.recv(1)  # until the control plane has ended
    return 0


if __name__ == "__main__":
    sys.exit(main())
