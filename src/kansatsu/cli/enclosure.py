"""`kansatsu run --mode ns`: the command in a network of its own, where AWS's addresses and names are Kansatsu's.

Without root and without containers: `injector.enclosure` becomes the command in new namespaces and hands its sockets to
a relay on the host's side. The command is our own child, so that terminal, signals and exit code are as without it.
"""

import asyncio
import errno
import importlib.util
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kansatsu.cli import children, relay
from kansatsu.cli.output import Exit, Failure
from kansatsu.cli.relay import Targets
from kansatsu.workload import trust

__all__ = ["Targets", "run", "without_proxies"]

_RESOLVER = f"nameserver {relay.AWS}\noptions timeout:2 attempts:2\n"
_ANSWER, _DESCRIPTORS = 65536, 16
# Per file of /proc/sys: what it says when it forbids user namespaces, and what mends that.
FORBIDDING = {
    "kernel/unprivileged_userns_clone": ("0", "sysctl -w kernel.unprivileged_userns_clone=1"),
    "kernel/apparmor_restrict_unprivileged_userns": ("1", "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"),
    "user/max_user_namespaces": ("0", "sysctl -w user.max_user_namespaces=10000"),
}


def run(command: Sequence[str], environ: Mapping[str, str], targets: Targets, authority: str, private: Path) -> int:
    """As `children.run`, in a network of its own. `private` is a directory that lasts as long as the command."""
    bundle = _bundle(authority, private)
    given = dict(environ) | dict.fromkeys(trust.VARIABLES, str(bundle))
    request = {
        "command": _latin(command),
        "environ": dict(zip(_latin(given), _latin(given.values()), strict=True)),
        "listen": targets.listeners,
        "cover": [_latin(pair) for pair in _covers(bundle, private)],
    }
    return children.through(command[0], lambda mask: _start(request, targets, private, mask))


def without_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """INVARIANT: no proxy is asked for AWS's names: what could be reached of them would be somebody else."""
    return {name: text for name, text in environ.items() if not name.lower().endswith("_proxy")}


def _latin(texts: Any) -> list[str]:
    return [os.fsencode(text).decode("latin-1") for text in texts]


def _bundle(authority: str, private: Path) -> Path:
    """A file of the authorities that this machine trusts, and ours."""
    return _written(private / "ca-certificates.crt", trust.joined(trust.of_this_machine(), authority))


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8", errors="replace")
    path.chmod(0o444)
    return path


def _covers(bundle: Path, private: Path) -> list[tuple[str, str]]:
    """What the command sees in place of the host's files: (ours, theirs), where there is one."""
    # INVARIANT: names are asked of the command's own name service: systemd-resolved and nscd answer through sockets
    # in the file system, from the host's network. /etc/resolv.conf is often a link into the directory of the former.
    resolved = private / "resolve"
    resolved.mkdir()
    files = [_written(resolved / name, _RESOLVER) for name in ("resolv.conf", "stub-resolv.conf")]
    switch = _written(private / "nsswitch.conf", _with_own_hosts(Path("/etc/nsswitch.conf")))
    pairs = [
        *((bundle, name) for name in trust.BUNDLES),
        *((resolved, name) for name in ("/run/nscd", "/run/systemd/resolve")),
        (files[0], "/etc/resolv.conf"),
        (switch, "/etc/nsswitch.conf"),
    ]
    return [(str(ours), theirs) for ours, theirs in pairs if Path(theirs).exists()]


def _with_own_hosts(file: Path) -> str:
    """How this machine looks up everything, but hosts by nothing that could leave the command's network."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines() if file.is_file() else []
    hosts = [line for line in lines if line.lstrip().startswith("hosts:")]
    ways = ["files", "dns", *(["myhostname"] if any("myhostname" in line for line in hosts) else [])]
    return "\n".join([*(line for line in lines if line not in hosts), f"hosts: {' '.join(ways)}", ""])


def _start(request: Mapping[str, Any], targets: Targets, private: Path, mask: set[int]) -> int:
    """The pid of the command, which runs; the relay runs beside it. Raises Failure, OSError."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    file = os.memfd_create("request")
    with ours, theirs, os.fdopen(file, "w+b") as written:
        written.write(json.dumps(request).encode())
        written.flush()
        written.seek(0)
        for descriptor in (theirs.fileno(), file):
            os.set_inheritable(descriptor, True)
        helper = [sys.executable, "-I", "-S", _helper(), str(theirs.fileno()), str(file)]
        child = children.spawn(helper, {}, mask)
        theirs.close()
        try:
            sockets = _received(ours)
            _relay(sockets, targets, private)
            ours.send(b"1")
            if said := ours.recv(_ANSWER):
                raise OSError(json.loads(said)["errno"], json.loads(said)["text"])
        except BaseException:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        return child


def _received(channel: socket.socket) -> list[socket.socket]:
    said, descriptors, _, _ = socket.recv_fds(channel, _ANSWER, _DESCRIPTORS)
    answer: dict[str, Any] = (
        json.loads(said) if said else {"ok": False, "step": "begin", "errno": 0, "text": "it ended by itself"}
    )
    if not answer["ok"]:
        raise _failure(answer["step"], answer["errno"], answer["text"])
    return [socket.socket(fileno=descriptor) for descriptor in descriptors]


def _relay(sockets: Sequence[socket.socket], targets: Targets, private: Path) -> None:
    """Run the relay in a process of its own, until this one has ended, however that comes about."""
    lifeline, held = socket.socketpair()
    if not os.fork():
        try:
            os.setsid()  # the terminal's signals are for the command
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            _let_go({item.fileno() for item in (*sockets, lifeline)})
            asyncio.run(relay.run(sockets, targets, lifeline))
            shutil.rmtree(private, ignore_errors=True)  # where `kansatsu run` was killed, nobody else does
        finally:
            os._exit(0)
    lifeline.close()
    for item in sockets:
        item.close()
    held.detach()  # open until this process ends


def _let_go(kept: set[int]) -> None:
    """Close what is open and not kept: whoever reads the command's output, say, is not kept waiting for us."""
    for descriptor in sorted(int(name) for name in os.listdir("/proc/self/fd")):
        if descriptor not in kept:
            with suppress(OSError):
                os.close(descriptor)
    for _ in range(3):
        os.open(os.devnull, os.O_RDWR)  # the three lowest numbers: what is free below 3


def _helper() -> str:
    found = importlib.util.find_spec("kansatsu.injector.enclosure")
    if found is None or found.origin is None:  # pragma: no cover - a broken installation
        raise Failure("The installation lacks kansatsu.injector.")
    return found.origin


def _failure(step: str, code: int, text: str) -> Failure:
    """Why there is no network of the command's own, and what can be done about it."""
    advice = "Use --mode env."
    if code in (errno.EPERM, errno.EACCES, errno.ENOSPC, errno.EUSERS):
        mends = [mend for name, (bad, mend) in FORBIDDING.items() if _says(name) == bad]
        because = f"this machine forbids user namespaces to you ({text})"
        if mends:
            because = f"this machine forbids user namespaces to you; as root: {mends[0]}"
        return Failure(f"Mode ns needs a network of its own, and {because}. Without that: --mode env.", Exit.FAILED)
    return Failure(f"Mode ns failed to {step}: {text}. {advice}", Exit.FAILED)


def _says(name: str) -> str:
    try:
        return Path("/proc/sys", name).read_text(encoding="ascii").strip()
    except OSError:
        return ""
