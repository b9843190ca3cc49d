"""Which paths of the embedded server no request may reach: its own control interface.

https://docs.getmoto.org/en/latest/docs/server_mode.html (the dashboard and /moto-api). This module imports nothing
heavy, because the child process uses it too.
"""

import re
from urllib.parse import unquote

from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

# The server takes every path that begins so for its own, buckets with longer names included.
INTERNAL = "moto-api"
_MAX_DECODINGS = 3
_SEPARATORS = re.compile(r"[/\\]+")


def unreachable(request: HttpRequest) -> AwsError | None:
    """The error for a request whose path is the embedded server's own, however it is written; else None.

    A bucket of such a name cannot exist: AWS's InvalidBucketName (400).
    """
    # INVARIANT: no spelling of /moto-api gets past this, and the child refuses it once more.
    if internal(request.path):
        return AwsError("The specified bucket is not valid.", code="InvalidBucketName", status=400)
    return None


def internal(path: str) -> bool:
    """Whether any reading of a raw path (decoded or not, with or without dot segments) is internal."""
    for _ in range(_MAX_DECODINGS):
        if any(_first(path, dots=dots).startswith(INTERNAL) for dots in (False, True)):
            return True
        decoded = unquote(path)
        if decoded == path:
            return False
        path = decoded
    return True  # nobody encodes a key so often in good faith


def _first(path: str, *, dots: bool) -> str:
    kept: list[str] = []
    for segment in _SEPARATORS.split(path.partition("?")[0].partition(";")[0]):
        plain = segment.strip().lower()
        if dots and plain == "..":
            if kept:
                kept.pop()
        elif plain and not (dots and plain == "."):
            kept.append(plain)
    return kept[0] if kept else ""
