"""Attack: hold connections without ever finishing a request, or by what comes behind one."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kansatsu.gateway import server
from kansatsu.gateway.asgi import ADMITTED
from kansatsu.gateway.server import HttpServer

START = 100.0
GET = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"
UPLOAD = b"PUT / HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nhos"


class Loop:
    """The running loop with a clock that stands still."""

    now = START

    def __init__(self) -> None:
        self._real = asyncio.get_running_loop()

    def time(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Wire(asyncio.Transport):
    """What the server does with a connection."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.closed, self.aborted = b"", False, False

    def write(self, data: Any) -> None:
        assert not self.closed
        self.sent += data

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


class Connection:
    """One connection to an application that answers as far as the test lets it."""

    def __init__(self, to: HttpServer | None = None) -> None:
        self.wire, self.clock, self.asked = Wire(), Loop(), 0
        self._sends: list[Any] = []
        self.server = to or HttpServer(self)
        self.protocol: Any = self.server._protocol(False)
        self.protocol.loop = self.clock
        self.protocol.connection_made(self.wire)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        self.headers, self.admitted = scope["headers"], scope["state"][ADMITTED]
        self._sends.append(send)
        await asyncio.Event().wait()

    async def gets(self, data: bytes) -> None:
        self.protocol.data_received(data)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def starts(self) -> None:
        """The answer begins; it is a long download."""
        headers = [(b"content-length", b"4")]
        await self._sends[0]({"type": "http.response.start", "status": 200, "headers": headers})
        await self._sends[0]({"type": "http.response.body", "body": b"do", "more_body": True})

    async def ends(self) -> None:
        await self._sends.pop(0)({"type": "http.response.body", "body": b"ne"})
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def answers(self) -> None:
        await self.starts()
        await self.ends()

    def late(self, seconds: float) -> bool:
        return bool(self.protocol.late(self.clock.now + seconds))


