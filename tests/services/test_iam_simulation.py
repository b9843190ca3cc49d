"""The policy simulator: what it answers, where statements stand, what it lacks, and what it refuses.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
"""

import json
from typing import Any

import pytest

from services.conftest import ACCOUNT, World

USER = f"arn:aws:iam::{ACCOUNT}:user/"
BUCKET = "arn:aws:s3:::bucket/key"
# The example of the AWS CLI's documentation, with the positions that it shows.
DATED = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*",'
    '"Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
)


def entry(key: str, *values: str, kind: str = "string") -> dict[str, Any]:
    return {"ContextKeyName": key, "ContextKeyValues": list(values), "ContextKeyType": kind}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


def custom(iam: Any, *policies: str, action: str = "s3:GetObject", **more: Any) -> dict[str, Any]:
    answer = iam.simulate_custom_policy(PolicyInputList=list(policies), ActionNames=[action], **more)
    result: dict[str, Any] = answer["EvaluationResults"][0]
    assert result["EvalActionName"] == action
    return result


def test_the_example_of_the_aws_cli(iam: Any) -> None:
    ask = {"action": "dynamodb:CreateBackup"}
    later = custom(iam, DATED, ContextEntries=[entry("aws:CurrentTime", "2019-04-25T11:00:00Z", kind="date")], **ask)
    assert later["EvalDecision"] == "allowed"
    assert later["EvalResourceName"] == "*"
    assert later["MissingContextValues"] == []
    assert later["MatchedStatements"] == [
        {
            "SourcePolicyId": "PolicyInputList.1",
            "SourcePolicyType": "none",
            "StartPosition": {"Line": 1, "Column": 38},
            "EndPosition": {"Line": 1, "Column": 167},
        }
    ]
    earlier = custom(iam, DATED, ContextEntries=[entry("aws:CurrentTime", "2014-04-25T11:00:00Z", kind="date")], **ask)
    assert (earlier["EvalDecision"], earlier["MatchedStatements"]) == ("implicitDeny", [])
    unknown = custom(iam, DATED, **ask)
    assert unknown["EvalDecision"] == "implicitDeny"
    assert unknown["MissingContextValues"] == ["aws:CurrentTime"]


def test_lines_and_columns(iam: Any) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*"), deny("s3:PutObject")]}, indent=4)
    found = custom(iam, text, action="s3:PutObject")
    assert found["EvalDecision"] == "explicitDeny"
    (statement,) = found["MatchedStatements"]  # "the deny statement is the only entry"
    lines = text.splitlines()
    start, end = statement["StartPosition"], statement["EndPosition"]
    assert lines[start["Line"] - 1][start["Column"] - 2] == "{"
    assert lines[end["Line"] - 1][end["Column"] - 2] == "}"
    assert '"Deny"' in lines[start["Line"]]


