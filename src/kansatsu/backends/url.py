"""A backend at a URL: MinIO, DynamoDB Local, another emulator, or AWS itself, with credentials that we are given."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from kansatsu.backends.client import Client
from kansatsu.backends.head import Credentials, build
from kansatsu.backends.port import BackendResponse
from kansatsu.clock import Clock
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest


class UrlBackend:
    """A backend of one origin (`http://host:port` or `https://host`), without a path.

    The account is whichever the credentials belong to; there is one per backend. Raises ValueError for another URL.
    """

    def __init__(self, url: str, credentials: Credentials, clock: Clock) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"A backend is http://HOST[:PORT] or https://HOST[:PORT], not {url!r}.")
        if parts.username is not None or parts.password is not None:
            raise ValueError("Credentials of a backend do not go into its URL.")
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = parts.netloc
        self._credentials = credentials
        self._clock = clock
        self._client: Client | None = None

    @property
    def state(self) -> str:
        return "starting" if self._client is None else "ready"

    def start(self) -> None:
        """Needs a running event loop."""
        self._client = Client(self._origin)

    async def call(
        self,
        account: str,
        region: str,
        service: str,
        request: HttpRequest,
        body: AsyncIterator[bytes] | None = None,
        length: int | None = None,
    ) -> BackendResponse:
        """See Backend.call; `account` says nothing to this backend."""
        if self._client is None:
            self.start()
        assert self._client is not None  # noqa: S101 - start has made it
        target = Target(self._client, self._credentials, self._clock, self._host)
        return await target.send(region, service, request, body=body, length=length)

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go and what signs them; the half of a call that all backends share.

    `host` is the backend's own, None where AWS's name of each service is sent.
    """

    client: Client
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
        return await self.client.send(head, request.body if body is None else body, length)


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
