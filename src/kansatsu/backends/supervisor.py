"""Keeps the embedded backend alive: starts it beside us, waits for it, restarts it, ends it with us."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from kansatsu.errors import ServiceUnavailable

log = logging.getLogger(__name__)

SOCKET = "backend.sock"
_KEPT = ("PATH", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "TMPDIR")
_STOP_SECONDS = 5.0
_LONGEST_PATH = 103  # sockaddr_un of the BSDs, macOS and Linux, without its end
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 10.0
_ATTEMPTS = 5


class Supervisor:
    """One child process on a unix socket in `directory`, which is made with mode 0700.

    `wait_seconds` bounds how long a call waits for it. Raises ValueError for a path that no socket can have.
    """

    def __init__(self, directory: Path, *, wait_seconds: float = 30.0) -> None:
        self.socket = directory / SOCKET
        if len(os.fsencode(self.socket)) > _LONGEST_PATH:
            raise ValueError(f"The path {self.socket} is too long for a socket: choose a shorter data directory.")
        self._directory = directory
        self._wait_seconds = wait_seconds
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.state = "starting"
        self.when_emptied: Callable[[], None] = lambda: None  # called when a child that was ready has ended

    @property
    def pid(self) -> int | None:
        """The process id of the child while there is one."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begin, and return at once. Needs a running event loop."""
        if self._task is None:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._directory.chmod(0o700)
            self._task = asyncio.create_task(self._run(), name="embedded backend")

    async def wait_ready(self) -> None:
        """Return once the child accepts connections. Raises ServiceUnavailable when it does not in time."""
        if self.state == "ready":
            return
        try:
            await asyncio.wait_for(self._ready.wait(), self._wait_seconds)
        except TimeoutError:
            raise ServiceUnavailable("The embedded backend is not ready yet. Please try again.") from None
        if self.state == "failed":
            raise ServiceUnavailable("The embedded backend does not start; see the log.")

    async def stop(self) -> None:
        """End the child and wait for it."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._ready.clear()
        self.state = "starting"

    async def _run(self) -> None:
        attempts = 0
        while attempts < _ATTEMPTS:
            came_up = False
            try:
                self._process = await self._spawn()
                came_up = await self._serve(self._process)
            except OSError as error:
                log.error("the embedded backend cannot be started: %s", error)
            finally:
                self.state = "restarting"
                self._ready.clear()
                self.when_emptied()
                await self._end()
            attempts = 0 if came_up else attempts + 1
            await asyncio.sleep(min(_LONGEST_DELAY, _FIRST_DELAY * 4**attempts))
        self.state = "failed"
        log.error("the embedded backend failed %d times in a row and is given up", attempts)
        self._ready.set()  # those who wait learn of it

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "kansatsu.backends.moto_child",
            str(self.socket),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(self._directory),
            start_new_session=True,
        )

    async def _serve(self, process: asyncio.subprocess.Process) -> bool:
        """Follow what the child says until it ends; whether it came up."""
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        came_up = False
        async for line in _lines(process.stdout):
            if not came_up and line == "ready":
                came_up = True
                self.state = "ready"
                self._ready.set()
            else:
                log.log(logging.DEBUG if came_up else logging.WARNING, "embedded backend: %s", line)
        status = await process.wait()
        if came_up:
            log.error("the embedded backend died (status %d): its data are lost, a new one starts empty", status)
        else:
            log.error("the embedded backend ended before it was ready (status %d)", status)
        return came_up

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines as they come; of a very long one only the pieces that fit the buffer."""
    while True:
        try:
            raw = await stream.readline()
        except ValueError:
            continue
        if not raw:
            return
        yield raw.decode(errors="replace").rstrip()


def environment(home: Path) -> dict[str, str]:
    """The child's environment: nothing of ours that could lead it to AWS, to credentials or to a proxy."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    package = str(Path(__file__).resolve().parents[2])
    return kept | {
        "PYTHONPATH": os.pathsep.join(filter(None, (package, kept.get("PYTHONPATH")))),
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": "backend",
        "AWS_SECRET_ACCESS_KEY": "backend",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        "PYTHONUNBUFFERED": "1",
    }
