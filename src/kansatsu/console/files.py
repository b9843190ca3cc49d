"""The files of the built console: a table made once, so that no path of a request is ever one of the file system."""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path

from kansatsu.http import HttpRequest, HttpResponse

DIRECTORY = Path(__file__).parent / "static"
INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
_PACKED = frozenset({".html", ".js", ".css", ".svg", ".txt"})
# The names of all assets are made of their contents.
_FOREVER = "public, max-age=31536000, immutable"
_ANEW = "no-cache"


@dataclass(slots=True)
class _File:
    path: Path
    headers: list[tuple[str, str]]
    body: bytes = b""
    packed: bytes = b""
    tag: str = field(default="")

    def read(self) -> None:
        if not self.tag:
            self.body = self.path.read_bytes()
            if self.path.suffix in _PACKED:
                self.packed = gzip.compress(self.body, 6, mtime=0)
            self.tag = f'"{sha256(self.body).hexdigest()[:32]}"'


def answer(request: HttpRequest, name: str) -> HttpResponse | None:
    """The file of that name below the console's path, "" for its page; None when there is none.

    INVARIANT: only what the build made is there to be had, by exactly its name.
    """
    file = _table().get(name or INDEX)
    if file is None:
        return None
    file.read()
    headers = [*file.headers, ("etag", file.tag), ("vary", "accept-encoding")]
    if file.tag in request.headers.get("if-none-match", ""):
        return HttpResponse(304, headers)
    if file.packed and "gzip" in request.headers.get("accept-encoding", ""):
        return HttpResponse(200, [*headers, ("content-encoding", "gzip")], file.packed)
    return HttpResponse(200, headers, file.body)


@cache
def _table() -> Mapping[str, _File]:
    found = {}
    for path in sorted(DIRECTORY.rglob("*")):
        if path.is_file() and path.suffix in _TYPES:
            name = path.relative_to(DIRECTORY).as_posix()
            keep = _FOREVER if name.startswith("assets/") else _ANEW
            found[name] = _File(path, [("content-type", _TYPES[path.suffix]), ("cache-control", keep)])
    return found
