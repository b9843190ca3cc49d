"""A backend at a URL: MinIO, DynamoDB Local, another emulator, or AWS itself, with credentials that we are given."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kansatsu.backends import refusal
from kansatsu.backends.head import Credentials, build
from kansatsu.backends.health import Condition, Health
from kansatsu.backends.port import BackendResponse
from kansatsu.backends.trouble import Failure, Limits, Trouble, answer
from kansatsu.clock import Clock
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest

if TYPE_CHECKING:
    from kansatsu.backends.client import Client

_LOOK_SECONDS, _LOOK_AGAIN_SECONDS = 30.0, 5.0  # between two looks at a backend that is well, and at one that is not


class UrlBackend:
    """A backend of one origin (`http://host:port` or `https://host`), without a path.

    The account is whichever the credentials belong to; there is one per backend. `tls` is how its certificate is
    trusted; `watch` looks after it when nobody calls. Raises ValueError for another URL.
    """

    apart = False
    literal = False

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        clock: Clock,
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        watch: bool = True,
    ) -> None:
        parts = urlsplit(url)
        known = (
            parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        )  # another port raises by itself
        if not known or parts.path.strip("/") or parts.query:
            raise ValueError(f"A backend is http://HOST[:PORT] or https://HOST[:PORT], not {url!r}.")
        if parts.username is not None or parts.password is not None:
            raise ValueError("Credentials of a backend do not go into its URL.")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.netloc
        self._credentials = credentials
        self._clock = clock
        self._limits = limits
        self._tls = tls
        self._watch = watch
        self._health = Health(self._origin, clock)
        self._client: Client | None = None
        self._watching: asyncio.Task[None] | None = None

    @property
    def condition(self) -> Condition:
        return self._health.condition

    def start(self) -> None:
        """Needs a running event loop."""
        # Imported here, so that the embedded server's process and the command line do not pay for it.
        from kansatsu.backends.client import Client

        self._client = Client(self._origin, limits=self._limits, tls=self._tls, observer=self._health)
        if self._watch:
            self._watching = asyncio.create_task(self._keep_looking(self._client), name=f"watch {self._origin}")

    async def look(self) -> Condition:
        """Ask for something harmless, unsigned; any answer will do."""
        if self._client is None:
            self.start()
        assert self._client is not None  # noqa: S101 - start has made it
        head = HttpRequest("GET", "/", "", {"host": self._host, "user-agent": "Kansatsu"})
        with contextlib.suppress(AwsError):
            response = await self._client.send(head, b"", 0, repeatable=True)
            await response.close()
        return self.condition

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
        """See Backend.call; `account` says nothing to this backend."""
        if self._client is None:
            self.start()
        assert self._client is not None  # noqa: S101 - start has made it
        target = Target(self._client, self._credentials, self._clock, self._host)
        response = await target.send(region, service, request, body=body, length=length, repeatable=repeatable)
        # INVARIANT: what the backend says of our credentials stays here: a client would take it for its own, and
        # it quotes what we signed.
        if code := await refusal.of_credentials(response):
            failure = Failure(Trouble.REFUSED, code)
            self._health.ill(failure)
            raise answer(failure)
        self._health.accepted()
        return response

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _keep_looking(self, client: "Client") -> None:
        while True:
            await self.look()
            await asyncio.sleep(_LOOK_AGAIN_SECONDS if self._health.down else _LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go and what signs them; the half of a call that all backends share.

    `host` is the backend's own, None where AWS's name of each service is sent.
    """

    client: "Client"
    credentials: Credentials
    clock: Clock
    host: str | None = None

    async def send(
        self,
        region: str,
        service: str,
        request: HttpRequest,
        *,
        body: AsyncIterator[bytes] | None,
        length: int | None,
        extra: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> BackendResponse:
        """Build the head and send it with its body; `extra` are further headers. Raises AwsError."""
        if request.body or body is None:
            body, length = None, len(request.body)
        elif length is None:
            length = announced(request)
        head = build(
            request,
            region=region,
            service=service,
            length=length,
            credentials=self.credentials,
            now=self.clock.now(),
            host=self.host,
            extra=extra,
            streamed=body is not None and length > 0,
        )
        return await self.client.send(head, request.body if body is None else body, length, repeatable=repeatable)


def announced(request: HttpRequest) -> int:
    """The number of bytes of the decoded body that a request's head announces. Raises AwsError (411, 400)."""
    headers = request.headers
    text = headers.get("x-amz-decoded-content-length") or headers.get("content-length")
    if text is None:
        if "transfer-encoding" in headers:
            raise AwsError("You must provide the Content-Length HTTP header.", code="MissingContentLength", status=411)
        return 0
    if not (text.isascii() and text.isdigit()):
        raise AwsError("The Content-Length is not a number of bytes.", code="InvalidRequest", status=400)
    return int(text)
