"""Opens listening sockets inside other processes' network namespaces, so that only this file ever needs privileges.

Run as `python -I -S __main__.py FD`; FD is a SOCK_SEQPACKET socket to the control plane, whose end is ours too.
One JSON object per packet in each direction:

    {"op": "listen", "pid": 7, "start_time": 123, "binds": [{"address": "169.254.169.254", "port": 80}]}
    -> {"ok": true, "counts": [2]} and that many descriptors per bind (SCM_RIGHTS): the listener, and what must stay
       open as long as it where connections are steered to it (see `steering`)
    a bind with "kind": "udp" is a datagram socket there, never steered; "ask", at 0.0.0.0 and port 0, only asks others
    {"op": "check"} -> {"ok": true, "uid": 0, "privileged": true}
    anything that fails -> {"ok": false, "code": "gone", "message": "a sentence"}

`start_time` is field 22 of /proc/PID/stat (clock ticks since boot): with the pid it names one process for ever.
Standard library only, and single-threaded: a process with threads may not enter a user namespace (setns(2)).
"""

import contextlib
import ctypes
import errno
import ipaddress
import json
import os
import select
import socket
import sys
from pathlib import Path
from typing import Any, NamedTuple

sys.path.append(str(Path(__file__).parents[2]))  # -I leaves the package out; last, so that it hides nothing

from kansatsu.injector.loopback import LOOPBACK, add_address, bring_up_loopback
from kansatsu.injector.steering import steer

CLONE_NEWUSER = 0x10000000  # <linux/sched.h>
CLONE_NEWNET = 0x40000000
CAP_SYS_ADMIN = 21  # <linux/capability.h>
MAX_PACKET = 16384
MAX_BINDS = 16
BACKLOG = 128
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
STEERED = 64089  # added to a port: above those that Linux hands out by itself
ANYWHERE = "0.0.0.0"  # noqa: S104 - nothing listens there


class Refused(Exception):
    """What the control plane is told instead of descriptors: a code for programs and a sentence for people."""

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class Bind(NamedTuple):
    address: str
    port: int
    kind: str = "tcp"  # "udp", "ask"


class Request(NamedTuple):
    pid: int
    start_time: int
    binds: tuple[Bind, ...]


