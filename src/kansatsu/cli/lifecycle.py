"""`kansatsu down` and `kansatsu status`: end and describe the server of a data directory, and never another process."""

import os
import select
import shlex
import signal
import time
from collections.abc import Mapping
from typing import Any

import click

from kansatsu.cli import daemon, options
from kansatsu.cli.output import Exit, Failure, again, emit, hint, output_option, say
from kansatsu.cli.settings import NOT_ENFORCED, OBSERVE, Settings
from kansatsu.cli.values import Address

_MOST_READ = 64 << 20  # bytes of the record of requests that status holds against what was written: some 50 ms


@click.command()
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for the end.")
@options.where_options
def down(timeout: float, **given: Any) -> None:
    """Stop Kansatsu and wait until it has ended."""
    data_dir = options.load(**given).settings.data_dir
    found = daemon.running(data_dir)
    if found is None:
        if daemon.is_anothers(data_dir):
            raise daemon.not_yours(data_dir)
        raise Failure(f"Kansatsu does not run on {data_dir}.", Exit.NOT_RUNNING)
    try:
        process = os.pidfd_open(found.pid)
    except ProcessLookupError:
        return
    try:
        # INVARIANT: looked at again through the descriptor's process, so that a reused pid is never signalled.
        if daemon.running(data_dir) == found:
            signal.pidfd_send_signal(process, signal.SIGTERM)
        if not select.select([process], [], [], timeout)[0]:
            raise Failure(f"Process {found.pid} has not ended within {timeout:g} seconds; see `{again('logs')}`.")
    except PermissionError:
        raise Failure(f"Process {found.pid} belongs to another user; stop it as that user.", Exit.DENIED) from None
    finally:
        os.close(process)
    say(f"Kansatsu on {data_dir} has ended.")
    hint(again("up -d"))


@click.command()
@output_option
@options.where_options
def status(form: str, **given: Any) -> None:
    """Show whether Kansatsu runs: exit 0 if it answers, 3 if it does not run, 1 if it runs and does not answer."""
    effective = options.load(**given)
    data_dir = effective.settings.data_dir
    found = daemon.running(data_dir)
    if found is None and daemon.is_anothers(data_dir):
        raise daemon.not_yours(data_dir)
    health, said = daemon.ask_health(found.endpoint) if found else (0, {})
    row = {
        "state": "ready" if health == 200 else "not answering" if found else "stopped",
        "pid": found.pid if found else None,
        "endpoint": found.endpoint if found else None,
        "uptime": _uptime(found.started) if found else None,
        "backend": _summary(said["backends"]) if said.get("backends") else None,
        "database": _database(said["database"]) if said.get("database") else None,
        "engine": said.get("engine"),
        "data-dir": str(data_dir),
        "mode": said.get("mode"),
    }
    emit([row], tuple(row), form)
    if said.get("mode") == OBSERVE:
        say(NOT_ENFORCED, color="red")
    if health == 200 or not effective.settings.database_url.value:
        _say_evidence(effective.settings, form)
    next_one = f'eval "$({again("env")})"' if health == 200 else again("logs") if found else again("up -d")
    if not found and (other := _other(effective.settings.listen)):
        say(f"Another Kansatsu listens on {effective.settings.listen}; its data directory is {other}.")
        next_one = f"kansatsu status --data-dir {shlex.quote(other)}"
    hint(next_one, form)
    if not found:
        raise click.exceptions.Exit(Exit.NOT_RUNNING)
    if health != 200:
        raise click.exceptions.Exit(Exit.FAILED)


def _say_evidence(settings: Settings, form: str) -> None:
    """A line on the record of requests, which is read only as long as that takes no time."""
    from kansatsu.cli.doctor import evidence

    size = sum(file.stat().st_size for file in (settings.data_dir / "events").glob("*"))
    if size > _MOST_READ:
        if form == "table":
            say(f"Evidence: {size / 1e6:.0f} MB; `{again('doctor')}` holds it against what was written.")
        return
    for found in evidence(settings):
        if not found.good:
            say(f"Evidence: {found.detail}: {found.mend}.", color="red")
        elif form == "table":
            say(f"Evidence: {found.detail}.")


def _summary(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    """One cell of a table: the state where there is one backend, else SERVICE=STATE; since when and why, if ill."""
    words = {service: _words(condition) for service, condition in conditions.items()}
    return words["*"] if len(words) == 1 else ", ".join(f"{service}={word}" for service, word in words.items())


def _words(condition: Mapping[str, Any]) -> str:
    why = f" since {condition['since']} ({condition['why']})" if condition["why"] else ""
    return f"{condition['state']}{why}"


def _database(condition: Mapping[str, Any]) -> str:
    return f"{condition['where']}: {_words(condition)}"


def _other(listen: Address) -> str:
    """The data directory of a Kansatsu that listens where ours would; "" when none does."""
    health, said = daemon.ask_health(listen.url) if listen.port else (0, {})
    return str(said.get("data_dir") or "") if health == 200 else ""


def _uptime(started: int) -> str:
    seconds = int(time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK"))
    days, rest = divmod(max(seconds, 0), 86400)
    return f"{days}d" * bool(days) + f"{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
