"""What a Decision tells: which statement of which policy, what each type said, AWS's sentence."""

import json
from typing import Any

import pytest

from kansatsu.policy import (
    UNRESOLVED,
    Match,
    Policies,
    Policy,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    Verdict,
    compile_policy,
    evaluate,
    parse,
)

USER = Principal("111122223333", "arn:aws:iam::111122223333:user/bob", "user", id="AIDABOBBOBBOBBOBBOBBO")
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
DENY: dict[str, Any] = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}


def policy(statements: list[dict[str, Any]], source: Source) -> Policy:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=1)
    return compile_policy(parse(text, source.type), source)


def test_matched_statements_are_named_and_placed() -> None:
    managed = Source(PolicyType.IDENTITY, arn="arn:aws:iam::aws:policy/X", name="X")
    inline = Source(PolicyType.IDENTITY, owner=USER.arn, name="mine")
    first = policy([{**ALLOW, "Action": "ec2:*"}, {**ALLOW, "Sid": "Yes"}], managed)
    second = policy([{**DENY, "Sid": "No"}], inline)
    decision = evaluate(Request(USER, "s3:PutObject", "arn:aws:s3:::b/k", {}), Policies(PolicySet([first, second])))
    no, yes = decision.matched
    assert (no.policy, no.index, no.sid, no.effect) == (inline, 0, "No", "Deny")
    assert (yes.policy, yes.index, yes.sid, yes.effect) == (managed, 1, "Yes", "Allow")
    assert json.loads(first.document.text[slice(*yes.span)])["Sid"] == "Yes"
    assert first.document.text.splitlines()[yes.line - 1].strip() == "{"
    assert isinstance(no, Match)
    assert decision.verdicts == {PolicyType.IDENTITY: Verdict.EXPLICIT_DENY}
    assert decision.explicit
    assert decision.type is PolicyType.IDENTITY


def test_missing_keys_are_those_of_statements_that_would_have_fitted() -> None:
    statements = [
        {**ALLOW, "Condition": {"StringEquals": {"s3:Prefix": "a", "aws:SourceVpc": "v"}}},
        {**ALLOW, "Action": "ec2:*", "Condition": {"StringEquals": {"ec2:Region": "x"}}},
        {**ALLOW, "Resource": "arn:aws:s3:::other", "Condition": {"StringEquals": {"aws:userid": "x"}}},
    ]
    policies = Policies(PolicySet([policy(statements, Source(PolicyType.IDENTITY))]))
    decision = evaluate(Request(USER, "s3:ListBucket", "arn:aws:s3:::b", {"s3:prefix": "a"}), policies)
    assert decision.missing_keys == ("aws:SourceVpc",)
    assert decision.matched == ()
    assert [(match.index, [each.key for each in unmet]) for match, unmet in decision.unmet] == [(0, ["aws:SourceVpc"])]
    assert repr(decision) == f"Decision(allowed=False, explicit=False, type={PolicyType.IDENTITY!r})"


REASONS = [
    (
        PolicyType.IDENTITY,
        "because no identity-based policy allows the",
        "with an explicit deny in an identity-based policy",
    ),
    (
        PolicyType.BOUNDARY,
        "because no permissions boundary allows the",
        "with an explicit deny in a permissions boundary",
    ),
    (PolicyType.SESSION, "because no session policy allows the", "with an explicit deny in a session policy"),
    (
        PolicyType.RESOURCE,
        "because no resource-based policy allows the",
        "with an explicit deny in a resource-based policy",
    ),
    (PolicyType.TRUST, "because no role trust policy allows the", "with an explicit deny in the role trust policy"),
]


