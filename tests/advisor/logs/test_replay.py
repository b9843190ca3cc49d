"""Changes held against what logs say: refused and allowed are said only where they are certain."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.advisor.logs.replay import Asked, replayed
from kansatsu.advisor.logs.suggest import NoSubject
from kansatsu.errors import MalformedPolicyDocument

from .test_report import TEAM, details, proof
from .test_suggest import _NAMES, _PATTERNS, KEY
from .trail import ACCOUNT, ROLE, USER, record, role

DECRYPT = record(role(), "kms", "Decrypt", resources=[{"ARN": KEY}])
CALLS = [DECRYPT, DECRYPT | {"eventID": "2"}, record(role(), "ec2", "DescribeVpcs")]
CALLS += [record(role(), "ec2", "RunInstances", errorCode="AccessDenied")]


def replay(asked: Asked, *actions: str, calls: list[dict[str, Any]] = CALLS) -> dict[str, Any]:
    made = proof(calls, *(actions or ("kms:*", "ec2:*")))
    return replayed(made, made.account, asked, 100)


def counts(answer: dict[str, Any]) -> tuple[int, ...]:
    return tuple(answer[name] for name in ("Requests", "Allowed", "Refused", "RefusedAlready", "CannotTell", "Denied"))


def text(action: str | tuple[str, ...], resource: str = "*", **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


CONDITION = {"Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}
CHANGES: list[tuple[str, Asked, tuple[int, ...]]] = [
    ("nothing changes", Asked(ROLE, text("s3:*"), name="more", new=True), (4, 3, 0, 0, 0, 1)),
    ("all goes", Asked(ROLE, delete="app"), (4, 0, 3, 0, 0, 1)),
    ("an action goes", Asked(ROLE, text("kms:*"), name="app"), (4, 2, 1, 0, 0, 1)),
    ("the resource stays", Asked(ROLE, text("*", KEY), name="app"), (4, 2, 0, 0, 1, 1)),  # of EC2 no record names one
    ("another resource", Asked(ROLE, text("kms:*", KEY + "2"), name="app"), (4, 0, 3, 0, 0, 1)),
    ("a condition", Asked(ROLE, text("*", **CONDITION), name="app"), (4, 0, 0, 0, 3, 1)),
    ("suggested", Asked(ROLE, suggested=True), (4, 3, 0, 0, 0, 1)),
]


@pytest.mark.parametrize(("asked", "expected"), [case[1:] for case in CHANGES], ids=[case[0] for case in CHANGES])
def test_changes(asked: Asked, expected: tuple[int, ...]) -> None:
    assert counts(replay(asked)) == expected


def test_what_needs_no_permission_is_refused_by_no_change() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html"""
    calls = [record(source="sts", name=name) for name in ("GetSessionToken", "GetCallerIdentity", "GetAccessKeyInfo")]
    assert counts(replay(Asked("group/people", detach=TEAM), calls=calls)) == (3, 2, 0, 1, 0, 0)


DOUBTFUL = [
    # which of the actions it was no record says
    ("dynamodb", "TransactWriteItems", "dynamodb:PutItem", "dynamodb:GetItem"),
    ("bedrock", "Converse", "bedrock:InvokeModel", "s3:GetObject"),
    # tags that something is made with take a permission that leaves no record
    ("ec2", "RunInstances", "ec2:CreateTags", "ec2:DeleteTags"),
    ("sts", "AssumeRole", "sts:TagSession", "sts:GetFederationToken"),
]