def parse(message: dict[str, Any]) -> Request:
    """Check a listen request. What is not an address of the workload's own loopback is refused."""
    try:
        pid, start_time = int(message["pid"]), int(message["start_time"])
        binds = tuple(
            Bind(str(ipaddress.IPv4Address(b["address"])), int(b["port"]), str(b.get("kind", "tcp")))
            for b in message["binds"]
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused("invalid", f"not a listen request: {error}") from error
    if pid <= 0 or not 0 < len(binds) <= MAX_BINDS:
        raise Refused("invalid", "a listen request needs a pid and 1 to 16 addresses")
    for bind in binds:
        if bind == (ANYWHERE, 0, "ask"):
            continue
        address = ipaddress.IPv4Address(bind.address)
        # INVARIANT: only addresses that never leave a machine; a routable one would publish the credentials.
        if not (address.is_loopback or address.is_link_local) or not 0 < bind.port < 65536:
            raise Refused("invalid", f"{bind.address}:{bind.port} is neither a loopback nor a link-local address")
        if bind.kind not in KINDS:
            raise Refused("invalid", f"{bind.kind} is no kind of socket")
    return Request(pid, start_time, binds)


def start_time_of(pid: int) -> int:
    """Field 22 of /proc/PID/stat; the command name before it may hold spaces and parentheses."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])


def namespace_id(path: str) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_dev, status.st_ino


def own_namespaces() -> set[tuple[int, int]]:
    """The network namespaces of the host: this process's own, and that of process 1."""
    found = {namespace_id("/proc/self/ns/net")}
    with contextlib.suppress(OSError):  # without privileges process 1 cannot be looked at, nor its namespace entered
        found.add(namespace_id("/proc/1/ns/net"))
    return found


def open_namespaces(request: Request) -> tuple[int, int]:
    """Descriptors of the process's network and user namespaces, certain to be those of the process that was meant."""
    gone = Refused("gone", f"process {request.pid} is gone (or its number now belongs to another process)")
    pidfd = -1
    try:
        pidfd = os.pidfd_open(request.pid)
        before = start_time_of(request.pid)
        network = os.open(f"/proc/{request.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        user = os.open(f"/proc/{request.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        after = start_time_of(request.pid)
        exited = bool(select.select([pidfd], [], [], 0)[0])
    except (FileNotFoundError, ProcessLookupError) as error:
        raise gone from error
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise forbidden(request.pid) from error
        raise gone from error
    finally:
        if pidfd >= 0:
            os.close(pidfd)
    # INVARIANT: a pid that was reused never gets the identity of the process that had it before. The pidfd pins the
    # number while its process lives, so the namespaces opened in between are that process's.
    if exited or before != request.start_time or after != request.start_time:
        os.close(network)
        os.close(user)
        raise gone
    return network, user


def forbidden(pid: int) -> Refused:
    return Refused(
        "forbidden",
        f"entering the network namespace of process {pid} is not permitted: run Kansatsu as root (CAP_SYS_ADMIN), "
        "or as the user whose rootless podman started the container",
    )


def setns(descriptor: int, kind: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, kind):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def enter(pid: int, network: int, user: int) -> None:
    """Move this process into the namespaces; by way of the user namespace where that is what gives the right to."""
    try:
        setns(network, CLONE_NEWNET)
    except PermissionError:
        try:
            setns(user, CLONE_NEWUSER)
            setns(network, CLONE_NEWNET)
        except OSError as error:
            raise forbidden(pid) from error


def listen(bind: Bind) -> socket.socket:
    listener = socket.socket(socket.AF_INET, KINDS[bind.kind])
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # INVARIANT: only what arrives on this namespace's own loopback is answered. Without it a neighbour that may
    # change its routes sends the address to this workload's other interfaces and is given its credentials.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, LOOPBACK)
    listener.bind((bind.address, bind.port))
    if bind.kind == "tcp":
        listener.listen(BACKLOG)
    return listener


def ask_from() -> socket.socket:
    """A datagram socket of this namespace with whatever address its routes give it: it can ask, and serves nobody."""
    asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asking.bind((ANYWHERE, 0))
    return asking


def listen_steered(bind: Bind, network: int) -> list[int]:
    """Descriptors of a listener on a port nobody uses, and of what makes it answer at `bind`. Raises Refused."""
    try:
        listener = listen(Bind(bind.address, STEERED + bind.port))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        # INVARIANT: never steer twice: the kernel would follow the later one, and take the endpoint from its owner.
        text = f"{bind.address}:{STEERED + bind.port} is taken: another Kansatsu serves this network namespace already"
        raise Refused("in-use", text) from error
    with listener:
        guard = steer(network, [(bind.address, bind.port, listener)])
        return [listener.detach(), guard]


def open_listener(bind: Bind, network: int) -> list[int]:
    """Descriptors: the listener for `bind`, and what must stay open with it, if anything."""
    if bind.kind == "ask":
        return [ask_from().detach()]
    if ipaddress.IPv4Address(bind.address).is_loopback:
        return [listen(bind).detach()]
    add_address(bind.address)
    # A datagram from another port than the one that was asked is no answer, so it cannot come from a steered one.
    if bind.kind == "udp" or STEERED + bind.port > 65535:
        return [listen(bind).detach()]
    try:
        return listen_steered(bind, network)
    except OSError:  # an older kernel, or a user without the right to: then the workload itself cannot use that port
        return [listen(bind).detach()]


def listen_all(request: Request, network: int) -> list[list[int]]:
    """Addresses and listeners in the namespace that this process is in; all or none."""
    opened: list[list[int]] = []
    where = "lo"
    try:
        bring_up_loopback()
        for bind in request.binds:
            where = f"{bind.address}:{bind.port}"
            opened.append(open_listener(bind, network))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            text = (
                f"{where} is taken inside the network namespace of process {request.pid}: something there listens on it"
            )
            raise Refused("in-use", text) from error
        raise Refused("failed", f"listening on {where} for process {request.pid}: {error.strerror}") from error
    return opened


def serve_in_child(channel: socket.socket, request: Request, network: int, user: int) -> None:
    """The work of one request, in a child: it never comes back out of the namespace, so nothing can be left there."""
    try:
        enter(request.pid, network, user)
        opened = listen_all(request, network)
    except Refused as refusal:
        reply(channel, refusal)
        return
    counts = [len(descriptors) for descriptors in opened]
    socket.send_fds(
        channel, [json.dumps({"ok": True, "counts": counts}).encode()], [fd for fds in opened for fd in fds]
    )


def reply(channel: socket.socket, refusal: Refused) -> None:
    channel.send(json.dumps({"ok": False, "code": refusal.code, "message": str(refusal)}).encode())


def run_listen(channel: socket.socket, message: dict[str, Any], own: set[tuple[int, int]]) -> None:
    request = parse(message)
    network, user = open_namespaces(request)
    try:
        # INVARIANT: never on a host's interface: on a cloud machine it would shadow that cloud's own service, and
        # every process of the host would be given the workload's credentials.
        if namespace_id(f"/proc/self/fd/{network}") in own:
            text = (
                f"process {request.pid} shares the host's network: use `kansatsu run`, or give it a network of its own"
            )
            raise Refused("host-network", text)
        child = os.fork()
        if not child:
            code = 1
            try:
                serve_in_child(channel, request, network, user)
                code = 0
            finally:
                os._exit(code)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            raise Refused("failed", f"the injector failed for process {request.pid}: see standard error")
    finally:
        os.close(network)
        os.close(user)


def privileged() -> bool:
    with open("/proc/self/status") as file:
        effective = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> CAP_SYS_ADMIN & 1)


def handle(channel: socket.socket, packet: bytes, own: set[tuple[int, int]]) -> None:
    try:
        message = json.loads(packet)
    except ValueError as error:
        raise Refused("invalid", f"not JSON: {error}") from error
    if not isinstance(message, dict) or message.get("op") not in ("listen", "check"):
        raise Refused("invalid", "unknown operation")
    if message["op"] == "check":
        channel.send(json.dumps({"ok": True, "uid": os.geteuid(), "privileged": privileged()}).encode())
    else:
        run_listen(channel, message, own)


def main() -> int:
    channel = socket.socket(fileno=int(sys.argv[1]))
    own = own_namespaces()
    while packet := channel.recv(MAX_PACKET):
        try:
            handle(channel, packet, own)
        except Refused as refusal:
            reply(channel, refusal)
        except OSError as error:
            reply(channel, Refused("failed", f"the injector failed: {error}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
