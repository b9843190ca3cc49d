"""Container credentials (ECS's shape) for processes and tasks, and metadata services under a secret path.

A listener on the host's loopback is shared by every user of the machine, so there a process proves itself twice: by
the unguessable id in its path and by the Authorization header. On a listener of its own (injected into its network
namespace) the id is enough, as on ECS.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import hmac
import json
import logging
import socket
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

from kansatsu.clock import Clock
from kansatsu.delivery.messages import Request, Response, timestamp
from kansatsu.delivery.metadata import MetadataService, too_short
from kansatsu.delivery.server import Answer, Handle, serve
from kansatsu.delivery.task_metadata import VERSIONS, task_metadata
from kansatsu.workload.tasks import pod_tokens
from kansatsu.workload.views import CredentialError, Credentials, ProcessView, SharedProcessView

log = logging.getLogger(__name__)

Lookup = Callable[[str], SharedProcessView | None]
_Find = Callable[[str], ProcessView | None]

RATE, BURST = 40.0, 60.0  # requests per second and process, as the ECS agent
_PREFIX = ("v2", "credentials")
_POD = ("v1", "credentials")  # https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html
_MAX_BUCKETS = 4096


class CredentialEndpoint:
    """Answers on loopback listeners; `lookup` finds the process by the id in the path."""

    def __init__(self, metadata: MetadataService, clock: Clock) -> None:
        self._metadata = metadata
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # process id -> tokens left, at (epoch seconds)

    async def serve(
        self, sock: socket.socket, lookup: Lookup, *, shared: bool = True, address: tuple[str, int] | None = None
    ) -> Handle:
        """Serve on a listening socket, which belongs to the handle from now on.

        `shared`: others than the process itself can reach it (a loopback address of the host), so the Authorization
        header is required. `address`: as clients say it, where that is not the socket's own (an injected listener).
        """
        host, port = address or sock.getsockname()[:2]
        hosts = frozenset({f"{host}:{port}", *([host] if port == 80 else ())})
        return await serve(sock, partial(self.respond, lookup=lookup, hosts=hosts, shared=shared), self._clock)

    def respond(self, request: Request, lookup: Lookup, hosts: frozenset[str], shared: bool) -> Answer:
        """The answer to one request. Below /ID are the endpoints that a process sees at AWS's addresses in mode ns."""
        # INVARIANT: a web page whose name was made to resolve to loopback (DNS rebinding) gets nothing: Host is a name.
        if request.headers.get("host") not in hosts:
            return _wrong_host()
        path = _path(request)
        if path[:2] == _PREFIX:
            return self._credentials(request, lookup, path[2:], shared)
        view = lookup(path[0]) if path else None
        if view is None:
            return _nothing()
        rest = Request(request.method, "/" + request.target.lstrip("/").partition("/")[2], request.headers)
        if path[1:3] == _PREFIX:
            return self._credentials(rest, _only(view), path[3:], shared)
        if path[1:] == _POD:
            return self._pod_credentials(rest, view)
        if view.task is not None and path[1:] and path[1] in VERSIONS:
            return task_metadata(rest, path[2:], view.task)
        return self._metadata.respond(rest, view.instance) if view.instance is not None else _nothing()

    def respond_to_one(self, request: Request, view: ProcessView, hosts: frozenset[str]) -> Response:
        """The answer on a listener that is this one's own."""
        if request.headers.get("host") not in hosts:
            return _wrong_host()
        path = _path(request)
        return self._credentials(request, _only(view), path[2:], False) if path[:2] == _PREFIX else _nothing()

    def respond_to_pod(self, request: Request, view: ProcessView, hosts: frozenset[str]) -> Response:
        """The answer in the shape of EKS Pod Identity, on a listener that is this one's own."""
        if request.headers.get("host") not in hosts:
            return _wrong_host()
        return self._pod_credentials(request, view) if _path(request) == _POD else _nothing()

    def _pod_credentials(self, request: Request, view: ProcessView) -> Response:
        if request.method != "GET":
            return _wrong_method()
        if not self._admit(view.id):
            return _too_many()
        # INVARIANT: the path is everybody's, so the token alone says who asks; a neighbour's, or none, is nothing.
        end = pod_tokens.ends(view.authorization, view.id, request.headers.get("authorization", ""))
        if view.credentials() is None or end is None:
            return _refuse(400, "InvalidTokenException", "The Authorization header is missing or wrong")
        if end <= self._clock.now().timestamp():
            return _refuse(400, "ExpiredTokenException", "The specified Kubernetes service account token is expired.")
        return self._answer(view, _as_pod)

    def _credentials(self, request: Request, lookup: _Find, rest: tuple[str, ...], shared: bool) -> Response:
        if request.method != "GET":
            return _wrong_method()
        if not rest:
            return _refuse(400, "NoIdInRequest", "CredentialsV2Request: No ID in the request")
        view = lookup(rest[0]) if len(rest) == 1 else None
        # Whatever names no process shares one budget, so that guessing is slow and harms nobody else.
        if not self._admit(view.id if view else ""):
            return _too_many()
        if view is None:
            return _refuse(400, "InvalidIdInRequest", "CredentialsV2Request: Credentials not found")
        # INVARIANT: on a listener that others reach too, the id alone gives nothing.
        if shared and not _same(request.headers.get("authorization", ""), view.authorization):
            return _refuse(401, "Unauthorized", "The Authorization header is missing or wrong")
        return self._answer(view, _as_task)

    def _answer(self, view: ProcessView, shape: Callable[[Credentials], dict[str, str]]) -> Response:
        state = view.credentials()
        if isinstance(state, Credentials) and not too_short(state, self._clock.now()):
            return _json(200, shape(state))
        why = "CredentialsV2Request: Credentials uninitialized for ID"
        if isinstance(state, CredentialError):
            why = f"{state.code}: {state.message}"
        elif isinstance(state, Credentials):
            log.error("the credentials of role %s end at %s and are withheld", state.role_name, state.expiration)
        return _refuse(503, "CredentialsUninitialized", why)

    def _admit(self, key: str) -> bool:
        now = self._clock.now().timestamp()
        left, at = self._buckets.pop(key, (BURST, now))
        left = min(BURST, left + max(0.0, now - at) * RATE)
        self._buckets[key] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > _MAX_BUCKETS:  # the oldest is full again long since
            del self._buckets[next(iter(self._buckets))]
        return left >= 1


