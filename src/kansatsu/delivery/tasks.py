"""The endpoints of one ECS task: credentials of its role, and its metadata; the socket alone says which task asks.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

import hmac
import json
import socket
from functools import partial
from urllib.parse import unquote

from kansatsu.clock import Clock
from kansatsu.delivery.containers import CredentialEndpoint
from kansatsu.delivery.messages import Request, Response
from kansatsu.delivery.server import Handle, serve
from kansatsu.workload.views import ProcessView, TaskView

ADDRESS = "169.254.170.2"
_HOSTS = frozenset({ADDRESS, f"{ADDRESS}:80"})
_METADATA = ("v3", "v4")


class TaskEndpoint:
    """Serves a task on the listener in its own network namespace."""

    def __init__(self, credentials: CredentialEndpoint, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock

    async def serve(self, sock: socket.socket, view: TaskView) -> Handle:
        """Serve on an injected listening socket, which belongs to the handle from now on."""
        return await serve(sock, partial(self.respond, view=view), self._clock)

    def respond(self, request: Request, view: TaskView) -> Response:
        """The answer to one request."""
        path = [unquote(part) for part in request.target.partition("?")[0].split("/") if part]
        if path[:1] and path[0] in _METADATA:
            return _metadata(request, path[1:], view)

        def lookup(key: str) -> ProcessView | None:
            # INVARIANT: on this socket only this task's own id is known; its neighbour's is one that does not exist.
            own = hmac.compare_digest(key.encode(), view.id.encode())
            return view if own and view.credentials() is not None else None

        return self._credentials.respond(request, lookup, _HOSTS, shared=False)


def _metadata(request: Request, rest: list[str], view: TaskView) -> Response:
    """/v4/KEY is one container, /v4/KEY/task all of them; statistics are not kept."""
    container = view.container(rest[0]) if rest else None
    document = {"": container, "task": view.task()}.get("/".join(rest[1:])) if container is not None else None
    if request.method != "GET":
        return _json(405, {"message": "Metadata are read with GET"})
    if document is None:
        return _json(404, {"message": "There is nothing here"})
    return _json(200, document)


def _json(status: int, members: dict[str, object]) -> Response:
    return Response(status, json.dumps(members).encode(), {"Content-Type": "application/json"})