@pytest.mark.parametrize(
    ("given", "kind", "values", "condition", "decision"),
    [
        ("aws:SourceIp", "ip", ["192.0.2.7"], {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "allowed"),
        ("aws:SourceIp", "ip", ["192.0.3.7"], {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "implicitDeny"),
        ("AWS:SOURCEIP", "ip", ["192.0.2.7"], {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "allowed"),
        ("s3:max-keys", "numeric", ["10"], {"NumericLessThan": {"s3:max-keys": "11"}}, "allowed"),
        ("s3:max-keys", "numeric", ["12"], {"NumericLessThan": {"s3:max-keys": "11"}}, "implicitDeny"),
        ("aws:SecureTransport", "boolean", ["true"], {"Bool": {"aws:SecureTransport": "true"}}, "allowed"),
        (
            "aws:TagKeys",
            "stringList",
            ["a", "b"],
            {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
            "allowed",
        ),
        (
            "aws:TagKeys",
            "stringList",
            ["a", "c"],
            {"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}},
            "implicitDeny",
        ),
        ("aws:TagKeys", "stringList", ["a"], {"StringEquals": {"aws:TagKeys": "a"}}, "implicitDeny"),
        ("key:b", "binary", ["QmluYXJ5"], {"BinaryEquals": {"key:b": "QmluYXJ5"}}, "allowed"),
    ],
)
def test_types_of_context(iam: Any, given: str, kind: str, values: list[str], condition: Any, decision: str) -> None:
    text = policy(allow("s3:GetObject", Condition=condition))
    found = custom(iam, text, ContextEntries=[entry(given, *values, kind=kind)])
    assert (found["EvalDecision"], found["MissingContextValues"]) == (decision, [])


@pytest.mark.parametrize(
    ("key", "kind", "values"),
    [
        ("key:n", "numeric", ["ten"]),
        ("key:n", "numeric", ["NaN"]),
        ("key:n", "numeric", ["-Infinity"]),
        ("key:n", "numericList", ["1", "1_000"]),
        ("key:b", "boolean", ["yes"]),
        ("key:i", "ip", ["300.1.1.1"]),
        ("key:d", "date", ["tomorrow"]),
        ("key:x", "binary", ["!"]),
        ("key:l", "numericList", ["1", "two"]),
        ("key:s", "string", ["a", "b"]),
        ("key:s", "string", []),
    ],
)
def test_wrong_context(iam: Any, refused: Any, key: str, kind: str, values: list[str]) -> None:
    given = {"PolicyInputList": [DATED], "ActionNames": ["s3:GetObject"]}
    refused("InvalidInput", iam.simulate_custom_policy, ContextEntries=[entry(key, *values, kind=kind)], **given)


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("InvalidInput", {"ActionNames": ["s3:Get*"]}),
        ("InvalidInput", {"ActionNames": ["GetObject"]}),
        ("InvalidInput", {"ActionNames": ["s3:Get:Object"]}),
        ("InvalidInput", {"ResourceArns": ["bucket"]}),
        ("InvalidInput", {"ResourceOwner": "somebody"}),
        ("InvalidInput", {"CallerArn": f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s"}),
        ("InvalidInput", {"PolicyInputList": ["{}"]}),
        ("InvalidInput", {"PolicyInputList": ["no"]}),
        ("InvalidInput", {"PermissionsBoundaryPolicyInputList": [DATED, DATED]}),
        ("InvalidInput", {"ResourcePolicy": policy(allow("s3:*", Principal="*"))}),  # nobody calls
        ("InvalidInput", {"CallerArn": f"{USER}a", "ResourcePolicy": policy(allow("s3:*"))}),  # no Principal
        ("InvalidInput", {"ContextEntries": [entry("key:b", "1"), entry("KEY:B", "2")]}),
        ("InvalidInput", {"ContextEntries": [{"ContextKeyName": "aws:x", "ContextKeyValues": ["1"]}]}),
        ("ValidationError", {"Marker": "made-up"}),
    ],
)
def test_refused(iam: Any, refused: Any, code: str, params: dict[str, Any]) -> None:
    refused(code, iam.simulate_custom_policy, **{"PolicyInputList": [DATED], "ActionNames": ["s3:GetObject"]} | params)


@pytest.mark.parametrize("arn", [f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s", f"arn:aws:iam::{ACCOUNT}:policy/abc"])
def test_what_has_no_policies(iam: Any, refused: Any, arn: str) -> None:
    for function, more in (
        (iam.simulate_principal_policy, {"ActionNames": ["s3:GetObject"]}),
        (iam.get_context_keys_for_principal_policy, {}),
    ):
        assert refused("InvalidInput", function, PolicySourceArn=arn, **more) == f"Invalid Entity Arn: {arn}"
        refused("NoSuchEntity", function, PolicySourceArn=f"{USER}nobody", **more)


def test_boundary(iam: Any) -> None:
    boundary: Any = {"PermissionsBoundaryPolicyInputList": [policy(allow("s3:PutObject"))]}
    found = custom(iam, policy(allow("s3:*")), **boundary)
    assert found["EvalDecision"] == "implicitDeny"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    found = custom(iam, policy(allow("s3:*")), action="s3:PutObject", **boundary)
    assert found["EvalDecision"] == "allowed"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": True}
    assert "PermissionsBoundaryDecisionDetail" not in custom(iam, policy(allow("s3:*")))


def test_every_resource_by_itself(iam: Any) -> None:
    text = policy(allow("s3:*", "arn:aws:s3:::a/*"), deny("s3:*", "arn:aws:s3:::b/*"))
    arns = [f"arn:aws:s3:::{name}/key" for name in "abc"]
    found = custom(iam, text, ResourceArns=arns)
    specific = found["ResourceSpecificResults"]
    assert [item["EvalResourceName"] for item in specific] == arns
    assert [item["EvalResourceDecision"] for item in specific] == ["allowed", "explicitDeny", "implicitDeny"]
    assert [len(item["MatchedStatements"]) for item in specific] == [1, 1, 0]
    assert found["EvalDecision"] == "explicitDeny"
    assert found["MatchedStatements"] == specific[1]["MatchedStatements"]
    assert found["EvalDecisionDetails"] == {}  # one account
    assert all("EvalDecisionDetails" not in item for item in found["ResourceSpecificResults"])
    assert "ResourceSpecificResults" not in custom(iam, text)


RESOURCE = policy({**allow("s3:GetObject"), "Principal": {"AWS": f"{USER}bob"}})


@pytest.mark.parametrize(
    ("identity", "caller", "owner", "decision", "details"),
    [
        (deny("s3:DeleteObject"), "bob", None, "allowed", {}),  # the resource's policy alone grants
        (deny("s3:DeleteObject"), "eve", None, "implicitDeny", {}),
        (
            deny("s3:DeleteObject"), "bob", "210987654321", "implicitDeny",
            {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"},
        ),
        (
            allow("s3:*"), "bob", "arn:aws:iam::210987654321:root", "allowed",
            {"IAM Policy": "allowed", "Resource Policy": "allowed"},
        ),
        (
            allow("s3:*"), "eve", "210987654321", "implicitDeny",
            {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"},
        ),
    ],
)  # fmt: skip
def test_resource_policy(iam: Any, identity: Any, caller: str, owner: Any, decision: str, details: Any) -> None:
    more = {"ResourceOwner": owner} if owner else {}
    found = custom(
        iam, policy(identity), ResourceArns=[BUCKET], ResourcePolicy=RESOURCE, CallerArn=f"{USER}{caller}", **more
    )
    assert found["EvalDecision"] == decision
    assert found["EvalDecisionDetails"] == details
    assert found["ResourceSpecificResults"][0].get("EvalDecisionDetails", {}) == details
    if identity["Effect"] == "Deny" and decision == "allowed":
        assert [item["SourcePolicyId"] for item in found["MatchedStatements"]] == ["ResourcePolicy"]
        assert found["MatchedStatements"][0]["SourcePolicyType"] == "resource"


def test_a_trust_policy_is_one(iam: Any) -> None:
    """The live service refuses what the trust policy denies, and so does the simulation."""
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}
    ask: Any = {
        "ResourceArns": [f"arn:aws:iam::{ACCOUNT}:role/R"],
        "CallerArn": f"{USER}bob",
        "action": "sts:AssumeRole",
    }
    found = custom(iam, policy(allow("*")), ResourcePolicy=json.dumps(trust), **ask)
    assert found["EvalDecision"] == "explicitDeny"


def test_a_principal(iam: Any, world: World) -> None:
    """Inline, group and managed policies and the boundary count; the caller's own keys are known."""
    world.user("David", allow("s3:GetObject", "arn:aws:s3:::${aws:username}/*"))
    iam.create_group(GroupName="G")
    iam.add_user_to_group(GroupName="G", UserName="David")
    iam.put_group_policy(GroupName="G", PolicyName="of-group", PolicyDocument=policy(allow("s3:PutObject")))
    own = iam.create_policy(PolicyName="mine", PolicyDocument=policy(allow("sqs:SendMessage")))["Policy"]["Arn"]
    for arn in (own, "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"):
        iam.attach_user_policy(UserName="David", PolicyArn=arn)

    def ask(action: str, resource: str = "*", **more: Any) -> Any:
        given = {"PolicySourceArn": f"{USER}David", "ActionNames": [action], "ResourceArns": [resource]}
        return iam.simulate_principal_policy(**given | more)["EvaluationResults"][0]

    expected = {
        ("s3:GetObject", "arn:aws:s3:::David/x"): ("own", "user"),
        ("s3:PutObject", "*"): ("of-group", "group"),
        ("sqs:SendMessage", "*"): ("mine", "user-managed"),
        ("ec2:DescribeInstances", "*"): ("AmazonEC2ReadOnlyAccess", "aws-managed"),
    }
    for (action, resource), source in expected.items():
        found = ask(action, resource)
        assert found["EvalDecision"] == "allowed"
        assert "aws:username" not in found["MissingContextValues"]
        assert [(m["SourcePolicyId"], m["SourcePolicyType"]) for m in found["MatchedStatements"]] == [source]
    assert ask("s3:GetObject", "arn:aws:s3:::Bob/x")["EvalDecision"] == "implicitDeny"
    bob = {"CallerArn": f"{USER}Bob"}  # Bob with David's policies
    assert ask("s3:GetObject", "arn:aws:s3:::Bob/x", **bob)["EvalDecision"] == "allowed"
    assert ask("kms:Encrypt", PolicyInputList=[policy(allow("kms:*"))])["EvalDecision"] == "allowed"
    iam.put_user_permissions_boundary(UserName="David", PermissionsBoundary=own)
    found = ask("s3:PutObject")
    assert found["EvalDecision"] == "implicitDeny"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    group = {"PolicySourceArn": f"arn:aws:iam::{ACCOUNT}:group/G"}
    assert ask("s3:PutObject", **group)["EvalDecision"] == "allowed"


def test_pages(iam: Any) -> None:
    actions = [f"s3:Action{number}" for number in range(5)]
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[DATED], ActionNames=actions, PaginationConfig={"PageSize": 2}
    )
    results = [[item["EvalActionName"] for item in page["EvaluationResults"]] for page in pages]
    assert results == [actions[:2], actions[2:4], actions[4:]]


def test_context_keys(iam: Any, world: World) -> None:
    text = policy(
        allow(
            "s3:*",
            "arn:aws:s3:::${aws:username}/${aws:PrincipalTag/team, 'none'}/${*}",
            Condition={
                "StringEquals": {"s3:prefix": "${aws:userid}"},
                "Bool": {"AWS:Username": "true", "aws:SecureTransport": "true"},
            },
        )
    )
    wanted = {"s3:prefix", "aws:username", "aws:userid", "aws:principaltag/team", "aws:securetransport"}
    found = iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"]
    assert {key.lower() for key in found} == wanted and len(found) == len(wanted)
    old = text.replace("2012-10-17", "2008-10-17")  # which has no variables
    found = iam.get_context_keys_for_custom_policy(PolicyInputList=[old])["ContextKeyNames"]
    assert {key.lower() for key in found} == {"s3:prefix", "aws:username", "aws:securetransport"}
    world.user("u", allow("s3:*", Condition={"StringEquals": {"aws:RequestedRegion": "x"}}))
    ask = {"PolicySourceArn": f"{USER}u"}
    assert iam.get_context_keys_for_principal_policy(**ask)["ContextKeyNames"] == ["aws:RequestedRegion"]
    both = iam.get_context_keys_for_principal_policy(**ask, PolicyInputList=[DATED])["ContextKeyNames"]
    assert both == ["aws:RequestedRegion", "aws:CurrentTime"]


def test_who_may_simulate(world: World, refused: Any) -> None:
    """INVARIANT: simulating shows what others may do, so that one must be allowed it for each of them."""
    keys = world.user("curious", allow("iam:SimulatePrincipalPolicy", f"{USER}curious"))
    world.user("other")
    client = world.client("iam", keys)
    ask = {"ActionNames": ["s3:GetObject"]}
    client.simulate_principal_policy(PolicySourceArn=f"{USER}curious", **ask)
    refused("AccessDenied", client.simulate_principal_policy, PolicySourceArn=f"{USER}other", **ask)
    refused("AccessDenied", client.simulate_custom_policy, PolicyInputList=[DATED], **ask)


# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
# A role that a resource policy names is limited by its boundary; a session that it names is not.
def test_a_role_named_by_a_resource_policy_stays_within_its_boundary(world: World, iam: Any) -> None:
    role = world.role("bounded")["Arn"]
    named = policy(allow("s3:GetObject", BUCKET, Principal={"AWS": role}))
    asked = {"ActionNames": ["s3:GetObject"], "ResourceArns": [BUCKET], "ResourcePolicy": named}
    for boundary, decision in ((allow("sqs:*"), "implicitDeny"), (allow("s3:*"), "allowed")):
        bounds = {"PermissionsBoundaryPolicyInputList": [policy(boundary)]}
        answer = iam.simulate_principal_policy(PolicySourceArn=role, CallerArn=role, **asked, **bounds)
        assert answer["EvaluationResults"][0]["EvalDecision"] == decision


@pytest.mark.parametrize(
    ("action", "resources", "template"),
    [
        ("s3:GetObject", [BUCKET], "arn:${Partition}:s3:::${BucketName}/${ObjectName}"),
        ("s3:ListBucket", ["arn:aws:s3:::a", "arn:aws:s3:::b"], "arn:${Partition}:s3:::${BucketName}"),
        ("s3:ListBucket", [], "*"),
        ("s3:ListBucket", ["*"], "*"),
        ("s3:ListAllMyBuckets", ["arn:aws:s3:::a"], "*"),
        ("s3:GetObject", [BUCKET, "arn:aws:iam::123456789012:user/ann"], "*"),
        ("nothing:AtAll", [BUCKET], "*"),
    ],
)
def test_the_result_of_an_action_names_the_type_of_its_resources(
    iam: Any, action: str, resources: list[str], template: str
) -> None:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html"""
    given = {"ResourceArns": resources} if resources else {}
    assert custom(iam, policy(allow("*")), action=action, **given)["EvalResourceName"] == template
