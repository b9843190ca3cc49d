"""Becomes a command in a network and a view of files of its own, and hands out the sockets that it will talk to.

Run as `python -I -S enclosure.py CHANNEL REQUEST`: CHANNEL is a SOCK_SEQPACKET socket to `kansatsu run`, REQUEST a
file (both inherited descriptors) with one JSON object; texts are bytes, spelt as Latin-1:

    {"command": [...], "environ": {...}, "listen": [["tcp", "169.254.169.254", 80], ["udp", ...]],
     "cover": [["/private/resolv.conf", "/etc/resolv.conf"], ...]}

First answer: {"ok": true} with the sockets in that order (SCM_RIGHTS), or {"ok": false, "step": ..., "errno": ...}.
Any packet then makes it run the command. The channel closes when that has begun; {"ok": false, "step": "exec"} comes
when it could not. Standard library only, single-threaded (unshare(2)), and nothing here needs to be root.
"""

import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))  # -I leaves the package out; last, so that it hides nothing

from kansatsu.injector.loopback import LOOPBACK, add_address, bring_up_loopback

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000  # <linux/sched.h>
MS_BIND, MS_REC, MS_SLAVE = 4096, 16384, 1 << 19  # <linux/mount.h>
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
BACKLOG = 128
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def unshare() -> None:
    """A network and a mount namespace of our own; without root by way of a user namespace, in which we are who we are.

    There is one user and one group in it, and executing the command gives up what rights over it we have.
    """
    user, group = os.geteuid(), os.getegid()
    alone = CLONE_NEWUSER if user else 0
    check(LIBC.unshare(alone | CLONE_NEWNET | CLONE_NEWNS))
    if alone:
        Path("/proc/self/setgroups").write_text("deny")  # else no gid_map without privileges: user_namespaces(7)
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    # INVARIANT: what is mounted from here on is seen by the command alone, and never by the host.
    check(LIBC.mount(None, b"/", None, MS_REC | MS_SLAVE, None))


def cover(pairs: Sequence[Sequence[str]]) -> None:
    """Let the command see our file where another one is."""
    for ours, theirs in pairs:
        check(LIBC.mount(ours.encode("latin-1"), theirs.encode("latin-1"), None, MS_BIND, None))


def listen(wanted: Sequence[Sequence[Any]]) -> list[socket.socket]:
    """Sockets on addresses of `lo`, which is all that this network has: nothing leads out of it."""
    bring_up_loopback()
    opened = []
    for kind, address, port in wanted:
        if not address.startswith("127."):
            add_address(address)
        item = socket.socket(socket.AF_INET, KINDS[kind])
        item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        item.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LOOPBACK)
        item.bind((address, port))
        if kind == "tcp":
            item.listen(BACKLOG)
        opened.append(item)
    return opened


def execute(command: Sequence[str], environ: dict[str, str]) -> None:
    """Become the command, with signals as a program finds them that was not started by Python."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    os.execvpe(  # noqa: S606 - the command that the user gave
        command[0].encode("latin-1"),
        [word.encode("latin-1") for word in command],
        {name.encode("latin-1"): text.encode("latin-1") for name, text in environ.items()},
    )


def say(channel: socket.socket, step: str, error: OSError) -> None:
    channel.send(json.dumps({"ok": False, "step": step, "errno": error.errno, "text": error.strerror}).encode())


def main() -> int:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    channel, file = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    channel.set_inheritable(False)
    with os.fdopen(file, "rb") as text:
        request = json.load(text)
    opened: list[socket.socket] = []
    steps: list[tuple[str, Callable[[], object]]] = [
        ("unshare", unshare),
        ("listen", lambda: opened.extend(listen(request["listen"]))),
        ("cover", lambda: cover(request["cover"])),
    ]
    for step, action in steps:
        try:
            action()
        except OSError as error:
            say(channel, step, error)
            return 1
    socket.send_fds(channel, [b'{"ok": true}'], [item.fileno() for item in opened])
    for item in opened:
        item.close()
    if not channel.recv(1):
        return 1  # `kansatsu run` is gone
    try:
        execute(request["command"], request["environ"])
    except OSError as error:
        say(channel, "exec", error)
    return 127


if __name__ == "__main__":
    sys.exit(main())
