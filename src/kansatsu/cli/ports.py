"""Who holds a port and when a process started, read from /proc, so that a refusal can name the culprit."""

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")
_LISTEN = "0A"  # state in /proc/net/tcp: proc(5)


def start_time(pid: int) -> int:
    """Clock ticks after boot at which `pid` started (proc(5), stat field 22); 0 when there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    # The second field is a name in parentheses, which may contain spaces and parentheses itself.
    return int(stat.rpartition(")")[2].split()[19])


def holder(port: int) -> str:
    """`name (process 123)` of the process that listens on TCP `port`; "" when it cannot be seen."""
    inodes = _listening(port)
    if not inodes:
        return ""
    for process in _PROC.iterdir():
        if process.name.isdigit() and _sockets(process) & inodes:
            return f"{_name(process)} (process {process.name})"
    return ""


def _listening(port: int) -> set[str]:
    inodes = set()
    for table in ("net/tcp", "net/tcp6"):
        try:
            lines = (_PROC / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    return inodes


def _sockets(process: Path) -> set[str]:
    found = set()
    with suppress(OSError):  # it ended, or it is another user's
        for descriptor in (process / "fd").iterdir():
            with suppress(OSError):  # closed meanwhile: of this process, the one that lists them is
                found.add(os.readlink(descriptor))
    return found


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "a process"
