"""The server's own limits: hops, number of connections, and what closing means."""

import asyncio
import socket
import struct

import pytest
import uvloop

from delivery.conftest import FakeClock, exchange
from kansatsu.delivery import server
from kansatsu.delivery.messages import Response

ETH_P_ALL = 0x0003
# A connection that the server gave up: reset, or closed without a word.
GONE = (ConnectionResetError, asyncio.IncompleteReadError)


def packets_from(sniffer: socket.socket, port: int) -> list[tuple[int, int]]:
    """(time to live, bytes of payload) of the IPv4 packets on `lo` that came from a TCP port."""
    seen = []
    while True:
        try:
            frame = sniffer.recv(65536)[14:]
        except BlockingIOError:
            return seen
        header = (frame[0] & 15) * 4
        if frame[0] >> 4 == 4 and frame[9] == socket.IPPROTO_TCP:
            segment = frame[header:]
            if struct.unpack_from(">H", segment)[0] == port:
                total = struct.unpack_from(">H", frame, 2)[0]
                seen.append((frame[8], total - header - (segment[12] >> 4) * 4))


@pytest.mark.root
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_only_the_token_is_limited_in_hops(make_bench, make_instance, loop):
    """Seen on the wire: the packets that carry a token, and no others, have the instance's time to live."""

    async def run() -> dict[str, set[int]]:
        bench, lives = make_bench(), {}
        instance = make_instance()
        instance.options = type(instance.options)(hop_limit=7)
        ask = await bench.serve(instance)
        for method, target in (("PUT", "/latest/api/token"), ("GET", "/latest/meta-data/")):
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as sniffer:
                sniffer.bind(("lo", 0))
                sniffer.setblocking(False)
                await ask(method, target, {"X-aws-ec2-metadata-token-ttl-seconds": "60"})
                lives[method] = {life for life, size in packets_from(sniffer, ask.address[1]) if size}
        await bench.close()
        return lives

    made = loop()
    lives = made.run_until_complete(run())
    made.close()
    with open("/proc/sys/net/ipv4/ip_default_ttl") as file:
        assert lives == {"PUT": {7}, "GET": {int(file.read())}}


async def test_connections_beyond_the_limit_are_dropped_and_others_served(bench, instance, connect, monkeypatch):
    monkeypatch.setattr(server, "MAX_CONNECTIONS", 3)
    ask = await bench.serve(instance)
    idle = [await connect(ask.address) for _ in range(3)]
    with pytest.raises(ConnectionResetError):
        await ask("GET", "/latest/meta-data/mac")
    idle.pop()[1].close()
    for _ in range(50):  # until the server has noticed
        try:
            assert (await ask("GET", "/latest/meta-data/mac")).status == 200
            break
        except ConnectionResetError:
            continue
    else:
        pytest.fail("no connection was accepted again")


async def test_idle_connections_are_closed(bench, instance, connect, monkeypatch):
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.01)
    reader, writer = await connect((await bench.serve(instance)).address)
    writer.write(b"GET / HT")
    with pytest.raises(GONE):
        await asyncio.wait_for(reader.readexactly(1), 10)


async def test_a_closed_handle_answers_nobody_anymore(bench, instance, connect):
    ask = await bench.serve(instance)
    reader, writer = await connect(ask.address)
    writer.write(b"GET /latest/meta-data/mac HTTP/1.1\r\n")
    assert (await ask("GET", "/latest/meta-data/mac")).status == 200
    await bench.handles[0].close()
    await bench.handles[0].close()
    with pytest.raises(GONE):
        await asyncio.wait_for(reader.readexactly(1), 10)
    with pytest.raises(ConnectionRefusedError):
        await ask("GET", "/latest/meta-data/mac")


async def test_a_handler_that_fails_is_a_500_and_the_server_goes_on(bench, raw, caplog):
    answers = iter([ZeroDivisionError(), Response(200, b"ok")])

    def handler(_):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    bench.handles.append(await server.serve(listener, handler, bench.clock))
    assert [(await raw(address, b"GET / HTTP/1.1\r\n\r\n")).status for _ in range(2)] == [500, 200]
    assert "ZeroDivisionError" in caplog.text


async def test_a_request_in_pieces_and_a_second_one_in_the_same_breath(bench, instance, connect):
    address = (await bench.serve(instance)).address
    reader, writer = await connect(address)
    for piece in (b"GET /latest/meta-", b"data/mac HTTP/1.1\r\nHo", b"st: x\r\n\r\nGET / HTTP/1.1\r\n\r\n"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    data = await reader.read()
    assert data.count(b"HTTP/1.1 200 OK") == 1
    assert data.endswith(b"02:00:0a:00:00:07")


@pytest.mark.parametrize("fails", [False, True])
async def test_an_answer_that_takes_its_time(fails: bool) -> None:
    """Others are answered meanwhile; one that fails is a 500, as with every other handler."""
    gate = asyncio.Event()

    async def late() -> Response:
        await gate.wait()
        if fails:
            raise ValueError("no")
        return Response(200, b"late")

    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    handle = await server.serve(
        listener, lambda r: late() if r.target == "/late" else Response(200, b"now"), FakeClock()
    )
    try:
        waiting = asyncio.ensure_future(exchange(address, b"GET /late HTTP/1.1\r\nHost: x\r\n\r\n"))
        assert (await exchange(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")).body == b"now"
        assert not waiting.done()
        gate.set()
        answer = await waiting
        assert answer.status == 500 if fails else answer.body == b"late"
    finally:
        await handle.close()
