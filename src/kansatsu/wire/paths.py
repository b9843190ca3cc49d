"""Whether the path of a REST request can be read in one way only.

A server may decode a path before it routes, decode it twice, take `\\` for `/`, shorten `a/../b` and `a//b`, or drop
what is behind a `;`: then it finds another operation, or another resource, than was authorized here.
"""

import re
from dataclasses import replace
from urllib.parse import unquote

from kansatsu.http import HttpRequest
from kansatsu.wire import rest
from kansatsu.wire.model import Operation
from kansatsu.wire.routing import routes

_RAW = re.compile(r"[^\x00-\x20\x7f;+\\]*")  # what clients write as it is: all of them encode these
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


def is_devious(operation: Operation, request: HttpRequest) -> bool:
    """Whether another reader may take the request for another one. A slash in a name (an ARN's) is not enough."""
    path = request.path
    if not _RAW.fullmatch(path) or _is_shortened(path):
        return True
    if "%" not in path:
        return False
    try:
        once = unquote(path, errors="strict")
    except UnicodeDecodeError:
        return True
    if unquote(once) != once or _CONTROLS.search(once):
        return True
    segments = rest.template(operation.uri)[0]
    own = rest.labels(segments, path)
    if _is_divided_otherwise(segments, own):
        return True
    table = routes(operation.service)
    for text in {once, once.replace("\\", "/")}:
        if _is_shortened(text):
            return True
        found = table.find(replace(request, path=text))
        if found is not None and (found is not operation or rest.labels(segments, text) != own):
            return True
    return False


def _is_shortened(path: str) -> bool:
    if path == "/":
        return False
    parts = path.removeprefix("/").removesuffix("/").split("/")
    return any(part.partition(";")[0] in ("", ".", "..") for part in parts)


def _is_divided_otherwise(segments: list[str], labels: dict[str, str]) -> bool:
    """Whether a label may end later, in the value of the next one: `a/b%2Fc` as `a/b` and `c`; or at a slash."""
    between: list[str] | None = None
    for segment in segments:
        if not segment.startswith("{"):
            between = None if between is None else [*between, segment]
            continue
        greedy = segment.endswith("+}")
        value = labels.get(segment[1:-2] if greedy else segment[1:-1], "")
        if value.endswith("/") or (between is not None and not greedy and "/".join(["", *between, ""]) in value):
            return True
        between = []
    return False