def on_connection(test: Callable[[Connection], Any]) -> Callable[[], None]:
    def run() -> None:
        async def main() -> None:
            connection = Connection()
            await test(connection)
            for task in connection.protocol.tasks:
                task.cancel()
            connection.protocol._unset_keepalive_if_required()

        asyncio.run(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@pytest.mark.parametrize(
    ("sent", "age", "late"),
    [
        (b"", 19.0, False),
        (b"", 21.0, True),
        (b"x" * 500, 21.0, True),
        (HALF, 19.0, False),
        (HALF, 21.0, True),
        (b"\r\n" * 100, 21.0, True),
        (GET, 3600.0, False),  # while it is answered
        (UPLOAD, 3600.0, False),  # while its body comes
        (UPLOAD + b"12345", 3600.0, False),
        (GET + HALF, 3600.0, False),
    ],
)
def test_a_head_that_does_not_come_is_late_and_a_body_never_is(sent: bytes, age: float, late: bool) -> None:
    @on_connection
    async def run(connection: Connection) -> None:
        if sent.strip(b"x"):
            await connection.gets(sent)
        assert connection.late(age) is late

    run()


@on_connection
async def test_a_half_head_cuts_no_download(connection: Connection) -> None:
    await connection.gets(GET)
    await connection.starts()
    await connection.gets(HALF)
    assert not connection.late(3600.0)
    connection.clock.now += 3600.0
    await connection.ends()
    assert connection.wire.sent.endswith(b"\r\n\r\ndone") and not connection.wire.closed
    assert not connection.late(19.0) and connection.late(21.0)  # now it is waited for
    await connection.gets(GET.removeprefix(HALF))
    assert connection.asked == 2 and not connection.late(3600.0)


@on_connection
async def test_a_huge_head_behind_a_request_is_not_kept(connection: Connection) -> None:
    await connection.gets(GET)
    await connection.starts()
    await connection.gets(GET.removesuffix(b"\r\n") + b"x: ")
    for _ in range(9):
        assert not connection.wire.closed
        await connection.gets(b"x" * (server._LONGEST_HEAD // 10))
    await connection.gets(b"x" * (server._LONGEST_HEAD // 10))
    assert connection.wire.aborted and b"HTTP/1.1 400" not in connection.wire.sent


CHUNKED = b"PUT / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"


@pytest.mark.parametrize("trailer", [b"authorization: x", b"x-amz-acl: public-read", b"host: other"])
def test_attack_a_trailer_is_no_header(trailer: bytes) -> None:
    """It was one where it came with the head: a second Host, or what its check had not seen."""

    @on_connection
    async def run(connection: Connection) -> None:
        await connection.gets(CHUNKED + trailer + b"\r\n\r\n")
        assert connection.headers == [(b"host", b"h"), (b"transfer-encoding", b"chunked")]
        await connection.answers()
        assert not connection.wire.closed

    run()


@pytest.mark.parametrize("endless", [b"x: a\r\n", b"y", b";"], ids=["trailers", "trailer", "extension"])
def test_attack_no_body_without_end(endless: bytes) -> None:
    """What stands between the pieces of a body, or behind the last one, was kept, and counted by nobody."""

    @on_connection
    async def run(connection: Connection) -> None:
        await connection.gets(CHUNKED if endless != b";" else CHUNKED.removesuffix(b"0\r\n") + b"3")
        for _ in range(12):
            if not connection.wire.closed:
                await connection.gets(endless * (server._LONGEST_HEAD // 10 // len(endless)))
        assert connection.wire.closed

    run()


@on_connection
async def test_small_pieces_of_a_large_body_are_a_body(connection: Connection) -> None:
    await connection.gets(CHUNKED.removesuffix(b"0\r\n"))
    for _ in range(40):
        await connection.gets(b"1\r\na\r\n" * (server._LONGEST_HEAD // 120))
    assert not connection.wire.closed


@on_connection
async def test_empty_lines_without_end_are_bounded(connection: Connection) -> None:
    await connection.gets(GET)
    await connection.starts()
    for _ in range(12):
        if not connection.wire.closed:
            await connection.gets(b"\r\n" * (server._LONGEST_HEAD // 20))
    assert connection.wire.aborted


@on_connection
async def test_an_error_in_what_follows_is_no_part_of_an_answer(connection: Connection) -> None:
    """The attack: a shared connection on which the answer of one request is what another one's sender said."""
    await connection.gets(GET)
    await connection.starts()
    await connection.gets(b"no HTTP at all\r\n\r\n")
    assert connection.wire.aborted and b" 400 " not in connection.wire.sent


@on_connection
async def test_an_error_before_any_answer_is_told(connection: Connection) -> None:
    await connection.gets(b"no HTTP at all\r\n\r\n")
    assert connection.wire.sent.startswith(b"HTTP/1.1 400 ") and connection.wire.closed


@on_connection
async def test_an_idle_connection_is_not_late_but_an_empty_line_is_a_beginning(connection: Connection) -> None:
    await connection.gets(GET)
    await connection.answers()
    assert not connection.late(3600.0)  # uvicorn closes it by itself
    assert connection.protocol.timeout_keep_alive_task is not None
    await connection.gets(b"\r\n")
    assert not connection.late(19.0) and connection.late(21.0)
    connection.clock.now += 15.0
    await connection.gets(b"\r\n")
    assert connection.late(6.0)  # and the next one is no further beginning
    await connection.gets(GET)
    assert connection.asked == 2 and not connection.late(3600.0)


@on_connection
async def test_two_requests_at_once_are_answered_in_turn(connection: Connection) -> None:
    await connection.gets(GET + GET + HALF)
    assert connection.asked == 1
    await connection.answers()
    assert connection.asked == 2 and not connection.late(3600.0)
    await connection.answers()
    await connection.gets(GET.removeprefix(HALF))
    assert connection.asked == 3 and connection.wire.sent.count(b"done") == 2


@on_connection
async def test_a_body_that_was_not_taken_ends_the_connection(connection: Connection) -> None:
    await connection.gets(UPLOAD + b"12")
    await connection.answers()
    assert connection.wire.sent.endswith(b"done") and connection.wire.closed


def test_attack_to_fill_the_log_with_what_is_no_http(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(500):

        @on_connection
        async def run(connection: Connection) -> None:
            await connection.gets(b"no HTTP at all\r\n\r\n")

        run()
    assert 0 < len(caplog.records) <= 2 * server._MOST_WARNINGS  # a minute may end meanwhile


@pytest.mark.parametrize("kept", ["answered", "idle"])
def test_attack_to_take_all_connections(monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    """Who came first kept everybody else out, without a single request; he gives way now, unless he is answered."""
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 3)

    @on_connection
    async def run(first: Connection) -> None:
        await first.gets(GET)
        slow = [Connection(first.server) for _ in range(2)]
        if kept == "idle":
            await first.answers()
        slow[0].protocol.data_received(HALF)
        for gone in (*slow, *([first] if kept == "idle" else [])):
            assert not gone.wire.aborted
            latest = Connection(first.server)
            assert gone.wire.aborted and not latest.wire.closed
            gone.protocol.connection_lost(None)
        assert first.wire.aborted is (kept == "idle")

    run()


@pytest.mark.parametrize("sent", [UPLOAD + b"1", GET + UPLOAD + b"1"], ids=["alone", "behind another"])
def test_attack_to_take_all_connections_by_bodies(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    """A head costs nothing, and a body that does not end kept the connection; of who is authenticated it does so."""
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 3)

    @on_connection
    async def run(first: Connection) -> None:
        await first.gets(UPLOAD + b"1")
        first.admitted()
        slow = [Connection(first.server) for _ in range(2)]
        for connection in slow:
            connection.protocol.data_received(sent)
            await asyncio.sleep(0)
        for gone in slow:
            assert not gone.wire.aborted
            latest = Connection(first.server)
            assert gone.wire.aborted and not latest.wire.closed
            gone.protocol.connection_lost(None)
            latest.protocol.data_received(UPLOAD + b"12345")  # all of it
        assert Connection(first.server).wire.aborted and not first.wire.closed

    run()


def test_when_all_are_answered_the_latest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_MOST_CONNECTIONS", 1)

    @on_connection
    async def run(first: Connection) -> None:
        await first.gets(GET)
        assert Connection(first.server).wire.aborted and not first.wire.closed

    run()
