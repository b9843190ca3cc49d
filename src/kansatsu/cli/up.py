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
from kansatsu.cli.output import Exit, Failure, say
from kansatsu.cli.settings import Settings

READY_WITHIN = 60.0  # seconds; a start takes one or two


@click.command()
@click.option("-d", "--detach", is_flag=True, help="Return when it is ready, and leave it running.")
@options.setting_options
def up(detach: bool, **given: Any) -> None:
    """Start Kansatsu: in the foreground, or with -d in the background."""
    settings = options.load(**given).settings
    os.umask(0o077)
    claim = daemon.claim(settings.data_dir, settings.listen)
    settings = replace(settings, listen=claim.address)
    if detach:
        _detach(settings, claim)
    else:
        announce = threading.Thread(target=_announce, args=(settings, lambda: True, True), daemon=True)
        announce.start()
        _serve(settings, claim, detached=False)


def _serve(settings: Settings, claim: daemon.Claim, *, detached: bool) -> NoReturn:
    """Run the server in this process until it is told to stop; never returns."""
    import asyncio

    import uvloop

    from kansatsu.cli import compose, logs

    logs.configure(settings, to_stderr=not detached)
    daemon.write_pid(settings.data_dir, settings.listen.url)
    code = int(Exit.OK)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(compose.serve(settings, claim.sock))
    except KeyboardInterrupt:
        code = int(Exit.OK)
    except Exception:  # noqa: BLE001 - the edge: a log line and an exit code instead of a traceback on the terminal
        logs.LOGGER.exception("The server ended with an error.")
        say(f"kansatsu: The server ended with an error; see {settings.data_dir / daemon.LOG_FILE}.", color="red")
        code = int(Exit.FAILED)
    finally:
        daemon.remove_pid(settings.data_dir)
    sys.exit(code)


def _detach(settings: Settings, claim: daemon.Claim) -> None:
    """Fork: the lock and the socket pass to the child, so that nothing can slip in between check and start."""
    log = os.open(settings.data_dir / daemon.LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        _become_daemon(log)
        _serve(settings, claim, detached=True)
    claim.sock.close()
    os.close(claim.lock)
    if not _announce(settings, lambda: _alive(child), False):
        raise Failure(f"Kansatsu did not start:\n{_tail(log_of(settings))}")


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


def _tail(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as log:
        return "".join(log.readlines()[-5:]).rstrip()


def _announce(settings: Settings, alive: Callable[[], bool], foreground: bool) -> bool:
    """Wait for the health path to say 200, then print what to type next; False when it ended or never got ready."""
    limit = time.monotonic() + READY_WITHIN
    while alive() and time.monotonic() < limit:
        if daemon.health(settings.listen.url) == 200:
            _welcome(settings, foreground)
            return True
        time.sleep(0.02)
    return False


def _welcome(settings: Settings, foreground: bool) -> None:
    flag = "" if os.environ.get("KANSATSU_DATA_DIR") == str(settings.data_dir) else _data_dir_flag(settings)
    say(f"Kansatsu is ready: {settings.listen.url}, account {settings.account}, data in {settings.data_dir}")
    if "embedded" in settings.backend.values():
        say("Identities are on disk; what the embedded backend holds (buckets, tables, ...) lives in memory only.")
    say("Next, in another terminal:" if foreground else "Next:")
    say(f'  eval "$(kansatsu env{flag})"')
    say("  aws iam get-user")
    say("  kansatsu instance register --container NAME")
    if not foreground:
        say(f"  kansatsu down{flag}")


def _data_dir_flag(settings: Settings) -> str:
    import shlex

    from kansatsu.cli.settings import default_data_dir

    default = str(settings.data_dir) == default_data_dir(os.environ)
    return "" if default else f" --data-dir {shlex.quote(str(settings.data_dir))}"
