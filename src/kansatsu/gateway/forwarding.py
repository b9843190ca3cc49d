"""From an authorized request to the backend and back: bodies stream both ways, nothing is kept whole."""

import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

from kansatsu import backends, wire
from kansatsu.backends import Backend, BackendResponse, EmbeddedBackend
from kansatsu.errors import AwsError, ServiceUnavailable, SlowDown, Throttling, Unimplemented
from kansatsu.gateway import asgi, foreign, own_ids
from kansatsu.http import HttpRequest
from kansatsu.wire import Operation

log = logging.getLogger(__name__)

# What a backend says of its connection, of itself, of who may come in, and of where else to go is not for our clients.
_NOT_OURS = frozenset(
    {
        "alt-svc", "authorization", "connection", "date", "keep-alive", "proxy-authenticate", "server", "set-cookie",
        "strict-transport-security", "transfer-encoding", "upgrade", "via", "www-authenticate", "x-amz-security-token",
    }
)  # fmt: skip
# What proxies and load balancers say for a backend that does not answer them.
_IN_BETWEEN = (502, 503, 504)
_OWN = "x-kansatsu-"  # headers that only Kansatsu writes
# AWS's names of operations that change nothing begin so; the rest may be done once only.
_READS = ("Get", "List", "Describe", "Head", "BatchGet", "Query", "Scan")


class Forwarded:
    """A backend's answer on its way to the client."""

    def __init__(self, response: BackendResponse, request_id: str, protocol: str) -> None:
        self.status = response.status
        self._response = response
        kept = [(n, v) for n, v in response.headers if n not in _NOT_OURS and not n.startswith(_OWN)]
        self._headers = own_ids.headers(kept, request_id)
        self._body = response.body
        if own_ids.in_body(protocol, self.status, kept):
            self._headers = own_ids.unsized(self._headers)
            self._body = own_ids.body(response.body, request_id)

    async def send(self, send: asgi.Send, *, bodiless: bool) -> None:
        """Pass the answer on; a slow client slows the backend."""
        headers = asgi.raw_headers(self._headers)
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        try:
            if not bodiless:
                async for piece in self._body:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except AwsError as error:
            # Too late for an error: an answer that is not ended makes the server cut the connection.
            log.warning("an answer of status %d was broken off: %s", self.status, error.message)
            return
        finally:
            await self.close()
        await send({"type": "http.response.body", "body": b""})

    def header(self, name: str) -> str:
        """A header of the answer, by its name in lower case; "" where there is none."""
        return next((value for own, value in self._headers if own.lower() == name), "")

    async def drained(self) -> list[tuple[str, str]]:
        """The headers alone, of an answer whose body says nothing. Raises AwsError."""
        await self._response.read()
        return self._headers

    async def close(self) -> None:
        """Let go of the backend, whether or not its answer was passed on."""
        await self._response.close()


class Forwarder:
    """Sends requests to the backend of their service.

    `home` is the account to which everything belongs at a backend that does not keep accounts apart.
    """

    def __init__(self, route: dict[str, Backend], default: Backend, home: str) -> None:
        self._route = route
        self._default = default
        self.home = home

    def keeps_apart(self, service: str) -> bool:
        """Whether the backend of a service has resources of several accounts, each for itself."""
        return self._route.get(service, self._default).apart

    def is_literal(self, service: str) -> bool:
        """Whether the backend of a service takes the names in paths as they stand."""
        return self._route.get(service, self._default).literal

    def backend(self, service: str, account: str) -> Backend:
        """What is behind a service for an account. Raises Unimplemented where that account has nothing."""
        backend = self._route.get(service, self._default)
        # INVARIANT: the credentials of one account never do anything in the name of another.
        if not backend.apart and account != self.home:
            raise Unimplemented(
                f"What is behind {service} belongs to account {self.home}; account {account} has nothing there."
            )
        return backend

    async def forward(
        self,
        request: HttpRequest,
        operation: Operation,
        account: str,
        region: str,
        request_id: str,
        body: AsyncIterator[bytes] | None = None,
    ) -> Forwarded:
        """Send a path-style request on; `body` streams it, without one the request's own bytes are sent."""
        service, request = operation.service, wire.known(operation, request)
        backend = self.backend(service.name, account)
        response = await backend.call(
            account, region, service.signing_name, request, body, repeatable=operation.name.startswith(_READS)
        )
        # INVARIANT: nobody is sent elsewhere with what they signed for us; neither do we go there with what we sign.
        if 300 <= response.status < 400 and response.status != 304:
            await response.close()
            raise Unimplemented("The backend redirects this request; its URL in the settings must be the right one.")
        # A HEAD without a body is no page: S3's "there is no such key" has nothing but its status.
        if response.status >= 400 and request.method != "HEAD" and _is_page(response):
            if operation.name == "UploadPartCopy" and response.status == 404 and isinstance(backend, EmbeddedBackend):
                await response.close()  # of which it says no more
                raise AwsError("The specified key does not exist.", code="NoSuchKey", status=404)
            raise await _no_aws_answer(response, operation)
        if response.status < 300 and not operation.streams_response and await _is_web_site(response):
            await response.close()
            raise Unimplemented(
                f"The backend answered {service.name}:{operation.name} with a web page; its URL in the settings must "
                "be that of an AWS service."
            )
        return Forwarded(response, request_id, service.protocol)

    async def call(self, request: HttpRequest, operation: Operation, account: str, region: str) -> dict[str, Any]:
        """Send a request on and decode the answer, for what is merged with our own. Raises the backend's AwsError."""
        service, request = operation.service, wire.known(operation, request)
        backend = self.backend(service.name, account)
        response = await backend.call(account, region, service.signing_name, request)
        return await backends.decoded(response, service.name, operation.name)

    async def ask(
        self, account: str, region: str, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """A call of our own, by parameters. Raises the backend's AwsError."""
        return await foreign.asked(self.backend(service, account), account, region, service, operation, params)


def _is_page(response: BackendResponse) -> bool:
    kind = next((value for name, value in response.headers if name == "content-type"), "")
    busy = response.status == 429 or response.status >= 500
    return kind.startswith("text/html") or (busy and (not kind or kind.startswith("text/plain")))


async def _is_web_site(response: BackendResponse) -> bool:
    """Whether a success is a page: there is no AWS service at the URL. Some say text/html of AWS's XML, too."""
    if not any(name == "content-type" and value.startswith("text/html") for name, value in response.headers):
        return False
    rest = response.body
    first = await anext(rest, b"")

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for piece in rest:
            yield piece

    response.body = whole()
    return first[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))


async def _no_aws_answer(response: BackendResponse, operation: Operation) -> AwsError:
    """The error for a page in the place of an answer: the backend failed, is busy, or has no such operation."""
    page = await response.read()
    name, is_s3 = f"{operation.service.name}:{operation.name}", operation.service.name == "s3"
    level = logging.INFO if response.status in (429, 501, *_IN_BETWEEN) else logging.ERROR
    log.log(level, "the backend answered %s with status %d and a page: %.500s", name, response.status, page)
    if response.status in (404, 405, 501):
        return Unimplemented(f"The backend does not implement {name}.")
    if response.status == 429:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
        return SlowDown("Please reduce your request rate.") if is_s3 else Throttling("Rate exceeded")
    if response.status in _IN_BETWEEN:
        return ServiceUnavailable("The backend is not available. Please try again.")
    code = "InternalError" if is_s3 else "InternalFailure"
    return AwsError("We encountered an internal error. Please try again.", code=code, status=500)
