"""Bodies that nobody asked for: when the answer goes out, and how long a stranger is listened to."""

import asyncio
import http.client
import socket
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import closing
from typing import Any

import pytest

from kansatsu.errors import AwsError
from kansatsu.gateway import asgi
from kansatsu.gateway.server import HttpServer

from . import raw
from .conftest import WAIT, Gateway
from .raw import MIB, Ask, head_bytes, read_all

PIECE = 65536
Event = MutableMapping[str, Any]


class Client:
    """Both sides of ASGI; `log` has what happened, in order: "read", and the answers' events."""

    def __init__(self, length: int | None, *, expect: bool = False, sends: int | None = None) -> None:
        self.headers = {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
        self.headers |= {"expect": "100-continue"} if expect else {}
        size = length or 0
        sent = range(0, size if sends is None else sends, PIECE)
        self._pieces: Iterator[Event] = iter(
            [
                {"type": "http.request", "body": bytes(min(PIECE, size - at)), "more_body": at + PIECE < size}
                for at in sent
            ]
        )
        self.log: list[str] = []
        self.answer_headers: list[tuple[bytes, bytes]] = []

    async def receive(self) -> Event:
        if (piece := next(self._pieces, None)) is None:
            await asyncio.Event().wait()  # it says no more, and does not go away
        assert piece is not None
        self.log.append("read")
        return piece

    async def send(self, message: Event) -> None:
        self.log.append("start" if message["type"].endswith("start") else f"body {message['body'].decode()}")
        if not message.get("more_body", False):
            self.answer_headers += message.get("headers", [])
            self.log += ["end"] if message["type"].endswith("body") else []

    def refused(self, wrap: Callable[[asgi.Body, asgi.Send], Any]) -> list[str]:
        """What happens when the request is answered without a look at its body."""

        async def run() -> None:
            body = asgi.Body(self.receive, self.headers)
            send = wrap(body, self.send)
            send = await send if asyncio.iscoroutine(send) else send
            await asgi.answer(send, 403, [], b"no", bodiless=False)

        asyncio.run(run())
        return self.log


WRAPS = [asgi.Body.settled, asgi.Body.settling]
either = pytest.mark.parametrize("wrap", WRAPS, ids=["settled", "settling"])
WHOLE = ["start", "body no", "end"]


@either
@pytest.mark.parametrize("length", [0, 1, PIECE, PIECE + 1, MIB])
def test_a_small_body_is_read_before_the_answer(wrap: Any, length: int) -> None:
    """A Go client that gets an answer while it sends closes the connection, and its user hears of a broken pipe."""
    client = Client(length)
    assert client.refused(wrap) == ["read"] * -(-length // PIECE) + WHOLE
    assert (b"connection", b"close") not in client.answer_headers


@either
def test_a_large_body_is_answered_at_once_and_read_before_the_end(wrap: Any) -> None:
    log = Client(MIB + 1).refused(wrap)
    assert log == ["start", "body no", *["read"] * 17, "body ", "end"]


@either
def test_who_waits_to_be_asked_is_not_asked(wrap: Any) -> None:
    client = Client(5, expect=True)
    assert client.refused(wrap) == ["start", "body no", "read", "body ", "end"]
    assert (b"connection", b"close") in client.answer_headers


# who -> (the length it announces, how much of it comes)
SILENT = {"none of a small one": (10, 0), "half of a small one": (MIB, MIB // 2), "half of a large one": (MIB * 2, MIB)}


@either
@pytest.mark.parametrize("who", SILENT)
def test_the_attack_a_body_that_does_not_come(wrap: Any, who: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "_SILENCE", 0.01)
    length, comes = SILENT[who]
    log = Client(length, sends=comes).refused(wrap)
    assert log.count("read") == comes // PIECE
    assert log[-1] == "end" and log.count("start") == 1


@either
def test_the_attack_a_body_that_does_not_end(wrap: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi, "_MOST_UNREAD", 4 * MIB)
    log = Client(1024 * MIB, sends=64 * MIB).refused(wrap)
    assert log.count("read") == 4 * MIB // PIECE
    assert log[-1] == "end"


@pytest.mark.parametrize("bound", ["_WAITING", "_LINGERING"])
def test_the_attack_a_body_that_drips(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each piece comes in time, and all of them never would."""
    monkeypatch.setattr(asgi, "_SILENCE", 3600.0)
    monkeypatch.setattr(asgi, "_WAITING", 0.01)
    monkeypatch.setattr(asgi, "_LINGERING", 0.01)
    drips = Client(10 if bound == "_WAITING" else MIB * 2, sends=0)

    async def receive() -> Event:
        await asyncio.sleep(0)
        return {"type": "http.request", "body": b"", "more_body": True}

    monkeypatch.setattr(drips, "receive", receive)
    assert drips.refused(asgi.Body.settled)[-1] == "end"


# ---- over the wire --------------------------------------------------------------------------------------------------


def upload(gateway: Gateway, length: int) -> bytes:
    signed = raw.sign(Ask("PUT", "/bucket/key"), gateway.user(), "s3", host=gateway.host, payload="a" * 64)
    return head_bytes(signed, gateway.host, length)


def test_a_refused_upload_leaves_the_connection_to_the_next_request(gateway: Gateway) -> None:
    with closing(socket.create_connection(gateway.address)) as connection:
        connection.settimeout(WAIT)
        for length in (1, MIB, 2 * MIB):
            connection.sendall(upload(gateway, length) + bytes(length))
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            assert (answer.status, answer.getheader("connection")) == (403, None)
            assert b"AccessDenied" in answer.read()


@pytest.mark.parametrize("path", ["/bucket/key", "/_kansatsu/nothing", "/_kansatsu/health"])
def test_what_is_left_after_the_bounds_is_not_waited_for(
    gateway: Gateway, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: a connection for each large body that never comes."""
    monkeypatch.setattr(asgi, "_SILENCE", 0.01)
    with closing(socket.create_connection(gateway.address)) as connection:
        connection.settimeout(WAIT)
        connection.sendall(head_bytes(Ask("GET", path), gateway.host, 8 * MIB))
        assert read_all(connection).startswith(b"HTTP/1.1 ")  # to the end: the server closes


def test_a_pooled_connection_is_there_when_its_client_sends() -> None:
    """Go's clients keep one for 90 seconds, Java's for 60."""
    assert HttpServer(lambda: None)._config.timeout_keep_alive > 90


@pytest.mark.parametrize("sends", [0, PIECE])
def test_a_body_that_never_comes_holds_nothing(sends: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: many connections, each with the head of a small request that nobody signed."""
    monkeypatch.setattr(asgi, "_READING", 0.05)
    client = Client(2 * PIECE, sends=sends)
    with pytest.raises(AwsError, match="within the timeout period") as raised:
        asyncio.run(asgi.read(client.receive, client.headers))
    assert (raised.value.code, raised.value.status) == ("RequestTimeout", 400)


def test_nor_does_it_at_the_gateway(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_READING", "_SILENCE"):
        monkeypatch.setattr(asgi, name, 0.05)
    ask = Ask("POST", headers={"content-type": "application/x-www-form-urlencoded"})
    with closing(socket.create_connection(gateway.address, WAIT)) as connection:
        connection.sendall(head_bytes(ask, gateway.host, 10) + b"Action=")
        said = read_all(connection)  # to the end: the server closes
    assert said.startswith(b"HTTP/1.1 400 ") and b"RequestTimeout" in said
