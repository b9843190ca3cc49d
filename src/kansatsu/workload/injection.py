"""The control plane's side of the injector: asks the helper for sockets in a namespace, and replaces it when it dies.

The helper is `kansatsu.injector`, a process of its own; its protocol is described there.
"""

import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Where the endpoints of a workload are, inside its own network namespace.
METADATA = ("169.254.169.254", 80)
CONTAINER_CREDENTIALS = ("169.254.170.2", 80)
POD_IDENTITY = ("169.254.170.23", 80)
GATEWAY = ("127.0.0.1", 4566)
# What AWS's names resolve to inside a task, and where it asks for them; no service of AWS's has this address.
AWS = "169.254.170.53"

Bind = tuple[str, int] | tuple[str, int, str]  # the third: "udp" or "ask", see the injector

ANSWER_SECONDS = 10.0
MAX_PACKET = 16384
MAX_DESCRIPTORS = 32


class InjectionError(Exception):
    """No sockets. The text is a sentence for the user; `code` says which case it is.

    gone          the process ended, or its pid belongs to another process now
    host-network  the process has no network namespace of its own
    forbidden     privileges are missing: root (CAP_SYS_ADMIN), or the same user's rootless podman
    in-use        something inside listens on the address already
    invalid       the request itself is wrong
    failed        anything else
    """

    def __init__(self, message: str, code: str):
        super().__init__(message)
        self.code = code


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot (field 22 of proc_pid_stat(5)).

    Raises InjectionError("gone").
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise InjectionError(f"process {pid} is gone", "gone") from error
    return int(text.rpartition(b")")[2].split()[19])


class Listener(socket.socket):
    """A listening socket in another namespace, with the descriptors that keep connections coming to it."""

    guards: Sequence[int] = ()

    def close(self) -> None:
        """Closes these too; closing twice is no error."""
        guards, self.guards = self.guards, ()
        for guard in guards:
            os.close(guard)
        super().close()


class InjectorClient:
    """Starts the helper at the first need, one request at a time; safe to use from several tasks."""

    def __init__(self) -> None:
        self._helper: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._busy = threading.Lock()

    async def start(self) -> None:
        """Start the helper now rather than at the first request."""
        await asyncio.to_thread(self._exclusively, self._running)

    async def stop(self) -> None:
        """End the helper. Sockets that it returned stay open: they belong to their receivers."""
        await asyncio.to_thread(self._exclusively, self._end)

    async def privileged(self) -> bool:
        """Whether the helper may enter any namespace (CAP_SYS_ADMIN); without, only those of the same user."""
        answer, _ = await asyncio.to_thread(self._ask, {"op": "check"})
        return bool(answer["privileged"])

    async def listen(self, pid: int, start_time: int, binds: Sequence[Bind]) -> list[Listener]:
        """Listening sockets inside the network namespace of a process, one per (address, port), in order; TCP's.

        Loopback and link-local addresses only; they are added to the namespace's `lo` where needed, and only `lo`
        is listened on. A link-local address is answered at its port although the socket may say another one, so that
        the workload may use that port itself. `start_time`: as `start_time(pid)` gave it when the process was
        identified. Raises InjectionError.
        """
        request = {
            "op": "listen",
            "pid": pid,
            "start_time": start_time,
            "binds": [dict(zip(("address", "port", "kind"), bind, strict=False)) for bind in binds],
        }
        answer, descriptors = await asyncio.to_thread(self._ask, request)
        remaining, sockets = iter(descriptors), []
        for count in answer["counts"]:
            listener = Listener(fileno=next(remaining))
            listener.guards = [next(remaining) for _ in range(count - 1)]
            listener.setblocking(False)
            sockets.append(listener)
        return sockets

    def _exclusively(self, action: Any) -> None:
        with self._busy:
            action()

    def _ask(self, request: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        packet = json.dumps(request).encode()
        with self._busy:
            try:
                answer, descriptors = self._exchange(packet)
            except OSError:
                # It died since the last request, or in this one: whatever it had opened died with it.
                self._end()
                try:
                    answer, descriptors = self._exchange(packet)
                except OSError as error:
                    self._end()
                    raise InjectionError(f"the injector does not answer: {error}", "failed") from error
        if not answer["ok"]:
            raise InjectionError(answer["message"], answer["code"])
        return answer, descriptors

    def _exchange(self, packet: bytes) -> tuple[dict[str, Any], list[int]]:
        channel = self._running()
        channel.send(packet)
        data, descriptors, _, _ = socket.recv_fds(channel, MAX_PACKET, MAX_DESCRIPTORS)
        if not data:
            raise ConnectionResetError("its process ended")
        answer: dict[str, Any] = json.loads(data)
        return answer, descriptors

    def _running(self) -> socket.socket:
        if self._channel is not None and self._helper is not None and self._helper.poll() is None:
            return self._channel
        self._end()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(ANSWER_SECONDS)
        with theirs:
            self._helper = subprocess.Popen(
                [sys.executable, "-I", "-S", _helper_path(), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,  # Ctrl-C ends the control plane first, and the helper by its closed channel
            )
        self._channel = ours
        return ours

    def _end(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._helper is not None:
            try:
                self._helper.wait(ANSWER_SECONDS)
            except subprocess.TimeoutExpired:
                self._helper.kill()
                self._helper.wait()
            self._helper = None


def _helper_path() -> str:
    found = importlib.util.find_spec("kansatsu.injector.__main__")
    if found is None or found.origin is None:  # pragma: no cover - a broken installation
        raise InjectionError("the installation lacks kansatsu.injector", "failed")
    return found.origin
