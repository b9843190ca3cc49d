"""HTTP to a backend by aiohttp, with bounded memory in both directions and every failure told apart."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

import aiohttp
from yarl import URL

from kansatsu.backends import trouble
from kansatsu.backends.exchange import Exchange, Request, Source
from kansatsu.backends.head import HOP_BY_HOP
from kansatsu.backends.port import BackendResponse
from kansatsu.backends.trouble import Failure, Limits, Trouble
from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.http import HttpRequest

# The gateway's server writes its own.
_DROPPED = frozenset(name.encode() for name in HOP_BY_HOP | {"date", "server"})
# How long a connection that nobody used is trusted: less than any server's patience. One that closes it at the moment
# when the next request goes out leaves us not knowing whether that was done.
_FRESH_SECONDS = 2.0
_LONGEST_FIELD, _MOST_HEADERS = 64 * 1024, 2048  # 2 KiB of S3's metadata can be a thousand headers
_WAITING = 256 * 1024  # bytes of an answer that wait for the client
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
        self._origin = origin
        self._limits = limits or Limits()
        self._observer = observer
        # No limit of connections: a stalled upload must not keep others out. The gateway bounds its clients.
        connector = (
            aiohttp.TCPConnector(limit=0, keepalive_timeout=_FRESH_SECONDS, ssl=tls or True)
            if socket is None
            else aiohttp.UnixConnector(str(socket), limit=0, keepalive_timeout=_FRESH_SECONDS)
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            request_class=Request,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Everything after connecting is timed by the Exchange: an upload takes as long as its client.
            timeout=aiohttp.ClientTimeout(total=None, connect=self._limits.connect),
            skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            max_line_size=_LONGEST_FIELD,
            max_field_size=_LONGEST_FIELD,
            max_headers=_MOST_HEADERS,
            read_bufsize=_WAITING // 2,  # aiohttp stops reading at twice that
            trust_env=False,
        )

    async def send(
        self, head: HttpRequest, body: AsyncIterator[bytes] | bytes, length: int, *, repeatable: bool = False
    ) -> BackendResponse:
        """Send a request whose head is complete.

        What a streamed `body` raises is raised here, before its last byte went out. `repeatable`: it does no harm
        to send this twice. Raises AwsError.
        """
        headers = {name: _text(value) for name, value in head.headers.items()}
        given = body if isinstance(body, bytes) else await Source.open(body, length)
        attempt = 0
        # A backend that is known to be down is not asked more often for that.
        last = self._limits.retries if self._observer is None or not self._observer.down else 0
        while True:
            source = given if isinstance(given, Source) else await Source.open(_sliced(given), length)
            exchange = Exchange(self._limits, source)
            try:
                response = await self._exchange(head, headers, exchange)
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
        return self._answer(response, exchange)

    async def close(self) -> None:
        await self._session.close()

    async def _exchange(self, head: HttpRequest, headers: dict[str, str], exchange: Exchange) -> aiohttp.ClientResponse:
        """An answer whose head is there and sound. Raises Failure, or what the body raised."""
        url = URL(f"{self._origin}{head.path}{'?' if head.query else ''}{head.query}", encoded=True)
        async with exchange:
            response = await self._session.request(
                head.method,
                url,
                headers=headers,
                data=exchange.body() if exchange.source.length else None,
                allow_redirects=False,
                middlewares=(exchange.run,),
            )
            if wrong := _wrong(response, exchange.source):
                response.close()
                raise Failure(Trouble.GARBAGE, wrong)
        return response

    def _answer(self, response: aiohttp.ClientResponse, exchange: Exchange) -> BackendResponse:
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
            if name.lower() not in _DROPPED
        ]

        async def body() -> AsyncIterator[bytes]:
            try:
                async for piece in exchange.pieces(response):
                    yield piece
            except Failure as failure:
                if self._observer is not None:
                    self._observer.ill(failure)
                raise ServiceUnavailable(f"The backend {failure.trouble.value}.") from failure
            finally:
                exchange.give_up(response)

        async def close() -> None:
            exchange.give_up(response)

        return BackendResponse(response.status, headers, body(), close)


def _wrong(response: aiohttp.ClientResponse, request: Source) -> str:
    """What cannot be understood of an answer that aiohttp lets pass."""
    if response.status < 200:
        return "another protocol"
    if response.headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
        return "an unknown transfer coding"
    # INVARIANT: nothing counts as done before its whole body was there and was right.
    return "" if request.complete or response.status >= 300 else "success before the request was complete"


def _may_try_again(failure: Failure, body: bytes | Source, repeatable: bool) -> bool:
    """INVARIANT: nothing is done twice: again only what had no answer at all, whose body is still there, and that
    either never left or does no harm.
    """
    if failure.trouble in (Trouble.UNTRUSTED, Trouble.NO_TLS):
        return False
    whole = isinstance(body, bytes) or body.untouched
    return whole and (failure.untouched or (failure.silent and repeatable))


async def _sliced(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 64 * 1024):
        yield body[at : at + 64 * 1024]


def _text(value: str) -> str:
    """A header's value as aiohttp wants it, which writes UTF-8; ours have a character for each byte."""
    try:
        text = value.encode("latin-1").decode()
    except UnicodeError:
        text = "\0"
    # INVARIANT: no header value ends the head, or begins another.
    if any((ord(char) < 32 and char != "\t") or char == "\x7f" for char in text):
        raise AwsError("A header has a character that no header may have.", code="InvalidRequest", status=400)
    return text
