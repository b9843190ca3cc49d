"""Whose a connection is: the user and the control group of the socket at its other end, on this host.

sock_diag(7), <linux/inet_diag.h>
"""

import socket
import struct
from dataclasses import dataclass
from pathlib import Path

_BY_FAMILY, _REQUEST, _ERROR = 20, 1, 2
_CGROUP_ID = 21
_HEAD, _MESSAGE = 16, 72  # bytes of struct nlmsghdr and struct inet_diag_msg
_UID_AT = 64


@dataclass(frozen=True, slots=True)
class Owner:
    uid: int
    cgroup: int  # the inode of its directory; 0 where the kernel does not say


def owner(local: tuple[str, int], remote: tuple[str, int]) -> Owner | None:
    """Of the TCP socket of this host, in this network namespace, with these ends; None when there is none."""
    ends = struct.pack("!HH4s12x4s12x", local[1], remote[1], socket.inet_aton(local[0]), socket.inet_aton(remote[0]))
    asked = struct.pack("=BBBxI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF) + ends
    asked += struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:  # NETLINK_SOCK_DIAG
        netlink.send(struct.pack("=IHHII", _HEAD + len(asked), _BY_FAMILY, _REQUEST, 1, 0) + asked)
        answer = netlink.recv(8192)
    length, kind = struct.unpack_from("=IH", answer)
    if kind != _BY_FAMILY or length < _HEAD + _MESSAGE:
        return None
    (uid,) = struct.unpack_from("=I", answer, _HEAD + _UID_AT)
    return Owner(uid, _attribute(answer[_HEAD + _MESSAGE : length]))


def _attribute(data: bytes) -> int:
    at = 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if kind == _CGROUP_ID and length == 12:
            found: int = struct.unpack_from("=Q", data, at + 4)[0]
            return found
        at += (max(length, 4) + 3) & ~3
    return 0


def cgroup_root() -> Path | None:
    """Where the second version of control groups is mounted."""
    for line in Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        if fields[2] == "cgroup2":
            return Path(fields[1])
    return None


def own_cgroup() -> str:
    """The path of the control group that this process is in."""
    lines = Path("/proc/self/cgroup").read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")


def cgroups_below(path: str) -> frozenset[int]:
    """Inodes of a control group and all below it; none when it is gone."""
    root = cgroup_root()
    if root is None:
        return frozenset()
    top = root / path.lstrip("/")
    try:
        return frozenset(entry.stat().st_ino for entry in (top, *top.rglob("*/")) if entry.is_dir())
    except OSError:  # something below it ended at this moment: it is looked at again for the next connection
        return frozenset()
