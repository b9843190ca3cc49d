"""The charts of a report as inline SVG: colours come from classes, so that one style sheet decides and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_CHARACTER = 7.4  # width of a letter of 12 px, about
_ROW, _BAR = 20, 14
_STEEP = 0.8  # of its length is the height of a text that stands at 60 degrees


@dataclass(frozen=True, slots=True)
class Stack:
    """A bar of several parts: (class, value)."""

    label: str
    parts: Sequence[tuple[str, int]]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of a heat map."""

    kind: str
    title: str


def bars(rows: Sequence[Stack], caption: str) -> str:
    """Horizontal bars, one under the other, with their sums."""
    most = max((sum(value for _, value in row.parts) for row in rows), default=0) or 1
    left = _left([row.label for row in rows])
    width, height = 960, len(rows) * _ROW + 4
    unit = (width - left - 60) / most
    found = [_open(width, height, caption)]
    for place, row in enumerate(rows):
        y, x = place * _ROW + 2, float(left)
        found.append(_text(left - 8, y + 11, _short(row.label), "end", row.title or row.label))
        for kind, value in row.parts:
            if value:
                title = f"{row.title or row.label}: {value} {kind}"
                found.append(_box(x, y, value * unit, _BAR, kind, title))
                x += value * unit
        found.append(_text(x + 6, y + 11, str(sum(value for _, value in row.parts))))
    return "".join([*found, "</svg>"])


def columns(rows: Sequence[tuple[str, str, int]], caption: str) -> str:
    """Upright bars: (label, class, value)."""
    most = max((value for _, _, value in rows), default=0) or 1
    step, tall = 110, 160
    width, height = step * len(rows), tall + 44
    found = [_open(width, height, caption)]
    for place, (label, kind, value) in enumerate(rows):
        size = value / most * tall
        x, y = place * step + 15, 20 + tall - size
        found.append(_box(x, y, step - 30, size, kind, f"{label}: {value}"))
        found.append(_text(x + (step - 30) / 2, y - 5, str(value), "middle"))
        found.append(_text(x + (step - 30) / 2, tall + 38, label, "middle"))
    return "".join([*found, "</svg>"])


def heat(rows: Sequence[tuple[str, Sequence[Cell]]], names: Sequence[str], caption: str) -> str:
    """A square for each row and column."""
    size, left = 18, _left([label for label, _ in rows])
    top = int(max((len(name) for name in names), default=0) * _CHARACTER * _STEEP) + 14
    width, height = left + len(names) * size + 70, top + len(rows) * size + 4
    found = [_open(width, height, caption)]
    for place, name in enumerate(names):
        x, y = left + place * size + 12, top - 6
        found.append(f'<text x="{x}" y="{y}" transform="rotate(-60 {x} {y})">{escape(name)}</text>')
    for place, (label, cells) in enumerate(rows):
        y = top + place * size
        found.append(_text(left - 8, y + 12, _short(label), "end", label))
        found += [
            _box(left + number * size, y, size - 2, size - 2, cell.kind, cell.title)
            for number, cell in enumerate(cells)
        ]
    return "".join([*found, "</svg>"])


def _left(labels: Sequence[str]) -> int:
    return int(max((len(_short(label)) for label in labels), default=0) * _CHARACTER) + 16


def _short(label: str) -> str:
    return label if len(label) <= 36 else label[:17] + "…" + label[-18:]


def _open(width: int, height: int, caption: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(caption)}">'
    )


def _box(x: float, y: float, width: float, height: float, kind: str, title: str) -> str:
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.0):.1f}" height="{max(height, 0.0):.1f}">'
        f"<title>{escape(title)}</title></rect>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", title: str = "") -> str:
    more = f"<title>{escape(title)}</title>" if title else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}{more}</text>'
