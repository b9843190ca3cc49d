"""Requests that wait for their turn: what holds when it comes decides, and nobody works for who has left."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from kansatsu.services.iam import simulate
from kansatsu.services.kansatsu import imports

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import Ask, Keys, document, statement
from .test_import import Account, details
from .test_mfa import Phone
from .test_tags import code_of

LONG = 60.0  # seconds, after which a test has failed
ASKED = {"PolicyInputList": [document(statement("Allow", "s3:*"))], "ActionNames": ["s3:GetObject"]}
MAY = statement("Allow", "iam:SimulateCustomPolicy")


@contextmanager
def busy(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """While somebody of the account has something worked out; and how often that was begun since."""
    begun, enough, evaluate = threading.Event(), threading.Event(), simulate.evaluate
    times = []

    def long(*given: Any) -> Any:
        times.append(1)
        begun.set()
        assert enough.wait(LONG)
        return evaluate(*given)

    monkeypatch.setattr(simulate, "evaluate", long)
    with ThreadPoolExecutor(1) as first:
        asked = first.submit(gateway.iam.simulate_custom_policy, **ASKED)
        try:
            assert begun.wait(LONG)
            yield lambda: len(times) - 1
        finally:
            enough.set()
        asked.result(LONG)


def waiting(gateway: Gateway, number: int) -> None:
    """Until so many requests of the account are waiting or worked on."""
    deadline = time.monotonic() + LONG
    while gateway.store.aside.waiting[ACCOUNT] != number:
        assert time.monotonic() < deadline
        time.sleep(0.01)


# INVARIANT: what has waited is decided by what holds when its turn comes.
@pytest.mark.parametrize("what", ["a deactivated key", "a deleted key", "a policy taken away", "nothing"])
def test_attack_to_be_in_the_queue_already(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    user = gateway.user(MAY)
    named = {"UserName": user.name, "AccessKeyId": user.id}
    changes: dict[str, tuple[Callable[[], object], str]] = {
        "a deactivated key": (
            lambda: gateway.iam.update_access_key(**named, Status="Inactive"),
            "InvalidClientTokenId",
        ),
        "a deleted key": (lambda: gateway.iam.delete_access_key(**named), "InvalidClientTokenId"),
        "a policy taken away": (
            lambda: gateway.iam.delete_user_policy(UserName=user.name, PolicyName="own"),
            "AccessDenied",
        ),
        "nothing": (lambda: None, ""),
    }
    change, expected = changes[what]
    own = gateway.client("iam", user)
    asked: Future[str]
    with ThreadPoolExecutor(1) as second:
        with busy(gateway, monkeypatch):
            asked = second.submit(code_of, own.simulate_custom_policy, **ASKED)
            waiting(gateway, 2)
            change()
        assert asked.result(LONG) == expected


def test_attack_a_session_that_is_revoked_while_it_waits(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    role = gateway.role(MAY)
    own = gateway.client("iam", gateway.assume(role))
    with ThreadPoolExecutor(1) as second:
        with busy(gateway, monkeypatch):
            asked = second.submit(code_of, own.simulate_custom_policy, **ASKED)
            waiting(gateway, 2)
            gateway.iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="own")
            gateway.iam.delete_role(RoleName=role["RoleName"])
        assert asked.result(LONG) == "InvalidClientTokenId"


def test_nobody_works_for_who_has_left(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    user = gateway.user(MAY)
    body = (
        b"Action=SimulateCustomPolicy&Version=2010-05-08&ActionNames.member.1=s3%3AGetObject"
        b"&PolicyInputList.member.1=%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3A%2A%22%2C"
        b"%22Resource%22%3A%22%2A%22%7D%7D"
    )
    headers = {"content-type": "application/x-www-form-urlencoded"}
    ask = raw.sign(Ask("POST", "/", "", headers, body), user, "iam", host=gateway.host)
    lines = [f"{name}: {value}" for name, value in {**ask.headers, "content-length": str(len(body))}.items()]
    with busy(gateway, monkeypatch) as begun:
        with socket.create_connection(gateway.address) as leaving:
            leaving.sendall("\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode() + body)
            waiting(gateway, 2)
        waiting(gateway, 1)
    assert begun() == 0
    waiting(gateway, 0)


def test_attack_a_large_document_of_somebody_who_may_not_import(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> Any:
        raise AssertionError("it was read")

    monkeypatch.setattr(imports, "read", never)
    for keys in (gateway.user(), gateway.user(statement("Allow", "iam:*"))):
        control = gateway.client("kansatsu", keys)
        assert code_of(control.import_account, Document="[" * 1000) == "AccessDeniedException"


def test_attack_a_document_that_policies_are_asked_about_without_end(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = Account(gateway)
    asks = statement("Deny", "*", "*", {"StringEquals": {"aws:RequestTag/n": "no"}})
    account.iam.create_user(UserName="importer")
    account.iam.put_user_policy(
        UserName="importer", PolicyName="p", PolicyDocument=document(statement("Allow", "*"), asks)
    )
    key = account.iam.create_access_key(UserName="importer")["AccessKey"]
    control = gateway.client("kansatsu", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    made = details(account.id, "ENDS")
    [ana] = made["UserDetailList"]
    made["UserDetailList"] = [{**ana, "UserName": f"u{n}", "Tags": [{"Key": "n", "Value": str(n)}]} for n in range(9)]
    monkeypatch.setattr(imports, "MOST_ASKED", 9 * len(imports._NEEDED) - 1)
    with pytest.raises(control.exceptions.ClientError, match="has more than"):
        control.import_account(Document=json.dumps(made), IntoEmpty=False)


def test_attack_a_simulation_that_codes_of_devices_would_wait_for(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = gateway.user()
    phone, sts = Phone(gateway, ana.name), gateway.client("sts", ana)
    with busy(gateway, monkeypatch):
        assert sts.get_session_token(**phone.proof())["Credentials"]
