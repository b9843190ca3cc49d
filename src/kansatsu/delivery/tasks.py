"""The endpoints of one ECS task: credentials of its role, and its metadata; the socket alone says which task asks.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

import socket
from functools import partial
from urllib.parse import unquote

from kansatsu.clock import Clock
from kansatsu.delivery.containers import CredentialEndpoint
from kansatsu.delivery.messages import Request
from kansatsu.delivery.server import Answer, Handle, serve
from kansatsu.delivery.task_metadata import VERSIONS, task_metadata
from kansatsu.workload.views import TaskView

ADDRESS, POD_ADDRESS = "169.254.170.2", "169.254.170.23"
_HOSTS, _POD_HOSTS = (frozenset({address, f"{address}:80"}) for address in (ADDRESS, POD_ADDRESS))


class TaskEndpoint:
    """Serves a task on the listener in its own network namespace."""

    def __init__(self, credentials: CredentialEndpoint, clock: Clock) -> None:
        self._credentials = credentials
        self._clock = clock

    async def serve(self, sock: socket.socket, view: TaskView) -> Handle:
        """Serve on an injected listening socket, which belongs to the handle from now on."""
        return await serve(sock, partial(self.respond, view=view), self._clock)

    async def serve_pod(self, sock: socket.socket, view: TaskView) -> Handle:
        """The same at the address of EKS Pod Identity."""
        return await serve(sock, partial(self.respond_as_pod, view=view), self._clock)

    def respond_as_pod(self, request: Request, view: TaskView) -> Answer:
        """The answer to one request there."""
        return self._credentials.respond_to_pod(request, view, _POD_HOSTS)

    def respond(self, request: Request, view: TaskView) -> Answer:
        """The answer to one request."""
        path = [unquote(part) for part in request.target.partition("?")[0].split("/") if part]
        if path[:1] and path[0] in VERSIONS:
            return task_metadata(request, path[1:], view)
        return self._credentials.respond_to_one(request, view, _HOSTS)
