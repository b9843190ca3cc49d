"""CSV that a program reads and a person may open in a spreadsheet, which would run what looks like a formula. Pure.

OWASP's ASVS 1.2.10: https://owasp.org/www-project-application-security-verification-standard/
"""

import csv
import re
from collections.abc import Iterable

# The fullwidth forms begin a formula in a Japanese spreadsheet, too. A quote before one is guarded as well, so that
# the guard can be taken off again without knowing the value.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20]")
_HARMLESS = re.compile(r"[+-]|[+-]?\d+(?:\.\d+)?", re.ASCII)  # numbers, and a sign alone


class _Lines(list[str]):
    """A file for csv, which quotes no character that ends a line but those that it ends its own lines with."""

    def write(self, line: str) -> None:
        self.append(line.removesuffix("\r\n") + "\n")


def text(rows: Iterable[Iterable[object]]) -> str:
    """The rows as CSV, a line each."""
    lines = _Lines()
    csv.writer(lines, lineterminator="\r\n").writerows([guarded(cell) for cell in row] for row in rows)
    return "".join(lines)


def guarded(cell: object) -> object:
    """The cell; with a single quote before it where a spreadsheet would take a text for a formula.

    INVARIANT: names and user agents come from logs, which strangers write to; a formula of theirs calls out or runs a
    program. Numbers stay numbers, and - is -. A reader takes one quote off what begins with quotes and one of those
    characters.
    """
    if isinstance(cell, str) and _FORMULA.match(cell) and not _HARMLESS.fullmatch(cell):
        return "'" + cell
    return cell
