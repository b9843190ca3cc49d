"""Changes of policies, held against what was really asked: the same engine, context and policies of resources."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, Gateway
from .raw import Keys, document, statement


def replay(gateway: Gateway, arn: str, keys: Keys | None = None, **change: Any) -> dict[str, Any]:
    answer: dict[str, Any] = gateway.client("kansatsu", keys).replay_policy_change(Arn=arn, **change)
    return answer


def counted(answer: dict[str, Any]) -> tuple[int, int, int]:
    return answer["Allowed"], answer["Refused"], answer["CannotTell"]


def policy(gateway: Gateway, *statements: dict[str, Any]) -> str:
    made = gateway.iam.create_policy(PolicyName=gateway.name("policy"), PolicyDocument=document(*statements))
    return str(made["Policy"]["Arn"])


def user_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def test_a_cut_of_what_was_used_is_shown_to_refuse_it_and_another_is_not(gateway: Gateway) -> None:
    begun = datetime.now(UTC)
    shared = policy(gateway, statement("Allow", ["iam:ListUsers", "sqs:ListQueues", "dynamodb:*"]))
    ana, ben = gateway.user(), gateway.user()
    group = gateway.name("group")
    gateway.iam.create_group(GroupName=group)
    gateway.iam.add_user_to_group(GroupName=group, UserName=ben.name)
    gateway.iam.attach_group_policy(GroupName=group, PolicyArn=shared)
    gateway.iam.attach_user_policy(UserName=ana.name, PolicyArn=shared)
    gateway.client("iam", ana).list_users()
    gateway.client("sqs", ben).list_queues()
    with pytest.raises(ClientError):
        gateway.client("iam", ben).list_roles()
    safe = replay(gateway, shared, Document=document(statement("Allow", ["iam:ListUsers", "sqs:*"])))
    assert counted(safe) == (2, 0, 0)
    assert (safe["Denied"], safe["Requests"]) == (1, 3)
    assert [gap for gap in safe["Gaps"] if gap["Until"] >= begun] == []  # before that others have theirs
    assert safe["PrincipalArns"] == sorted([user_arn(ana.name), user_arn(ben.name)])
    wrong = replay(gateway, shared, Document=document(statement("Allow", "iam:ListUsers")))
    assert counted(wrong) == (1, 1, 0)
    [refused] = wrong["RefusedRequests"]
    assert (refused["PrincipalArn"], refused["Action"]) == (user_arn(ben.name), "sqs:ListQueues")
    [event] = [event for event in gateway.events(ben) if event.action == "ListQueues"]
    assert refused["RequestId"] == event.request_id
    assert refused["Reason"] == "because no identity-based policy allows the sqs:ListQueues action"
    assert refused["Count"] == 1
    gateway.client("sqs", ben).list_queues()
    wrong = replay(gateway, shared, Document=document(statement("Allow", "iam:ListUsers")))
    [again] = wrong["RefusedRequests"]  # alike: one line, the newest request of them
    assert (wrong["Refused"], again["Count"], again["Time"] >= refused["Time"]) == (2, 2, True)
    assert again["RequestId"] != refused["RequestId"]
    [note] = [note for note in wrong["Notes"] if note.startswith("By what is in force now")]
    assert "boundaries, trust policies" in note and "no SCPs and no RCPs" in note
    more = replay(gateway, shared, Document=document(statement("Allow", ["iam:List*", "sqs:*"])))
    assert (more["NewlyAllowed"], more["Refused"]) == (1, 0)
    # The same through the group: only its members count.
    through = replay(gateway, f"arn:aws:iam::{ACCOUNT}:group/{group}", DetachPolicyArn=shared)
    assert counted(through) == (0, 2, 0)
    assert through["PrincipalArns"] == [user_arn(ben.name)]
    assert counted(replay(gateway, user_arn(ana.name), DetachPolicyArn=shared)) == (0, 1, 0)
    # And nothing of it was done.
    gateway.client("sqs", ben).list_queues()


def test_what_a_resource_grants_is_not_refused(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    keys = gateway.user(statement("Allow", "s3:*"))
    grant = {"Effect": "Allow", "Principal": {"AWS": user_arn(keys.name)}, "Action": "s3:ListBucket"}
    text = document({**grant, "Resource": f"arn:aws:s3:::{bucket}"})
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=text)
    s3 = gateway.client("s3", keys)
    s3.list_objects_v2(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"x")
    gateway.client("s3").delete_bucket_policy(Bucket=bucket)  # what it said then is on record
    answer = replay(gateway, user_arn(keys.name), DeletePolicyName="own")
    assert counted(answer) == (1, 1, 0)
    assert answer["RefusedRequests"][0]["Action"] == "s3:PutObject"


def test_a_session_keeps_its_bounds_and_its_conditions(gateway: Gateway) -> None:
    role = gateway.role(statement("Allow", ["iam:GetRole", "iam:ListRoles"]))
    only = document(statement("Allow", "iam:GetRole"))
    gateway.client("iam", gateway.assume(role, Policy=only)).get_role(RoleName=role["RoleName"])
    secure = {**statement("Allow", "iam:*"), "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    assert counted(replay(gateway, role["Arn"], Document=document(secure), PolicyName="own")) == (0, 1, 0)
    plain = {**statement("Allow", "iam:*"), "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    assert counted(replay(gateway, role["Arn"], Document=document(plain), PolicyName="own")) == (1, 0, 0)


def test_assuming_a_role_is_decided_with_its_trust_policy(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "sts:AssumeRole"))
    by_name = {"Effect": "Allow", "Principal": {"AWS": user_arn(keys.name)}, "Action": "sts:AssumeRole"}
    named, told = gateway.role(trust=by_name), gateway.role()
    sts = gateway.client("sts", keys)
    for role in (named, told):
        sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    answer = replay(gateway, user_arn(keys.name), DeletePolicyName="own")
    # Whom a trust policy names needs no permission of their own: https://docs.aws.amazon.com/IAM/latest/UserGuide/
    # reference_policies_evaluation-logic_policy-eval-basics-single-account.html
    assert counted(answer) == (1, 1, 0)
    assert answer["RefusedRequests"][0]["Resource"] == told["Arn"]
    assert any("Roles were assumed" in note for note in answer["Notes"])


def test_what_is_not_on_record_is_not_guessed(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    keys = gateway.user(statement("Allow", "s3:*"))
    gateway.client("s3", keys).list_objects_v2(Bucket=bucket)
    tagged = {**statement("Allow", "s3:*"), "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}
    answer = replay(gateway, user_arn(keys.name), Document=document(tagged), PolicyName="own")
    # INVARIANT: no tags of the bucket were read then, so that nobody can say what they would have decided.
    assert counted(answer) == (0, 0, 1)
    assert "aws:resourcetag/team" in answer["Unknown"][0]["Reason"]
    assert len(answer["Unknown"][0]["RequestIds"]) == 1


def test_what_was_too_long_to_be_kept_is_not_taken_for_unused(gateway: Gateway) -> None:
    """Of a request about many long keys the record has some: it shows no resource, but that the action is used."""
    bucket, keys = gateway.bucket(), gateway.user(statement("Allow", ["s3:*", "sqs:*"]))
    many = [{"Key": f"{'k' * 1000}{number}"} for number in range(300)]
    gateway.client("s3", keys).delete_objects(Bucket=bucket, Delete={"Objects": many})
    answer = gateway.client("kansatsu").suggest_policy_change(Arn=user_arn(keys.name))
    [allowed] = json.loads(answer["Document"])["Statement"]
    assert (allowed["Action"], allowed["Resource"], answer["CannotTell"]) == (["s3:DeleteObject"], ["*"], 1)


def test_what_policies_ask_for_now_may_not_have_been_asked_for_then(gateway: Gateway) -> None:
    bucket, keys = gateway.bucket(), gateway.user(statement("Allow", "s3:*"))
    s3, owner = gateway.client("s3", keys), gateway.client("s3")
    owner.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="class=secret")
    owner.put_object(Bucket=bucket, Key="plain", Body=b"")
    s3.get_object(Bucket=bucket, Key="k")
    secret = {"StringEquals": {"s3:ExistingObjectTag/class": "secret"}}
    texts = [
        document(statement("Allow", actions), statement("Deny", "s3:GetObject", condition=secret))
        for actions in (["s3:*", "sqs:*"], "s3:*")
    ]
    gateway.iam.put_user_policy(UserName=keys.name, PolicyName="own", PolicyDocument=texts[0])
    change = {"Document": texts[1], "PolicyName": "own"}
    answer = replay(gateway, user_arn(keys.name), **change)
    assert counted(answer) == (0, 0, 1)
    assert "s3:existingobjecttag/class" in answer["Unknown"][0]["Reason"]
    s3.get_object(Bucket=bucket, Key="plain")  # now somebody looked, and there was no such tag
    assert counted(replay(gateway, user_arn(keys.name), **change)) == (1, 0, 1)


@pytest.mark.parametrize("effect", ["Allow", "Deny"])
def test_properties_of_a_resource_that_nobody_asked_for_are_not_guessed(gateway: Gateway, effect: str) -> None:
    """The same of what is no tag: the backend was not asked what kind of key it is."""
    key = gateway.client("kms").create_key()["KeyMetadata"]["KeyId"]
    keys = gateway.user(statement("Allow", ["kms:DisableKey", "kms:ListKeys"]))
    kms = gateway.client("kms", keys)
    kms.disable_key(KeyId=key)
    kms.list_keys()
    condition = {"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}}
    decided = statement(effect, "kms:DisableKey", condition=condition)
    others = statement("Allow", "kms:*" if effect == "Deny" else "kms:ListKeys")
    answer = replay(gateway, user_arn(keys.name), Document=document(others, decided), PolicyName="own")
    assert counted(answer) == (1, 0, 1)
    assert "kms:keyspec" in answer["Unknown"][0]["Reason"]


def test_what_the_policies_of_now_refuse_is_not_put_down_to_the_change(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", ["iam:ListUsers", "iam:ListRoles"]))
    gateway.client("iam", keys).list_users()
    now = document(statement("Allow", "iam:ListRoles"))
    gateway.iam.put_user_policy(UserName=keys.name, PolicyName="own", PolicyDocument=now)
    answer = replay(gateway, user_arn(keys.name), DeletePolicyName="own")
    assert (answer["RefusedAlready"], answer["Refused"]) == (1, 0)


def test_a_boundary_and_a_session_policy_change_with_the_managed_policy(gateway: Gateway) -> None:
    shared = policy(gateway, statement("Allow", "iam:*"))
    keys = gateway.user(statement("Allow", "iam:*"), PermissionsBoundary=shared)
    role = gateway.role(statement("Allow", "iam:*"))
    gateway.client("iam", keys).list_users()
    passed = gateway.assume(role, PolicyArns=[{"arn": shared}])
    gateway.client("iam", passed).list_users()
    answer = replay(gateway, shared, Document=document(statement("Allow", "sqs:*")))
    assert counted(answer) == (0, 2, 0)
    assert {item["Reason"].split()[2] for item in answer["RefusedRequests"]} == {"permissions", "session"}


def test_the_suggestion_refuses_nothing_and_says_why_of_each_line(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    shared = policy(gateway, statement("Allow", ["s3:*", "sqs:SendMessage"]))
    role = gateway.role()
    gateway.iam.attach_role_policy(RoleName=role["RoleName"], PolicyArn=shared)
    s3 = gateway.client("s3", gateway.assume(role))
    ids = [s3.put_object(Bucket=bucket, Key=key, Body=b"x")["ResponseMetadata"]["RequestId"] for key in ("a", "b")]
    control = gateway.client("kansatsu")
    answer = control.suggest_policy_change(Arn=shared)
    assert json.loads(answer["Document"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:PutObject"],
            "Resource": [f"arn:aws:s3:::{bucket}/a", f"arn:aws:s3:::{bucket}/b"],
        }
    ]
    lines = {line["Action"]: (line["Fate"], line["Uses"], line["Confidence"]) for line in answer["Lines"]}
    assert lines == {"s3:*": ("narrowed", 2, "low"), "sqs:SendMessage": ("removed", 0, "low")}
    assert sorted(answer["Lines"][0]["RequestIds"]) == sorted(ids)
    assert counted(replay(gateway, shared, Suggested=True)) == (2, 0, 0)
    whole = replay(gateway, role["Arn"], Suggested=True)
    assert (whole["Document"], whole["Refused"]) == (answer["Document"], 0)
    kept = {"PolicyName": "own", "Document": document(statement("Allow", "s3:*"))}
    assert counted(replay(gateway, role["Arn"], NewPolicy=True, **kept)) == (2, 0, 0)
    gateway.iam.put_role_policy(RoleName=role["RoleName"], PolicyName="own", PolicyDocument=kept["Document"])
    with pytest.raises(ClientError, match="has an inline policy own already: leave out NewPolicy"):
        replay(gateway, role["Arn"], NewPolicy=True, **kept)
    unused = policy(gateway, statement("Allow", "s3:*"))
    with pytest.raises(ClientError, match="detach it"):
        control.suggest_policy_change(Arn=unused)


def test_what_was_denied_for_want_of_mfa_is_told_beside_the_line(gateway: Gateway) -> None:
    keys = gateway.user(
        {**statement("Allow", "iam:ListRoles"), "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
        statement("Allow", "iam:ListUsers"),
    )
    gateway.client("iam", keys).list_users()
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("iam", keys).list_roles()
    answer = gateway.client("kansatsu").suggest_policy_change(Arn=user_arn(keys.name))
    told = {line["Action"]: (line["Fate"], line["Denied"], line["UnmetKeys"]) for line in answer["Lines"]}
    assert told == {
        "iam:ListRoles": ("removed", 1, ["aws:MultiFactorAuthPresent"]),
        "iam:ListUsers": ("narrowed", 0, []),
    }


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "InvalidParameterCombination"),
    ({"Suggested": True, "DeletePolicyName": "own"}, "InvalidParameterCombination"),
    ({"Document": "{}"}, "InvalidParameterCombination"),
    ({"Document": "{}", "PolicyName": "own", "NewPolicy": True}, "MalformedPolicyDocument"),
    ({"Document": "{}", "PolicyName": "none-of-this-name"}, "has no inline policy none-of-this-name, it has none"),
    ({"DeletePolicyName": "other"}, "NoSuchEntity"),
    ({"DetachPolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}, "NoSuchEntity"),
]


@pytest.mark.parametrize(("change", "code"), BAD, ids=[f"{code} {sorted(change)}" for change, code in BAD])
def test_what_is_no_change_is_an_error(gateway: Gateway, change: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=code):
        replay(gateway, gateway.iam.get_user(UserName="admin")["User"]["Arn"], **change)


def test_nobody_replays_what_another_account_did(gateway: Gateway) -> None:
    """INVARIANT: neither principals nor requests of another account are told."""
    keys = gateway.user(statement("Allow", "iam:ListUsers"))
    gateway.client("iam", keys).list_users()
    with pytest.raises(ClientError, match=r"AccessDenied|NoSuchEntity"):
        replay(gateway, user_arn(keys.name), gateway.stranger, DeletePolicyName="own")
    answer = replay(
        gateway,
        "arn:aws:iam::aws:policy/AdministratorAccess",
        gateway.stranger,
        Document=document(statement("Deny", "*")),
    )
    assert all(":210987654321:" in arn for arn in answer["PrincipalArns"])
    assert all(":210987654321:" in item["PrincipalArn"] for item in answer["RefusedRequests"])


def test_replaying_needs_permission(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "iam:*"))
    with pytest.raises(ClientError, match=r"AccessDenied.*kansatsu:ReplayPolicyChange"):
        replay(gateway, user_arn(keys.name), keys, Suggested=True)


def test_tags_of_one_name_in_two_cases_are_both_asked_about(gateway: Gateway) -> None:
    """A condition on one of them is not met: the request is refused, and a replay says that it would be."""
    sqs, name = gateway.client("sqs"), gateway.name("queue")
    url = sqs.create_queue(QueueName=name, tags={"Env": "test", "env": "prod"})["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    tagged = statement("Allow", "sqs:SendMessage", condition={"StringEquals": {"aws:ResourceTag/env": "test"}})
    keys = gateway.user(tagged)
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("sqs", keys).send_message(QueueUrl=url, MessageBody="m")
    both = {"StringEquals": {"aws:ResourceTag/env": ["test", "prod"]}}
    made, one = policy(gateway, statement("Allow", "sqs:SendMessage", arn, condition=both)), gateway.user()
    gateway.iam.attach_user_policy(UserName=one.name, PolicyArn=made)
    gateway.client("sqs", one).send_message(QueueUrl=url, MessageBody="m")
    assert counted(replay(gateway, made, Document=document(tagged))) == (0, 1, 0)
    same = document(statement("Allow", "sqs:Send*", condition=both))
    assert counted(replay(gateway, made, Document=same)) == (1, 0, 0)
    sqs.delete_queue(QueueUrl=url)
