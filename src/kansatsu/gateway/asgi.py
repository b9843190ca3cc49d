"""Between ASGI and values: a request's head, its body as bytes or as a stream, and answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, TypeVar

from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# In the state of a scope: whether the socket is a workload's own; what is to be called when who asks is authenticated.
INSIDE, ADMITTED = "kansatsu.inside", "kansatsu.admitted"
# The largest body that is read into memory; only S3 objects are larger, and they are streamed.
BODY_LIMIT = 16 * 1024 * 1024
# The same for requests that nobody signed: enough for an AssumeRoleWithSAML, too little to fill the memory with.
ANONYMOUS_LIMIT = 1024 * 1024
# Of a body that nobody asked for: seconds for the next piece, for all of it after the answer, and for all of it before
# the answer where it is no longer than _SMALL; and how much of it is read at all.
_SILENCE, _LINGERING, _WAITING = 5.0, 120.0, 20.0
_READING = 300.0  # seconds for all of a body that is read as a whole
_PAUSE = 60.0  # seconds until the next piece of a body that is streamed
_SMALL, _MOST_UNREAD = ANONYMOUS_LIMIT, 128 * 1024 * 1024


class ClientGone(Exception):
    """The client closed the connection before its request was complete: there is nobody to answer."""


def nothing() -> None:
    """Nobody waits to be told."""


def admitting(scope: Scope) -> Callable[[], None]:
    """What to call when whoever sent the head is authenticated."""
    told: Callable[[], None] = scope["state"].get(ADMITTED, nothing)
    return told


_MAPPED = "::ffff:"  # before an IPv4 address, where a socket takes both kinds (RFC 4291, 2.5.5.2)


def client(scope: Scope) -> str:
    """The address of the client. INVARIANT: a range of IPv4 addresses has those that come in over IPv6's socket."""
    address: str = (scope.get("client") or ("127.0.0.1", 0))[0]
    plain = address.removeprefix(_MAPPED)
    return plain if "." in plain else address


def head(scope: Scope) -> HttpRequest:
    """The request without its body; repeated headers are joined by a comma, as they are signed."""
    headers: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}  # joined at the end, so that the many cost no more than they are long
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in headers:
            repeated.setdefault(name, [headers[name]]).append(value)
        else:
            headers[name] = value
    headers |= {name: ",".join(values) for name, values in repeated.items()}
    return HttpRequest(
        scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1"), headers
    )


class Body:
    """The body of one request, and whether it was asked for: a client that waits for 100-continue then sends it."""

    def __init__(self, receive: Receive, headers: Mapping[str, str]) -> None:
        self._receive = receive
        self._awaited = headers.get("expect", "").lower() == "100-continue"
        self._left = not fits(headers, 0)
        self._small = fits(headers, _SMALL)

    async def __call__(self) -> MutableMapping[str, Any]:
        self._awaited = False
        message = await self._receive()
        self._left = message["type"] == "http.request" and bool(message.get("more_body", False))
        return message

    async def while_there(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work comes to, once the body is read. Cancels it and raises ClientGone when the client goes."""
        doing, going = asyncio.ensure_future(work), asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait((doing, going), return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise ClientGone
            return doing.result()
        finally:
            doing.cancel()
            going.cancel()

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def settled(self, send: Send) -> Send:
        """How to answer a request whose body was perhaps not read.

        Many clients (Go's, Java's) that get an answer while they still send close the connection, and some never look
        at it: so a small body is read and thrown away first. A large one is answered at once; whoever began to send it
        gets to the answer before the end. INVARIANT: both are bounded, by octets and by time.
        https://www.rfc-editor.org/rfc/rfc9112#section-9.6
        """
        if self._awaited:  # what it sends next would be taken for the body, or is it
            return self._lingering(adding(send, "connection", "close"))
        if self._left and self._small:
            await self._drain(_WAITING)
        return self._lingering(send) if self._left else send

    def settling(self, send: Send) -> Send:
        """The same, found out when the answer begins."""

        async def sending(message: MutableMapping[str, Any]) -> None:
            nonlocal send
            if message["type"] == "http.response.start":
                send = await self.settled(send)
            await send(message)

        return sending

    def _lingering(self, send: Send) -> Send:
        """Answers that are there as a whole before the rest of the request is read; the server cuts what is left."""

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                await self._drain(_LINGERING)
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        return sending

    async def _drain(self, seconds: float) -> None:
        most = _MOST_UNREAD
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._left and most > 0:
                    async with asyncio.timeout(_SILENCE):
                        most -= len((await self()).get("body", b""))


async def stream(receive: Receive) -> AsyncIterator[bytes]:
    """The pieces of the body as they come; nothing is read ahead, so a slow reader slows the client.

    Raises RequestTimeout. INVARIANT: nobody holds a connection by a body that does not go on.
    """
    while True:
        try:
            async with asyncio.timeout(_PAUSE):
                message = await receive()
        except TimeoutError:
            raise _timed_out() from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        if piece := message.get("body", b""):
            yield piece
        if not message.get("more_body", False):
            return


def fits(headers: Mapping[str, str], limit: int) -> bool:
    """Whether the head says that the body is no longer than `limit`."""
    length = headers.get("content-length", "0" if "transfer-encoding" not in headers else "")
    return length.isdigit() and int(length) <= limit


async def read(receive: Receive, headers: Mapping[str, str], limit: int = BODY_LIMIT) -> bytes:
    """The whole body.

    Raises AwsError: RequestEntityTooLarge (413) past `limit` bytes, before more is read; RequestTimeout (400) where it
    has not come in time. INVARIANT: nobody holds a connection by a body that never comes.
    """
    declared = headers.get("content-length", "0")
    if declared == "0" and "transfer-encoding" not in headers:
        return b""
    if declared.isdigit() and int(declared) > limit:
        raise _too_large(limit)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_READING):
            async for piece in stream(receive):
                size += len(piece)
                if size > limit:
                    raise _too_large(limit)
                pieces.append(piece)
    except TimeoutError:
        raise _timed_out() from None
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _timed_out() -> AwsError:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""
    text = "Your socket connection to the server was not read from or written to within the timeout period."
    return AwsError(text, code="RequestTimeout", status=400)


def _too_large(limit: int) -> AwsError:
    return AwsError(f"Request must be smaller than {limit} bytes.", code="RequestEntityTooLargeException", status=413)


def raw_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


def adding(send: Send, name: str, value: str) -> Send:
    """Answers through `send` that have one header more."""
    added = (name.encode("latin-1"), value.encode("latin-1", "replace"))

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], added]
        await send(message)

    return sending


async def answer(send: Send, status: int, headers: Iterable[tuple[str, str]], body: bytes, *, bodiless: bool) -> None:
    """Send a complete answer; `bodiless` for HEAD, which announces a length and sends nothing."""
    fields = raw_headers(headers)
    fields.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"" if bodiless else body})
