"""Who has not signed costs nothing: no stranger makes the gateway read the model of a service, whatever he names."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from kansatsu import wire
from kansatsu.catalog import identification
from kansatsu.gateway import anonymous

from .conftest import Gateway
from .raw import Ask, Got, Keys, tampered

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The services whose models were asked for."""
    found: set[str] = set()

    def load(name: str) -> wire.Service:
        found.add(name)
        return wire.load_service(name)

    monkeypatch.setattr(identification, "load_service", load)
    return found


def asks(name: str, item: Any) -> Iterator[Ask]:
    """One request for each protocol of a service, as its clients send them."""
    host = f"{item['endpointPrefix']}.us-east-1.amazonaws.com"
    for protocol in item.get("protocols") or [item["protocol"]]:
        if protocol == "json":
            yield Ask("POST", headers={"host": host, "x-amz-target": f"{item['targetPrefix']}.ListThings"}, body=b"{}")
        elif protocol in {"query", "ec2"}:
            body = f"Action=ListThings&Version={item['apiVersion']}".encode()
            yield Ask("POST", headers={"host": host, **FORM}, body=body)
        elif protocol == "smithy-rpc-v2-cbor":
            path = f"/service/{item.get('targetPrefix', name)}/operation/ListThings"
            yield Ask("POST", path, headers={"host": host, "content-type": "application/cbor"}, body=b"\xa0")
        else:
            yield Ask("GET", "/things", headers={"host": host})


def spoken(ask: Ask, got: Got) -> bool:
    """Is the answer in the language of the request?"""
    if "x-amz-target" in ask.headers:
        return str(json.loads(got.body)["__type"]) == got.code
    if ask.headers.get("content-type") == FORM["content-type"]:
        return got.body.startswith((b"<ErrorResponse", b"<?xml")) and b"<Error>" in got.body
    return True


SIGNED_BADLY = (
    lambda keys: Keys("AKIAIOSFODNN7EXAMPLE", keys.secret),
    lambda keys: Keys(keys.id, tampered(keys.secret)),
    lambda keys: Keys(keys.id, keys.secret, "FwoGZXIvYXdzEJr//////////wEaDA=="),
)


# INVARIANT: a model is read for those who signed, and of those that answer strangers: four of some 450.
def test_no_stranger_makes_a_model_be_read(gateway: Gateway, read: set[str]) -> None:
    everything = sorted(wire.service_metadata().items())
    asked = 0
    for place, (name, item) in enumerate(everything):
        for ask in asks(name, item):
            got = gateway.send(ask)
            asked += 1
            assert 400 <= got.status < 500, (name, got)
            if place % 4 == 0 and spoken(ask, got):
                who = SIGNED_BADLY[place // 4 % 3](gateway.admin)
                got = gateway.ask(ask, who, item.get("signingName", item["endpointPrefix"]))
                assert got.status in {400, 401, 403}, (name, got)
            assert spoken(ask, got), (name, ask, got)
    assert asked > len(everything) > 400
    assert read <= anonymous.SERVICES, "somebody who has not signed made them be read"


def test_whoever_signed_does(gateway: Gateway, read: set[str]) -> None:
    """The other way round, or the test above could not fail."""
    ask = Ask("POST", headers={"x-amz-target": "Kinesis_20131202.ListStreams"}, body=b"{}")
    assert gateway.ask(ask, Keys("AKIAIOSFODNN7EXAMPLE", "no"), "kinesis").code == "UnrecognizedClientException"
    assert not read
    gateway.ask(ask, gateway.admin, "kinesis")
    assert read == {"kinesis"}
