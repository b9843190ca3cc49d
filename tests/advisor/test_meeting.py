"""Before a policy is widened the request is changed, where somebody who asks can change it; and what is fixed stays.

The keys: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

import json
from typing import Any

import pytest

from kansatsu.advisor import Change, smallest_change, smallest_changes
from kansatsu.policy import (
    Limits,
    Policies,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    compile_policy,
    evaluate,
    parse,
)

ACCOUNT = "123456789012"
USER = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ana", "user", id="AIDAAAAAAAAAAAAAAAAAA")
ROLE = Principal(
    ACCOUNT,
    f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
    "role",
    f"arn:aws:iam::{ACCOUNT}:role/r",
    "AROAAAAAAAAAAAAAAAAAA:s",
)
CONTEXT = {
    "aws:sourceip": "127.0.0.1",
    "aws:securetransport": "false",
    "aws:currenttime": "2026-11-26T03:00:00Z",
    "aws:epochtime": "1795662000",
    "aws:requestedregion": "us-east-1",
    "aws:username": "ana",
    "aws:principalarn": USER.arn,
    "aws:principaltag/team": "red",
}
OBJECT, BUCKET, QUEUE = "arn:aws:s3:::b/k", "arn:aws:s3:::b", f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
ROLE_SESSION = {**CONTEXT, "aws:tokenissuetime": "2026-11-26T02:00:00Z", "aws:multifactorauthpresent": "false"}


def says(effect: str, condition: dict[str, Any], action: str = "s3:*") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": "*", "Condition": condition}


def asked(
    statements: list[dict[str, Any]],
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    principal: Principal = USER,
    **how: Any,
) -> tuple[Change, ...]:
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    source = Source(PolicyType.IDENTITY, owner=principal.role_arn or principal.arn, name="p")
    policies = Policies(PolicySet([compile_policy(parse(text), source)]), **how)
    context = ROLE_SESSION if principal.role_arn or how else CONTEXT
    decision = evaluate(Request(principal, action, resource, context), policies)
    assert not decision.allowed
    return smallest_change(decision) or ()


ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
NO_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}

# Allow or Deny, the condition, and the keys in which the request has to be another.
MET: list[tuple[str, dict[str, Any], set[str]]] = [
    ("Allow", MFA, {"aws:MultiFactorAuthPresent"}),
    ("Deny", NO_MFA, {"aws:MultiFactorAuthPresent"}),
    ("Allow", {"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, {"aws:MultiFactorAuthAge"}),
    ("Allow", {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}, {"aws:SourceIp"}),
    ("Deny", {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {"aws:SourceIp"}),
    ("Deny", {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, {"aws:SourceIp"}),
    ("Deny", {"Bool": {"aws:SecureTransport": "false"}}, {"aws:SecureTransport"}),
    ("Deny", {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1"]}}, {"aws:RequestedRegion"}),
    ("Allow", {"StringLike": {"aws:UserAgent": "aws-cli/*"}}, {"aws:UserAgent"}),
    ("Allow", {"StringLike": {"aws:Referer": "https://example.org/?*"}}, {"aws:Referer"}),
    ("Allow", {"DateGreaterThan": {"aws:CurrentTime": "2026-12-01T00:00:00Z"}}, {"aws:CurrentTime"}),
    ("Allow", {"NumericGreaterThan": {"aws:EpochTime": "1795663000"}}, {"aws:EpochTime"}),
    ("Deny", {"DateLessThan": {"aws:CurrentTime": "2026-12-01"}}, {"aws:CurrentTime"}),
    ("Allow", {"StringEquals": {"aws:PrincipalTag/team": "blue"}}, {"aws:PrincipalTag/team"}),
    ("Allow", {"StringEquals": {"s3:ExistingObjectTag/owner": "${aws:username}"}}, {"s3:ExistingObjectTag/owner"}),
    ("Allow", {**MFA, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {"aws:MultiFactorAuthPresent", "aws:SourceIp"}),
    # What is not in the caller's hands decides with something that is: the Deny is for both together.
    ("Deny", {"StringEquals": {"aws:username": "ana"}, **NO_MFA}, {"aws:MultiFactorAuthPresent"}),
    ("Deny", {"StringEquals": {"aws:PrincipalTag/team": "red"}, **NO_MFA}, {"aws:MultiFactorAuthPresent"}),
]


@pytest.mark.parametrize(("effect", "condition", "keys"), MET)
def test_what_a_caller_can_meet_changes_no_policy(effect: str, condition: dict[str, Any], keys: set[str]) -> None:
    statements = [says(effect, condition), *([ALLOW] if effect == "Deny" else [])]
    (change,) = asked(statements)
    assert {each.key for each in change.meet} == keys
    assert (change.index, change.statement, change.past) == (0, statements[0], ())


def near(address: str) -> dict[str, Any]:
    return {"IpAddress": {"aws:SourceIp": address}}


# What each part of a call is allowed by, and for each the operators of what it has to meet, "" for a statement.
PARTS: list[tuple[list[dict[str, Any]], list[list[str]]]] = [
    ([near("192.0.2.0/24"), near("203.0.113.0/24")], [["IpAddress"], [""]]),  # nobody is in both
    ([near("192.0.2.0/24"), near("192.0.0.0/16")], [["IpAddress"], []]),  # who meets the one has met the other
    ([near("192.0.2.0/24"), near("127.0.0.0/8")], [["IpAddress"], [""]]),  # and would lose what he has
    ([near("127.0.0.0/8"), near("192.0.2.0/24")], [[], [""]]),  # the other way round nothing is met at all
    ([MFA, near("192.0.2.0/24")], [["Bool"], ["IpAddress"]]),
    ([{}, MFA], [[], ["Bool"]]),
]


@pytest.mark.parametrize(("conditions", "met"), PARTS)
def test_what_is_proposed_for_the_parts_of_a_call_allows_them_together(
    conditions: list[dict[str, Any]], met: list[list[str]]
) -> None:
    """INVARIANT: no part is proposed what takes away from another."""
    actions = ("s3:GetObject", "s3:PutObject")
    statements = [says("Allow", each, action) for each, action in zip(conditions, actions, strict=True)]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    policies = Policies(PolicySet([compile_policy(parse(text), Source(PolicyType.IDENTITY, owner=USER.arn, name="p"))]))
    decisions = [evaluate(Request(USER, action, OBJECT, CONTEXT), policies) for action in actions]
    found = smallest_changes(decisions)
    assert found is not None
    proposed = [[change.meet[0].operator if change.meet else "" for change in part] for part in found]
    assert proposed == met


# The condition, and whether the request could be another on AWS as well.
FIXED: list[tuple[str, dict[str, Any]]] = [
    ("Allow", {"StringEquals": {"aws:username": "bob"}}),
    ("Allow", {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/bob"}}),
    ("Allow", {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}),
    ("Allow", {"StringEquals": {"aws:SourceVpce": "vpce-1234567890abcdef0"}}),
    ("Allow", {"StringEquals": {"aws:ResourceAccount": "999999999999"}}),
    ("Allow", {"DateLessThan": {"aws:CurrentTime": "2026-11-01T00:00:00Z"}}),
    ("Allow", {"StringEquals": {"aws:RequestTag/team": "blue"}}),  # GetObject passes no tags
    ("Allow", {"StringEquals": {"s3:prefix": "home/"}}),  # nor has it the keys of ListBucket
    ("Allow", {"Bool": {"aws:SecureTransport": "false"}, **MFA, "StringEquals": {"aws:username": "bob"}}),
    ("Allow", {"StringEquals": {"aws:UserAgent": "${aws:PrincipalTag/none}"}}),
    ("Allow", {"NumericLessThan": {"s3:max-keys": "10"}}),
]


@pytest.mark.parametrize(("effect", "condition"), FIXED)
def test_a_condition_that_nobody_can_meet_is_named_before_anything_is_widened(
    effect: str, condition: dict[str, Any]
) -> None:
    (change,) = asked([says(effect, condition)])
    assert change.meet == () and change.index is None
    ((match, conditions),) = change.past
    assert match.index == 0
    assert {each.key for each in conditions} <= {key for block in condition.values() for key in block}


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:username": "ana"}},
        # Whoever takes the tag away takes the fence away.
        {"StringEquals": {"aws:PrincipalTag/team": "red"}},
        {"DateGreaterThan": {"aws:CurrentTime": "2026-11-01T00:00:00Z"}},
    ],
)
def test_a_deny_that_nobody_gets_out_of_is_shown_as_such(condition: dict[str, Any]) -> None:
    (change,) = asked([says("Deny", condition), ALLOW])
    assert (change.meet, change.index) == ((), 0)


def test_keys_of_an_action_and_of_a_type_of_resource() -> None:
    """ListBucket has s3:prefix. Of RunInstances the instance has a type, and the image has none."""
    (change,) = asked([says("Allow", {"StringLike": {"s3:prefix": "home/*"}})], "s3:ListBucket", BUCKET)
    assert [each.key for each in change.meet] == ["s3:prefix"]
    small = says("Allow", {"StringEquals": {"ec2:InstanceType": "t3.nano"}}, "ec2:*")
    instance = f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/*"
    image = "arn:aws:ec2:us-east-1::image/ami-1"
    (of_instance,) = asked([small], "ec2:RunInstances", instance)
    (of_image,) = asked([small], "ec2:RunInstances", image)
    assert (bool(of_instance.meet), bool(of_image.meet), bool(of_image.past)) == (True, False, True)


def test_sessions_of_roles_have_no_mfa_and_can_be_renewed() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html"""
    (change,) = asked([says("Allow", MFA)], principal=ROLE)
    assert change.meet == () and change.past
    revoked = says("Deny", {"DateLessThan": {"aws:TokenIssueTime": "2026-11-26T02:30:00Z"}})
    (change,) = asked([revoked, ALLOW], principal=ROLE)
    assert [each.key for each in change.meet] == ["aws:TokenIssueTime"]


