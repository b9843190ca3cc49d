"""Which condition keys policies may ask for: none that decides is missed, however it is written."""

import json
from dataclasses import fields
from typing import Any

import pytest

from kansatsu.policy import Policies, PolicySet, PolicyType, Principal, Request, Source, compile_policy, evaluate, parse

ACTION = "sqs:SendMessage"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
TAG = ("aws:resourcetag/",)


def compiled(type: PolicyType, **statement: Any) -> Any:
    whole: dict[str, Any] = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", **statement}
    if type is PolicyType.RESOURCE:
        whole["Principal"] = "*"
    return compile_policy(parse(json.dumps({"Version": "2012-10-17", "Statement": whole}), type), Source(type))


def tagged(key: str, value: str = "a") -> dict[str, Any]:
    return {"Condition": {"StringEquals": {key: value}}}


ASKING: list[tuple[str, dict[str, Any], bool]] = [
    ("key", tagged("aws:ResourceTag/project"), True),
    ("case", tagged("AWS:resourceTAG/Project"), True),
    ("absence", {"Condition": {"Null": {"aws:ResourceTag/project": "true"}}}, True),
    ("qualified", {"Condition": {"ForAnyValue:StringLikeIfExists": {"aws:ResourceTag/p": "a"}}}, True),
    ("variable in a value", tagged("aws:PrincipalTag/project", "${aws:ResourceTag/project}"), True),
    ("variable with a default", tagged("aws:PrincipalTag/project", "x${aws:resourcetag/project, 'd'}"), True),
    ("variable in a resource", {"Resource": "arn:aws:sqs:*:*:${aws:ResourceTag/project}-*"}, True),
    ("other keys", tagged("aws:RequestTag/project", "${aws:PrincipalTag/project}"), False),
    ("other action", {"Action": "sqs:DeleteQueue", **tagged("aws:ResourceTag/project")}, False),
    ("all but another action", {"NotAction": "sqs:DeleteQueue", "Action": None, **tagged("aws:ResourceTag/p")}, True),
    ("variable behind an escape", {"Resource": "arn:aws:sqs:*:*:${*}${aws:ResourceTag/project}"}, True),
    ("plain text", {"Sid": "awsResourceTag", "Resource": "arn:aws:sqs:*:*:aws:ResourceTag/x"}, False),
]


@pytest.mark.parametrize(("_name", "statement", "asks"), ASKING, ids=[row[0] for row in ASKING])
def test_keys(_name: str, statement: dict[str, Any], asks: bool) -> None:
    given = {name: value for name, value in statement.items() if value is not None}
    if "NotAction" in given:
        document = {"Effect": "Allow", "Resource": "*", **given}
        text = json.dumps({"Version": "2012-10-17", "Statement": document})
        policy = compile_policy(parse(text), Source(PolicyType.IDENTITY))
    else:
        policy = compiled(PolicyType.IDENTITY, **given)
    policies = Policies(PolicySet([policy]))
    assert policies.ask_for(ACTION, TAG) is asks
    assert policies.ask(ACTION) or not asks


def test_an_escaped_key_is_no_hiding_place() -> None:
    text = '{"Statement": {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": '
    text += '{"StringEquals": {"aws:\\u0052esource\\u0054ag\\u002fp": "a"}}}}'
    assert Policies(PolicySet([compile_policy(parse(text), Source(PolicyType.IDENTITY))])).ask_for(ACTION, TAG)


# INVARIANT: a policy of any type that decides by a key is found to ask for it.
@pytest.mark.parametrize(
    "place", [field.name for field in fields(Policies) if field.name not in ("limits", "gateway_endpoint", "trust")]
)
def test_every_type_of_policy_is_looked_at(place: str) -> None:
    kind = PolicyType.RESOURCE if place in ("resource", "rcps", "vpc_endpoint") else PolicyType.IDENTITY
    policy = compiled(kind, Effect="Deny", **tagged("aws:ResourceTag/project"))
    everything = PolicySet([compiled(PolicyType.IDENTITY)])
    value: Any = policy if place in ("boundary", "resource", "vpc_endpoint") else PolicySet([policy])
    if place in ("scps", "rcps", "scoped"):
        value = (value,)
    policies = Policies(**{"identity": everything, place: value})
    assert policies.ask_for(ACTION, TAG) and policies.ask(ACTION)
    assert not policies.ask("s3:GetObject")
    assert not policies.ask_for("s3:GetObject", TAG)
    principal = Principal("123456789012", "arn:aws:iam::123456789012:user/u", "user")
    request = Request(principal, ACTION, QUEUE, {"aws:resourcetag/project": "a"})
    assert evaluate(request, policies).explicit
