"""The process that is the embedded backend: moto's WSGI application on a unix socket that only its owner can open.

Run as `python -m kansatsu.backends.moto_child SOCKET`. It says `ready` on standard output once it accepts, and ends
when its standard input does, which is when its parent dies.
"""

import contextlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO, cast

from kansatsu.backends.reachable import internal

READY = "ready"
_PIECE = 64 * 1024
_IN_MEMORY = 64 * 1024

_Environ = dict[str, Any]
_StartResponse = Callable[..., Any]
_Application = Callable[[_Environ, _StartResponse], Iterable[bytes]]


class Guard:
    """WSGI middleware: refuses the server's own paths, and bodies that are not there as a whole."""

    def __init__(self, application: _Application, directory: Path) -> None:
        self._application = application
        self._directory = directory

    def __call__(self, environ: _Environ, start_response: _StartResponse) -> Iterable[bytes]:
        """Hand a request on, or answer it with 400 or 411."""
        paths = (environ.get("PATH_INFO", ""), environ.get("REQUEST_URI", ""), environ.get("RAW_URI", ""))
        # INVARIANT: the control interface answers nobody, not even a process that found the socket.
        if any(internal(path) for path in paths):
            return _refuse(start_response, "400 Bad Request", b"InvalidBucketName")
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            return _refuse(start_response, "411 Length Required", b"MissingContentLength")
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if not length:
            return self._application(environ, start_response)
        return self._with_body(environ, start_response, length)

    def _with_body(self, environ: _Environ, start_response: _StartResponse, length: int) -> Iterable[bytes]:
        body = tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=str(self._directory))  # noqa: SIM115 - closed by the server
        # INVARIANT: a request that was broken off does nothing: the application sees whole bodies only.
        if not _copy(environ["wsgi.input"], body, length):
            body.close()
            return _refuse(start_response, "400 Bad Request", b"IncompleteBody")
        body.seek(0)
        environ["wsgi.input"] = body
        try:
            return list(self._application(environ, start_response))
        finally:
            body.close()


def _copy(source: BinaryIO, target: Any, length: int) -> bool:
    with contextlib.suppress(OSError):
        while length:
            piece = source.read(min(length, _PIECE))
            if not piece:
                return False
            target.write(piece)
            length -= len(piece)
        return True
    return False


def _refuse(start_response: _StartResponse, status: str, body: bytes) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def serve(path: Path) -> None:
    """Serve until standard input ends."""
    from moto.server import (  # type: ignore[attr-defined]  # documented, though not in its __all__
        DomainDispatcherApplication,
        create_backend_app,
    )
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        """Writes no access log: the gateway records every call."""

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            return

    def made(service: str | None) -> Any:
        if service is None:
            return _no_such_service
        application = create_backend_app(cast(Any, service))
        application.register_error_handler(NotImplementedError, _not_there)
        return application

    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    application = cast(_Application, DomainDispatcherApplication(made))
    # INVARIANT: from the moment that the socket exists nobody but its owner can connect.
    os.umask(0o177)
    server = make_server(f"unix://{path}", 0, Guard(application, path.parent), threaded=True, request_handler=Quiet)
    os.umask(0o077)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    print(READY, flush=True)
    server.serve_forever()


def _no_such_service(_environ: _Environ, start_response: _StartResponse) -> Iterable[bytes]:
    return _refuse(start_response, "501 Not Implemented", b"NotImplemented")


def _not_there(_error: NotImplementedError) -> tuple[str, int, dict[str, str]]:
    """An operation, or a form of one, that moto does not have: no internal error, and nothing to try again."""
    return "NotImplemented", 501, {"Content-Type": "text/plain"}


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
