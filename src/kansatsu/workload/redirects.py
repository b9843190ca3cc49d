"""The control plane's side of `injector.redirect`: a listener that one user or one service of this host is led to."""

import asyncio
import importlib.util
import json
import socket
import subprocess
import sys
from dataclasses import dataclass

_ANSWER_SECONDS = 10.0


class RedirectError(Exception):
    """There is no rule; the text is a sentence for the user."""


@dataclass(slots=True)
class Redirect:
    """A rule that holds while it is not closed; `listener` is where it leads."""

    listener: socket.socket
    _process: subprocess.Popen[bytes]
    _channel: socket.socket

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    async def close(self) -> None:
        """End the rule; when this returns it is gone. The listener belongs to whoever serves it."""
        self._channel.close()
        await asyncio.to_thread(self._process.wait, _ANSWER_SECONDS)


async def redirect(table: str, who: dict[str, int | str]) -> Redirect:
    """Lead {"uid": N} or {"cgroup": PATH} to a new listener on loopback. Raises RedirectError."""
    return await asyncio.to_thread(_start, table, who)


def _start(table: str, who: dict[str, int | str]) -> Redirect:
    found = importlib.util.find_spec("kansatsu.injector.redirect")
    if found is None or found.origin is None:  # pragma: no cover - a broken installation
        raise RedirectError("the installation lacks kansatsu.injector")
    listener = socket.create_server(("127.0.0.1", 0))
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.settimeout(_ANSWER_SECONDS)
    with theirs:
        descriptors = (theirs.fileno(), listener.fileno())
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", found.origin, *map(str, descriptors)],
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
    try:
        ours.send(json.dumps({"table": table, **who}).encode())
        said = json.loads(ours.recv(4096) or b'{"ok": false, "message": "the helper ended"}')
        if not said["ok"]:
            raise RedirectError(said["message"])
    except BaseException as error:
        ours.close()
        listener.close()
        process.wait(_ANSWER_SECONDS)
        if isinstance(error, OSError):
            raise RedirectError(f"the helper does not answer: {error}") from error
        raise
    listener.setblocking(False)
    return Redirect(listener, process, ours)
