"""HTTP to a backend, over a unix socket or TCP, with bounded memory in both directions."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from kansatsu.backends.head import HOP_BY_HOP
from kansatsu.backends.port import BackendResponse
from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.http import HttpRequest

if TYPE_CHECKING:
    import aiohttp

_PIECE = 64 * 1024
# The gateway's server writes its own.
_DROPPED = HOP_BY_HOP | {"date", "server"}
_CONNECT_SECONDS = 5.0


class Client:
    """A pool of connections to one backend; made in a running event loop.

    `origin` is the scheme and authority of URLs; `socket` a unix socket to use in its place.
    """

    def __init__(self, origin: str, socket: Path | None = None) -> None:
        # Imported here, so that the child process and the command line do not pay for it.
        import aiohttp

        self._origin = origin
        # No limit of connections: a stalled upload must not keep others out. The gateway bounds its clients.
        connector = aiohttp.TCPConnector(limit=0) if socket is None else aiohttp.UnixConnector(str(socket), limit=0)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            # No total time: an upload takes as long as its client; the client going away ends it.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
            skip_auto_headers=("User-Agent", "Content-Type", "Accept", "Accept-Encoding"),
            max_line_size=64 * 1024,
            max_field_size=64 * 1024,
            trust_env=False,
        )

    async def send(self, head: HttpRequest, body: AsyncIterator[bytes] | bytes, length: int) -> BackendResponse:
        """Send a request whose head is complete.

        What a streamed `body` raises is raised here, before its last byte went out. Raises AwsError.
        """
        import aiohttp
        from yarl import URL

        source = None if isinstance(body, bytes) else await _Source.open(body, length)
        url = URL(f"{self._origin}{head.path}{'?' if head.query else ''}{head.query}", encoded=True)
        try:
            response = await self._session.request(
                head.method,
                url,
                headers=dict(head.headers),
                data=_data(body, source),
                allow_redirects=False,
            )
        except aiohttp.ClientError as error:
            if source is not None and source.failure is not None:
                raise source.failure from None
            raise ServiceUnavailable("The backend did not answer. Please try again.") from error
        if source is not None and source.failure is not None:
            response.close()
            raise source.failure
        return _answer(response)

    async def close(self) -> None:
        await self._session.close()


class _Source:
    """A streamed request body that has its first piece already and remembers why it broke off."""

    def __init__(self, first: bytes, rest: AsyncIterator[bytes], length: int) -> None:
        self._first = first
        self._rest = rest
        self.length = length
        self.failure: Exception | None = None

    @classmethod
    async def open(cls, body: AsyncIterator[bytes], length: int) -> "_Source":
        """Wait for the first piece, so that nothing is sent for an empty body that turns out wrong."""
        first = b""
        async for first in body:
            if first:
                break
        source = cls(first, body, length)
        source._count(len(first), last=not first)
        return source

    async def pieces(self) -> AsyncIterator[bytes]:
        total = len(self._first)
        try:
            if self._first:
                yield self._first
                self._first = b""
            async for piece in self._rest:
                total += len(piece)
                self._count(total, last=False)
                yield piece
            self._count(total, last=True)
        except Exception as failure:
            self.failure = failure
            raise

    def _count(self, total: int, *, last: bool) -> None:
        # INVARIANT: a body of another length than announced never completes upstream.
        if total > self.length or (last and total < self.length):
            raise AwsError(
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
                code="IncompleteBody",
                status=400,
            )


def _data(body: AsyncIterator[bytes] | bytes, source: _Source | None) -> AsyncIterator[bytes] | bytes | None:
    if source is not None:
        return source.pieces() if source.length else None
    assert isinstance(body, bytes)  # noqa: S101 - a stream has a source
    return body or None


def _answer(response: "aiohttp.ClientResponse") -> BackendResponse:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in response.raw_headers
        if name.decode("latin-1").lower() not in _DROPPED
    ]

    async def body() -> AsyncIterator[bytes]:
        import aiohttp

        try:
            async for piece in response.content.iter_chunked(_PIECE):
                yield piece
        except aiohttp.ClientError as error:
            raise ServiceUnavailable("The backend broke off its answer.") from error
        finally:
            response.release()

    async def close() -> None:
        response.close()

    return BackendResponse(response.status, headers, body(), close)
