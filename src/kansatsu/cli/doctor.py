"""`kansatsu doctor`: what this machine can do, and how to mend what it cannot, before something fails half-way."""

import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import daemon, options, ports
from kansatsu.cli.output import Exit, again, emit, hint, numbered, output_option
from kansatsu.cli.settings import Settings

_LEAST_DISK = 1 << 30  # bytes
_EPOCH_2025 = 1_735_689_600
_GAPS_TOLD = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, whether Kansatsu cannot start without it, what was seen, how to mend it."""

    name: str
    good: bool
    detail: str
    mend: str = ""
    required: bool = False


@click.command()
@output_option
@options.setting_options
def doctor(form: str, **given: Any) -> None:
    """Say what this machine can do and how to mend what is missing; exit 1 if `up` cannot work."""
    settings = options.load(**given).settings
    findings = [finding for look in LOOKS for finding in look(settings)]
    rows = [
        {
            "check": finding.name,
            "state": "ok" if finding.good else "missing",
            "needed": "to start" if finding.required else "for more",
            "detail": finding.detail,
            "mend": "" if finding.good else finding.mend,
        }
        for finding in findings
    ]
    emit(rows, ("check", "state", "needed", "detail", "mend"), form)
    if any(finding.required and not finding.good for finding in findings):
        raise click.exceptions.Exit(Exit.FAILED)
    hint(f'eval "$({again("env")})"' if daemon.running(settings.data_dir) else again("up -d"), form)


def _python(settings: Settings) -> Iterator[Finding]:
    good = sys.version_info >= (3, 11)
    yield Finding("python", good, platform.python_version(), "install Python 3.11 or newer", required=True)


def _directory(settings: Settings) -> Iterator[Finding]:
    here = next(path for path in (settings.data_dir, *settings.data_dir.parents) if path.exists())
    good = here.is_dir() and os.access(here, os.W_OK | os.X_OK)
    yield Finding("data directory", good, str(settings.data_dir), "choose another with --data-dir", required=True)
    free = shutil.disk_usage(here).free
    yield Finding(
        "disk", free >= _LEAST_DISK, f"{free / 2**30:.1f} GiB free", "free 1 GiB or choose another --data-dir", True
    )


def _database(settings: Settings) -> Iterator[Finding]:
    from kansatsu import identity

    try:
        detail, mend = identity.look(settings.data_dir, settings.database_url.value), ""
    except (identity.StoreError, OSError) as error:
        detail, mend = str(error), "see docs/nodes.md" if settings.database_url.value else "see docs/settings.md"
    yield Finding("database", not mend, detail, mend, required=True)


def evidence(settings: Settings) -> Iterator[Finding]:
    """Is the record of requests as it was written? Reads all of it."""
    from kansatsu import identity
    from kansatsu.advisor import DEFAULT_WORKER, chain

    directory, url = settings.data_dir / "events", settings.database_url.value
    if not directory.is_dir():
        yield Finding("evidence", True, "nothing is recorded yet")
        return
    mend = "put the files back from a backup; until then `kansatsu policy` names the gap"
    try:
        with identity.read_only(settings.data_dir, url) as (connect, vault):

            def links() -> chain.Links:
                with connect() as conn:
                    return chain.links(conn)

            own = identity.node_name(settings.data_dir) if url else DEFAULT_WORKER
            count, gaps = chain.look(directory, vault, own, links)
    except (identity.StoreError, OSError) as error:
        yield Finding("evidence", False, f"cannot be held against the database: {error}", "see the line `database`")
        return
    told = [f"{gap.segment}: {gap.gap}{_between(gap.after, gap.until)}" for gap in gaps]
    more = f"; {len(told) - _GAPS_TOLD} more" if len(told) > _GAPS_TOLD else ""
    detail = "; ".join(told[:_GAPS_TOLD]) + more or f"{numbered(count, 'segment')}, as written"
    yield Finding("evidence", not gaps, detail, mend)


def _between(first: float, last: float) -> str:
    """A time range; of one without bounds nothing."""
    if not last - first < float("inf"):
        return ""
    return " ({} to {})".format(*(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one)) for one in (first, last)))


def _port(settings: Settings) -> Iterator[Finding]:
    ours = daemon.running(settings.data_dir)
    listen = settings.listen
    if ours:
        yield Finding("port", True, f"ours: {ours.endpoint}", required=True)
        return
    try:
        family, *_, target = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
    except OSError as error:
        by = ports.holder(listen.port)
        detail = f"{listen}: in use by {by}" if by else f"{listen}: {error.strerror}"
        yield Finding("port", False, detail, "choose another with --listen", required=True)
        return
    yield Finding("port", True, f"{listen} is free", required=True)


def _clock(settings: Settings) -> Iterator[Finding]:
    now = time.time()
    good = now > _EPOCH_2025
    shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    yield Finding("clock", good, shown, "set the clock; signatures hold for 15 minutes around it", required=True)


def _root(settings: Settings) -> Iterator[Finding]:
    good = os.geteuid() == 0
    detail = "root" if good else f"user id {os.geteuid()}"
    yield Finding("root", good, detail, "start with sudo to give roles to containers; `kansatsu run` works without")


def _backends(settings: Settings) -> Iterator[Finding]:
    if set(settings.backend.values()) == {"embedded"}:
        yield Finding("backend", True, "embedded")
        return
    from kansatsu.cli import backends

    try:
        found = backends.look(settings)
    except backends.Unusable as error:
        yield Finding("backend", False, str(error), "see docs/settings.md", required=True)
        return
    for url, condition in found.items():
        good = condition.state == "ready"
        detail = f"{url}: {'answers' if good else condition.why or 'did not answer as it should'}"
        yield Finding("backend", good, detail, "start it, or name another with --backend")


def _engine(settings: Settings) -> Iterator[Finding]:
    program = shutil.which("podman") or shutil.which("docker")
    yield Finding("container engine", program is not None, program or "neither podman nor docker", "apt install podman")
    for name in ("runc", "crun"):
        if runtime := shutil.which(name):
            yield Finding("container runtime", True, runtime)
            break
    else:
        yield Finding("container runtime", False, "neither runc nor crun", "apt install runc")
    path = _engine_socket(settings.engine)
    mend = "start the engine, or name its socket with --engine unix:///path"
    yield Finding("engine socket", path is not None, path or "none answers", mend)


def _engine_socket(engine: str) -> str | None:
    from kansatsu.cli.engine import candidates

    if engine == "none":
        return None
    for path in candidates() if engine == "auto" else [engine.removeprefix("unix://")]:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.settimeout(1)
            probe.connect(str(path))
            return str(path)
    # `up` starts podman's API service where podman is installed.
    return "podman's, started with Kansatsu" if engine == "auto" and shutil.which("podman") else None


def _containers(settings: Settings) -> Iterator[Finding]:
    from kansatsu.cli import trial

    outcome = trial.run(settings)
    yield Finding("containers", outcome.good, outcome.detail, outcome.mend)


def _namespaces(settings: Settings) -> Iterator[Finding]:
    from kansatsu.cli.enclosure import FORBIDDING

    for name, (bad, mend) in FORBIDDING.items():
        if _text(f"/proc/sys/{name}") == bad:
            yield Finding("user namespaces", False, f"{Path(name).name} is {bad}", mend)
            return
    good = Path("/proc/self/ns/user").exists()
    yield Finding("user namespaces", good, "not restricted" if good else "not in this kernel", "use another kernel")


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:
        return ""


def _aws_cli(settings: Settings) -> Iterator[Finding]:
    beside = Path(sys.executable).parent / "aws"
    program = str(beside) if beside.exists() else shutil.which("aws")
    yield Finding("aws cli", program is not None, program or "not found", "pip install awscli")


LOOKS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    _python,
    _directory,
    _database,
    evidence,
    _port,
    _clock,
    _backends,
    _root,
    _engine,
    _containers,
    _namespaces,
    _aws_cli,
)