def _path(request: Request) -> tuple[str, ...]:
    return tuple(unquote(part) for part in request.target.partition("?")[0].split("/") if part)


def _only(view: ProcessView) -> _Find:
    """Finds this one and no other."""

    def find(key: str) -> ProcessView | None:
        # INVARIANT: here only the process's, or task's, own id is known; its neighbour's is one that does not exist.
        own = hmac.compare_digest(key.encode(), view.id.encode())
        return view if own and view.credentials() is not None else None

    return find


def _as_task(found: Credentials) -> dict[str, str]:
    return {"RoleArn": found.role_arn} | _secrets(found)


def _as_pod(found: Credentials) -> dict[str, str]:
    """https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_Credentials.html"""
    return _secrets(found) | {"AccountId": found.role_arn.split(":")[4]}


def _secrets(found: Credentials) -> dict[str, str]:
    return {
        "AccessKeyId": found.access_key_id,
        "SecretAccessKey": found.secret_access_key,
        "Token": found.token,
        "Expiration": timestamp(found.expiration),
    }


def _wrong_method() -> Response:
    return _refuse(405, "MethodNotAllowed", "Credentials are read with GET", {"Allow": "GET"})


def _too_many() -> Response:
    return _refuse(429, "TooManyRequests", "Too many requests")  # [?] the agent's own text is not documented


def _wrong_host() -> Response:
    return _refuse(403, "AccessDenied", "The Host header does not name this endpoint")


def _nothing() -> Response:
    return _refuse(404, "NotFound", "There is nothing here")


def _same(given: str, expected: str) -> bool:
    return bool(expected) and hmac.compare_digest(given.encode("latin-1"), expected.encode())


def _json(status: int, members: dict[str, object] | dict[str, str], headers: dict[str, str] | None = None) -> Response:
    return Response(status, json.dumps(members).encode(), {"Content-Type": "application/json", **(headers or {})})


def _refuse(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return _json(status, {"code": code, "message": message, "HTTPErrorCode": status}, headers)
