"""The child's own gate, by itself: the application behind it sees whole bodies of a stated length, or nothing."""

import io
from pathlib import Path
from typing import Any

import pytest

from kansatsu.backends.moto_child import Guard


class Broken(io.BytesIO):
    """A connection that is reset while it is read."""

    def read(self, size: int | None = -1) -> bytes:
        raise ConnectionResetError


def call(tmp_path: Path, **environ: Any) -> tuple[str, list[bytes]]:
    """The status line, and the bodies that the application saw."""
    seen: list[bytes] = []
    statuses: list[str] = []

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        seen.append(environ["wsgi.input"].read())
        start_response("200 OK", [])
        return [b""]

    guard = Guard(application, tmp_path)
    list(guard(environ, lambda status, headers: statuses.append(status)))
    return statuses[0], seen


@pytest.mark.parametrize("size", [1, 100, 300_000])
def test_whole(tmp_path: Path, size: int) -> None:
    body = b"a" * size
    environ = {"PATH_INFO": "/b/k", "CONTENT_LENGTH": str(size), "wsgi.input": io.BytesIO(body + b"next request")}
    assert call(tmp_path, **environ) == ("200 OK", [body])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stream", [io.BytesIO(b"a" * 99_999), io.BytesIO(), Broken()], ids=["short", "empty", "reset"])
def test_broken_off(tmp_path: Path, stream: io.BytesIO) -> None:
    environ = {"PATH_INFO": "/b/k", "CONTENT_LENGTH": "100000", "wsgi.input": stream}
    assert call(tmp_path, **environ) == ("400 Bad Request", [])


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"PATH_INFO": "/moto-api/reset"}, "400 Bad Request"),
        ({"PATH_INFO": "/", "REQUEST_URI": "/%6doto-api"}, "400 Bad Request"),
        ({"PATH_INFO": "/", "RAW_URI": "/x/../moto-api"}, "400 Bad Request"),
        ({"PATH_INFO": "/b/k", "HTTP_TRANSFER_ENCODING": "Chunked"}, "411 Length Required"),
    ],
)
def test_refused(tmp_path: Path, environ: dict[str, Any], status: str) -> None:
    assert call(tmp_path, **{"wsgi.input": io.BytesIO(b"x"), **environ}) == (status, [])
