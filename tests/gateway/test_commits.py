"""Changes made on evidence: never against it unless told so, never beyond IAM's permissions, and taken back."""

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.advisor.events import UNCLEAN_END, Gap, encode

from .conftest import ACCOUNT, Gateway
from .raw import Keys, document, statement


@pytest.fixture(scope="module", name="control")
def control_client(gateway: Gateway) -> Any:
    return gateway.client("kansatsu")


def used(gateway: Gateway) -> tuple[Keys, str]:
    """A user who lists users by a managed policy that allows more; the ARN of the policy."""
    wide = document(statement("Allow", ["iam:ListUsers", "sqs:*"]))
    arn = gateway.iam.create_policy(PolicyName=gateway.name("wide"), PolicyDocument=wide)["Policy"]["Arn"]
    keys = gateway.user()
    gateway.iam.attach_user_policy(UserName=keys.name, PolicyArn=arn)
    gateway.client("iam", keys).list_users()
    return keys, arn


def user_arn(keys: Keys) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{keys.name}"


def version(gateway: Gateway, arn: str) -> tuple[str, Any]:
    found = gateway.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    text = gateway.iam.get_policy_version(PolicyArn=arn, VersionId=found)["PolicyVersion"]["Document"]
    return found, text["Statement"][0]["Action"]


def test_a_managed_policy_gets_a_version_and_returns_to_the_old_one(gateway: Gateway, control: Any) -> None:
    keys, arn = used(gateway)
    made = control.commit_policy_change(Arn=arn, Suggested=True)
    assert (made["Allowed"], made["Refused"]) == (1, 0)
    assert made["Steps"] == [f"iam:CreatePolicyVersion PolicyArn={arn}"]
    assert version(gateway, arn) == ("v2", ["iam:ListUsers"])
    gateway.client("iam", keys).list_users()
    [listed] = control.list_policy_commits(Arn=arn)["Commits"]
    evidence = json.loads(listed["Evidence"])
    assert (evidence["Allowed"], evidence["Refused"], evidence["Document"]) == (1, 0, made["Document"])
    assert listed["By"] == f"arn:aws:iam::{ACCOUNT}:user/admin"
    assert control.rollback_policy_change(CommitId=made["CommitId"])["Arn"] == arn
    assert version(gateway, arn) == ("v1", ["iam:ListUsers", "sqs:*"])
    assert "RolledBack" in control.list_policy_commits(Arn=arn)["Commits"][0]
    with pytest.raises(ClientError, match="PolicyCommitRolledBack"):
        control.rollback_policy_change(CommitId=made["CommitId"])


def test_a_users_policies_become_one_and_all_come_back(gateway: Gateway, control: Any) -> None:
    keys, arn = used(gateway)
    name = {"UserName": keys.name}
    gateway.iam.put_user_policy(**name, PolicyName="old", PolicyDocument=document(statement("Allow", "sqs:*")))
    made = control.commit_policy_change(Arn=user_arn(keys), Suggested=True)
    assert gateway.iam.list_user_policies(**name)["PolicyNames"] == ["suggested"]
    assert gateway.iam.list_attached_user_policies(**name)["AttachedPolicies"] == []
    gateway.client("iam", keys).list_users()
    control.rollback_policy_change(CommitId=made["CommitId"])
    assert gateway.iam.list_user_policies(**name)["PolicyNames"] == ["old"]
    assert [item["PolicyArn"] for item in gateway.iam.list_attached_user_policies(**name)["AttachedPolicies"]] == [arn]


def test_what_would_be_refused_is_not_committed_unless_it_is_accepted(gateway: Gateway, control: Any) -> None:
    """INVARIANT: nothing is changed against the evidence."""
    keys, arn = used(gateway)
    with pytest.raises(ClientError, match=r"RequestsWouldBeRefused.*1 of the requests"):
        control.commit_policy_change(Arn=user_arn(keys), DetachPolicyArn=arn)
    gateway.client("iam", keys).list_users()
    made = control.commit_policy_change(Arn=user_arn(keys), DetachPolicyArn=arn, AcceptRefused=True)
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("iam", keys).list_users()
    control.rollback_policy_change(CommitId=made["CommitId"])
    gateway.client("iam", keys).list_users()


def test_a_gap_is_named_and_must_be_accepted(gateway: Gateway, control: Any) -> None:
    """INVARIANT: silence where evidence is missing is never "unused": not in a crash, nor where nothing is known."""
    _, arn = used(gateway)
    quiet = gateway.user(statement("Allow", "sqs:*"))
    with pytest.raises(ClientError, match=r"EvidenceIncomplete.*no request on record"):
        control.commit_policy_change(Arn=user_arn(quiet), DeletePolicyName="own")
    now = time.time()
    path = gateway.recorder.directory / "crashed-000000000001.jsonl"
    path.write_bytes(encode(Gap(UNCLEAN_END, now - 5, now, 0, path.name)))
    try:
        with pytest.raises(ClientError, match=r"EvidenceIncomplete.*unclean end"):
            control.commit_policy_change(Arn=arn, Suggested=True)
        assert version(gateway, arn)[0] == "v1"
        assert {line["Confidence"] for line in control.suggest_policy_change(Arn=arn)["Lines"] if not line["Uses"]} == {
            "low"
        }
        control.commit_policy_change(Arn=arn, Suggested=True, AcceptGap=True)
        assert version(gateway, arn)[0] == "v2"
    finally:
        path.unlink()


def test_a_commit_is_no_way_around_iam(gateway: Gateway, control: Any) -> None:
    """INVARIANT: who may commit may do by it what IAM lets them do, and nothing else; the same for rolling back."""
    keys, arn = used(gateway)
    half = gateway.user(statement("Allow", "kansatsu:*"))
    tries = gateway.client("kansatsu", half)
    with pytest.raises(ClientError, match=r"AccessDenied.*iam:CreatePolicyVersion"):
        tries.commit_policy_change(Arn=arn, Suggested=True)
    with pytest.raises(ClientError, match=r"AccessDenied.*iam:PutUserPolicy"):
        tries.commit_policy_change(
            Arn=user_arn(half), PolicyName="more", Document=document(statement("Allow", "*")), AcceptGap=True
        )
    made = control.commit_policy_change(Arn=user_arn(keys), DetachPolicyArn=arn, AcceptRefused=True)
    with pytest.raises(ClientError, match=r"AccessDenied.*iam:AttachUserPolicy"):
        tries.rollback_policy_change(CommitId=made["CommitId"])
    with pytest.raises(ClientError, match=r"NoSuchCommit|AccessDenied"):
        gateway.client("kansatsu", gateway.stranger).rollback_policy_change(CommitId=made["CommitId"])
    assert gateway.client("kansatsu", gateway.stranger).list_policy_commits()["Commits"] == []


def test_what_was_changed_since_is_not_undone(gateway: Gateway, control: Any) -> None:
    _, arn = used(gateway)
    made = control.commit_policy_change(Arn=arn, Suggested=True)
    text = document(statement("Allow", "iam:ListRoles"))
    gateway.iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    with pytest.raises(ClientError, match="PolicyChangedMeanwhile"):
        control.rollback_policy_change(CommitId=made["CommitId"])
    assert version(gateway, arn)[0] == "v3"
    assert "RolledBack" not in control.list_policy_commits(Arn=arn)["Commits"][0]


def test_what_is_awss_own_is_not_changed(gateway: Gateway, control: Any) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        control.commit_policy_change(
            Arn="arn:aws:iam::aws:policy/ReadOnlyAccess", Document=document(statement("Allow", "*")), AcceptGap=True
        )