@pytest.mark.parametrize(("source", "name", "needed", "other"), DOUBTFUL, ids=[case[1] for case in DOUBTFUL])
def test_what_a_call_may_have_needed_is_not_told_to_be_allowed(source: str, name: str, needed: str, other: str) -> None:
    """The attack: nothing is refused, says the replay, and a program that wrote in transactions stops."""
    calls = [record(role(), source, name), record(role(), source, name, errorCode="AccessDenied", eventID="2")]
    held = f"{source}:{name}", needed, other
    assert counts(replay(Asked(ROLE, text(held[:2]), name="app"), *held, calls=calls)) == (2, 1, 0, 0, 0, 1)
    answer = replay(Asked(ROLE, text(held[::2]), name="app"), *held, calls=calls)
    assert counts(answer) == (2, 0, 0, 0, 1, 1)
    assert answer["Unknown"][0]["Reason"].startswith("The records do not say which actions")
    assert counts(replay(Asked(ROLE, text("s3:*"), name="more", new=True), other, calls=calls[:1]))[4] == 0
    assert needed in str(replay(Asked(ROLE, suggested=True), *held, calls=calls)["Document"])


def test_what_the_policies_of_now_refuse_is_told_apart() -> None:
    assert counts(replay(Asked(ROLE, delete="app"), "ec2:*")) == (4, 0, 1, 2, 0, 1)


def test_refused_calls_are_named() -> None:
    (first, second) = replay(Asked(ROLE, delete="app"))["RefusedRequests"]
    assert {first["Action"], second["Action"]} == {"kms:Decrypt", "ec2:DescribeVpcs"}
    assert first["PrincipalArn"] == ROLE and first["Count"] >= 1 and first["Reason"].endswith("action")


def test_groups_and_managed_policies() -> None:
    calls = [record(source="ec2", name="DescribeVpcs"), record(source="iam", name="ListRoles")]
    for asked in (Asked("group/people", detach=TEAM), Asked(TEAM, text("s3:*"))):
        answer = replay(asked, calls=calls)
        assert counts(answer) == (2, 0, 2, 0, 0, 0)
        assert answer["PrincipalArns"] == [USER, USER.replace("alice", "bob")]
    assert counts(replay(Asked(TEAM, text("ec2:*")), calls=calls)) == (2, 1, 1, 0, 0, 0)
    # What a user has from the group as well stays when its own is taken away.
    given_ = details()
    given_["UserDetailList"][0]["AttachedManagedPolicies"] = [{"PolicyName": "team", "PolicyArn": TEAM}]
    made = proof(calls)
    made.details = json.dumps(given_).encode()
    answer = replayed(made, made.account, Asked(USER, detach=TEAM), 100)
    assert counts(answer) == (2, 2, 0, 0, 0, 0)


@pytest.mark.parametrize(
    "asked",
    [
        Asked("role/nobody", delete="app"),
        Asked(ROLE, delete="none"),
        Asked(ROLE, detach=TEAM),
        Asked(ROLE, text("s3:*")),
        Asked(TEAM, delete="app"),
        Asked(f"arn:aws:iam::{ACCOUNT}:policy/none", text("s3:*")),
    ],
)
def test_changes_of_what_is_not_there(asked: Asked) -> None:
    with pytest.raises(NoSubject):
        replay(asked)


def test_a_document_that_is_none() -> None:
    with pytest.raises(MalformedPolicyDocument):
        replay(Asked(ROLE, "{}", name="app"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(_NAMES), st.booleans(), st.sampled_from([None, KEY, KEY + "2"])), max_size=8),
    st.lists(st.sampled_from(_PATTERNS), min_size=1, max_size=3, unique=True),
)
def test_a_suggestion_refuses_nothing(
    calls: list[tuple[tuple[str, str], bool, str | None]], patterns: list[str]
) -> None:
    records = [
        record(role(), source, name, **({"errorCode": "AccessDenied"} if denied else {}),
               **({"resources": [{"ARN": arn}]} if arn else {}))
        for (source, name), denied, arn in calls
    ]  # fmt: skip
    answer = replay(Asked(ROLE, suggested=True), *patterns, calls=records)
    assert answer["Refused"] == 0
    assert sum(counts(answer)[1:]) == answer["Requests"] == len(records)
