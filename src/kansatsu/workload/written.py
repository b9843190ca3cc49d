"""What a container wrote, out of an engine's stream of it: whole lines in their order, each with a time of its own."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from kansatsu.workload.providers import Line, ProviderError

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?")
_PIECE = re.compile(r"[^\n]*\n|[^\n]+")
_SECOND = 19  # characters of a stamp


def parse(frames: Iterable[str]) -> list[Line]:
    """The lines of a log with times. Raises ProviderError.

    A frame is what the program wrote at once: a part of a line, too, which podman and docker give a time of its own.
    """
    found: list[Line] = []
    for piece in (piece for frame in frames for piece in _PIECE.findall(frame)):
        stamp, text = _stamped(piece)
        ended, text = text.endswith("\n"), text.removesuffix("\n").removesuffix("\r")
        if found and not found[-1].ended:
            found[-1] = replace(found[-1], text=found[-1].text + text, ended=ended)
        elif stamp:
            found.append(Line(stamp, text, ended))
        else:
            raise ProviderError(f"a line of a log has no time that can be read: {piece[:80]!r}")
    return _apart(found)


def joined(tail: Sequence[Line], again: Sequence[Line], most: int) -> list[Line]:
    """The last lines; `again` is all from the last one's second on, as only from there all times are as always."""
    second = tail[-1].stamp[:_SECOND]
    return [*(line for line in tail if line.stamp[:_SECOND] < second), *again][-most:]


def _apart(lines: Sequence[Line]) -> list[Line]:
    """No two with the same time: podman tells seconds only. Read again from a second's beginning they are the same."""
    apart: list[Line] = []
    for line in lines:
        least = _next(apart[-1].stamp) if apart else ""
        apart.append(replace(line, stamp=max(line.stamp, least)))
    return apart


def _next(stamp: str) -> str:
    whole, _, fraction = stamp[:-1].partition(".")
    return f"{whole}.{min(int(fraction) + 1, 999_999_999):09}Z"


def _stamped(piece: str) -> tuple[str, str]:
    """RFC 3339 with up to nine digits of a second and the machine's own offset, a space, and the text; "" without."""
    found = _STAMP.match(piece)
    if found is None:
        return "", piece
    whole, fraction, offset = found.groups()
    moment = datetime.fromisoformat(f"{whole}{offset.replace('Z', '+00:00')}").astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{(fraction or '').ljust(9, '0')}Z", piece[found.end() :]
