"""`kansatsu up`: claim the directory and the port, then serve; in the foreground, or in a process of its own."""

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NoReturn

import click

from kansatsu.cli import daemon, options
from kansatsu.cli.output import Exit, Failure, again, numbered, say
from kansatsu.cli.settings import NOT_ENFORCED, OBSERVE, Settings

READY_WITHIN = 60.0  # seconds; a start takes one or two


@click.command()
@click.option("-d", "--detach", is_flag=True, help="Return when it is ready, and leave it running.")
@options.setting_options
def up(detach: bool, **given: Any) -> None:
    """Start Kansatsu: in the foreground, or with -d in the background."""
    settings = options.load(**given).settings
    _check_backends(settings)
    os.umask(0o077)
    claim = daemon.claim(settings.data_dir, settings.listen)
    settings = replace(settings, listen=claim.address)
    if detach:
        _detach(settings, claim)
    else:
        context = click.get_current_context()  # each thread has its own

        def announce() -> None:
            with context.scope(cleanup=False):
                _announce(settings, lambda: True, True)

        threading.Thread(target=announce, daemon=True).start()
        _serve(settings, claim)


def _check_backends(settings: Settings) -> None:
    if set(settings.backend.values()) == {"embedded"}:
        return
    from kansatsu.cli import backends

    try:
        backends.check(settings)
    except backends.Unusable as error:
        raise Failure(str(error)) from None


def _serve(settings: Settings, claim: daemon.Claim, parent: int | None = None) -> NoReturn:
    """Run the server in this process until it is told to stop; never returns.

    `parent` is a pipe on which a process of its own says why it could not; the foreground says so on stderr.
    """
    why = ""
    try:
        _run(settings, claim, to_stderr=parent is None)
    except KeyboardInterrupt:
        why = ""
    except Exception as error:  # noqa: BLE001 - the edge: a sentence and an exit code instead of a traceback
        why = _why(settings, error)
        say("kansatsu: " + why, color="red")
        if parent is not None:
            os.write(parent, os.fsencode(why))
    finally:
        daemon.remove_pid(settings.data_dir)
    sys.exit(int(Exit.FAILED if why else Exit.OK))


def _run(settings: Settings, claim: daemon.Claim, *, to_stderr: bool) -> None:
    import asyncio

    import uvloop

    from kansatsu.cli import compose, logs

    logs.configure(settings, to_stderr=to_stderr)
    daemon.write_pid(settings.data_dir, settings.listen.url)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(compose.serve(settings, claim.sock))


def _why(settings: Settings, error: Exception) -> str:
    """One sentence; the traceback of what nobody expected is in the log file."""
    from kansatsu.cli import backends, logs
    from kansatsu.identity import StoreError

    if isinstance(error, Failure | StoreError | backends.Unusable):
        return str(error)
    logs.only_to_file()
    logs.LOGGER.error("The server ended with an error.", exc_info=error)
    if isinstance(error, OSError) and error.strerror:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return f"The server ended with an error: {where}{error.strerror}; see {log_of(settings)}."
    return f"The server ended with an error; see {log_of(settings)}."


def _detach(settings: Settings, claim: daemon.Claim) -> None:
    """Fork: the lock and the socket pass to the child, so that nothing can slip in between check and start."""
    try:
        log = os.open(log_of(settings), os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failure(f"The log {log_of(settings)} cannot be written: {error.strerror}.") from None
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _become_daemon(log)
        _serve(settings, claim, writer)
    os.close(writer)
    claim.sock.close()
    os.close(claim.lock)
    if not _announce(settings, lambda: _alive(child), False):
        raise Failure(_said(reader) or f"Kansatsu did not get ready; see {log_of(settings)}.")


def _become_daemon(log: int) -> None:
    os.setsid()
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(null)
    os.close(log)


def _alive(child: int) -> bool:
    return os.waitpid(child, os.WNOHANG)[0] == 0


def log_of(settings: Settings) -> str:
    return str(settings.data_dir / daemon.LOG_FILE)


def _said(reader: int) -> str:
    os.set_blocking(reader, False)
    try:
        return os.fsdecode(os.read(reader, 1 << 16))
    except BlockingIOError:
        return ""


def _announce(settings: Settings, alive: Callable[[], bool], foreground: bool) -> bool:
    """Wait for the health path to say 200, then print what to type next; False when it ended or never got ready."""
    limit = time.monotonic() + READY_WITHIN
    while alive() and time.monotonic() < limit:
        status, said = daemon.ask_health(settings.listen.url)
        if status == 200:
            _welcome(settings, foreground, said.get("account", settings.account), said.get("nodes", []))
            return True
        time.sleep(0.02)
    return False


def _welcome(settings: Settings, foreground: bool, account: str, nodes: list[str]) -> None:
    say(f"Kansatsu is ready: {settings.listen.url}, account {account}, data in {settings.data_dir}")
    if settings.database_url.value:
        more = f", with {numbered(len(nodes), 'more node')}" if nodes else ""
        say(f"Identities are in {settings.database_url}{more}.")
    if settings.mode == OBSERVE:
        say(NOT_ENFORCED, color="red")
    if nodes and "embedded" in settings.backend.values():
        say("Each node has an embedded backend of its own: what clients make there only this node knows.", color="red")
    elif "embedded" in settings.backend.values():
        say("Identities are on disk; what the embedded backend holds (buckets, tables, ...) lives in memory only.")
    say("Next, in another terminal:" if foreground else "Next:")
    say(f'  eval "$({again("env")})"')
    say("  aws iam get-user")
    say(f"  {again('instance register NAME')}")
    if not foreground:
        say(f"  {again('down')}")
