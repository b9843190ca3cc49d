"""HTTP to a backend, over a unix socket or TCP, with bounded memory in both directions and every failure told apart."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from kansatsu.backends import trouble
from kansatsu.backends.connection import Connection, Incoming, Limits
from kansatsu.backends.head import HOP_BY_HOP
from kansatsu.backends.port import BackendResponse
from kansatsu.backends.trouble import Failure, Trouble
from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.http import HttpRequest

# The gateway's server writes its own.
_DROPPED = frozenset(name.encode() for name in HOP_BY_HOP | {"date", "server"})
_MOST_IDLE = 64
# How long a connection that nobody used is trusted. A server may close it at the moment when the next request goes out;
# what must not be sent twice takes one that is fresher than any server's patience.
_IDLE_SECONDS, _FRESH_SECONDS = 15.0, 2.0
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0


class Observer(Protocol):
    """Who wants to know how the backend is."""

    @property
    def down(self) -> bool: ...
    def well(self) -> None: ...
    def ill(self, failure: Failure) -> None: ...


class Client:
    """A pool of connections to one backend; made in a running event loop.

    `origin` is the scheme and authority of URLs; `socket` a unix socket to use in its place; `tls` how servers of
    https are trusted.
    """

    def __init__(
        self,
        origin: str,
        socket: Path | None = None,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        observer: Observer | None = None,
    ) -> None:
        parts = urlsplit(origin)
        self._host, self._port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._socket = socket
        self._limits = limits or Limits()
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        # No limit of connections: a stalled upload must not keep others out. The gateway bounds its clients.
        self._idle: list[Connection] = []
        self._closed = False

    async def send(
        self, head: HttpRequest, body: AsyncIterator[bytes] | bytes, length: int, *, repeatable: bool = False
    ) -> BackendResponse:
        """Send a request whose head is complete.

        What a streamed `body` raises is raised here, before its last byte went out. `repeatable`: it does no harm
        to send this twice. Raises AwsError.
        """
        source = body if isinstance(body, bytes) else await _Source.open(body, length)
        attempt = 0
        # A backend that is known to be down is not asked more often for that.
        last = self._limits.retries if self._observer is None or not self._observer.down else 0
        while True:
            try:
                incoming = await self._exchange(head, source, repeatable)
                break
            except Failure as failure:
                again = attempt < last and _may_try_again(failure, source, repeatable)
                if self._observer is not None:
                    self._observer.ill(failure)
                if not again:
                    raise trouble.answer(failure) from failure
            await asyncio.sleep(random.uniform(0.5, 1.0) * min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt))  # noqa: S311
            attempt += 1
        if self._observer is not None:
            self._observer.well()
        return self._answer(incoming)

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().abort()

    # ---- one exchange -----------------------------------------------------------------------------------------------

    async def _exchange(self, head: HttpRequest, body: "bytes | _Source", repeatable: bool) -> Incoming:
        raw = _bytes(head)
        connection = await self._connection(_IDLE_SECONDS if repeatable else _FRESH_SECONDS)
        incoming = connection.begin(head.method, self._limits.idle)
        try:
            if isinstance(body, bytes):
                connection.write(raw + body)
                sent = await connection.drained(incoming, self._limits.idle)
            else:
                connection.write(raw)
                sent = await self._stream(connection, incoming, body)
            await connection.answered(incoming, self._limits.answer, sent=sent)
        except BaseException:
            connection.abort()
            raise
        if not sent and incoming.status < 300:
            # INVARIANT: nothing counts as done before its whole body was there and was right.
            connection.abort()
            raise Failure(Trouble.GARBAGE, "success before the request was complete")
        return incoming

    async def _stream(self, connection: Connection, incoming: Incoming, source: "_Source") -> bool:
        """Whether the whole body went out; not when the backend answers earlier."""
        async for piece in source.pieces():
            connection.write(piece)
            if not await connection.drained(incoming, self._limits.idle) and not source.complete:
                return False
        return True

    async def _connection(self, youngest: float) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.closing and self._loop.time() - connection.since < youngest:
                return connection
            connection.abort()
        return await self._connect()

    async def _connect(self) -> Connection:
        seconds = self._limits.connect
        try:
            async with asyncio.timeout(seconds):
                if self._socket is not None:
                    made = await self._loop.create_unix_connection(self._new, str(self._socket))
                else:
                    name = self._host if self._tls is not None else None
                    made = await self._loop.create_connection(
                        self._new, self._host, self._port, ssl=self._tls, server_hostname=name
                    )
        except OSError as error:
            raise trouble.of_connecting(error, seconds) from error
        return made[1]

    def _new(self) -> Connection:
        return Connection(self._release)

    def _release(self, connection: Connection) -> None:
        if self._closed or len(self._idle) >= _MOST_IDLE:
            connection.abort()
        else:
            self._idle.append(connection)

    def _answer(self, incoming: Incoming) -> BackendResponse:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in incoming.headers
            if name.lower() not in _DROPPED
        ]

        async def body() -> AsyncIterator[bytes]:
            try:
                async for piece in incoming:
                    yield piece
            except Failure as failure:
                if self._observer is not None:
                    self._observer.ill(failure)
                raise ServiceUnavailable(f"The backend {failure.trouble.value}.") from failure
            finally:
                incoming.abort()

        async def close() -> None:
            incoming.abort()

        return BackendResponse(incoming.status, headers, body(), close)


class _Source:
    """A streamed request body that has its first piece already."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], length: int) -> None:
        self._first = first
        self._rest = rest
        self._length = length
        self._total = len(first)
        self.untouched = True  # no piece of it went out

    @property
    def complete(self) -> bool:
        return self._total == self._length

    @classmethod
    async def open(cls, body: AsyncIterator[bytes], length: int) -> "bytes | _Source":
        """Wait for the first piece, so that nothing is sent for an empty body that turns out wrong."""
        first = b""
        async for first in body:
            if first:
                break
        source = cls(first, body, length)
        source._count(last=not first)
        return source if length else b""

    async def pieces(self) -> AsyncIterator[bytes]:
        self.untouched = False
        yield self._first
        self._first = b""
        async for piece in self._rest:
            self._total += len(piece)
            self._count(last=False)
            yield piece
        self._count(last=True)

    def _count(self, *, last: bool) -> None:
        # INVARIANT: a body of another length than announced never completes upstream.
        if self._total > self._length or (last and self._total < self._length):
            raise AwsError(
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
                code="IncompleteBody",
                status=400,
            )


def _may_try_again(failure: Failure, body: bytes | _Source, repeatable: bool) -> bool:
    """INVARIANT: nothing is done twice: again only what had no answer at all, whose body is still there, and that
    either never left or does no harm.
    """
    if failure.trouble in (Trouble.UNTRUSTED, Trouble.NO_TLS):
        return False
    whole = isinstance(body, bytes) or body.untouched
    return whole and (failure.untouched or (failure.silent and repeatable))


def _bytes(head: HttpRequest) -> bytes:
    target = f"{head.path}?{head.query}" if head.query else head.path
    lines = [f"{head.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in head.headers.items())]
    text = "\r\n".join(lines)
    ends = len(lines) - 1
    # INVARIANT: no header value ends the head, or begins another.
    if text.count("\n") != ends or text.count("\r") != ends or "\0" in text:
        raise AwsError("A header has a character that no header may have.", code="InvalidRequest", status=400)
    return (text + "\r\n\r\n").encode("latin-1")