def test_who_signs_in_has_the_limits_of_a_session() -> None:
    """GetFederationToken cannot be called with what GetSessionToken gives, so that MFA alone is no way."""
    statements = [says("Allow", MFA, "sts:*")]
    (change,) = asked(statements, "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/r")
    assert change.meet
    (change,) = asked(statements, "sts:GetFederationToken", f"arn:aws:sts::{ACCOUNT}:federated-user/f")
    assert change.meet == () and change.past


def test_iam_by_a_session_without_mfa() -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html: no policy helps, MFA does."""
    (change,) = asked([ALLOW], "iam:ListUsers", "*", limits=Limits.SESSION_TOKEN)
    assert [each.key for each in change.meet] == ["aws:MultiFactorAuthPresent"]
    assert asked([ALLOW], "sts:GetFederationToken", "*", limits=Limits.SESSION_TOKEN) == ()


def test_of_two_allows_the_one_that_asks_for_less() -> None:
    both = says("Allow", {**MFA, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}})
    (change,) = asked([both, says("Allow", MFA)])
    assert change.index == 1


def test_what_is_met_for_one_statement_is_not_taken_back_for_another() -> None:
    """The Allow is for those with MFA and the Deny too: no request gets by both."""
    meet, deny = asked([says("Allow", MFA), says("Deny", MFA)])
    assert (meet.index, bool(meet.meet), deny.index, deny.meet) == (0, True, 1, ())


def test_a_half_that_is_met_and_a_half_that_is_missing() -> None:
    """Each type of policy has to allow: the condition of one is met, to the other a statement is added."""
    boundary = compile_policy(
        parse(json.dumps({"Version": "2012-10-17", "Statement": says("Allow", {}, "sqs:*")}), PolicyType.BOUNDARY),
        Source(PolicyType.BOUNDARY, arn="b"),
    )
    meet, add = asked([says("Allow", MFA)], boundary=boundary)
    assert meet.meet and (add.policy.type, add.meet, add.past) == (PolicyType.BOUNDARY, (), ())


def test_the_policy_of_the_resource_may_be_met_where_it_is_enough() -> None:
    """A bucket's policy that names the user grants alone; one that names the account does not."""
    for named, enough in ((USER.arn, True), (ACCOUNT, False)):
        statement = {**says("Allow", MFA), "Principal": {"AWS": named}}
        text = json.dumps({"Version": "2012-10-17", "Statement": statement})
        guard = compile_policy(parse(text, PolicyType.RESOURCE), Source(PolicyType.RESOURCE, owner=BUCKET))
        context_free = Policies(PolicySet(), resource=guard)
        (change,) = smallest_change(evaluate(Request(USER, "s3:GetObject", OBJECT, CONTEXT), context_free)) or ()
        assert bool(change.meet) is enough
        assert bool(change.past) is not enough
