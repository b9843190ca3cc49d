"""Requests with much in them, from whoever has a key: they hold up nobody else, and what they ask about has an end."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kansatsu import catalog, wire
from kansatsu.gateway import backed, pipeline

from .conftest import ACCOUNT, Gateway
from .raw import statement
from .test_tags import code_of

LONG = 60.0  # seconds, after which a test has failed
QUEUE = {"QueueUrl": f"http://sqs/{ACCOUNT}/queue"}
MUCH = {"MessageBody": "x" * 70_000}
STEPS: dict[str, tuple[Any, str]] = {
    "it is read": (wire, "decode"),
    "what it is about is found out": (catalog, "resolve"),
    "it is decided": (pipeline, "decide"),
}


def tags(number: int) -> dict[str, Any]:
    return {"Tags": {f"k{each}": "v" for each in range(number)}}


# INVARIANT: who sends much waits for it himself.
@pytest.mark.parametrize("step", STEPS)
def test_attack_a_large_request_of_somebody_who_may_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    asks = gateway.client("sqs", gateway.user())
    module, name = STEPS[step]
    held = holding(monkeypatch, module, name)
    with ThreadPoolExecutor(1) as others:
        asked = others.submit(code_of, asks.send_message, **QUEUE, **MUCH)
        answered(gateway, *held)
        assert asked.result(LONG) == "AccessDenied"


def test_attack_a_small_request_with_many_values(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of which is held against each pattern of each policy."""
    many = statement("Allow", "*", "*", {"ForAnyValue:StringLike": {"aws:TagKeys": ["*a*b"] * 100}})
    asks = gateway.client("sqs", gateway.user(many))
    held = holding(monkeypatch, pipeline, "decide")
    with ThreadPoolExecutor(1) as others:
        asked = others.submit(code_of, asks.tag_queue, **QUEUE, **tags(20))
        answered(gateway, *held)
        assert asked.result(LONG) == "AccessDenied"


def test_attack_more_values_than_anybody_decides_on(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = gateway.client("sqs", gateway.user())
    monkeypatch.setattr(backed, "MOST_VALUES", 3)
    assert code_of(asks.tag_queue, **QUEUE, **tags(3)) == "AccessDenied"
    assert code_of(asks.tag_queue, **QUEUE, **tags(4)) == "NotImplemented"


def holding(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> tuple[threading.Event, threading.Event]:
    """What is begun beside the loop by this function waits: set when it has begun, and to let it go on."""
    begun, enough, work = threading.Event(), threading.Event(), getattr(module, name)

    def long(*given: Any, **more: Any) -> Any:
        if threading.current_thread().name.startswith("kansatsu-large"):
            begun.set()
            assert enough.wait(LONG), "whoever asked in between was not answered"
        return work(*given, **more)

    monkeypatch.setattr(module, name, long)
    return begun, enough


def answered(gateway: Gateway, begun: threading.Event, enough: threading.Event) -> None:
    """Others are, while it waits."""
    try:
        assert begun.wait(LONG)
        gateway.client("sts").get_caller_identity()
        gateway.user()
    finally:
        enough.set()
