"""Requests that say themselves how much there is to work out: others do not wait for them, and it has an end."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kansatsu.services.iam import details as account_details
from kansatsu.services.iam import reports, simulate
from kansatsu.services.kansatsu import imports
from kansatsu.services.sts import _sessions

from .conftest import Gateway
from .raw import document, statement
from .test_import import Account, details
from .test_tags import code_of

LONG = 60.0  # seconds, after which a test has failed
POLICY = document(*[statement("Allow", "s3:Get*", f"arn:aws:s3:::bucket-{number}/*") for number in range(40)])
ACTIONS = [f"s3:GetObject{number}" for number in range(10)]
RESOURCES = [f"arn:aws:s3:::bucket-{number}/key" for number in range(4)]


def _simulated(gateway: Gateway) -> Callable[[], object]:
    asked = {"PolicyInputList": [POLICY], "ActionNames": ["s3:GetObject"]}
    return lambda: gateway.iam.simulate_custom_policy(**asked)


def _keys(gateway: Gateway) -> Callable[[], object]:
    return lambda: gateway.iam.get_context_keys_for_custom_policy(PolicyInputList=[POLICY])


def _imported(gateway: Gateway) -> Callable[[], object]:
    """By somebody who may import, and make nothing that is in it: what must be allowed is worked out all the same."""
    control = gateway.client("kansatsu", gateway.user(statement("Allow", "kansatsu:ImportAccount")))
    return lambda: code_of(control.import_account, Document=json.dumps(details("123456789012", "SLOW")))


def _reported(gateway: Gateway) -> Callable[[], object]:
    iam = Account(gateway).iam  # of which there is no report as yet
    return iam.generate_credential_report


def _detailed(gateway: Gateway) -> Callable[[], object]:
    return lambda: gateway.iam.get_account_authorization_details(MaxItems=1000)


SLOW: dict[str, tuple[Callable[[Gateway], Callable[[], object]], Any, str]] = {
    "SimulateCustomPolicy": (_simulated, simulate, "evaluate"),
    "GetContextKeysForCustomPolicy": (_keys, simulate, "context_keys"),
    "ImportAccount": (_imported, imports, "asked_keys"),
    "GenerateCredentialReport": (_reported, reports, "_content"),
    "GetAccountAuthorizationDetails": (_detailed, account_details, "_found"),
}


# INVARIANT: however much somebody asks to be worked out, only those who ask for as much wait for it.
@pytest.mark.parametrize("operation", SLOW)
def test_attack_one_request_that_takes_as_long_as_it_likes(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    make, module, name = SLOW[operation]
    ask, work = make(gateway), getattr(module, name)
    begun, enough = threading.Event(), threading.Event()

    def long(*given: Any) -> Any:
        begun.set()
        assert enough.wait(LONG), "whoever asked in between was not answered"
        return work(*given)

    monkeypatch.setattr(module, name, long)
    with ThreadPoolExecutor(1) as aside:
        asked = aside.submit(ask)
        try:
            assert begun.wait(LONG)
            gateway.client("sts").get_caller_identity()
            gateway.user()
            assert not asked.done()
        finally:
            enough.set()
        asked.result(LONG)


def _pages(gateway: Gateway, **asked: Any) -> Iterator[Any]:
    return iter(gateway.iam.get_paginator("simulate_custom_policy").paginate(**asked))


def test_a_page_is_shorter_where_each_result_costs_more(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"PolicyInputList": [POLICY] * 2, "ActionNames": ACTIONS, "ResourceArns": RESOURCES}
    [whole] = _pages(gateway, **asked)
    monkeypatch.setattr(simulate, "MOST", 4 * len(RESOURCES) * 2 * len(POLICY))
    pages = list(_pages(gateway, **asked))
    assert [len(page["EvaluationResults"]) for page in pages] == [3, 3, 3, 1]
    results = [each for page in pages for each in page["EvaluationResults"]]
    assert results == whole["EvaluationResults"] and [each["EvalActionName"] for each in results] == ACTIONS


def _level(text: str) -> dict[str, list[str]]:
    return {"ServiceControlPolicyInputList": [text]}


def _values(*values: str) -> dict[str, Any]:
    return {"ContextKeyName": "aws:TagKeys", "ContextKeyType": "stringList", "ContextKeyValues": list(values)}


def test_one_action_that_is_too_much_is_refused(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"ActionNames": ["s3:GetObject"], "ResourceArns": RESOURCES}
    monkeypatch.setattr(simulate, "MOST", len(RESOURCES) * (len(POLICY) + 1))
    assert code_of(gateway.iam.simulate_custom_policy, PolicyInputList=[POLICY], **asked) == ""
    more: dict[str, dict[str, Any]] = {
        "a policy": {"PolicyInputList": [POLICY, document(statement("Deny", "s3:*"))]},
        "a boundary": {"PolicyInputList": [POLICY], "PermissionsBoundaryPolicyInputList": [POLICY]},
        "a resource": {"PolicyInputList": [POLICY], "ResourceArns": [*RESOURCES, "*"]},
        "an SCP": {"PolicyInputList": [POLICY], "OrderedOrganizationPolicyInputList": [_level(POLICY)]},
        "a second value": {"PolicyInputList": [POLICY], "ContextEntries": [_values("a", "b")]},
        "a long value": {"PolicyInputList": [POLICY], "ContextEntries": [_values("a" * 1000)]},
    }
    for what, given in more.items():
        assert code_of(gateway.iam.simulate_custom_policy, **{**asked, **given}) == "InvalidInput", what


def test_attack_a_resource_that_is_like_a_template_again_and_again(gateway: Gateway) -> None:
    """Seconds each, in which no other thread runs, when all ways to divide it were tried: no client waits so long."""
    resource = "arn:aws:s3:::" + ":s3:::" * 330
    asked = {"PolicyInputList": [POLICY], "ActionNames": ["s3:GetObject"] * 100, "ResourceArns": [resource]}
    [page] = _pages(gateway, **asked)
    assert {each["EvalResourceName"] for each in page["EvaluationResults"]} == {"*"}
    [page] = _pages(gateway, **{**asked, "ResourceArns": [resource + "/key"]})
    templates = {each["EvalResourceName"] for each in page["EvaluationResults"]}
    assert templates == {"arn:${Partition}:s3:::${BucketName}/${ObjectName}"}


def test_attack_a_code_of_a_device_while_somebody_writes(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is used up in a write, which waits for an import; nobody else waits with it."""
    asks, sts, prove = gateway.client("sts", gateway.user()), gateway.client("sts"), _sessions.prove_device
    begun = threading.Event()

    def proving(*given: Any) -> None:
        begun.set()
        prove(*given)

    monkeypatch.setattr(_sessions, "prove_device", proving)
    device = {"SerialNumber": "arn:aws:iam::123456789012:mfa/none", "TokenCode": "123456"}
    with ThreadPoolExecutor(2) as others:
        with gateway.store.write():
            asked = others.submit(code_of, asks.get_session_token, **device)
            assert begun.wait(LONG)
            assert others.submit(sts.get_caller_identity).result(LONG / 4)
            assert not asked.done()
        assert asked.result(LONG) == "AccessDenied"
