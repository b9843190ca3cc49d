"""A large request waits for its turn: what was taken away from its sender meanwhile is taken away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kansatsu import catalog, wire
from kansatsu.gateway import pipeline

from .conftest import ACCOUNT, Gateway
from .raw import Keys, document, statement
from .test_large_requests import LONG, MUCH, QUEUE, holding, tags
from .test_streaming import until
from .test_tags import code_of

EVERYTHING = statement("Allow", "*", "*")
CONTAINER = {"name": "c", "image": "i", "memory": 8, "environment": [{"name": "n", "value": "x" * 70_000}]}


def send(gateway: Gateway, keys: Keys) -> str:
    return code_of(gateway.client("sqs", keys).send_message, **QUEUE, **MUCH)


def register(gateway: Gateway, keys: Keys) -> str:
    asks = gateway.client("ecs", keys)
    return code_of(asks.register_task_definition, family="waited", containerDefinitions=[CONTAINER])


def deactivate(gateway: Gateway, keys: Keys) -> None:
    gateway.iam.update_access_key(UserName=keys.name, AccessKeyId=keys.id, Status="Inactive")


def forbid(gateway: Gateway, keys: Keys) -> None:
    denied = document(statement("Deny", "*", "*"))
    gateway.iam.put_user_policy(UserName=keys.name, PolicyName="deny", PolicyDocument=denied)


# INVARIANT: what has waited is decided by what holds when its turn comes.
@pytest.mark.parametrize(
    ("meanwhile", "codes"),
    [
        (deactivate, {"InvalidClientTokenId", "UnrecognizedClientException"}),
        (forbid, {"AccessDenied", "AccessDeniedException"}),
    ],
)
@pytest.mark.parametrize(
    ("ask", "module", "step"),
    [(send, wire, "decode"), (send, catalog, "resolve"), (register, wire, "decode"), (register, wire, "validate")],
)
def test_attack_a_large_request_of_a_key_that_was_taken_away_while_it_waited(
    gateway: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Gateway, Keys], str],
    module: Any,
    step: str,
    meanwhile: Callable[[Gateway, Keys], None],
    codes: set[str],
) -> None:
    stolen = gateway.user(EVERYTHING)
    begun, enough = holding(monkeypatch, module, step)
    with ThreadPoolExecutor(1) as others:
        asked = others.submit(ask, gateway, stolen)
        try:
            assert begun.wait(LONG)
            meanwhile(gateway, stolen)
        finally:
            enough.set()
        assert asked.result(LONG) in codes


def test_attack_many_values_of_a_key_that_was_taken_away_while_they_waited(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small body, that waits behind another of its account when all but the decision is done."""
    first, stolen = gateway.user(EVERYTHING), gateway.user(EVERYTHING)
    begun, enough = holding(monkeypatch, pipeline, "decide")
    with ThreadPoolExecutor(2) as others:
        ahead = others.submit(code_of, gateway.client("sqs", first).tag_queue, **QUEUE, **tags(20))
        try:
            assert begun.wait(LONG)
            asked = others.submit(code_of, gateway.client("sqs", stolen).tag_queue, **QUEUE, **tags(20))
            until(lambda: gateway.store.large.waiting[ACCOUNT] == 2)
            deactivate(gateway, stolen)
        finally:
            enough.set()
        assert asked.result(LONG) in {"InvalidClientTokenId", "UnrecognizedClientException"}
        assert ahead.result(LONG) not in {"AccessDenied", "InvalidClientTokenId"}
