"""What commands print and how they end: rows on stdout, messages on stderr, one exception per kind of failure."""

import json
import os
import shlex
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import IO, Any, TypeVar

import click

from kansatsu import tabular

Row = Mapping[str, Any]
Command = TypeVar("Command", bound=Callable[..., Any])


class Exit(IntEnum):
    """Exit codes; documented in docs/cli.md."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_RUNNING = 3
    DENIED = 4
    NOT_EXECUTABLE = 126
    NOT_FOUND = 127


class Failure(click.ClickException):
    """Ends the command with a sentence on stderr and an exit code; never a traceback."""

    def __init__(self, message: str, exit_code: Exit = Exit.FAILED):
        super().__init__(message)
        self.exit_code = int(exit_code)  # type: ignore[misc]  # click has one per class; here it is one per failure

    def show(self, file: IO[Any] | None = None) -> None:
        say("kansatsu: " + self.message, color="red")


def say(message: str, *, color: str | None = None) -> None:
    """A message for the person, on stderr."""
    message = visible(message)
    coloured = color and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    click.echo(click.style(message, fg=color) if coloured else message, err=True)


# Letters and marks that have no looks of their own: Unicode's Default_Ignorable_Code_Point without category C.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_SELECTORS = (("\ufe00", "\ufe0f"), ("\U000e0100", "\U000e01ef"))


def visible(text: str, keep: str = "\n\t") -> str:
    """INVARIANT: what a terminal would obey or not show is written out, so that no text looks like another.

    Data of others reaches the terminal (an object's key, a user agent): control characters, overrides of the direction
    and what has no width become \\u202E and the like. json has the true values; csv, too, but guards formulas.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one in keep or not _unseen(one) else _escape(one) for one in text)


def _unseen(one: str) -> bool:
    blank = one in _BLANK or any(first <= one <= last for first, last in _SELECTORS)
    return blank or unicodedata.category(one) in ("Cc", "Cf", "Cn", "Cs", "Zl", "Zp")


def _escape(one: str) -> str:
    return f"\\u{ord(one):04X}" if ord(one) < 0x10000 else f"\\U{ord(one):08X}"


def tell(line: str) -> None:
    """Print a line for the person to read, on stdout."""
    click.echo(visible(line, keep="\t"))


def again(text: str) -> str:
    """The command `kansatsu TEXT` as the person must type it: with the --data-dir and --config of this command."""
    context = click.get_current_context(silent=True)
    given = context.params if context else {}
    flags = [("--data-dir", given.get("data_dir")), ("--config", given.get("config_file"))]
    return f"kansatsu {text}" + "".join(f" {flag} {shlex.quote(value)}" for flag, value in flags if value)


def numbered(number: int, noun: str) -> str:
    """`1 user`, `2 users`, `3 policies`, `4 days`."""
    many = noun[:-1] + "ies" if noun.endswith("y") and noun[-2] not in "aeo" else noun + "s"
    return f"{number} {noun if number == 1 else many}"


def hint(command: str, form: str = "table") -> None:
    """The command that is useful next, on stderr; not beside json and csv, which programs read."""
    if form == "table":
        say("Next: " + command)


def example(line: str) -> str:
    """A command as the end of the help of a command, in one line to copy; a test reads it as the command would."""
    return f"\b\nExample: {line}"


def output_option(command: Command) -> Command:
    """`-o table|json|csv`, given to the command as `form`."""
    choice = click.Choice(["table", "json", "csv"])
    option = click.option("-o", "--output", "form", type=choice, default="table", show_default=True, help="Format.")
    return option(command)


def emit(rows: Sequence[Row], columns: Sequence[str], form: str) -> None:
    """Print rows: an aligned table, a JSON array of objects, or CSV with a header line."""
    if form == "json":
        click.echo(json.dumps([{column: row.get(column) for column in columns} for row in rows], indent=2, default=str))
    elif form == "csv":
        lines = ([_cell(row.get(column)) for column in columns] for row in rows)
        click.echo(tabular.text([columns, *lines]), nl=False)
    else:
        cells = [[visible(_cell(row.get(column)), keep="") for column in columns] for row in rows]
        _table(cells, [name.upper() for name in columns])


def _table(cells: Sequence[Sequence[str]], titles: Sequence[str]) -> None:
    lines = [titles, *cells]
    widths = [max(len(line[i]) for line in lines) for i in range(len(titles))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
