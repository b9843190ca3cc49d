"""Listing in pages: a stable order, a limit, and a marker that only the listing that gave it accepts."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from kansatsu.errors import ValidationError

DEFAULT_SIZE = 100  # https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html, MaxItems

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page starts and how long it may be; `after` is the sort key of the last item already given."""

    listing: str
    after: str = ""
    size: int = DEFAULT_SIZE

    @classmethod
    def of(cls, listing: str, marker: str | None, max_items: int | None) -> "Cursor":
        """From a request's Marker and MaxItems. Raises ValidationError for a marker of another listing or of nobody."""
        return cls(listing, _open(listing, marker) if marker is not None else "", max_items or DEFAULT_SIZE)

    def page(self, items: Sequence[tuple[str, T]]) -> "Page[T]":
        """The page in items of (sort key, item), ascending, that start after the cursor; one beyond the size tells
        that there are more."""
        shown = items[: self.size]
        more = len(items) > self.size
        marker = urlsafe_b64encode(f"{self.listing}\n{shown[-1][0]}".encode()).decode() if more else None
        return Page([item for _, item in shown], marker)

    def cut(self, items: Sequence[tuple[str, T]]) -> "Page[T]":
        """The page of a listing that is in memory as a whole, in any order."""
        rest = sorted((entry for entry in items if entry[0] > self.after), key=lambda entry: entry[0])
        return self.page(rest[: self.size + 1])


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: list[T]
    marker: str | None  # None: this is the last one


def _open(listing: str, marker: str) -> str:
    try:
        name, newline, after = urlsafe_b64decode(marker.encode("ascii")).decode().partition("\n")
    except (Error, ValueError):
        name, newline, after = "", "", ""
    if not newline or name != listing:
        raise ValidationError("Invalid Marker.")
    return after
