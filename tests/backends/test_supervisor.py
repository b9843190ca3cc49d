"""The child's life: it starts beside us, comes back when killed, ends with us, and nobody else can talk to it."""

import asyncio
import contextlib
import os
import select
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kansatsu.backends import EmbeddedBackend, Supervisor
from kansatsu.backends import supervisor as supervisor_module
from kansatsu.backends.supervisor import environment
from kansatsu.clock import SystemClock
from kansatsu.errors import ServiceUnavailable

from .calls import s3


@contextlib.asynccontextmanager
async def running(directory: Path) -> AsyncIterator[EmbeddedBackend]:
    backend = EmbeddedBackend(directory, SystemClock(), wait_seconds=60)
    backend.start()
    try:
        yield backend
    finally:
        await backend.stop()


def wait_for_end(pid: int) -> None:
    """Return when the process is gone; fail after 30 s."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([descriptor], [], [], 30)[0], f"{pid} is still there"
    finally:
        os.close(descriptor)


async def test_killed_it_comes_back_empty_and_says_so(tmp_path: Path) -> None:
    async with running(tmp_path / "b") as backend:
        emptied: list[str] = []
        backend.supervisor.when_emptied = lambda: emptied.append(backend.state)
        assert backend.state == "starting"
        assert (await s3(backend, "PUT", "/bucket"))[0] == 200
        first = backend.supervisor.pid
        assert backend.state == "ready" and first
        os.kill(first, signal.SIGKILL)
        wait_for_end(first)
        while backend.supervisor.pid == first:  # until our side has heard of it
            await asyncio.sleep(0)
        assert backend.state == "restarting"
        assert emptied == ["restarting"], "before anybody is answered by the new one"
        assert (await s3(backend, "HEAD", "/bucket"))[0] == 404
        assert backend.supervisor.pid not in (None, first)
        second = backend.supervisor.pid
        assert second
    wait_for_end(second)
    assert not backend.supervisor.socket.exists()


async def test_reset_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "b") as backend:
        assert (await s3(backend, "PUT", "/bucket"))[0] == 200
        await backend.reset()
        assert (await s3(backend, "HEAD", "/bucket"))[0] == 404


async def test_socket_is_the_owners_alone(tmp_path: Path) -> None:
    # INVARIANT: mode 0600 in a directory of mode 0700, whatever the umask and the directory were before.
    directory = tmp_path / "b"
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    before = os.umask(0)
    try:
        async with running(directory) as backend:
            await backend.supervisor.wait_ready()
            assert stat.S_IMODE(directory.stat().st_mode) == 0o700
            assert stat.S_IMODE(backend.supervisor.socket.stat().st_mode) == 0o600
    finally:
        os.umask(before)


CONNECT = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
except PermissionError:
    sys.exit(13)
"""


@pytest.mark.root
@pytest.mark.parametrize("open_directory", [False, True])
async def test_another_user_cannot_connect(*, open_directory: bool) -> None:
    """Neither through the directory nor, were that open, to the socket."""
    made = subprocess.run(["mktemp", "-d"], check=True, capture_output=True, text=True).stdout.strip()
    outer = Path(made)
    try:
        outer.chmod(0o755)
        async with running(outer / "b") as backend:
            await backend.supervisor.wait_ready()
            if open_directory:
                (outer / "b").chmod(0o755)
            child = await asyncio.create_subprocess_exec(sys.executable, "-c", CONNECT, str(backend.supervisor.socket))
            assert await child.wait() == 13
    finally:
        (outer / "b").rmdir()
        outer.rmdir()


PARENT = """
import asyncio, sys
from pathlib import Path
from kansatsu.backends import Supervisor
async def main():
    supervisor = Supervisor(Path(sys.argv[1]), wait_seconds=60)
    supervisor.start()
    await supervisor.wait_ready()
    print(supervisor.pid, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        str(tmp_path / "b"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment(tmp_path)},
    )
    assert parent.stdout
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    wait_for_end(child)


async def test_given_up_after_failures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "_FIRST_DELAY", 0)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    async with running(tmp_path / "b") as backend:
        with pytest.raises(ServiceUnavailable, match="does not start"):
            await s3(backend, "GET", "/")
        assert backend.state == "failed"
        with pytest.raises(ServiceUnavailable, match="does not start"):
            await s3(backend, "GET", "/")


async def test_a_call_does_not_wait_for_ever(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "b", wait_seconds=0.01)
    with pytest.raises(ServiceUnavailable, match="not ready yet"):
        await supervisor.wait_ready()


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too long"):
        Supervisor(tmp_path / ("x" * 104))


def test_the_child_knows_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "AWS_ACCESS_KEY_ID": "AKIAMINE",
        "AWS_SECRET_ACCESS_KEY": "mine",
        "AWS_SESSION_TOKEN": "mine",
        "AWS_PROFILE": "mine",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/",
        "HTTPS_PROXY": "http://proxy",
        "http_proxy": "http://proxy",
        "DOCKER_HOST": "unix:///x",
        "KANSATSU_ACCOUNT": "1",
        "MOTO_ACCOUNT_ID": "1",
        "INITIAL_NO_AUTH_ACTION_COUNT": "1",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    found = environment(tmp_path)
    assert not {name for name, value in secrets.items() if found.get(name) == value}
    assert found["AWS_EC2_METADATA_DISABLED"] == "true"
