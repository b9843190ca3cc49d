"""One HTTP/1.1 connection to a backend: one exchange at a time, streamed both ways, every wait for it bounded."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httptools

from kansatsu.backends.trouble import Failure, Trouble

_LONGEST_HEAD = 256 * 1024
_HIGH, _LOW = 256 * 1024, 64 * 1024  # bytes of an answer that wait for the client
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, to the first byte of an answer, without any progress; how often a call is tried again."""

    connect: float = 5.0
    answer: float = 60.0
    idle: float = 60.0
    retries: int = 2


class Incoming:
    """An answer on its way, its head complete. Iterate it to its end (raises Failure), or `abort`."""

    __slots__ = (
        "_connection",
        "_idle",
        "complete",
        "failure",
        "headed",
        "headers",
        "pieces",
        "size",
        "status",
        "waiter",
    )

    def __init__(self, connection: "Connection", idle: float) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: deque[bytes] = deque()
        self.size = 0  # of the pieces
        self.headed = False
        self.complete = False
        self.failure: Failure | None = None
        # Its own: when it is complete, its connection may serve somebody else before whoever waits here is woken.
        self.waiter: asyncio.Future[None] | None = None
        self._connection = connection
        self._idle = idle

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self.pieces:
                piece = self.pieces.popleft()
                self.size -= len(piece)
                if self.size <= _LOW and not self.complete:
                    self._connection.resume()
                yield piece
            if self.failure is not None:
                raise self.failure
            if self.complete:
                return
            await self._connection.wait(self, self._idle, Trouble.STUCK)

    def abort(self) -> None:
        """Take no more of it; the connection goes with it unless all of it is there."""
        if not self.complete:
            self._connection.abort()


