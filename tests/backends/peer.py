"""A backend that does what a test says, and the client that calls it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from kansatsu.backends import Credentials, Limits, UrlBackend
from kansatsu.clock import SystemClock
from kansatsu.http import HttpRequest

from .calls import ACCOUNT

OURS = Credentials("AKIAOURS", "our secret", "our token")
SOON = Limits(connect=30, answer=0.2, idle=0.2)  # only where no answer is the answer: a busy machine is slower
GET, PUT = HttpRequest("GET", "/b/k"), HttpRequest("PUT", "/b/k")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Peer:
    """A server that does to each connection what `talk` says; it counts connections and requests."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await self._talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def serving(
    talk: Talk,
    limits: Limits | None = None,
    server_tls: ssl.SSLContext | None = None,
    client_tls: ssl.SSLContext | None = None,
) -> AsyncIterator[tuple[UrlBackend, Peer]]:
    peer = Peer(talk)
    server = await asyncio.start_server(peer, "127.0.0.1", 0, ssl=server_tls)
    port = server.sockets[0].getsockname()[1]
    scheme = "https" if server_tls or client_tls else "http"
    backend = UrlBackend(
        f"{scheme}://127.0.0.1:{port}", OURS, SystemClock(), limits=limits or Limits(), tls=client_tls, watch=False
    )
    try:
        yield backend, peer
    finally:
        await backend.stop()
        server.close()


def saying(*answers: bytes, close: bool = True) -> Talk:
    """Answer each request with the next of these, the last one for ever; then close the connection or leave it."""
    left = list(answers)

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        if close:
            writer.close()

    return talk


async def call(backend: UrlBackend, request: HttpRequest = GET, *, repeatable: bool = True) -> tuple[int, bytes]:
    response = await backend.call(ACCOUNT, "us-east-1", "s3", request, repeatable=repeatable)
    return response.status, await response.read()


def refusing(body: bytes, status: int = 403) -> bytes:
    return b"HTTP/1.1 %d No\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)
