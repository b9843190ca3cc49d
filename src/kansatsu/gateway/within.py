"""A client of the gateway in the same process: what Kansatsu itself does as a role is signed, authorized and recorded.

INVARIANT: it knows no other way in. Its requests pass the whole request path, so nothing that it does for a task or an
instance is more than the role of that task or instance may do, and all of it is evidence.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from kansatsu import backends
from kansatsu.backends import BackendResponse
from kansatsu.clock import Clock
from kansatsu.errors import AwsError, ServiceUnavailable
from kansatsu.gateway import asgi
from kansatsu.gateway.pipeline import Pipeline
from kansatsu.http import HttpRequest
from kansatsu.signing import sign
from kansatsu.workload.views import Credentials


class Keys(Protocol):
    """Temporary credentials of whoever is spoken for."""

    @property
    def access_key_id(self) -> str: ...
    @property
    def secret_access_key(self) -> str: ...
    @property
    def token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a request comes from that is passed on: what the condition keys and the record say of it."""

    client: str = "127.0.0.1"
    secure: bool = False
    inside: bool = True
    agent: str = ""


class Within:
    """`workload.tasks.execution.AskAs`. The pipeline is set as soon as there is one."""

    def __init__(self, clock: Clock) -> None:
        self.pipeline: Pipeline | None = None
        self._clock = clock

    async def __call__(
        self, credentials: Credentials, region: str, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The decoded result of one operation, asked with these credentials. Raises AwsError."""
        return await backends.ask(_As(self, credentials, _Origin()), "", region, service, operation, params)

    async def passed_on(
        self,
        keys: Keys,
        region: str,
        service: str,
        operation: str,
        params: Mapping[str, Any],
        *,
        client: str,
        secure: bool,
        agent: str,
    ) -> tuple[Mapping[str, Any], str]:
        """The same for a browser at the address `client`: the result and the request id.

        Raises AwsError, which has the request id among its fields.
        """
        asking = _As(self, keys, _Origin(client, secure, False, agent))
        try:
            return await backends.ask(asking, "", region, service, operation, params), asking.request_id
        except AwsError as error:
            error.fields["RequestId"] = asking.request_id
            raise

    async def send(self, request: HttpRequest, origin: _Origin) -> BackendResponse:
        """Answer a signed request."""
        if self.pipeline is None:
            raise ServiceUnavailable("Kansatsu is starting.")
        parts = [request.body]
        status, headers, body = 500, list[tuple[str, str]](), bytearray()

        async def receive() -> MutableMapping[str, Any]:
            if not parts:
                await asyncio.get_running_loop().create_future()  # nobody goes away
            return {"type": "http.request", "body": parts.pop(), "more_body": False}

        async def take(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers.extend((n.decode("latin-1"), v.decode("latin-1")) for n, v in message["headers"])
            body.extend(message.get("body", b""))

        await self.pipeline(_scope(request, origin), receive, take)

        async def whole() -> AsyncIterator[bytes]:
            yield bytes(body)

        async def close() -> None:
            """Nothing is held."""

        return BackendResponse(status, headers, whole(), close)

    def signed(self, request: HttpRequest, credentials: Keys, region: str, service: str) -> HttpRequest:
        host = {"host": f"{service}.{region}.amazonaws.com", "content-length": str(len(request.body))}
        request = replace(request, headers={**request.headers, **host})
        added = sign(
            request,
            access_key_id=credentials.access_key_id,
            secret=credentials.secret_access_key,
            session_token=credentials.token,
            region=region,
            service=service,
            now=self._clock.now(),
            payload_hash=hashlib.sha256(request.body).hexdigest(),
        )
        return replace(request, headers={**request.headers, **added})


class _As:
    """What `backends.ask` calls: one principal of the gateway."""

    def __init__(self, within: Within, credentials: Keys, origin: _Origin) -> None:
        self._within = within
        self._credentials = credentials
        self._origin = origin
        self.request_id = ""

    async def call(self, account: str, region: str, signing_name: str, request: HttpRequest) -> BackendResponse:
        """The account is that of the credentials."""
        if self._origin.agent:
            request = replace(request, headers={**request.headers, "user-agent": self._origin.agent})
        signed = self._within.signed(request, self._credentials, region, signing_name)
        response = await self._within.send(signed, self._origin)
        self.request_id = next((value for name, value in response.headers if name.lower() in _IDS), "")
        return response


_IDS = ("x-amzn-requestid", "x-amz-request-id")


def _scope(request: HttpRequest, origin: _Origin) -> asgi.Scope:
    return {
        "type": "http",
        "method": request.method,
        "scheme": "https" if origin.secure else "http",
        "path": request.path,
        "raw_path": request.path.encode("latin-1"),
        "query_string": request.query.encode("latin-1"),
        "headers": asgi.raw_headers(request.headers.items()),
        "client": (origin.client, 0),
        "state": {asgi.INSIDE: origin.inside},
    }
