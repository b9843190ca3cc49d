"""The smallest HTTP/1 server that the endpoints need: one request per connection, bounded in size, time and number.

A listening socket is an identity, so every socket is served by a server of its own with a handler of its own.
Handlers are plain functions, as nearly everything that they answer is at hand; what is not, they answer later.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import cast

import httptools

from kansatsu.clock import Clock
from kansatsu.delivery.messages import Request, Response, http_date, refusal

log = logging.getLogger(__name__)

Answer = Response | Awaitable[Response]
Handler = Callable[[Request], Answer]
# Whether the client at this address and port may be answered at all.
Admit = Callable[[tuple[str, int]], bool]

MAX_REQUEST_BYTES = 65536
MAX_CONNECTIONS = 256  # per listener: a workload that opens more only harms itself
IDLE_SECONDS = 20.0


class Handle:
    """One listener being served. `close` ends it and every connection that it accepted."""

    def __init__(self, listener: socket.socket, connections: "set[_Connection]") -> None:
        self._listener = listener
        self._connections = connections
        self._server: asyncio.Server | None = None

    async def close(self) -> None:
        """Stop at once; closing twice is no error."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._listener.close()  # uvloop closes the descriptor only, not what an injected listener holds besides
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.sleep(0)  # uvloop closes at the end of its round: from here on the address is free again

    def _started(self, server: asyncio.Server) -> "Handle":
        self._server = server
        return self


async def serve(listener: socket.socket, handler: Handler, clock: Clock, admit: Admit | None = None) -> Handle:
    """Serve HTTP on a listening socket, which now belongs to the handle; with `admit`, to those that it admits."""
    loop = asyncio.get_running_loop()
    connections: set[_Connection] = set()
    handle = Handle(listener, connections)
    server = await loop.create_server(lambda: _Connection(handler, clock, connections, admit), sock=listener)
    return handle._started(server)


class _Connection(asyncio.Protocol):
    """One connection; httptools calls the on_* methods."""

    def __init__(self, handler: Handler, clock: Clock, connections: "set[_Connection]", admit: Admit | None) -> None:
        self._admit = admit
        self._handler = handler
        self._clock = clock
        self._connections = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._target = b""
        self._headers: dict[str, str] = {}
        self._received = 0
        self._answered = False
        self._later: asyncio.Future[None] | None = None  # an answer that is being waited for

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._connections.add(self)
        if len(self._connections) > MAX_CONNECTIONS or not self._admitted(transport):
            self.abort()
            return
        self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self.abort)

    def _admitted(self, transport: asyncio.BaseTransport) -> bool:
        if self._admit is None:
            return True
        try:
            return self._admit(transport.get_extra_info("peername")[:2])
        except Exception:  # the edge: whoever cannot be told is not answered
            log.exception("whose a connection is could not be found out")
            return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        for pending in (self._timer, self._later):
            if pending is not None:
                pending.cancel()

    def data_received(self, data: bytes) -> None:
        if self._answered or self._later is not None:
            return
        self._received += len(data)
        if self._received > MAX_REQUEST_BYTES:
            self._answer(refusal(413))
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # an offer to speak something else; the request itself is complete
        except httptools.HttpParserError:
            self._answer(refusal(400))

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_message_complete(self) -> None:
        if self._answered or self._later is not None:
            return
        method = self._parser.get_method().decode("latin-1")
        try:
            answer = self._handler(Request(method, self._target.decode("latin-1"), self._headers))
        except Exception:  # the edge: whatever it is, the workload gets an answer and we keep serving
            log.exception("the request %s %.200r failed", method, self._target)
            answer = refusal(500)
        if isinstance(answer, Response):
            self._answer(answer, body=method != "HEAD")
        else:
            self._later = asyncio.ensure_future(self._wait(answer, method))

    async def _wait(self, answer: Awaitable[Response], method: str) -> None:
        try:
            response = await answer
        except Exception:  # the edge, as above
            log.exception("the request %s %.200r failed", method, self._target)
            response = refusal(500)
        self._answer(response, body=method != "HEAD")

    def _answer(self, response: Response, body: bool = True) -> None:
        self._answered = True
        if self._transport is None or self._transport.is_closing():
            return
        lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        lines += [f"Date: {http_date(self._clock.now())}", f"Content-Length: {len(response.body)}"]
        lines += ["Connection: close", "", ""]
        if response.hop_limit is not None:
            _limit_hops(self._transport, response.hop_limit)
        self._transport.write("\r\n".join(lines).encode("latin-1") + (response.body if body else b""))
        self._transport.close()


def _limit_hops(transport: asyncio.Transport, hops: int) -> None:
    """From here on the connection's packets live for `hops` hops; what was sent before is on its way already."""
    # A duplicate: neither asyncio's nor uvloop's own object sets options on every version.
    with socket.socket(fileno=socket.dup(transport.get_extra_info("socket").fileno())) as accepted:
        accepted.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
