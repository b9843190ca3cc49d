"""The loopback interface of the present network namespace: up, and with the addresses of the endpoints."""

import errno
import fcntl
import os
import socket
import struct

LOOPBACK = b"lo"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1  # <linux/sockios.h>, <linux/if.h>
RTM_NEWADDR, NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL = 20, 0x1, 0x4, 0x400, 0x200  # <linux/netlink.h>
IFA_ADDRESS, IFA_LOCAL, RT_SCOPE_HOST, NLMSG_ERROR = 1, 2, 254, 2


def bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        answer = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sH22x", LOOPBACK, 0))
        flags = struct.unpack_from("16sH", answer)[1]
        if not flags & IFF_UP:
            fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", LOOPBACK, flags | IFF_UP))


def add_address(address: str) -> None:
    """Give `lo` the address with a /32 and host scope (rtnetlink(7)); nothing happens where it is there already."""
    packed = socket.inet_aton(address)
    attributes = b"".join(struct.pack("=HH4s", 8, kind, packed) for kind in (IFA_LOCAL, IFA_ADDRESS))
    body = struct.pack("=BBBBi", socket.AF_INET, 32, 0, RT_SCOPE_HOST, socket.if_nametoindex("lo")) + attributes
    flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL
    header = struct.pack("=IHHII", 16 + len(body), RTM_NEWADDR, flags, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as netlink:
        netlink.send(header + body)
        answer = netlink.recv(4096)
    kind, code = struct.unpack_from("=H", answer, 4)[0], -struct.unpack_from("=i", answer, 16)[0]
    if kind != NLMSG_ERROR or code not in (0, errno.EEXIST):
        raise OSError(code, os.strerror(code))
