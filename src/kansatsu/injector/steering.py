"""Lets a workload keep port 80: connections to an endpoint's address find our socket although that is elsewhere.

A listener on 169.254.169.254:80 and a web server on 0.0.0.0:80 exclude one another in one network namespace, in either
order. So the endpoint listens on a port of its own, and a program that the kernel runs before it looks for a listener
(BPF sk_lookup, Linux 5.17) sends what arrives on `lo` for the endpoint's address and port there.
https://docs.kernel.org/bpf/prog_sk_lookup.html
"""

import ctypes
import os
import platform
import socket
import struct
from collections.abc import Sequence

# bpf(2), <linux/bpf.h>
_SYSCALL = {"x86_64": 321, "aarch64": 280}
_MAP_CREATE, _MAP_UPDATE, _PROG_LOAD, _LINK_CREATE = 0, 2, 5, 28
_SOCKMAP, _PROG_SK_LOOKUP, _ATTACH_SK_LOOKUP = 15, 30, 36
_PROTOCOL, _LOCAL_IP4, _LOCAL_PORT, _INTERFACE = 12, 40, 60, 64  # struct bpf_sk_lookup
_MAP_LOOKUP, _SK_RELEASE, _SK_ASSIGN = 1, 86, 124  # helper functions
_SK_PASS = 1


def steer(network: int, targets: Sequence[tuple[str, int, socket.socket]]) -> int:
    """Send what arrives on `lo` of the present namespace for (address, port) to that listener.

    `network` is a descriptor of the same namespace. Returns a descriptor: while it or a duplicate is open, this
    holds. Raises OSError where the kernel cannot (too old, no CAP_BPF and CAP_NET_ADMIN, another machine type).
    """
    sockets = _bpf(_MAP_CREATE, struct.pack("=IIIII", _SOCKMAP, 4, 8, len(targets), 0))
    program = -1
    try:
        for index, (_, _, listener) in enumerate(targets):
            key, value = ctypes.c_uint32(index), ctypes.c_uint64(listener.fileno())
            pointers = ctypes.addressof(key), ctypes.addressof(value)
            _bpf(_MAP_UPDATE, struct.pack("=IxxxxQQQ", sockets, *pointers, 0))
        program = _load(_program(sockets, [(address, port) for address, port, _ in targets]))
        return _bpf(_LINK_CREATE, struct.pack("=IIII", program, network, _ATTACH_SK_LOOKUP, 0))
    finally:  # the link keeps both alive
        os.close(sockets)
        if program >= 0:
            os.close(program)


def _program(sockets: int, targets: Sequence[tuple[str, int]]) -> bytes:
    """In order: TCP only, `lo` only, then each target; whatever does not fit takes the kernel's usual way."""
    # INVARIANT: only what arrives on this namespace's own loopback is steered. A socket that this program picks is not
    # asked which interface it is bound to: a neighbour could not finish a connection, but could fill its backlog.
    checks = [_load_word(2, 6, _PROTOCOL), (0x56, 2, 0, "end", socket.IPPROTO_TCP)]
    checks += [_load_word(2, 6, _INTERFACE), (0x56, 2, 0, "end", socket.if_nametoindex("lo"))]
    code: list[tuple[int, int, int, int | str, int]] = [(0xBF, 6, 1, 0, 0), *checks]  # r6 = context
    for index, (address, port) in enumerate(targets):
        number = struct.unpack("=i", socket.inet_aton(address))[0]
        block = [
            _load_word(2, 6, _LOCAL_IP4), (0x56, 2, 0, "next", number),
            _load_word(2, 6, _LOCAL_PORT), (0x56, 2, 0, "next", port),
            (0x62, 10, 0, -4, index),  # stack: the key
            (0xBF, 2, 10, 0, 0), (0x07, 2, 0, 0, -4),  # r2 = its address
            (0x18, 1, 1, 0, sockets), (0, 0, 0, 0, 0), (0x85, 0, 0, 0, _MAP_LOOKUP),
            (0x15, 0, 0, "end", 0),  # closed meanwhile
            (0xBF, 7, 0, 0, 0), (0xBF, 1, 6, 0, 0), (0xBF, 2, 7, 0, 0), (0xB7, 3, 0, 0, 0), (0x85, 0, 0, 0, _SK_ASSIGN),
            (0xBF, 1, 7, 0, 0), (0x85, 0, 0, 0, _SK_RELEASE),
            (0x05, 0, 0, "end", 0),
        ]  # fmt: skip
        code += [_resolved(item, "next", len(block) - at - 1) for at, item in enumerate(block)]
    end = len(code)
    code = [_resolved(item, "end", end - at - 1) for at, item in enumerate(code)]
    code += [(0xB7, 0, 0, 0, _SK_PASS), (0x95, 0, 0, 0, 0)]
    return b"".join(struct.pack("=BBhi", op, to | source << 4, off, value) for op, to, source, off, value in code)


def _load_word(to: int, source: int, offset: int) -> tuple[int, int, int, int | str, int]:
    return 0x61, to, source, offset, 0


def _resolved(
    item: tuple[int, int, int, int | str, int], label: str, distance: int
) -> tuple[int, int, int, int | str, int]:
    op, to, source, offset, value = item
    return op, to, source, distance if offset == label else offset, value


def _load(program: bytes) -> int:
    code, licence = ctypes.create_string_buffer(program), ctypes.create_string_buffer(b"Apache-2.0")
    head = struct.pack("=IIQQ", _PROG_SK_LOOKUP, len(program) // 8, ctypes.addressof(code), ctypes.addressof(licence))
    rest = struct.pack("=IIQII16sII", 0, 0, 0, 0, 0, b"kansatsu", 0, _ATTACH_SK_LOOKUP)
    return _bpf(_PROG_LOAD, head + rest)


def _bpf(command: int, attributes: bytes) -> int:
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(f"no bpf(2) for {platform.machine()}")
    buffer = ctypes.create_string_buffer(attributes, 128)  # what is not given is zero
    libc = ctypes.CDLL(None, use_errno=True)
    result = int(libc.syscall(number, command, buffer, len(buffer)))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
