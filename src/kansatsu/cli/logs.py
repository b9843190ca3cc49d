"""`kansatsu logs`, and the log's form: one line per event, in DIR/kansatsu.log and, in the foreground, on stderr."""

import copy
import logging
import logging.handlers
import os
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import daemon, observed, options
from kansatsu.cli.output import Exit, Failure, again, output_option, visible
from kansatsu.cli.settings import OBSERVE, Settings

LOGGER = logging.getLogger("kansatsu")
_POLL = 0.2  # seconds between two looks at the file


class _Line(logging.Formatter):
    def __init__(self, mark: str) -> None:
        super().__init__(f"%(asctime)s.%(msecs)03dZ %(levelname)s {mark}%(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime


class _Terminal(_Line):
    """The same without a traceback: that is in the file."""

    def format(self, record: logging.LogRecord) -> str:
        bare = copy.copy(record)
        bare.exc_info = bare.exc_text = None
        return super().format(bare)


def configure(settings: Settings, *, to_stderr: bool) -> None:
    """Send the root logger to DIR/kansatsu.log; an outside logrotate may move the file."""
    path = settings.data_dir / daemon.LOG_FILE
    try:
        file = logging.handlers.WatchedFileHandler(path)
    except OSError as error:
        raise Failure(f"The log {path} cannot be written: {error.strerror}.") from None
    mark = "[NOT ENFORCED] " if settings.mode == OBSERVE else ""
    file.setFormatter(_Line(mark))
    handlers: list[logging.Handler] = [file]
    if to_stderr:
        handlers.append(logging.StreamHandler(sys.stderr))
        handlers[-1].setFormatter(_Terminal(mark))
    logging.basicConfig(level=settings.log_level.upper(), handlers=handlers, force=True)


def only_to_file() -> None:
    """For an end that is said in a sentence of its own."""
    del logging.getLogger().handlers[1:]


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines arrive.")
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(min=0), help="Last lines to print.")
@click.option("--would-deny", is_flag=True, help="What the mode observe let through and policies would have refused.")
@click.option("--since", metavar="TIME", help="With --would-deny: how far back (24h), or since when.")
@output_option
@options.where_options
def logs(follow: bool, lines: int, would_deny: bool, since: str | None, form: str, **given: Any) -> None:
    """Print the log of the server, or what it would have refused."""
    data_dir = options.load(**given).settings.data_dir
    if would_deny:
        observed.report(data_dir, since, form)
        return
    if since is not None or form != "table":
        raise Failure("--since and -o go with --would-deny.", Exit.USAGE)
    path = data_dir / daemon.LOG_FILE
    try:
        _print(path, lines, follow)
    except FileNotFoundError:
        raise Failure(f"There is no log at {path}; start with `{again('up -d')}`.", Exit.NOT_RUNNING) from None
    except PermissionError:
        raise daemon.not_yours(path.parent) from None
    except OSError as error:
        raise Failure(f"The log {path} cannot be read: {error.strerror}.") from None
    except KeyboardInterrupt:
        return


def _print(path: Path, lines: int, follow: bool) -> None:
    log = path.open(encoding="utf-8", errors="replace")
    try:
        for line in deque(log, maxlen=lines):
            click.echo(visible(line), nl=False)
        while follow:
            rest = log.read()
            if rest:
                click.echo(visible(rest), nl=False)
                continue
            time.sleep(_POLL)
            if _replaced(log.fileno(), log.tell(), path):
                log.close()
                log = path.open(encoding="utf-8", errors="replace")
    finally:
        log.close()


def _replaced(descriptor: int, position: int, path: Path) -> bool:
    """Whether the file was rotated away or cut."""
    if not path.exists():
        return False
    here, there = os.fstat(descriptor), path.stat()
    return here.st_ino != there.st_ino or there.st_size < position
