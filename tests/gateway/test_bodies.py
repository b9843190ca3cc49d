"""Attack: many large bodies at once, by who only names an access key, or none: memory has an end, and others go on."""

import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from kansatsu.gateway import bodies

from . import raw
from .conftest import WAIT, Gateway
from .raw import Ask, Keys, head_bytes, read_head, statement
from .test_streaming import until

JSON = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.ListTables"}
LENGTH = 300_000


def ask(keys: Keys | None, gateway: Gateway) -> Ask:
    """With a signature that is wrong, or with none."""
    made = Ask("POST", headers=JSON, body=b"{}" + b" " * (LENGTH - 2))
    return raw.sign(made, Keys(keys.id, "wrong"), "dynamodb", host=gateway.host) if keys else made


@contextmanager
def holding(gateway: Gateway, keys: Keys | None) -> Iterator[None]:
    """While three connections have sent all of such a body but its end."""
    of = gateway.pipeline._bodies
    with ExitStack() as stack:
        for number in range(1, 4):
            connection = stack.enter_context(closing(socket.create_connection(gateway.address, WAIT)))
            made = ask(keys, gateway)
            connection.sendall(head_bytes(made, gateway.host, LENGTH) + made.body[:-1])
            until(lambda number=number: of._taken[keys.id if keys else ""] == number * (LENGTH - 1))
        yield
    until(lambda: not of._taken)


def status(gateway: Gateway, keys: Keys | None, wrong: bool = False) -> bytes:
    made = Ask("POST", headers=JSON, body=ask(None, gateway).body)
    sent = ask(keys, gateway) if wrong or keys is None else raw.sign(made, keys, "dynamodb", host=gateway.host)
    with closing(socket.create_connection(gateway.address, WAIT)) as connection:
        connection.sendall(head_bytes(sent, gateway.host, LENGTH) + sent.body)
        return read_head(connection)[9:12]


def test_attack_to_fill_the_memory_in_the_name_of_a_key(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_MOST_OF_ONE", LENGTH * 3 + 1000)
    victim, other = (gateway.user(statement("Allow", "dynamodb:ListTables")) for _ in range(2))
    with holding(gateway, victim):
        assert status(gateway, victim, wrong=True) == b"503"
        assert status(gateway, other) == b"200"
        assert gateway.client("dynamodb", victim).list_tables()["TableNames"] == []  # a small one
    assert status(gateway, victim) == b"200"


def test_attack_to_fill_the_memory_without_a_key(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_MOST_OF_ONE", LENGTH * 3 + 1000)
    user = gateway.user(statement("Allow", "dynamodb:ListTables"))
    with holding(gateway, None):
        assert status(gateway, None) == b"503"
        assert status(gateway, user) == b"200"


def test_attack_to_fill_the_memory_with_many_keys(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "_MOST", LENGTH * 3 + 1000)
    first, second = (gateway.user(statement("Allow", "dynamodb:ListTables")) for _ in range(2))
    with holding(gateway, first):
        assert status(gateway, second) == b"503"
        assert gateway.client("dynamodb", second).list_tables()["TableNames"] == []


def test_attack_to_fill_the_memory_with_what_is_said_to_the_console(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads before it knows who asks."""
    monkeypatch.setattr(bodies, "_MOST_OF_ONE", LENGTH + 1000)
    ask = Ask("POST", "/_kansatsu/console/api/x", headers={"content-type": "application/json"})
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(closing(socket.create_connection(gateway.address, WAIT))) for _ in range(2)
        )
        for connection in (first, second):
            connection.settimeout(WAIT)
            connection.sendall(head_bytes(ask, gateway.host, LENGTH) + b"x" * (LENGTH - 1))
        refused = select.select([first, second], [], [], WAIT)[0]
        assert [read_head(connection)[9:12] for connection in refused] == [b"503"]
