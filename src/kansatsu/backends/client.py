"""HTTP/1.1 to one backend: a pool of connections, what may be asked again, and every failure told apart.

Why it is our own: docs/decisions/006-http-client.md.
"""

import asyncio
import random
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from kansatsu.backends import trouble
from kansatsu.backends.connection import Connection
from kansatsu.backends.head import HOP_BY_HOP
from kansatsu.backends.port import BackendResponse
from kansatsu.backends.source import Source
from kansatsu.backends.trouble import Failure, Limits, Trouble
from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.http import HttpRequest

# The gateway's server writes its own.
_DROPPED = frozenset(name.encode() for name in HOP_BY_HOP | {"date", "server"})
# How long a connection that nobody used is trusted: less than any server's patience. One that closes it at the moment
# when the next request goes out leaves us not knowing whether that was done.
_FRESH_SECONDS = 2.0
_AT_ONCE = 256 * 1024  # bytes of a body, with the head
_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0
_NEVER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # in a header


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
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._socket = socket
        self._limits = limits or Limits()
        self._observer = observer
        # No limit of connections: a stalled upload must not keep others out. The gateway bounds its clients.
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}  # the last one used is the last one

    async def send(
        self, head: HttpRequest, body: AsyncIterator[bytes] | bytes, length: int, *, repeatable: bool = False
    ) -> BackendResponse:
        """Send a request whose head is complete.

        What a streamed `body` raises is raised here, before its last byte went out. `repeatable`: it does no harm
        to send this twice. Raises AwsError.
        """
        start = _start(head)
        given = body if isinstance(body, bytes) else await _opened(body, length)
        attempt = 0
        # A backend that is known to be down is not asked more often for that.
        last = self._limits.retries if self._observer is None or not self._observer.down else 0
        while True:
            try:
                connection = await self._exchange(head.method, start, given)
                break
            except Failure as failure:
                again = attempt < last and _may_try_again(failure, given, repeatable)
                if self._observer is not None:
                    self._observer.ill(failure)
                if not again:
                    raise trouble.answer(failure) from failure
            await asyncio.sleep(random.uniform(0.5, 1.0) * min(_LONGEST_DELAY, _FIRST_DELAY * 2**attempt))  # noqa: S311
            attempt += 1
        if self._observer is not None:
            self._observer.well()
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in connection.headers if n not in _DROPPED]
        answer = _Answer(self, connection)
        return BackendResponse(connection.status, headers, answer, answer.close)

    async def close(self) -> None:
        """Cut all connections."""
        for connection in list(self._connections):
            connection.abort()

    def release(self, connection: Connection) -> None:
        """The exchange is over, or given up."""
        if connection.healthy:
            self._idle[connection] = None
            connection.rest(_FRESH_SECONDS)
        else:
            connection.abort()

    def ill(self, failure: Failure) -> None:
        if self._observer is not None:
            self._observer.ill(failure)

    async def _exchange(self, method: str, start: bytes, body: bytes | Source) -> Connection:
        """A connection with the head of an answer. Raises Failure, or what the body raised."""
        if isinstance(body, bytes) and len(body) > _AT_ONCE:
            body = await Source.open(_sliced(body), len(body))
        connection = await self._connection()
        upload: asyncio.Task[None] | None = None
        try:
            connection.begin(method)
            if isinstance(body, bytes):
                await connection.write(start + body)
                connection.sent()
            else:
                upload = asyncio.create_task(_upload(connection, start, body))
            await connection.head()
            # INVARIANT: nothing counts as done before its whole body was there and was right.
            if connection.status < 300 and not (isinstance(body, bytes) or body.complete):
                raise Failure(Trouble.GARBAGE, "success before the request was complete")
        except BaseException:
            connection.abort()  # and what of the request still waits to be sent
            raise
        finally:
            if upload is not None:
                upload.cancel()
        return connection

    async def _connection(self) -> Connection:
        """One that is open. Raises Failure."""
        while self._idle:
            connection, _ = self._idle.popitem()
            if connection.healthy:
                return connection
        loop, made = asyncio.get_running_loop(), lambda: Connection(self._limits, self._gone)
        try:
            async with asyncio.timeout(self._limits.connect):
                if self._socket is not None:
                    _, connection = await loop.create_unix_connection(made, str(self._socket))
                else:
                    _, connection = await loop.create_connection(made, self._host, self._port, ssl=self._tls)
        except OSError as error:
            raise trouble.of_connecting(error, self._limits.connect) from error
        self._connections.add(connection)
        return connection

    def _gone(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._idle.pop(connection, None)


class _Answer:
    """The body of an answer. Raises ServiceUnavailable when it breaks off."""

    def __init__(self, client: Client, connection: Connection) -> None:
        self._client = client
        self._connection: Connection | None = connection

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._connection is None:
            raise StopAsyncIteration
        try:
            piece = await self._connection.piece()
        except Failure as failure:
            self._client.ill(failure)
            raise ServiceUnavailable(f"The backend {failure.trouble.value}.") from failure
        if not piece:
            await self.close()
            raise StopAsyncIteration
        return piece

    async def close(self) -> None:
        """Take no more of it; its connection is cut unless all of it, and of the request, is through."""
        if self._connection is not None:
            self._client.release(self._connection)
            self._connection = None


def _start(head: HttpRequest) -> bytes:
    """The head as it goes out. Raises AwsError.

    Header values have a character for each byte that the client sent.
    """
    fields = head.headers
    # INVARIANT: no header ends the head, or begins another.
    if _NEVER.search("".join([*fields, *fields.values()])):
        raise AwsError("A header has a character that no header may have.", code="InvalidRequest", status=400)
    target = f"{head.path}?{head.query}" if head.query else head.path
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    return f"{head.method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")


async def _opened(body: AsyncIterator[bytes], length: int) -> bytes | Source:
    """A body that is there in one piece, as it is; else where the rest comes from."""
    source = await Source.open(body, length)
    return source.first if source.complete else source


async def _upload(connection: Connection, start: bytes, source: Source) -> None:
    try:
        await connection.write(start)
        async for piece in source.pieces():
            if connection.status:
                return
            await connection.write(piece)
        connection.sent()
    except Exception as error:  # noqa: BLE001 - the body's own errors, which are its client's to hear
        connection.fail(error)


def _may_try_again(failure: Failure, body: bytes | Source, repeatable: bool) -> bool:
    """INVARIANT: nothing is done twice: again only what had no answer at all, whose body is still there, and that
    either never left or does no harm.
    """
    # Who was silent for a minute is not asked for another: a client waits no longer than that.
    if failure.trouble in (Trouble.UNTRUSTED, Trouble.NO_TLS, Trouble.SILENT, Trouble.STALLED):
        return False
    whole = isinstance(body, bytes) or body.untouched
    return whole and (failure.untouched or (failure.silent and repeatable))


async def _sliced(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), _AT_ONCE):
        yield body[at : at + _AT_ONCE]
