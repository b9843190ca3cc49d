"""One request and its answer on aiohttp: whose turn it is at any moment, for how long, and what it was that failed."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType

import aiohttp
from aiohttp.connector import Connection

from kansatsu.backends import trouble
from kansatsu.backends.trouble import Failure, Limits, Trouble
from kansatsu.errors import AwsError


class Source:
    """The body of a request, of which one piece is always held back until it is known whether another follows."""

    def __init__(self, pieces: AsyncIterator[bytes], length: int) -> None:
        self.length = length
        self.untouched = True  # nobody asked for any of it
        self.complete = False  # all of it was there, and was right
        self.failure: Exception | None = None
        self._rest = pieces
        self._held = b""
        self._total = 0

    @classmethod
    async def open(cls, pieces: AsyncIterator[bytes], length: int) -> "Source":
        """Wait for the first piece, so that nothing is sent for an empty body that turns out wrong."""
        source = cls(pieces, length)
        source._held = await source._next()
        source.complete = not source._held
        return source

    async def pieces(self) -> AsyncIterator[bytes]:
        self.untouched = False
        try:
            while self._held:
                following = await self._next()
                self.complete = not following
                yield self._held
                self._held = following
        except Exception as failure:
            self.failure = failure
            raise

    async def _next(self) -> bytes:
        """What follows, b"" after the last piece."""
        found = b""
        async for found in self._rest:
            if found:
                break
        self._total += len(found)
        # INVARIANT: a body of another length than announced never completes upstream.
        if self._total > self.length or (not found and self._total < self.length):
            raise AwsError(
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
                code="IncompleteBody",
                status=400,
            )
        return found


class Exchange:
    """One attempt to have a request answered. Enter it around the request: an error that leaves it cuts the connection.

    Errors of aiohttp and times that are over leave it as Failure, and an error of the request's body as itself.
    """

    def __init__(self, limits: Limits, source: Source) -> None:
        self.source = source
        self._limits = limits
        self._clock = asyncio.timeout(None)
        self._waiting_for = Trouble.SILENT
        self._over = False
        self._transport: asyncio.Transport | None = None

    async def __aenter__(self) -> "Exchange":
        await self._clock.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over = True
        if error is not None and self._transport is not None:
            self._transport.abort()  # and what of the request still waits to be sent
        try:
            await self._clock.__aexit__(kind, error, traceback)
        except TimeoutError:
            raise Failure(self._waiting_for, f"nothing for {self._seconds():g} s", silent=True) from None
        if isinstance(error, Exception) and self.source.failure is not None:
            raise self.source.failure from None

    async def run(self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        """A middleware of aiohttp.

        INVARIANT: aiohttp repeats a GET, PUT or DELETE by itself when a connection breaks; it does not see that here.
        https://docs.aiohttp.org/en/stable/client_advanced.html
        """
        assert isinstance(request, Request)  # noqa: S101 - the session makes no other
        request.exchange = self
        try:
            return await handler(request)
        except (aiohttp.ClientError, OSError) as error:
            raise self._failure(error) from error

    def leaving(self, connection: Connection) -> None:
        """From now on something of the request may have been sent."""
        protocol = connection.protocol
        if protocol is None or protocol.should_close:
            # INVARIANT: what comes unasked is never taken for the answer to the next request.
            raise Failure(Trouble.CLOSED, "something came unasked", untouched=True, silent=True)
        self._transport = connection.transport
        self._turn(Trouble.SILENT)

    async def body(self) -> AsyncIterator[bytes]:
        """The request's body. The client may take its time, the backend may not."""
        self._turn(None)
        async for piece in self.source.pieces():
            self._turn(Trouble.STALLED)
            yield piece
            if self._over and not self.source.complete:
                raise Failure(Trouble.CLOSED, "answered before the request was complete")
            self._turn(None)
        self._turn(Trouble.SILENT)

    async def pieces(self, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        """The body of the answer. Raises Failure."""
        protocol = response.connection and response.connection.protocol
        to_the_end = not {"content-length", "transfer-encoding"} & {name.lower() for name in response.headers}
        while True:
            try:
                async with asyncio.timeout(self._limits.idle):
                    piece = await response.content.readany()
            except TimeoutError:
                raise Failure(Trouble.STUCK, f"nothing for {self._limits.idle:g} s") from None
            except (aiohttp.ClientError, OSError) as error:
                raise Failure(Trouble.BROKEN_OFF, str(error)) from error
            if not piece:
                break
            yield piece
        # aiohttp takes a connection that was reset for the end of such a body.
        if to_the_end and protocol is not None and isinstance(protocol.exception(), OSError):
            raise Failure(Trouble.BROKEN_OFF)

    def give_up(self, response: aiohttp.ClientResponse) -> None:
        """Take no more of the answer; its connection goes with it unless all of it, and of the request, is through."""
        if self._transport is not None and (response.connection is not None or not self.source.complete):
            self._transport.abort()  # close would wait for a backend that does not take what is left of the request
        response.close()

    def _turn(self, waiting_for: Trouble | None) -> None:
        """The backend has to do something, which failed with this trouble when its time is over, or somebody else."""
        if self._over:
            return
        if waiting_for is None:
            self._clock.reschedule(None)
        else:
            self._waiting_for = waiting_for
            self._clock.reschedule(asyncio.get_running_loop().time() + self._seconds())

    def _seconds(self) -> float:
        return self._limits.idle if self._waiting_for is Trouble.STALLED else self._limits.answer

    def _failure(self, error: Exception) -> Failure:
        if self._transport is None:
            return trouble.of_connecting(error, self._limits.connect)
        if isinstance(error, aiohttp.ClientResponseError):
            return Failure(Trouble.GARBAGE, error.message.partition("\n")[0])
        if isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str):
            return Failure(Trouble.BROKEN_OFF)  # the message is the half of a head that came
        return Failure(Trouble.CLOSED, silent=True)


class Request(aiohttp.ClientRequest):
    """A request that tells its exchange when it leaves."""

    exchange: Exchange

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        self.exchange.leaving(conn)
        return await super().send(conn)
