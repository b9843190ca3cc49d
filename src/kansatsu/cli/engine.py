"""Finds the container engine, and starts podman's API service where podman is installed and nothing listens."""

import asyncio
import logging
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kansatsu.cli import tied
from kansatsu.cli.settings import Settings
from kansatsu.workload import Provider

log = logging.getLogger(__name__)

_END_SECONDS = 5.0
_TRIES, _TRY_SECONDS = 40, 0.025


@asynccontextmanager
async def open_engine(settings: Settings, directory: Path | None = None) -> AsyncIterator[Provider | None]:
    """The engine that the settings name, or the one that is found; None when there is none.

    `directory`: for the socket of podman's service where it must be started, if not the data directory.
    """
    if settings.engine == "none":
        yield None
        return
    from kansatsu.workload.engine import DockerEngine  # its libraries are loaded only where there is an engine

    if settings.engine != "auto":
        yield DockerEngine(settings.engine)
        return
    for path in candidates():
        if _answers(path):
            log.info("container engine: %s", path)
            yield DockerEngine(f"unix://{path}")
            return
    podman = shutil.which("podman")
    if podman is None:
        log.info("no container engine: instances cannot be containers (see kansatsu doctor)")
        yield None
        return
    async with _podman_service(podman, (directory or settings.data_dir) / "engine.sock") as url:
        yield DockerEngine(url)


def candidates() -> list[Path]:
    """Where engines listen: what DOCKER_HOST says, then the usual places, podman's before docker's."""
    found = [Path(os.environ["DOCKER_HOST"].removeprefix("unix://"))] if "DOCKER_HOST" in os.environ else []
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if os.geteuid() == 0:
        found.append(Path("/run/podman/podman.sock"))
    if runtime:
        found += [Path(runtime, "podman", "podman.sock"), Path(runtime, "docker.sock")]
    return [*found, Path("/var/run/docker.sock")]


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


@asynccontextmanager
async def _podman_service(podman: str, path: Path) -> AsyncIterator[str]:
    """podman's Docker-compatible API, for as long as Kansatsu runs, also where it is killed; containers outlive it."""
    _remove(path)
    process = await asyncio.create_subprocess_exec(
        *tied.command(podman, "--log-level=error", "system", "service", "--time=0", f"unix://{path}"),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    log.info("started podman's API service (process %d) on %s", process.pid, path)
    try:
        for _ in range(_TRIES):  # a tenth of a second on an idle machine; if it takes longer, the watch finds it later
            if process.returncode is not None or _answers(path):
                break
            await asyncio.sleep(_TRY_SECONDS)
        yield f"unix://{path}"
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), _END_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        _remove(path)


def _remove(path: Path) -> None:
    """A socket that a service which was killed left behind, or our own."""
    path.unlink(missing_ok=True)
