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


def trail_of(gateway: Gateway, keys: Keys) -> list[dict[str, Any]]:
    """What the trail has of somebody, the oldest first."""
    asked = {"LookupAttributes": [{"AttributeKey": "AccessKeyId", "AttributeValue": keys.id}]}
    events = gateway.client("cloudtrail").lookup_events(**asked)["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in reversed(events)]


def attempts(gateway: Gateway, keys: Keys) -> list[tuple[str, bool]]:
    """(action, allowed) of all that counts as use of somebody."""
    found = (event for event in gateway.recorder.recent(200) if event.access_key_id == keys.id)
    return sorted((f"{event.service}:{event.action}", event.allowed) for event in found)


def version(gateway: Gateway, arn: str) -> tuple[str, Any]:
    found = gateway.iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    text = gateway.iam.get_policy_version(PolicyArn=arn, VersionId=found)["PolicyVersion"]["Document"]
    return found, text["Statement"][0]["Action"]


def test_a_managed_policy_gets_a_version_and_returns_to_the_old_one(gateway: Gateway, control: Any) -> None:
    keys, arn = used(gateway)
    replay = control.replay_policy_change(Arn=arn, Suggested=True)
    foreseen = replay["Steps"]
    made = control.commit_policy_change(Arn=arn, Suggested=True)
    for answer in (replay, made, control.suggest_policy_change(Arn=arn)):
        assert answer["Confidence"] == "low"  # of a record of minutes
    assert (made["Allowed"], made["Refused"]) == (1, 0)
    assert made["Steps"] == foreseen == [f"iam:CreatePolicyVersion PolicyArn={arn}"]
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
    foreseen = control.replay_policy_change(Arn=user_arn(keys), Suggested=True)["Steps"]
    assert [step.split(" ")[0] for step in foreseen] == [
        "iam:PutUserPolicy",
        "iam:DetachUserPolicy",
        "iam:DeleteUserPolicy",
    ]
    made = control.commit_policy_change(Arn=user_arn(keys), Suggested=True)
    assert made["Steps"] == foreseen
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


def test_evidence_that_somebody_made_up_is_named(gateway: Gateway, control: Any) -> None:
    """A use that was never made would keep a permission, or hide that a change refuses what was."""
    keys, arn = used(gateway)
    words = (b'{"call":', keys.id.encode(), b'"ListUsers"')
    [line] = [line for line in _lines(gateway) if all(word in line for word in words)]
    path = gateway.recorder.directory / "made-000000000001.jsonl"
    path.write_bytes(line.replace(b"ListUsers", b"ListRoles") + b"\n")
    try:
        with pytest.raises(ClientError, match=rf"EvidenceIncomplete.*unknown segment in {path.name}"):
            control.commit_policy_change(Arn=arn, Suggested=True)
        told = control.suggest_policy_change(Arn=user_arn(keys))
    finally:
        path.unlink()
    assert ("unknown segment", path.name) in {(gap["Why"], gap["Segment"]) for gap in told["Gaps"]}
    assert version(gateway, arn)[0] == "v1"


def _lines(gateway: Gateway) -> list[bytes]:
    return [line for path in gateway.recorder.directory.glob("*.jsonl") for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("kind", ["managed", "inline", "suggested", "nothing there"])
def test_what_changes_nothing_is_no_commit(gateway: Gateway, control: Any, kind: str) -> None:
    """However the document is written, and whatever the evidence is like."""
    same = document(statement("Allow", ["sqs:ListQueues", "iam:ListUsers"]))
    keys = gateway.user()
    arn = gateway.iam.create_policy(PolicyName=gateway.name("same"), PolicyDocument=same)["Policy"]["Arn"]
    wanted: dict[str, Any] = {"Arn": arn, "Document": document(statement("Allow", ["iam:ListUsers", "sqs:ListQueues"]))}
    if kind != "managed":
        wanted = {"Arn": user_arn(keys), "Suggested": True}
    if kind in ("inline", "suggested"):
        gateway.iam.put_user_policy(UserName=keys.name, PolicyName="own", PolicyDocument=same)
    if kind == "inline":
        wanted = {"Arn": user_arn(keys), "PolicyName": "own", "Document": same.replace(", ", ",  ")}
    if kind == "suggested":
        gateway.client("iam", keys).list_users()
        control.commit_policy_change(**wanted)
    made = control.list_policy_commits(Arn=wanted["Arn"])["Commits"]
    with pytest.raises(ClientError, match=r"NothingToChange.*nothing would change"):
        control.commit_policy_change(**wanted)
    assert control.list_policy_commits(Arn=wanted["Arn"])["Commits"] == made
    assert version(gateway, arn)[0] == "v1"


def test_a_commit_is_no_way_around_iam(gateway: Gateway, control: Any) -> None:
    """INVARIANT: who may commit may do by it what IAM lets them do, and nothing else; the same for rolling back."""
    keys, arn = used(gateway)
    half = gateway.user(statement("Allow", "kansatsu:*"))
    tries = gateway.client("kansatsu", half)
    with pytest.raises(ClientError, match=r"AccessDenied.*iam:CreatePolicyVersion"):
        tries.commit_policy_change(Arn=arn, Suggested=True)
    with pytest.raises(ClientError, match=r"AccessDenied.*iam:PutUserPolicy"):
        tries.commit_policy_change(
            Arn=user_arn(half),
            PolicyName="more",
            NewPolicy=True,
            Document=document(statement("Allow", "*")),
            AcceptGap=True,
        )
    made = control.commit_policy_change(Arn=user_arn(keys), DetachPolicyArn=arn, AcceptRefused=True)
    with pytest.raises(ClientError, match=r"AccessDenied.*iam:AttachUserPolicy"):
        tries.rollback_policy_change(CommitId=made["CommitId"])
    with pytest.raises(ClientError, match=r"NoSuchCommit|AccessDenied"):
        gateway.client("kansatsu", gateway.stranger).rollback_policy_change(CommitId=made["CommitId"])
    assert gateway.client("kansatsu", gateway.stranger).list_policy_commits()["Commits"] == []


def test_each_step_is_an_event_of_iam_that_the_service_asked_for(gateway: Gateway, control: Any) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html"""
    keys, arn = used(gateway)
    via = {"StringEquals": {"aws:CalledViaLast": "kansatsu.amazonaws.com"}, "Bool": {"aws:ViaAWSService": "true"}}
    steps = ["iam:PutUserPolicy", "iam:DetachUserPolicy", "iam:AttachUserPolicy", "iam:DeleteUserPolicy"]
    changer = gateway.user(statement("Allow", "kansatsu:*"), statement("Allow", steps, condition=via))
    with pytest.raises(ClientError, match="AccessDenied"):  # by itself
        gateway.client("iam", changer).detach_user_policy(UserName=keys.name, PolicyArn=arn)
    tries = gateway.client("kansatsu", changer)
    made = tries.commit_policy_change(Arn=user_arn(keys), Suggested=True)
    tries.rollback_policy_change(CommitId=made["CommitId"])
    those = {event["eventName"]: event for event in trail_of(gateway, changer)[1:]}
    assert len(those) == len({event["eventID"] for event in those.values()}) == 6
    commit, put, detach = (those[name] for name in ("CommitPolicyChange", "PutUserPolicy", "DetachUserPolicy"))
    back, attach, delete = (those[name] for name in ("RollbackPolicyChange", "AttachUserPolicy", "DeleteUserPolicy"))
    for asked, step in ((commit, put), (commit, detach), (back, attach), (back, delete)):
        assert step["eventSource"] == "iam.amazonaws.com"
        assert step["sourceIPAddress"] == step["userAgent"] == "kansatsu.amazonaws.com"
        assert step["userIdentity"] == asked["userIdentity"] | {"invokedBy": "kansatsu.amazonaws.com"}
        assert step["additionalEventData"] == {"invokedByRequestID": asked["requestID"]}
        assert (step["readOnly"], "errorCode" in step) == (False, False)
    assert "invokedBy" not in commit["userIdentity"]
    assert detach["requestParameters"] == {"userName": keys.name, "policyArn": arn}
    assert "iam:ListUsers" in put["requestParameters"]["policyDocument"]


def test_a_refused_commit_is_no_use_of_steps_that_nobody_came_to(gateway: Gateway, control: Any) -> None:
    """INVARIANT: what policy refused was tried, and nothing else of it: not the steps around, nor those of a commit
    that the evidence stopped."""
    keys, arn = used(gateway)
    changer = gateway.user(statement("Allow", ["kansatsu:*", "iam:PutUserPolicy"]))
    tries = gateway.client("kansatsu", changer)
    with pytest.raises(ClientError, match=r"AccessDenied.*iam:DetachUserPolicy"):
        tries.commit_policy_change(Arn=user_arn(keys), Suggested=True)
    assert attempts(gateway, changer) == [("iam:DetachUserPolicy", False), ("kansatsu:CommitPolicyChange", False)]
    [commit, denied] = sorted(trail_of(gateway, changer), key=lambda event: str(event["eventSource"]), reverse=True)
    assert (denied["eventName"], denied["errorCode"]) == ("DetachUserPolicy", "AccessDenied")
    assert denied["userIdentity"]["invokedBy"] == commit["eventSource"] == "kansatsu.amazonaws.com"
    with pytest.raises(ClientError, match="RequestsWouldBeRefused"):
        control.commit_policy_change(Arn=user_arn(keys), DetachPolicyArn=arn)
    last = gateway.recorder.recent(1)[0]
    assert (last.service, last.action, last.error) == ("kansatsu", "CommitPolicyChange", "RequestsWouldBeRefused")
    able = gateway.user(statement("Allow", ["kansatsu:*", "iam:*"]))
    with pytest.raises(ClientError, match="RequestsWouldBeRefused"):
        gateway.client("kansatsu", able).commit_policy_change(Arn=user_arn(keys), DetachPolicyArn=arn)
    assert attempts(gateway, able) == [("kansatsu:CommitPolicyChange", True)]
    assert [event["eventName"] for event in trail_of(gateway, able)] == ["CommitPolicyChange"]


def test_what_was_changed_since_is_not_undone(gateway: Gateway, control: Any) -> None:
    _, arn = used(gateway)
    made = control.commit_policy_change(Arn=arn, Suggested=True)
    text = document(statement("Allow", "iam:ListRoles"))
    gateway.iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)
    with pytest.raises(ClientError, match="PolicyChangedMeanwhile"):
        control.rollback_policy_change(CommitId=made["CommitId"])
    assert version(gateway, arn)[0] == "v3"
    assert "RolledBack" not in control.list_policy_commits(Arn=arn)["Commits"][0]


# INVARIANT: what was made again under the same name, with all that a commit left, is not given what the former one had.
def test_a_policy_that_was_made_again_is_another_one(gateway: Gateway, control: Any) -> None:
    keys, arn = used(gateway)
    made = control.commit_policy_change(Arn=arn, Suggested=True)
    gateway.iam.detach_user_policy(UserName=keys.name, PolicyArn=arn)
    gateway.iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    gateway.iam.delete_policy(PolicyArn=arn)
    everything = document(statement("Allow", "*"))
    gateway.iam.create_policy(PolicyName=arn.rpartition("/")[2], PolicyDocument=everything)
    gateway.iam.create_policy_version(PolicyArn=arn, PolicyDocument=made["Document"], SetAsDefault=True)
    with pytest.raises(ClientError, match="PolicyChangedMeanwhile"):
        control.rollback_policy_change(CommitId=made["CommitId"])
    assert version(gateway, arn) == ("v2", ["iam:ListUsers"])


def test_a_role_that_was_made_again_is_another_one(gateway: Gateway, control: Any) -> None:
    name, trust = gateway.name("again"), {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT}}
    role = {"RoleName": name, "AssumeRolePolicyDocument": document(trust)}
    own = {"RoleName": name, "PolicyName": "own"}
    arn = gateway.iam.create_role(**role)["Role"]["Arn"]
    gateway.iam.put_role_policy(**own, PolicyDocument=document(statement("Allow", "*")))
    less = document(statement("Allow", "iam:ListUsers"))
    made = control.commit_policy_change(Arn=arn, PolicyName="own", Document=less, AcceptGap=True)
    gateway.iam.delete_role_policy(**own)
    gateway.iam.delete_role(RoleName=name)
    gateway.iam.create_role(**role)
    gateway.iam.put_role_policy(**own, PolicyDocument=less)
    with pytest.raises(ClientError, match="PolicyChangedMeanwhile"):
        control.rollback_policy_change(CommitId=made["CommitId"])
    assert gateway.iam.get_role_policy(**own)["PolicyDocument"]["Statement"][0]["Action"] == "iam:ListUsers"
    gateway.iam.delete_role_policy(**own)
    gateway.iam.delete_role(RoleName=name)


def test_what_is_awss_own_is_not_changed(gateway: Gateway, control: Any) -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        control.commit_policy_change(
            Arn="arn:aws:iam::aws:policy/ReadOnlyAccess", Document=document(statement("Allow", "*")), AcceptGap=True
        )
    theirs = control.replay_policy_change(
        Arn="arn:aws:iam::aws:policy/ReadOnlyAccess", Document=document(statement("Allow", "*"))
    )
    assert theirs["Steps"] == []


def test_a_suggestion_larger_than_a_policy_may_be_is_no_commit(gateway: Gateway, control: Any) -> None:
    """And where it goes instead is said: the AWS CLI's commands for several."""
    bucket, keys = gateway.bucket(), gateway.user(statement("Allow", "s3:*"))
    for sign in "abc":
        gateway.client("s3", keys).put_object(Bucket=bucket, Key=sign * 1000, Body=b"")
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    with pytest.raises(ClientError, match=rf"LimitExceeded.*AWS takes 2048 here.*suggest {arn} -o cli"):
        control.commit_policy_change(Arn=arn, Suggested=True, AcceptGap=True)


def test_what_no_request_shows_is_named_before_it_goes(gateway: Gateway, control: Any) -> None:
    """With the suggestion, its replay and the commit: no silence about it is taken for "unused" unsaid."""
    keys = gateway.user(statement("Allow", ["iam:ListUsers", "sts:Set*", "aws-portal:*"]))
    gateway.client("iam", keys).list_users()
    arn = gateway.iam.get_user(UserName=keys.name)["User"]["Arn"]
    suggested = control.suggest_policy_change(Arn=arn)
    assert [line["HiddenActions"] for line in suggested["Lines"] if line["Hidden"]] == [["sts:SetContext"]]
    replayed = control.replay_policy_change(Arn=arn, Suggested=True)
    made = control.commit_policy_change(Arn=arn, Suggested=True, AcceptGap=True)
    for answer in (suggested, replayed, made):
        assert any(note.startswith("No request here shows the use of sts:SetContext") for note in answer["Notes"])
    assert "aws-portal:*" in made["Document"]
