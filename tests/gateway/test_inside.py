"""What the gateway says at a socket inside a workload, and what it does not."""

import asyncio
import http.client
import json
import socket
from typing import Any

from kansatsu.gateway.app import App
from kansatsu.gateway.server import HttpServer


class Operator:
    """A server with an operator's socket and a workload's, and how often it was reset."""

    def __init__(self) -> None:
        self.resets = 0
        self.server = HttpServer(App(self._aws, lambda: {"status": "ok", "data_dir": "/secret"}, self._reset))

    async def _aws(self, *_: Any) -> None:
        raise AssertionError("no AWS request was sent")

    async def _reset(self) -> None:
        self.resets += 1


def _ask(port: int, method: str, path: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


async def test_a_workload_learns_nothing_of_the_machine_and_wipes_nothing() -> None:
    operator = Operator()
    ports = []
    for inside in (False, True):
        sock = socket.create_server(("127.0.0.1", 0))
        await operator.server.listen(sock, inside=inside)
        ports.append(sock.getsockname()[1])
    try:
        ask = lambda *args: asyncio.to_thread(_ask, *args)  # noqa: E731
        assert await ask(ports[1], "GET", "/_kansatsu/health") == (200, {"status": "ok"})
        assert (await ask(ports[1], "POST", "/_kansatsu/reset"))[0] == 404
        assert operator.resets == 0
        assert (await ask(ports[0], "GET", "/_kansatsu/health"))[1]["data_dir"] == "/secret"
        assert (await ask(ports[0], "POST", "/_kansatsu/reset"))[0] == 200
        assert operator.resets == 1
    finally:
        await operator.server.close()
