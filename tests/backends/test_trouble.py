"""A backend that is down, hangs, lies or breaks off: one clear error each, one line in the log, nothing done twice."""

import asyncio
import logging
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from kansatsu.backends import Limits, UrlBackend
from kansatsu.clock import SystemClock
from kansatsu.errors import ServiceUnavailable
from kansatsu.http import HttpRequest

from .calls import ACCOUNT, pieces
from .peer import GET, OK, OURS, PUT, SOON, Peer, Talk, call, refusing, saying, serving


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End the connection as a process that crashes does, not as one that has said everything."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def trickle(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(HEAD)
    while not writer.is_closing():
        writer.write(b"a: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


HEAD = b"HTTP/1.1 200 OK\r\n"
# what the backend does -> what the client is told, how many requests a call that changes nothing makes
TROUBLES: dict[str, tuple[Talk, str, int]] = {
    "hangs": (hang, "did not answer in time", 1),
    "hangs in its head": (saying(HEAD, close=False), "did not answer in time", 1),
    "trickles its head": (trickle, "did not answer in time", 1),
    "hangs in its body": (saying(HEAD + b"content-length: 9\r\n\r\nab", close=False), "did not go on", 1),
    "closes": (saying(b""), "closed the connection", 3),
    "breaks off its head": (saying(HEAD + b"content-le"), "broke off its answer", 1),
    "breaks off its body": (saying(HEAD + b"content-length: 9\r\n\r\nab"), "broke off its answer", 1),
    "breaks off its chunks": (saying(HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\nab"), "broke off its answer", 1),
    "is no web server": (saying(b"220 smtp.example.com ESMTP\r\n"), "not HTTP", 1),
    "speaks nonsense": (saying(bytes(range(256))), "not HTTP", 1),
    "has two lengths": (saying(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab"), "not HTTP", 1),
    "has a length and chunks": (
        saying(HEAD + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        "not HTTP",
        1,
    ),
    "has a coding of its own": (saying(HEAD + b"transfer-encoding: gzip\r\n\r\nab"), "not HTTP", 1),
    "has a length that is none": (saying(HEAD + b"content-length: -1\r\n\r\n"), "not HTTP", 1),
    "never ends its head": (saying(HEAD + b"a: b\r\n" * 100_000, close=False), "not HTTP", 1),
    "never ends its chunks": (
        saying(HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 100_000, close=False),
        "not HTTP",
        1,
    ),
    "changes the protocol": (saying(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"), "not HTTP", 1),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_each_trouble_is_one_clear_error(trouble: str) -> None:
    talk, sentence, requests = TROUBLES[trouble]
    async with serving(talk, SOON if "did not" in sentence else Limits()) as (backend, peer):
        with pytest.raises(ServiceUnavailable, match=sentence) as raised:
            await call(backend)
        assert raised.value.status == 503
        assert "127.0.0.1" not in raised.value.message
        assert len(peer.heads) == requests


def after_one_answer(talk: Talk) -> Talk:
    """A first request has its answer, so that the next one finds a connection in use; what follows meets `talk`."""
    first = True

    async def both(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        await (saying(OK, close=False) if first else talk)(reader, writer)
        first = False

    return both


@pytest.mark.parametrize("trouble", ["hangs", "closes", "resets", "breaks off its head"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
@pytest.mark.parametrize("body", ["none", "whole", "streamed"])
async def test_what_changes_something_is_never_sent_twice(trouble: str, method: str, body: str) -> None:
    """The attack: a PUT whose connection breaks after it was sent, repeated over what somebody else has put since.

    HTTP says that PUT and DELETE may be repeated, and clients do it by themselves.
    """
    talk = reset if trouble == "resets" else TROUBLES[trouble][0]
    limits = Limits()
    async with serving(after_one_answer(talk), limits) as (backend, peer):
        assert await call(backend) == (200, b"ok")
        object.__setattr__(limits, "answer", SOON.answer)  # the answer that came had all the time that it needed
        request = HttpRequest(method, "/b/k", body=b"{}" if body == "whole" else b"")
        streamed = pieces([b"{", b"}"]) if body == "streamed" else None
        with pytest.raises(ServiceUnavailable):
            await backend.call(ACCOUNT, "us-east-1", "s3", request, streamed, 2 if streamed else None)
        assert len([head for head in peer.heads if b"HTTP/1.1" in head]) == 2


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_answer_is_an_answer_and_no_reason_to_ask_again(status: int) -> None:
    busy = b"HTTP/1.1 %d Busy\r\ncontent-length: 5\r\n\r\nlater" % status
    async with serving(saying(busy, close=False)) as (backend, peer):
        assert await call(backend) == (status, b"later")
        assert len(peer.heads) == 1
        assert backend.condition.state == "ready"


async def test_asked_again_until_there_is_an_answer() -> None:
    async with serving(saying(b"", b"", OK)) as (backend, peer):
        assert await call(backend) == (200, b"ok")
        assert len(peer.heads) == 3


async def test_a_body_that_has_begun_to_leave_is_not_sent_again() -> None:
    async def drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(3)
        writer.close()

    async with serving(drop) as (backend, peer):
        body = pieces([b"abc", b"def"])
        with pytest.raises(ServiceUnavailable):
            await backend.call(ACCOUNT, "us-east-1", "s3", PUT, body, 6, repeatable=True)
        assert len(peer.heads) == 1


async def test_a_backend_that_does_not_read_stalls_nobody_for_ever() -> None:
    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with serving(deaf, SOON) as (backend, _):
        size = 64 << 20
        body = pieces(bytes(1 << 16) for _ in range(size >> 16))
        with pytest.raises(ServiceUnavailable, match="did not take the request in time"):
            await backend.call(ACCOUNT, "us-east-1", "s3", PUT, body, size)


async def test_a_slow_client_is_not_the_backends_fault() -> None:
    """Waiting for the client takes as long as it takes: here ten times what the backend is allowed."""

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0.5)
        yield b"b"

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(2) == b"ab"
        writer.write(OK)

    async with serving(take, Limits(answer=30, idle=0.05)) as (backend, _):
        response = await backend.call(ACCOUNT, "us-east-1", "s3", PUT, slow(), 2)
        assert await response.read() == b"ok"


async def test_an_early_refusal_is_passed_on_and_early_success_is_not() -> None:
    """The attack: a success before the body was there and verified would look as if it had been stored."""
    parts = [b"a" * 65536] * 512
    for status, error in ((403, None), (200, "not HTTP")):
        early = b"HTTP/1.1 %d X\r\ncontent-length: 2\r\n\r\nno" % status
        async with serving(saying(early, close=False)) as (backend, _):
            sent = backend.call(ACCOUNT, "us-east-1", "s3", PUT, pieces(parts), 65536 * 512)
            if error:
                with pytest.raises(ServiceUnavailable, match=error):
                    await sent
            else:
                response = await sent
                assert (response.status, await response.read()) == (status, b"no")


async def test_nothing_that_comes_unasked_answers_the_next_request() -> None:
    """The attack: a backend (or who sits on it) sends a second answer ahead, for somebody else's next request."""
    async with serving(saying(OK + OK, close=False)) as (backend, peer):
        first, second = await call(backend), await call(backend)
        assert (first, second) == ((200, b"ok"), (200, b"ok"))
    pushed = asyncio.Event()

    async def later(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        if len(peer.heads) == 1:
            await writer.drain()
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
            await writer.drain()
            pushed.set()

    async with serving(later) as (backend, peer):
        assert await call(backend) == (200, b"ok")
        await pushed.wait()
        await asyncio.sleep(0.05)
        assert await call(backend) == (200, b"ok")


CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize("more", [b"H", b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", b"evil", b"\r\n\r\n"])
@pytest.mark.parametrize(
    ("method", "answer", "body"),
    [
        ("GET", OK, b"ok"),
        ("GET", CHUNKED, b"ok"),
        ("HEAD", OK.removesuffix(b"ok"), b""),
        ("HEAD", CHUNKED.partition(b"2\r\n")[0], b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n", b""),
    ],
)
async def test_what_follows_an_answer_goes_with_its_connection(
    method: str, answer: bytes, body: bytes, more: bytes
) -> None:
    """The attack as above, in the same packet and however short it is."""
    async with serving(saying(answer + more, answer, close=False), Limits()) as (backend, peer):
        for _ in range(2):
            status, got = await call(backend, HttpRequest(method, "/b/k"))
            assert (status, got) == (int(answer.split()[1]), body)
        assert len(peer.heads) == 2


async def test_an_answer_does_not_wait_for_a_client_that_is_slower() -> None:
    over = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"
        await over.wait()
        yield b"c"

    async with serving(saying(refusing(b"", 403), close=False), Limits()) as (backend, _):
        response = await backend.call(ACCOUNT, "us-east-1", "s3", PUT, slow(), 3)
        assert (response.status, await response.read()) == (403, b"")
    over.set()


@pytest.mark.parametrize(
    ("method", "answer", "body"),
    [
        ("GET", HEAD + b"content-length: 0\r\n\r\n", b""),
        ("HEAD", HEAD + b"content-length: 99\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", b""),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        ("GET", HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n", b"abcde"),
        ("PUT", b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + HEAD + b"content-length: 2\r\n\r\nok", b"ok"),
        ("PUT", b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"content-length: 2\r\n\r\nok", b"ok"),
    ],
)
async def test_the_connection_is_used_again(method: str, answer: bytes, body: bytes) -> None:
    connections = set()

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer.get_extra_info("peername"))
        for at in range(0, len(answer), 7):  # in small pieces
            writer.write(answer[at : at + 7])
            await writer.drain()
            await asyncio.sleep(0)

    async with serving(talk, Limits(answer=30, idle=30)) as (backend, peer):
        for _ in range(3):
            assert (await call(backend, HttpRequest(method, "/b/k")))[1] == body
        assert (len(peer.heads), len(connections)) == (3, 1)


async def test_many_at_once_each_get_their_own_answer() -> None:
    """A connection may serve the next before whoever had it has read what it got."""

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = len(peer.heads[-1].split(b" ")[1])
        writer.write(HEAD + b"content-length: %d\r\n\r\n" % size + bytes(size))

    async with serving(talk, Limits(answer=20, idle=20)) as (backend, peer):

        async def ask(number: int) -> None:
            for turn in range(20):
                path = "/b/" + "k" * (number * 20 + turn)
                assert await call(backend, HttpRequest("GET", path)) == (200, bytes(len(path)))

        await asyncio.gather(*map(ask, range(20)))
        assert len(peer.heads) == 400


async def test_a_body_that_ends_with_the_connection() -> None:
    async with serving(saying(b"HTTP/1.0 200 OK\r\n\r\nto the end")) as (backend, _):
        assert await call(backend) == (200, b"to the end")
        assert await call(backend) == (200, b"to the end")


async def test_a_reset_is_not_the_end_of_such_a_body() -> None:
    begun = asyncio.Event()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nto the")
        await begun.wait()
        await reset(reader, writer)

    async with serving(half, Limits()) as (backend, _):
        response = await backend.call(ACCOUNT, "us-east-1", "s3", GET)
        assert await anext(response.body) == b"to the"
        begun.set()
        with pytest.raises(ServiceUnavailable, match="broke off its answer"):
            await response.read()


# ---- what is known of it --------------------------------------------------------------------------------------------


async def test_down_and_up_again_is_said_once_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    backend = UrlBackend(f"http://127.0.0.1:{port}", OURS, SystemClock(), watch=False)
    for _ in range(5):
        with pytest.raises(ServiceUnavailable, match="cannot be reached"):
            await call(backend)
    down = backend.condition
    assert (down.state, down.since is not None) == ("unreachable", True)
    assert "refused" in down.why.lower() or "Connect call failed" in down.why
    server = await asyncio.start_server(Peer(saying(OK, close=False)), "127.0.0.1", port)
    for _ in range(5):
        assert await call(backend) == (200, b"ok")
    assert (backend.condition.state, backend.condition.why) == ("ready", "")
    await backend.stop()
    server.close()
    said = [record.getMessage() for record in caplog.records if record.name.startswith("kansatsu")]
    assert len(said) == 2, said
    assert "cannot be reached" in said[0] and "answers again" in said[1]


async def test_a_watched_backend_is_known_before_anybody_asks() -> None:
    peer = Peer(saying(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", close=False))
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    backend = UrlBackend(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", OURS, SystemClock())
    assert backend.condition.state == "starting"
    backend.start()
    while backend.condition.state == "starting":
        await asyncio.sleep(0.01)
    assert backend.condition.state == "ready"
    assert b"authorization" not in peer.heads[0].lower()  # it is looked at without our credentials
    await backend.stop()
    server.close()
