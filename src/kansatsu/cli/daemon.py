"""A data directory belongs to one server at a time: the lock, the bound socket, the pid file, and how to find them.

INVARIANT: a process is signalled only while it holds the lock of the data directory and its start time is the one in
the pid file; a reused pid is somebody else's process.
"""

import errno
import fcntl
import os
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from kansatsu.cli import ports
from kansatsu.cli.output import Exit, Failure, again, say
from kansatsu.cli.values import Address

PID_FILE, LOCK_FILE, LOG_FILE, CREDENTIALS_FILE = "kansatsu.pid", "lock", "kansatsu.log", "credentials"
HEALTH_PATH = "/_kansatsu/health"
# A unix socket's path has 107 bytes (unix(7)); the backend's socket is in the data directory.
_LONGEST_DIRECTORY = 80


@dataclass(frozen=True, slots=True)
class Running:
    """A server that holds its data directory: its pid, its kernel start time (clock ticks since boot), its URL."""

    pid: int
    started: int
    endpoint: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What `up` holds before anything is started: the lock (a descriptor), the listening socket, its address."""

    lock: int
    sock: socket.socket
    address: Address


def claim(data_dir: Path, listen: Address) -> Claim:
    """Take the directory and the port, or fail with a sentence and leave nothing behind."""
    with ExitStack() as undo:
        _make(data_dir, undo)
        lock = _lock(data_dir, undo)
        sock = _bind(listen)
        undo.pop_all()
    host, port = sock.getsockname()[:2]
    return Claim(lock, sock, Address(host, port))


def _make(data_dir: Path, undo: ExitStack) -> None:
    if len(os.fsencode(data_dir)) > _LONGEST_DIRECTORY:
        raise Failure(
            f"The path {data_dir} is too long for the sockets in it (at most {_LONGEST_DIRECTORY} bytes); "
            "choose another with --data-dir."
        )
    missing = [path for path in (data_dir, *data_dir.parents) if not path.exists()]
    try:
        for path in reversed(missing):
            path.mkdir(mode=0o700)
            undo.callback(_quietly, path.rmdir)
        if not data_dir.is_dir():
            raise NotADirectoryError
        if is_anothers(data_dir):
            raise not_yours(data_dir)
        if not os.access(data_dir, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "Permission denied")
    except OSError as error:
        why = error.strerror or "it is not a directory"
        raise Failure(
            f"The data directory {data_dir} cannot be written: {why}; choose another with --data-dir."
        ) from None
    # INVARIANT: nobody else can put files in the directory that holds keys.
    if data_dir.stat().st_mode & stat.S_IWOTH:
        raise Failure(f"Other users can write to {data_dir}; run `chmod o-w {data_dir}` or choose another directory.")
    if not missing and not any(data_dir.iterdir()):  # an empty one becomes ours; one with other things in it stays
        undo.callback(_quietly, partial(data_dir.chmod, stat.S_IMODE(data_dir.stat().st_mode)))
        data_dir.chmod(0o700)


# An open file description lock (fcntl(2)) over the whole file: it survives fork, ends with its holder, and can be asked
# about without taking it.
def _flock(kind: int) -> bytes:
    return struct.pack("hhqqi0q", kind, os.SEEK_SET, 0, 0, 0)


def _lock(data_dir: Path, undo: ExitStack) -> int:
    path = data_dir / LOCK_FILE
    new = not path.exists()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Failure(f"The data directory {data_dir} cannot be written: {error.strerror}.") from None
    undo.callback(os.close, descriptor)
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _flock(fcntl.F_WRLCK))
        if os.fstat(descriptor).st_ino != path.stat().st_ino:
            raise BlockingIOError  # removed meanwhile by another start that failed
    except (BlockingIOError, PermissionError, FileNotFoundError):
        other = _read(data_dir)
        who = f" (process {other.pid}, {other.endpoint})" if other else ""
        raise Failure(
            f"Kansatsu already runs on {data_dir}{who}; stop it with `{again('down')}`, or choose another --data-dir."
        ) from None
    if new:
        undo.callback(_quietly, path.unlink)
    return descriptor


def _bind(listen: Address) -> socket.socket:
    try:
        family, kind, proto, _, target = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise Failure(f"{listen.host} is not an address of this machine; choose another with --listen.") from None
    sock = socket.socket(family, kind, proto)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(target)
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise Failure(_bind_sentence(listen, error)) from None
    return sock


def _bind_sentence(listen: Address, error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"Port {listen.port} needs root; choose a port above 1023 with --listen."
    if error.errno != errno.EADDRINUSE:
        return f"{listen.host} is not an address of this machine; choose another with --listen."
    holder = ports.holder(listen.port)
    by = f"by {holder}" if holder else "by another process"
    return f"Port {listen.port} on {listen.host} is in use {by}; choose another with --listen."


def _quietly(remove: Callable[[], None]) -> None:
    try:
        remove()
    except OSError:
        return


def write_pid(data_dir: Path, endpoint: str) -> None:
    """Lines: pid, kernel start time, endpoint."""
    temporary = data_dir / (PID_FILE + ".new")
    temporary.write_text(f"{os.getpid()}\n{ports.start_time(os.getpid())}\n{endpoint}\n", encoding="ascii")
    temporary.replace(data_dir / PID_FILE)


def remove_pid(data_dir: Path) -> None:
    _quietly((data_dir / PID_FILE).unlink)


def _read(data_dir: Path) -> Running | None:
    try:
        pid, started, endpoint = (data_dir / PID_FILE).read_text(encoding="ascii").split()
        return Running(int(pid), int(started), endpoint)
    except (OSError, ValueError):
        return None


def _locked(data_dir: Path) -> bool:
    try:
        descriptor = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _flock(fcntl.F_WRLCK))
        return bool(struct.unpack_from("h", answer)[0] != fcntl.F_UNLCK)
    finally:
        os.close(descriptor)


def running(data_dir: Path) -> Running | None:
    """The server that holds `data_dir`, or None; a stale pid file or a reused pid is None."""
    found = _read(data_dir)
    if found is None or not _locked(data_dir) or ports.start_time(found.pid) != found.started:
        return None
    return found


def is_anothers(data_dir: Path) -> bool:
    """Whether the directory is there and belongs to somebody else, whose files we cannot read."""
    try:
        return os.geteuid() not in (0, data_dir.stat().st_uid)
    except OSError:
        return False


def not_yours(data_dir: Path) -> Failure:
    """The sentence for another user's data directory."""
    return Failure(f"The data directory {data_dir} belongs to another user.", Exit.DENIED)