@pytest.mark.parametrize(("type", "silent", "denied"), REASONS)
def test_reasons_are_aws_sentences(type: PolicyType, silent: str, denied: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    guard = type in {PolicyType.RESOURCE, PolicyType.TRUST}
    action = "sts:AssumeRole"

    def source(effect: str) -> Policy:
        statement: dict[str, Any] = {"Effect": effect, "Action": action}
        if guard:
            statement["Principal"] = {"AWS": "444455556666" if effect == "Allow" else "*"}
        if type is not PolicyType.TRUST:
            statement["Resource"] = "*" if effect == "Deny" else "arn:aws:iam::111122223333:role/Other"
        return policy([statement], Source(type))

    def asked(effect: str) -> str:
        everything = policy([{**ALLOW, "Action": "*"}], Source(PolicyType.IDENTITY))
        own = PolicySet([source(effect) if type is PolicyType.IDENTITY else everything])
        policies = Policies(
            own,
            boundary=source(effect) if type is PolicyType.BOUNDARY else None,
            session=PolicySet([source(effect)]) if type is PolicyType.SESSION else None,
            resource=source(effect) if type is PolicyType.RESOURCE else None,
            trust=source(effect) if type is PolicyType.TRUST else None,
        )
        resource, account = "arn:aws:iam::222233334444:role/R", "222233334444" if guard else ""
        return evaluate(Request(USER, action, resource, {}, account), policies).reason(action)

    assert asked("Allow") == f"{silent} sts:AssumeRole action"
    assert asked("Deny") == denied


def test_an_allowed_request_has_no_reason() -> None:
    policies = Policies(PolicySet([policy([ALLOW], Source(PolicyType.IDENTITY))]))
    assert evaluate(Request(USER, "s3:GetObject", "*", {}), policies).reason("s3:GetObject") == ""


def test_policy_sets_are_values() -> None:
    one = policy([ALLOW], Source(PolicyType.IDENTITY))
    assert PolicySet([one]) == PolicySet([one]) != PolicySet()
    assert hash(PolicySet([one])) == hash(PolicySet([one]))
    assert PolicySet() != ()
    assert len(PolicySet([one])) == 1
    assert list(PolicySet([one])) == [one]
    assert one.rules is one.rules


SECRET = "arn:aws:sqs:eu-west-1:111122223333:secret"


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([ALLOW], True),
        ([{**ALLOW, "Resource": "**"}], True),
        ([ALLOW, {**DENY, "Resource": SECRET}], False),
        ([ALLOW, {**DENY, "NotResource": SECRET} | {"Resource": None}], False),
        ([{**ALLOW, "Resource": SECRET}], False),
        ([{**ALLOW, "NotResource": SECRET} | {"Resource": None}], False),
        ([ALLOW, {**DENY, "Resource": SECRET, "Action": "s3:GetObject"}], True),
    ],
)
def test_a_resource_that_nobody_could_name_may_be_any(statements: list[dict[str, Any]], *, allowed: bool) -> None:
    given = [{key: value for key, value in each.items() if value is not None} for each in statements]
    policies = Policies(PolicySet([policy(given, Source(PolicyType.IDENTITY))]))
    assert evaluate(Request(USER, "s3:PutObject", UNRESOLVED, {}), policies).allowed is allowed


def test_the_statements_of_every_type_are_matched_in_the_order_of_evaluation() -> None:
    def one(type: PolicyType, **extra: Any) -> Policy:
        text = json.dumps({"Version": "2012-10-17", "Statement": [{**ALLOW, "Action": "*", **extra}]})
        return compile_policy(parse(text, type), Source(type))

    def several(type: PolicyType, **extra: Any) -> PolicySet:
        return PolicySet([one(type, **extra)])

    policies = Policies(
        several(PolicyType.IDENTITY),
        one(PolicyType.BOUNDARY),
        several(PolicyType.SESSION),
        one(PolicyType.RESOURCE, Principal="*"),
        scps=(several(PolicyType.SCP), several(PolicyType.SCP)),
        rcps=(several(PolicyType.RCP, Principal="*"),),
        vpc_endpoint=one(PolicyType.VPC_ENDPOINT, Principal="*"),
    )
    decision = evaluate(Request(USER, "s3:GetObject", "arn:aws:s3:::b/k", {}), policies)
    kinds = [PolicyType.RCP, PolicyType.SCP, PolicyType.VPC_ENDPOINT, PolicyType.RESOURCE]
    kinds += [PolicyType.IDENTITY, PolicyType.BOUNDARY, PolicyType.SESSION]
    assert list(decision.verdicts) == kinds
    assert [match.policy.type for match in decision.matched] == [kinds[0], *kinds[1:2] * 2, *kinds[2:]]
