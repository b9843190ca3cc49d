"""HTTP messages as values, shared by signing, wire and the edges."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request as it came over the wire.

    `path` is raw (still percent-encoded, no query), `query` is raw without the question mark. Header names are in
    lower case; the values of a repeated header are joined by a comma, as SigV4 signs them.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer: status, headers in order (names as they are sent), body."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
