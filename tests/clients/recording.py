"""A backend that keeps nothing: it remembers heads, counts bytes, and answers as it is told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_XML = "<?xml version='1.0'?><{0}><UploadId>upload</UploadId><ETag>&quot;e&quot;</ETag></{0}>"
_PIECE = bytearray(1 << 20)
Headers = list[tuple[str, str]]


class Recording:
    """What came: request lines and headers in lower case; `answer` (status, headers, body) is for everything that is
    not part of a multipart upload.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.headers: list[Headers] = []
        self.bytes = 0
        self.answer: tuple[int, Headers, bytes] = (200, [], b"")
        self.url = ""


@contextmanager
def recording() -> Iterator[Recording]:
    found = Recording()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            if self.path == "/" and "authorization" not in self.headers:
                return self._say(200, [], b"")  # Kansatsu looks whether anybody is there
            found.lines.append(f"{self.command} {self.path}")
            found.headers.append([(name.lower(), value) for name, value in self.headers.items()])
            left = int(self.headers.get("content-length", 0))
            while left:
                read = self.rfile.readinto(memoryview(_PIECE)[: min(left, len(_PIECE))])  # type: ignore[attr-defined]
                if not read:
                    return None
                left -= read
                found.bytes += read
            if "uploads" in self.path:
                return self._say(200, [], _XML.format("InitiateMultipartUploadResult").encode())
            if "partNumber" in self.path:
                return self._say(200, [("ETag", '"e"')], b"")
            if "uploadId" in self.path:
                return self._say(200, [], _XML.format("CompleteMultipartUploadResult").encode())
            if "?policy" in self.path:
                return self._say(404, [], b"<Error><Code>NoSuchBucketPolicy</Code></Error>")
            return self._say(*found.answer)

        def _say(self, status: int, headers: Headers, body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

        def log_message(self, *_: object) -> None:
            return

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A connection that Kansatsu cut."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
