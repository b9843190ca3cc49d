"""Serves the application on any number of listening sockets: the gateway's own, and one inside each workload."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate
from functools import partial
from math import inf
from typing import Any

import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from kansatsu.gateway.asgi import ADMITTED, INSIDE

_GRACE = 10.0  # seconds for requests that are under way when the server stops

_LONGEST_HEAD = 512 * 1024  # bytes, give or take one read from the socket; AWS takes much less
_SLOWEST_HEAD = 20.0  # seconds from the first byte, or from the connection, to the end of a head
_MOST_CONNECTIONS = 8192
# Seconds without a request, longer than clients keep theirs in a pool (Go's for 90): else a server closes just as they
# send, and what is not to be sent twice fails.
_IDLE = 95


_MOST_WARNINGS = 60  # a minute


class _FewWarnings(logging.Filter):
    """Of what no server takes for HTTP. INVARIANT: strangers fill no disk."""

    _minute, _count = 0, 0

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno > logging.WARNING:
            return True
        if (minute := int(record.created) // 60) != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        return self._count <= _MOST_WARNINGS


_FEW = _FewWarnings()


class _State(ServerState):
    """What all connections of a server share."""

    def __init__(self) -> None:
        super().__init__()
        # That have no whole request, and nobody who is authenticated; the longest first.
        self.waiting: dict[_Protocol, None] = {}


class _Protocol(HttpToolsProtocol):
    """uvicorn's, with an end to what is not a body: nobody is authenticated before a head is complete.

    INVARIANT: what strangers hold is bounded: what comes before the end of a head is not kept for ever, neither by
    length nor by time, and connections are so many and no more; where there are too many, one goes that nobody is
    authenticated on, which keeps nobody else out. While a request is answered, the start of the next one
    is bounded by length alone: it waits for the answer, however long that takes. So is what is between the pieces of a
    body, and behind the last one.
    """

    _left = _LONGEST_HEAD  # bytes that may come before what is awaited is complete, or a piece of a body is there
    _in_head = False
    server_state: _State
    _until: float = inf  # when it must be, on the loop's clock

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        waiting = self.server_state.waiting
        if len(self.connections) > _MOST_CONNECTIONS:
            gone = next(iter(waiting), self)
            waiting.pop(gone, None)  # and is not asked to go twice
            gone.transport.abort()
        self._await(_SLOWEST_HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server_state.waiting.pop(self, None)
        super().connection_lost(exc)

    def admitted(self) -> None:
        """Somebody is authenticated, whose body may still come."""
        self.server_state.waiting.pop(self, None)

    def late(self, now: float) -> bool:
        """Whether the head of a request has been on its way for too long."""
        return now > self._until

    def _await(self, seconds: float = inf) -> None:
        self._left, self._until = _LONGEST_HEAD, self.loop.time() + seconds
        if seconds == _SLOWEST_HEAD:
            self._wait()

    def _wait(self) -> None:
        waiting = self.server_state.waiting
        waiting.pop(self, None)
        if not self.transport.is_closing():
            waiting[self] = None

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        if self._until == inf and not self._answering:  # what follows an answer begins, if only with an empty line
            self._await(_SLOWEST_HEAD)
        self._left -= len(data)
        if self._left < 0:
            if not self.transport.is_closing():
                self.send_400_response("The head of the request is too long.")
            return
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        cycle = self.cycle
        if self._answering and (self.pipeline or cycle.response_started or not cycle.more_body):
            self.transport.abort()  # INVARIANT: nobody takes it for the answer, or a part of it, to the request before
        else:
            super().send_400_response(msg)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self.server_state.waiting.setdefault(self, None)

    def on_header(self, name: bytes, value: bytes) -> None:
        # INVARIANT: a trailer is no header: it came when the request was authenticated, or would if it came sooner.
        # https://www.rfc-editor.org/rfc/rfc9110#section-6.5.1
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        # INVARIANT: nobody else reads another one of two; https://www.rfc-editor.org/rfc/rfc9112#section-3.2
        if sum(name == b"host" for name, _ in self.headers) > 1:
            raise ValueError("more than one Host")  # answered by 400, like everything that the parser does not take
        self._await()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self._answering:
            self.admitted()
        super().on_message_complete()
        self._await()

    def on_response_complete(self) -> None:
        if self.cycle.more_body and not self.pipeline:
            self.transport.close()  # INVARIANT: what is left of a body that was not taken is not waited for
        super().on_response_complete()
        if not self._answering:
            self._wait()
            if self._left < _LONGEST_HEAD:
                self._until = self.loop.time() + _SLOWEST_HEAD

    def on_body(self, body: bytes) -> None:
        """uvicorn's, which would copy every piece twice: into a buffer, and out of it."""
        self._left = _LONGEST_HEAD
        cycle: Any = self.cycle
        if cycle.response_complete:
            return
        if not cycle.body:
            cycle.body = body
        elif isinstance(cycle.body, bytes):
            cycle.body = bytearray(cycle.body + body)
        else:
            cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()


class HttpServer:
    """One ASGI application, one set of connections, many sockets. Runs in the current event loop."""

    def __init__(self, app: Callable[..., Any]) -> None:
        # INVARIANT: who a client is and whether it came over TLS is what the socket says, never X-Forwarded-*.
        self._config = uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE,
        )
        self._config.load()
        logging.getLogger("uvicorn.error").addFilter(_FEW)
        self._state = _State()
        self._servers: set[asyncio.Server] = set()
        self._clockwork: asyncio.Task[None] | None = None

    async def listen(
        self, sock: socket.socket, *, inside: bool = False, tls: ssl.SSLContext | None = None
    ) -> "Listening":
        """Serve this socket from now on; `inside` says that it is a workload's, and no operator's."""
        if self._clockwork is None:
            self._set_date()
            self._clockwork = asyncio.get_running_loop().create_task(self._keep_date())
        server = await asyncio.get_running_loop().create_server(partial(self._protocol, inside), sock=sock, ssl=tls)
        self._servers.add(server)
        return Listening(self._servers, server)

    async def close(self) -> None:
        """Take no more connections, let requests that are under way end, then cut what is left."""
        for server in list(self._servers):
            server.close()
        for connection in list(self._state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(_GRACE):
                while self._state.tasks:
                    await asyncio.wait(list(self._state.tasks))
        for connection in list(self._state.connections):
            if transport := getattr(connection, "transport", None):
                transport.abort()
        if self._clockwork is not None:
            self._clockwork.cancel()
            await asyncio.gather(self._clockwork, return_exceptions=True)

    def _protocol(self, inside: bool) -> asyncio.Protocol:
        state: dict[str, Any] = {INSIDE: inside}
        protocol = _Protocol(config=self._config, server_state=self._state, app_state=state)
        state[ADMITTED] = protocol.admitted
        return protocol

    def _set_date(self) -> None:
        date = formatdate(usegmt=True).encode()
        self._state.default_headers = [(b"date", date), (b"server", b"Kansatsu")]

    async def _keep_date(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._set_date()
            now = asyncio.get_running_loop().time()
            for connection in list(self._state.connections):
                if isinstance(connection, _Protocol) and connection.late(now):
                    connection.transport.abort()


class Listening:
    """One socket that is being served."""

    def __init__(self, servers: set[asyncio.Server], server: asyncio.Server) -> None:
        self._servers = servers
        self._server = server

    async def close(self) -> None:
        """Take no more connections here."""
        self._servers.discard(self._server)
        self._server.close()
