"""May a set of policies allow an action anywhere: cases, and never "no" where the engine itself says "allowed"."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.policy import PolicySet, PolicyType, Source, Verdict, compile_policy, parse

Statement = dict[str, Any]


def said(effect: str, action: Any, resource: Any = "*", **more: Any) -> Statement:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def allow(action: Any, resource: Any = "*", **more: Any) -> Statement:
    return said("Allow", action, resource, **more)


def deny(action: Any, resource: Any = "*", **more: Any) -> Statement:
    return said("Deny", action, resource, **more)


def policies(*statements: Statement, version: str = "2012-10-17") -> PolicySet:
    """One policy for each statement."""
    texts = (json.dumps({"Version": version, "Statement": [statement]}) for statement in statements)
    return PolicySet(compile_policy(parse(text), Source(PolicyType.IDENTITY)) for text in texts)


NOT_ACTION = {"Effect": "Allow", "NotAction": ["s3:*", "iam:List*"], "Resource": "*"}
NOT_RESOURCE = {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::mine/*"}
MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}
MINE, ALL = "arn:aws:s3:::mine/*", "arn:aws:s3:::*"
OWN = "arn:aws:s3:::home/${aws:username}"

CASES: list[tuple[tuple[Statement, ...], str, bool]] = [
    ((), "s3:GetObject", False),
    ((allow("s3:Get*"),), "s3:GetObject", True),
    ((allow("s3:Get*"),), "S3:getobject", True),
    ((allow("s3:Get*"),), "s3:PutObject", False),
    ((allow("s3:?etObject"),), "s3:GetObject", True),
    ((allow("*"),), "s3:GetObject", True),
    ((NOT_ACTION,), "s3:GetObject", False),
    ((NOT_ACTION,), "iam:ListUsers", False),
    ((NOT_ACTION,), "iam:GetUser", True),
    ((deny("s3:*"),), "s3:GetObject", False),
    ((allow("*"), deny("s3:*")), "s3:GetObject", False),
    ((allow("*"), deny("s3:*")), "sqs:SendMessage", True),
    ((allow("*"), {**NOT_ACTION, "Effect": "Deny"}), "s3:GetObject", True),
    ((allow("*"), {**NOT_ACTION, "Effect": "Deny"}), "sqs:SendMessage", False),
    # A Deny that does not reach everything leaves something.
    ((allow("s3:*"), deny("s3:*", **MFA)), "s3:GetObject", True),
    ((allow("s3:*"), deny("s3:*", MINE)), "s3:GetObject", True),
    ((allow("s3:*", MINE), deny("s3:*", MINE)), "s3:GetObject", False),
    ((allow("s3:*", MINE), deny("s3:*", ALL)), "s3:GetObject", False),
    ((allow("s3:*", ALL), deny("s3:*", MINE)), "s3:GetObject", True),
    ((allow("s3:*", ["arn:aws:s3:::a", "arn:aws:s3:::b"]), deny("s3:*", "arn:aws:s3:::a")), "s3:GetObject", True),
    # Two statements that deny all of it together.
    (
        (
            allow("s3:*", ["arn:aws:s3:::a", "arn:aws:s3:::b"]),
            deny("s3:*", "arn:aws:s3:::a"),
            deny("s3:*", "arn:aws:s3:::b"),
        ),
        "s3:GetObject",
        False,
    ),
    ((allow("s3:*", MINE), NOT_RESOURCE), "s3:GetObject", True),
    ((allow("s3:*", OWN), deny("s3:*", OWN)), "s3:GetObject", False),
    ((allow("s3:*", OWN), deny("s3:*", ALL)), "s3:GetObject", False),
    ((allow("s3:*", "arn:aws:s3:::home/ana"), deny("s3:*", OWN)), "s3:GetObject", True),
    # What a question mark denies is one character, and what is allowed may have more.
    ((allow("s3:*", "arn:aws:s3:::a*"), deny("s3:*", "arn:aws:s3:::a?")), "s3:GetObject", True),
    (
        ({"Effect": "Allow", "Action": "s3:*", "NotResource": MINE}, deny("s3:*", ALL)),
        "s3:GetObject",
        True,
    ),
    (({"Effect": "Allow", "Action": "s3:*", "NotResource": MINE}, deny("s3:*")), "s3:GetObject", False),
]


@pytest.mark.parametrize(("statements", "action", "expected"), CASES)
def test_cases(statements: tuple[Statement, ...], action: str, expected: bool) -> None:
    assert policies(*statements).may_allow(action) is expected


def test_a_variable_of_another_version_is_another_thing() -> None:
    """The older language has no variables, so that its text denies nothing that the newer one allows."""
    both = PolicySet((*policies(allow("s3:*", OWN)), *policies(deny("s3:*", OWN), version="2008-10-17")))
    assert both.may_allow("s3:GetObject")


def test_concerns() -> None:
    some = policies(allow("s3:GetObject"), allow("EC2:Describe*"))
    assert [name for name in ("s3", "ec2", "sqs", "s", "s3-object-lambda") if some.concerns(name)] == ["s3", "ec2"]
    assert policies(allow("*")).concerns("sqs")
    assert policies(NOT_ACTION).concerns("s3")
    assert not PolicySet().concerns("s3")


RESOURCES = ["*", ALL, MINE, "arn:aws:s3:::mine/a*", "arn:aws:s3:::mine/a?", "arn:aws:s3:::mine/ab", OWN, "arn:*"]
STATEMENTS = st.builds(
    lambda effect, action, element, resources, guarded: {
        "Effect": effect,
        "Action": action,
        element: resources,
        **(MFA if guarded else {}),
    },
    st.sampled_from(["Allow", "Deny"]),
    st.sampled_from(["*", "s3:*", "s3:Get*", "s3:GetObject", "sqs:*"]),
    st.sampled_from(["Resource", "NotResource"]),
    st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2, unique=True),
    st.booleans(),
)
ASKED = ["*", "arn:aws:s3:::mine/ab", "arn:aws:s3:::mine/abc", "arn:aws:s3:::home/ana", "arn:aws:s3:::other"]
CONTEXTS = [
    {},
    {"aws:username": "ana"},
    {"aws:multifactorauthpresent": "true"},
    {"aws:multifactorauthpresent": "false", "aws:username": "ab"},
]


@given(st.lists(STATEMENTS, max_size=4), st.sampled_from(["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]))
def test_what_is_allowed_somewhere_may_be_allowed(statements: list[Statement], action: str) -> None:
    held = policies(*statements)
    found = {held.verdict(action, resource, context) for resource in ASKED for context in CONTEXTS}
    if Verdict.ALLOW in found:
        assert held.may_allow(action)
    if all(statement["Effect"] == "Deny" for statement in statements):
        assert not held.may_allow(action)
