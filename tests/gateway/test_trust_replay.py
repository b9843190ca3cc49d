"""Who would lose a role with another trust policy: those who assumed it, from whichever account, and workloads."""

import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, SECOND, Gateway
from .raw import Keys, document, statement


def trusts(principal: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole", **more}


def replay(gateway: Gateway, role: str, *statements: dict[str, Any], keys: Any = None) -> dict[str, Any]:
    control = gateway.client("kansatsu", keys)
    answer: dict[str, Any] = control.replay_policy_change(Arn=role, TrustDocument=document(*statements))
    return answer


def test_who_assumed_it_and_would_not_any_more(gateway: Gateway) -> None:
    both = {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{SECOND}:root"]}
    role = gateway.role(statement("Allow", "iam:ListUsers"), trust=trusts(both))
    ana = gateway.user(statement("Allow", "sts:AssumeRole"))
    for keys in (ana, gateway.stranger):
        gateway.client("sts", keys).assume_role(RoleArn=role["Arn"], RoleSessionName="night")
    ana_arn = f"arn:aws:iam::{ACCOUNT}:user/{ana.name}"
    same = replay(gateway, role["Arn"], trusts(both))
    assert (same["Allowed"], same["Refused"], same["CannotTell"]) == (2, 0, 0)
    assert same["PrincipalArns"] == sorted([ana_arn, SECOND])
    # INVARIANT: of a caller of another account only the account is told.
    own = replay(gateway, role["Arn"], trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    (lost,) = own["RefusedRequests"]
    assert (own["Allowed"], lost["PrincipalArn"], lost["SourceIp"], lost["Resource"]) == (1, SECOND, "", role["Arn"])
    other = replay(gateway, role["Arn"], trusts({"AWS": f"arn:aws:iam::{SECOND}:root"}))
    assert [item["PrincipalArn"] for item in other["RefusedRequests"]] == [ana_arn]
    mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    assert replay(gateway, role["Arn"], trusts(both, **mfa))["Refused"] == 2
    # The role itself is as it was.
    gateway.client("sts", ana).assume_role(RoleArn=role["Arn"], RoleSessionName="night")


@pytest.fixture(name="process")
def a_process(gateway: Gateway) -> Iterator[Any]:
    """With a role by which it was given credentials, which it has not used."""
    role = gateway.role(statement("Allow", "s3:*"), trust=trusts({"Service": "ecs-tasks.amazonaws.com"}))
    control = gateway.client("kansatsu")
    made = control.register_process(Pid=os.getpid(), Role=role["RoleName"])
    given = urllib.request.Request(made["CredentialsUri"], headers={"Authorization": made["AuthorizationToken"]})
    with urllib.request.urlopen(given, timeout=120) as answer:
        keys = json.load(answer)
    yield role, Keys(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"], role["RoleName"])
    control.deregister_process(ProcessId=made["ProcessId"])


def test_a_workload_that_has_the_role_would_lose_it(gateway: Gateway, process: Any) -> None:
    """Nobody called AssumeRole: the role was delivered. Cut the service out, and there are no new credentials."""
    role, _ = process
    kept = replay(gateway, role["Arn"], trusts({"Service": "ecs-tasks.amazonaws.com"}))
    assert (kept["Requests"], kept["Allowed"], kept["Refused"]) == (1, 1, 0)
    cut = replay(gateway, role["Arn"], trusts({"Service": "lambda.amazonaws.com"}))
    (lost,) = cut["RefusedRequests"]
    assert (cut["Refused"], lost["Operation"]) == (1, "ecs-tasks.amazonaws.com gives its credentials")
    assert "does not allow ecs-tasks.amazonaws.com to assume it" in lost["Reason"]


def test_a_role_that_was_delivered_and_not_used_is_told_as_such(gateway: Gateway, process: Any) -> None:
    role, keys = process
    control = gateway.client("kansatsu")

    def told() -> list[str]:
        notes = control.suggest_policy_change(Arn=role["Arn"])["Notes"]
        return [note for note in notes if "no request was made with them" in note]

    (note,) = told()
    assert note.startswith(f"Credentials of {role['Arn']} were given to ") and "(ecs-tasks.amazonaws.com)" in note
    gateway.client("s3", keys).list_buckets()
    assert told() == []


def test_what_cannot_be_decided_again_is_no_refusal(gateway: Gateway) -> None:
    role = gateway.role(trust=trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    user = gateway.user(statement("Allow", "*"))
    with pytest.raises(ClientError, match="Only a role has a trust policy"):
        replay(gateway, gateway.iam.get_user(UserName=user.name)["User"]["Arn"], trusts({"AWS": "*"}))
    with pytest.raises(ClientError, match="goes with no other change"):
        gateway.client("kansatsu").replay_policy_change(Arn=role["Arn"], TrustDocument="{}", Suggested=True)
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        replay(gateway, role["Arn"], statement("Allow", "sts:AssumeRole"))


def test_nobody_of_another_account_asks(gateway: Gateway) -> None:
    role = gateway.role(trust=trusts({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}))
    with pytest.raises(ClientError, match=r"AccessDenied|NoSuchEntity"):
        replay(gateway, role["Arn"], trusts({"AWS": "*"}), keys=gateway.stranger)