def require_running(data_dir: Path) -> Running:
    """The server that holds `data_dir`; ends the command with exit 3 if there is none."""
    found = running(data_dir)
    if found is None:
        if is_anothers(data_dir):
            raise not_yours(data_dir)
        raise Failure(f"Kansatsu does not run on {data_dir}; start it with `{again('up -d')}`.", Exit.NOT_RUNNING)
    return found


def endpoint(data_dir: Path, listen: Address) -> str:
    """Where the server of `data_dir` is, or will be; while it does not run a sentence says so. Raises Failure where
    nobody can know: with port 0 each start takes a free one."""
    if found := running(data_dir):
        return found.endpoint
    start = f"start it with `{again('up -d')}`"
    if listen.port == 0:
        why = f"Kansatsu does not run on {data_dir}, and takes a free port when it starts ({listen})"
        raise Failure(f"{why}; {start} first.", Exit.NOT_RUNNING)
    say(f"Kansatsu does not run on {data_dir} now; {start}.")
    return listen.url


def health(endpoint: str, timeout: float = 2.0) -> int:
    """The HTTP status of the health path; 0 when there is no answer within `timeout` seconds."""
    return ask_health(endpoint, timeout)[0]


def ask_health(endpoint: str, timeout: float = 2.0) -> tuple[int, dict[str, Any]]:
    """The HTTP status of the health path, and what it says; (0, {}) without an answer within `timeout` seconds."""
    import json
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    parts = urlsplit(endpoint)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        connection.request("GET", HEALTH_PATH)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        return answer.status, said if isinstance(said, dict) else {}
    except (OSError, HTTPException, ValueError):
        return 0, {}
    finally:
        connection.close()
