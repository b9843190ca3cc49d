"""One connection to a backend: a request goes out, its answer comes in, every wait has an end, every failure a name.

Heads and chunks are read by llhttp (httptools, as in uvicorn's server); a body of known length passes uncopied.
https://www.rfc-editor.org/rfc/rfc9112
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import httptools

from kansatsu.backends.trouble import Failure, Limits, Trouble

_LONGEST_HEAD = 256 * 1024  # bytes; 2 KiB of S3's metadata can be a thousand headers
_WAITING = 256 * 1024  # bytes of an answer that wait for the client
_MANY = 4  # pieces of an answer, which go on as one
_BODILESS = frozenset({204, 304})

Fields = list[tuple[bytes, bytes]]  # names in lower case


class Connection(asyncio.Protocol):
    """For each exchange: `begin`, `write` the request, `sent`, `head`, `piece` until it is b"".

    `complete` says that all of the answer is there, `healthy` that another exchange may follow.
    """

    _transport: asyncio.Transport
    _parser: Any  # httptools has no types

    def __init__(self, limits: Limits, gone: Callable[["Connection"], object]) -> None:
        self.status = 0  # of the answer; 0 before its head is there
        self.headers: Fields = []
        self.complete = True
        self._limits = limits
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._failure: Exception | None = None
        self._again = True  # whether another exchange may follow
        self._sent = True
        self._full = False  # whether the transport takes no more of the request
        self._room: asyncio.Future[None] | None = None  # somebody waits for it to take more
        self._news: asyncio.Future[None] | None = None  # somebody waits for the answer
        self._pieces: deque[bytes] = deque()
        self._waiting = 0  # bytes in them
        self._turn_of: Trouble | None = None
        self._seconds = self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, method: str) -> None:
        """Start an exchange, on a healthy connection."""
        self.status, self.complete, self._sent = 0, False, False
        self._parser = httptools.HttpResponseParser(self)
        self._fields: Fields = []
        self._seen, self._tail = 0, b""  # bytes of the head, and its last three
        self._bodiless = method == "HEAD"
        self._chunked = False
        self._left: int | None = None  # bytes, of a body of known length
        self._turn(None)

    async def write(self, data: bytes) -> None:
        """Send a part of the request, and wait until there is room for more. Raises Failure."""
        self._turn(Trouble.STALLED, self._limits.idle)
        if not self.status and self._failure is None:
            self._transport.write(data)
        while self._full and not self.status and self._failure is None:
            self._room = self._loop.create_future()
            await self._room
        if self._failure is not None:
            raise self._failure
        self._turn(None)

    def sent(self) -> None:
        """All of the request was written."""
        self._sent = True
        if not self.status:
            self._turn(Trouble.SILENT, self._limits.answer)

    async def head(self) -> None:
        """Wait for status and headers of the answer. Raises Failure, or what `fail` was told."""
        while not self.status:
            if self._failure is not None:
                raise self._failure
            self._news = self._loop.create_future()
            await self._news

    async def piece(self) -> bytes:
        """The next piece of the answer's body, b"" after the last. Raises Failure."""
        while not self._pieces and not self.complete:
            if self._failure is not None:
                raise self._failure
            self._turn(Trouble.STUCK, self._limits.idle)
            self._news = self._loop.create_future()
            await self._news
            self._turn(None)
        if not self._pieces:
            return b""
        if len(self._pieces) > _MANY:
            piece = b"".join(self._pieces)
            self._pieces.clear()
        else:
            piece = self._pieces.popleft()
        self._waiting -= len(piece)
        if self._waiting <= _WAITING < self._waiting + len(piece) and not self._transport.is_closing():
            self._transport.resume_reading()
        return piece

    def fail(self, error: Exception) -> None:
        """Break off; who waits for the answer gets this error."""
        if not self.complete and self._failure is None:
            self._failure = error
        self.abort()
        self._wake()

    def abort(self) -> None:
        """Cut the connection, with what still waits to be sent."""
        self._again = False
        self._transport.abort()

    @property
    def healthy(self) -> bool:
        return self._again and self._sent and self.complete and not self._pieces and not self._transport.is_closing()

    def rest(self, seconds: float) -> None:
        """After so long without another exchange the connection is cut."""
        self._turn(Trouble.CLOSED, seconds)

    # ---- asyncio.Protocol --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone(self)
        if self._timer is not None:
            self._timer.cancel()
        to_the_end = self.status and self._left is None and not self._chunked
        if to_the_end and exc is None:
            self._finish()  # with the connection, unless that was reset
        elif self.status or self._seen:
            self.fail(Failure(Trouble.BROKEN_OFF))
        else:
            self.fail(Failure(Trouble.CLOSED, silent=True))

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._wake()

    def data_received(self, data: bytes) -> None:
        if self.complete:
            # INVARIANT: what comes unasked is never taken for the answer to the next request.
            self.abort()
            return
        try:
            if rest := data if self.status else self._read_head(data):
                self._read_body(rest)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.fail(Failure(Trouble.GARBAGE, str(error.__context__ or error)))
        self._wake()

    # ---- what llhttp finds -------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.complete:
            raise httptools.HttpParserError("a second answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.status:  # no trailers
            self._fields.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        status, fields = self._parser.get_status_code(), self._fields
        if status < 200:  # 100 Continue, and what else is not yet the answer
            self._fields = []
            return
        self._again = self._sent and self._parser.should_keep_alive()
        if self._bodiless or status in _BODILESS:
            self._left = 0
        elif codings := [value.strip().lower() for name, value in fields if name == b"transfer-encoding"]:
            if codings != [b"chunked"]:
                raise httptools.HttpParserError("an unknown transfer coding")
            self._chunked = True
        else:
            self._left = next((int(value) for name, value in fields if name == b"content-length"), None)
        self.status, self.headers = status, fields
        self._turn(None)

    def on_body(self, body: bytes) -> None:
        self._seen = 0
        self._add(body)

    def on_message_complete(self) -> None:
        if self._chunked:
            self._finish()

    # ------------------------------------------------------------------------------------------------------------------

    def _read_head(self, data: bytes) -> bytes:
        """Show llhttp the head, and that only; returns what follows it.

        It does not know which answers are to a HEAD, and copies every body.
        """
        while data and not self.status:
            at = (self._tail + data).find(b"\r\n\r\n")
            end = len(data) if at < 0 else at + 4 - len(self._tail)
            self._tail = (self._tail + data)[-3:] if at < 0 else b""
            self._count(end)
            self._parser.feed_data(data[:end])
            data = data[end:]
        if self._left == 0:
            self._finish()
        return data

    def _read_body(self, data: bytes) -> None:
        if self._chunked:
            self._parser.feed_data(data)
            self._count(len(data))
        elif self._left is None:
            self._add(data)
        else:
            if len(data) > self._left:
                data, self._again = data[: self._left], False
            self._left -= len(data)
            self._add(data)
            if not self._left:
                self._finish()

    def _count(self, size: int) -> None:
        self._seen += size
        if self._seen > _LONGEST_HEAD:
            raise httptools.HttpParserError("a head or a trailer that does not end")

    def _add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._waiting += len(piece)
        if self._waiting > _WAITING and not self._transport.is_closing():
            self._transport.pause_reading()

    def _finish(self) -> None:
        self.complete = True
        self._wake()

    def _wake(self) -> None:
        for waiter in (self._news, self._room):
            if waiter is not None and not waiter.done():
                waiter.set_result(None)

    def _turn(self, trouble: Trouble | None, seconds: float = 0) -> None:
        """The backend has so long to do something, or that is its trouble; None: it is somebody else's turn."""
        self._turn_of = trouble
        if trouble is not None:
            self._seconds = seconds
            self._deadline = self._loop.time() + seconds
            # A timer that is due earlier finds out by itself that it has to wait: nearly always there is one.
            if self._timer is None or self._timer.when() > self._deadline:
                self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        if self._turn_of is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
            return
        silent = self._turn_of is not Trouble.STUCK
        self.fail(Failure(self._turn_of, f"nothing for {self._seconds:g} s", silent=silent))
