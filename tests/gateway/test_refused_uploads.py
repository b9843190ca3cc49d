"""An upload that is refused before its body was asked for: its client hears why, whatever it was sending meanwhile."""

import socket
import threading
from contextlib import closing, suppress

import pytest

from kansatsu.gateway import asgi

from . import raw
from .conftest import WAIT, Gateway
from .raw import MIB, Ask, head_bytes, read_all, read_head


def refused(gateway: Gateway) -> bytes:
    """The head of an upload of 64 MiB, whose client says that it waits to be asked."""
    ask = Ask("PUT", "/bucket/key", headers={"expect": "100-continue"})
    signed = raw.sign(ask, gateway.user(), "s3", host=gateway.host, payload="a" * 64, unsigned=["expect"])
    return head_bytes(signed, gateway.host, 64 * MIB)


def test_who_sends_without_being_asked_hears_why(gateway: Gateway) -> None:
    """SDKs wait for a second and begin; a connection that is closed under them is a broken pipe and no 403."""
    with closing(socket.create_connection(gateway.address)) as connection:
        connection.settimeout(WAIT)
        connection.sendall(refused(gateway))
        connection.sendall(bytes(64 * MIB))  # all of it, before it reads
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 403 ") and b"AccessDenied" in answer
    assert answer.lower().count(b"connection: close") == answer.count(b"HTTP/1.1 ") == 1


def test_nobody_sends_for_ever(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: hold a connection by a body that was refused, a byte now and then, or none."""
    monkeypatch.setattr(asgi, "_LINGERING", 0.3)
    ended = threading.Event()
    with closing(socket.create_connection(gateway.address)) as connection:
        connection.settimeout(WAIT)
        connection.sendall(refused(gateway))
        assert read_head(connection).startswith(b"HTTP/1.1 403 ")

        def drip() -> None:
            with suppress(OSError):
                while not ended.wait(0.05):
                    connection.sendall(b"x")

        sender = threading.Thread(target=drip)
        sender.start()
        try:
            with suppress(ConnectionError):
                assert read_all(connection) is not None
        finally:
            ended.set()
            sender.join(WAIT)
