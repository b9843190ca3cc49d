"""The port to what stands behind us: one call, streamed both ways, whatever the backend is."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from kansatsu.backends.health import Condition
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.signing import BodyVerifier


@dataclass(slots=True)
class BackendResponse:
    """An answer whose body is still on its way; names of headers are in lower case, hop-by-hop ones are gone.

    Use `read` or iterate `body` to its end, or `close`; whoever does neither keeps a connection.
    """

    status: int
    headers: list[tuple[str, str]]
    body: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]

    async def read(self, limit: int = 64 * 1024 * 1024) -> bytes:
        """The whole body. Raises AwsError (500) past `limit` bytes."""
        pieces: list[bytes] = []
        size = 0
        try:
            async for piece in self.body:
                size += len(piece)
                if size > limit:
                    raise AwsError("The answer of the backend is too large.", code="InternalFailure", status=500)
                pieces.append(piece)
        finally:
            await self.close()
        return b"".join(pieces)


class Backend(Protocol):
    """Something that speaks AWS's protocols and does not check who is calling.

    `apart`: it keeps what belongs to different accounts apart; else all that it holds belongs to one.
    `literal`: to it `a/../b`, `a//b` and `b` are three objects, as they are to S3; else it may take them for paths.
    """

    apart: bool
    literal: bool

    @property
    def condition(self) -> Condition:
        """How it is."""

    def start(self) -> None:
        """Begin to come up; returns at once. Needs a running event loop."""

    async def call(
        self,
        account: str,
        region: str,
        service: str,
        request: HttpRequest,
        body: AsyncIterator[bytes] | None = None,
        length: int | None = None,
        *,
        repeatable: bool = False,
    ) -> BackendResponse:
        """Send a request on, signed with the backend's own credentials.

        `repeatable`: the operation changes nothing, so that a call that had no answer may be sent again.
        `service` is the signing name. The body is `request.body` when there is one, else `body`, of exactly
        `length` bytes; without `length` the request's own headers announce it. What `body` raises is raised here,
        and the request upstream is broken off before its last byte. S3 requests are path-style. Raises AwsError:
        ServiceUnavailable when the backend is not there, MissingContentLength, IncompleteBody, InvalidBucketName for
        what `unreachable` names.
        """

    async def stop(self) -> None:
        """Close connections and end what was started."""


async def verified(pieces: AsyncIterator[bytes], verifier: BodyVerifier) -> AsyncIterator[bytes]:
    """The payload of a body as it passes its verifier; the last piece comes only when the whole is right.

    Raises SigningError in the place of the last piece, or earlier.
    """
    async for piece in pieces:
        if free := verifier.feed(piece):
            yield free
    if last := verifier.finish():
        yield last