class Connection(asyncio.Protocol):
    """`released` is called when an exchange has ended and another may begin."""

    def __init__(self, released: Callable[["Connection"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._released = released
        self._transport: Any = None
        self._writable = True
        self._paused = False
        self._incoming: Incoming | None = None  # None between exchanges
        self._parser: Any = None
        self._bodiless = False
        self._seen = 0  # bytes of the answer before its head was whole
        self._left: int | None = None  # bytes of a body that has a length
        self._to_the_end = False  # the body ends with the connection
        self._done = False
        self._sent = False  # the whole request went out
        self._keep = False
        self.since = 0.0  # when it became free, on the loop's clock

    # ---- for the client ---------------------------------------------------------------------------------------------

    @property
    def closing(self) -> bool:
        return self._transport is None or bool(self._transport.is_closing())

    def begin(self, method: str, idle: float) -> Incoming:
        """The answer to the request that is written from now on."""
        self._incoming = incoming = Incoming(self, idle)
        self._parser = httptools.HttpResponseParser(self)
        self._bodiless = method == "HEAD"
        self._seen, self._left = 0, None
        self._to_the_end = self._done = self._sent = self._keep = False
        return incoming

    def write(self, data: bytes) -> None:
        self._transport.write(data)

    async def drained(self, incoming: Incoming, seconds: float) -> bool:
        """Wait until more may be written; False when an answer has begun already. Raises Failure."""
        while not self._writable and not incoming.headed and incoming.failure is None:
            await self.wait(incoming, seconds, Trouble.STALLED)
        if incoming.failure is not None:
            raise incoming.failure
        return not incoming.headed

    async def answered(self, incoming: Incoming, seconds: float, *, sent: bool) -> None:
        """Wait for the head of the answer; `sent`: the whole request went out. Raises Failure."""
        self._sent = sent
        while not incoming.headed and incoming.failure is None:
            await self.wait(incoming, seconds, Trouble.SILENT)
        if incoming.failure is not None:
            raise incoming.failure

    async def wait(self, incoming: Incoming, seconds: float, trouble: Trouble) -> None:
        """Until something happens. After `seconds` the exchange has failed with this trouble."""
        incoming.waiter = self._loop.create_future()
        timer = self._loop.call_later(seconds, self._late, incoming, trouble, seconds)
        try:
            await incoming.waiter
        finally:
            timer.cancel()
            incoming.waiter = None

    def resume(self) -> None:
        if self._paused and not self.closing:
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # ---- for the transport ------------------------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._incoming is not None:
            _wake(self._incoming)

    def data_received(self, data: bytes) -> None:
        incoming = self._incoming
        if incoming is None or incoming.failure is not None:
            # INVARIANT: what comes unasked is never taken for the answer to the next request.
            self.abort()
        elif incoming.headed and (self._left is not None or self._to_the_end):
            self._plain(incoming, data)
        else:
            self._parse(incoming, data)

    def connection_lost(self, exc: Exception | None) -> None:
        incoming = self._incoming
        if incoming is None or incoming.failure is not None:
            return
        if self._to_the_end and exc is None:
            self._complete(incoming)
        else:
            trouble = Trouble.BROKEN_OFF if self._seen else Trouble.CLOSED
            self._fail(incoming, Failure(trouble, silent=not self._seen))

    # ---- for the parser ---------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._done:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._incoming is not None and not self._incoming.headed:  # trailers come later, and are not passed on
            self._incoming.headers.append((name, value))

    def on_headers_complete(self) -> None:
        incoming, status = self._incoming, self._parser.get_status_code()
        if incoming is None or incoming.headed:
            return
        if status < 200:
            if status == 101:
                raise ValueError("another protocol")
            incoming.headers.clear()
            return
        incoming.status = status
        incoming.headed = True
        self._keep = self._parser.should_keep_alive()
        if self._bodiless or status in _BODILESS:
            self._done = True
        else:
            self._frame(incoming)

    def on_body(self, body: bytes) -> None:
        if self._done or self._incoming is None:
            self._keep = False
            return
        if self._left is not None:
            self._left -= len(body)
        self._take(self._incoming, body)

    def on_message_complete(self) -> None:
        if self._incoming is not None and self._incoming.headed:
            self._done = True

    # ---- inside -----------------------------------------------------------------------------------------------------

    def _frame(self, incoming: Incoming) -> None:
        """How the body ends. Two lengths, or a length and chunks, the parser has refused."""
        named = {name.lower(): value for name, value in incoming.headers}
        if coding := named.get(b"transfer-encoding"):
            if coding.strip().lower() != b"chunked":
                raise ValueError("an unknown transfer coding")
        elif length := named.get(b"content-length"):
            self._left = int(length)
        else:
            self._to_the_end = True

    def _parse(self, incoming: Incoming, data: bytes) -> None:
        """Heads and chunked bodies, and what of another body came with its head."""
        if not incoming.headed:
            self._seen += len(data)
        try:
            self._parser.feed_data(data)
            if not incoming.headed and self._seen > _LONGEST_HEAD:
                raise ValueError("a head without an end")
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, ValueError) as error:
            self._fail(incoming, Failure(Trouble.GARBAGE, str(error)))
            return
        if self._done:
            self._complete(incoming)
        elif incoming.headed:
            _wake(incoming)

    def _plain(self, incoming: Incoming, data: bytes) -> None:
        if self._left is not None:
            if len(data) > self._left:
                data, self._keep = data[: self._left], False
            self._left -= len(data)
        self._take(incoming, data)
        if self._left == 0:
            self._complete(incoming)
        else:
            _wake(incoming)

    def _take(self, incoming: Incoming, piece: bytes) -> None:
        incoming.pieces.append(piece)
        incoming.size += len(piece)
        if incoming.size > _HIGH and not self._paused and not self.closing:
            self._paused = True
            self._transport.pause_reading()

    def _complete(self, incoming: Incoming) -> None:
        incoming.complete = True
        self._incoming = self._parser = None
        _wake(incoming)
        if self._keep and self._sent and not self.closing:
            self.resume()
            self.since = self._loop.time()
            self._released(self)
        else:
            self._transport.close()

    def _late(self, incoming: Incoming, trouble: Trouble, seconds: float) -> None:
        if self._incoming is incoming:
            self._fail(incoming, Failure(trouble, f"nothing for {seconds:g} s", silent=not self._seen))

    def _fail(self, incoming: Incoming, failure: Failure) -> None:
        if incoming.failure is None:
            incoming.failure = failure
        self.abort()
        _wake(incoming)


def _wake(incoming: Incoming) -> None:
    if incoming.waiter is not None and not incoming.waiter.done():
        incoming.waiter.set_result(None)
