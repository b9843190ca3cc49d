"""Managed, inline and attached policies, and boundaries, through boto3."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import ACCOUNT, EC2_TRUST, POLICY, World

Refused = Callable[..., str]
KINDS = ("User", "Group", "Role")
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"
SERVICE_ROLE = "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy"
NOWHERE = f"arn:aws:iam::{ACCOUNT}:policy/nowhere"


def document(*actions: str) -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
    )


def sized(size: int) -> str:
    """A valid document of that many characters without white space, with much white space besides."""
    head = document("s3:GetObject").replace(" ", "").replace("GetObject", "G%")
    return head.replace("%", "e" * (size - len(head) + 1)).replace(",", ",\n \t")


@pytest.fixture(params=KINDS)
def owner(request: pytest.FixtureRequest, iam: Any) -> tuple[str, dict[str, str]]:
    kind = request.param
    more = {"AssumeRolePolicyDocument": json.dumps(EC2_TRUST)} if kind == "Role" else {}
    getattr(iam, f"create_{kind.lower()}")(**{f"{kind}Name": "own"}, **more)
    return kind.lower(), {f"{kind}Name": "own"}


def test_inline_policies(iam: Any, owner: tuple[str, dict[str, str]], refused: Refused) -> None:
    kind, named = owner
    put, get = getattr(iam, f"put_{kind}_policy"), getattr(iam, f"get_{kind}_policy")
    put(**named, PolicyName="b+c", PolicyDocument=json.dumps(POLICY, indent=4))
    put(**named, PolicyName="a", PolicyDocument=document("s3:*"))
    found = get(**named, PolicyName="b+c")
    assert found["PolicyDocument"] == POLICY
    assert {name: found[name] for name in named} == named
    names = getattr(iam, f"list_{kind}_policies")
    first = names(**named, MaxItems=1)
    assert (first["PolicyNames"], first["IsTruncated"]) == (["a"], True)
    assert names(**named, Marker=first["Marker"])["PolicyNames"] == ["b+c"]
    put(**named, PolicyName="a", PolicyDocument=document("ec2:*"))
    assert get(**named, PolicyName="a")["PolicyDocument"]["Statement"][0]["Action"] == ["ec2:*"]
    getattr(iam, f"delete_{kind}_policy")(**named, PolicyName="a")
    for verb in ("get", "delete"):
        message = refused("NoSuchEntity", getattr(iam, f"{verb}_{kind}_policy"), **named, PolicyName="a")
        assert message == f"The {kind} policy with name a cannot be found."


@pytest.mark.parametrize("text", ["{", "{}", json.dumps(EC2_TRUST), '{"Statement": {"Effect": "Maybe"}}'])
def test_bad_documents_are_refused_everywhere(
    iam: Any, owner: tuple[str, dict[str, str]], text: str, refused: Refused
) -> None:
    kind, named = owner
    put = getattr(iam, f"put_{kind}_policy")
    refused("MalformedPolicyDocument", put, **named, PolicyName="p", PolicyDocument=text)
    refused("MalformedPolicyDocument", iam.create_policy, PolicyName="p", PolicyDocument=text)
    arn = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    refused("MalformedPolicyDocument", iam.create_policy_version, PolicyArn=arn, PolicyDocument=text)


def test_inline_policies_share_one_quota(iam: Any, owner: tuple[str, dict[str, str]], refused: Refused) -> None:
    kind, named = owner
    limit = {"user": 2048, "group": 5120, "role": 10240}[kind]
    put = getattr(iam, f"put_{kind}_policy")
    put(**named, PolicyName="a", PolicyDocument=sized(limit - 200))
    put(**named, PolicyName="b", PolicyDocument=sized(200))
    put(**named, PolicyName="b", PolicyDocument=sized(200))
    message = refused("LimitExceeded", put, **named, PolicyName="b", PolicyDocument=sized(201))
    assert message == f"Maximum policy size of {limit} bytes exceeded for {kind} own"
    assert len(json.dumps(getattr(iam, f"get_{kind}_policy")(**named, PolicyName="b")["PolicyDocument"])) < 220


def test_attachments(iam: Any, owner: tuple[str, dict[str, str]], refused: Refused) -> None:
    kind, named = owner
    attach, detach = getattr(iam, f"attach_{kind}_policy"), getattr(iam, f"detach_{kind}_policy")
    arns = [
        iam.create_policy(PolicyName=f"p{n}", Path="/x/" if n % 2 else "/", PolicyDocument=json.dumps(POLICY))[
            "Policy"
        ]["Arn"]
        for n in range(10)
    ]
    for arn in arns:
        attach(**named, PolicyArn=arn)
    attach(**named, PolicyArn=arns[0])
    message = refused("LimitExceeded", attach, **named, PolicyArn=READ_ONLY)
    assert message == f"Cannot exceed quota for PoliciesPer{kind.capitalize()}: 10"
    detach(**named, PolicyArn=arns[9])
    attach(**named, PolicyArn=READ_ONLY)
    assert refused("NoSuchEntity", detach, **named, PolicyArn=arns[9]) == f"Policy {arns[9]} was not found."
    pages = list(
        iam.get_paginator(f"list_attached_{kind}_policies").paginate(**named, PaginationConfig={"PageSize": 4})
    )
    listed = [item for page in pages for item in page["AttachedPolicies"]]
    assert listed == [
        *({"PolicyName": f"p{n}", "PolicyArn": arns[n]} for n in range(9)),
        {"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY},
    ]
    below = getattr(iam, f"list_attached_{kind}_policies")(**named, PathPrefix="/x/")["AttachedPolicies"]
    assert [item["PolicyName"] for item in below] == ["p1", "p3", "p5", "p7"]


def test_what_cannot_be_attached(iam: Any, owner: tuple[str, dict[str, str]], refused: Refused) -> None:
    kind, named = owner
    attach = getattr(iam, f"attach_{kind}_policy")
    other = "arn:aws:iam::210987654321:policy/other"
    for arn in (NOWHERE, other, "arn:aws:iam::aws:policy/NoSuchPolicyOfAws"):
        message = refused("NoSuchEntity", attach, **named, PolicyArn=arn)
        assert message == f"Policy {arn} does not exist or is not attachable."
    message = refused("InvalidInput", attach, **named, PolicyArn="arn:aws:s3:::a-bucket-with-a-name")
    assert message == "ARN arn:aws:s3:::a-bucket-with-a-name is not valid."
    message = refused("PolicyNotAttachable", attach, **named, PolicyArn=SERVICE_ROLE)
    assert message == "Cannot attach a Service Role Policy to a Customer Role."


def test_a_managed_policy_and_its_life(iam: Any, refused: Refused) -> None:
    made = iam.create_policy(
        PolicyName="Pol", Path="/a/", PolicyDocument=json.dumps(POLICY, indent=1), Description="what for"
    )["Policy"]
    arn = made["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/a/Pol"
    assert made["PolicyId"].startswith("ANPA")
    assert (made["DefaultVersionId"], made["AttachmentCount"], made["IsAttachable"]) == ("v1", 0, True)
    assert refused("EntityAlreadyExists", iam.create_policy, PolicyName="POL", PolicyDocument=json.dumps(POLICY)) == (
        "A policy called POL already exists. Duplicate names are not allowed."
    )
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["Description"], found["Tags"]) == ("what for", [])
    for number in range(2, 6):
        version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(f"s3:A{number}"))["PolicyVersion"]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{number}", False)
    assert refused("LimitExceeded", iam.create_policy_version, PolicyArn=arn, PolicyDocument=document("s3:B")) == (
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
        "version."
    )
    pages = list(iam.get_paginator("list_policy_versions").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 2}))
    assert [item["VersionId"] for page in pages for item in page["Versions"]] == ["v5", "v4", "v3", "v2", "v1"]
    assert refused("DeleteConflict", iam.delete_policy_version, PolicyArn=arn, VersionId="v1") == (
        "Cannot delete the default version of a policy."
    )
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v3")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    assert refused("NoSuchEntity", iam.get_policy_version, PolicyArn=arn, VersionId="v1") == (
        f"Policy {arn} version v1 does not exist or is not attachable."
    )
    assert refused("DeleteConflict", iam.delete_policy, PolicyArn=arn).startswith(
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions."
    )
    again = iam.create_policy_version(PolicyArn=arn, PolicyDocument=document("s3:C"), SetAsDefault=True)
    assert again["PolicyVersion"]["VersionId"] == "v6"  # numbers are never used twice
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v6"
    shown = iam.get_policy_version(PolicyArn=arn, VersionId="v6")["PolicyVersion"]
    assert shown["IsDefaultVersion"]
    assert shown["Document"] == json.loads(document("s3:C"))
    for version in ("v2", "v3", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    iam.create_user(UserName="u", PermissionsBoundary=arn)
    assert refused("DeleteConflict", iam.delete_policy, PolicyArn=arn) == (
        "Cannot delete a policy attached to entities."
    )
    iam.delete_user_permissions_boundary(UserName="u")
    iam.delete_policy(PolicyArn=arn)
    assert refused("NoSuchEntity", iam.get_policy, PolicyArn=arn) == f"Policy {arn} was not found."


def test_the_quota_of_a_managed_policy_counts_no_white_space(iam: Any, refused: Refused) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=sized(6144))["Policy"]["Arn"]
    for function, named in ((iam.create_policy, {"PolicyName": "q"}), (iam.create_policy_version, {"PolicyArn": arn})):
        message = refused("LimitExceeded", function, **named, PolicyDocument=sized(6145))
        assert message == "Cannot exceed quota for PolicySize: 6144"
    assert [item["PolicyName"] for item in iam.list_policies(Scope="Local")["Policies"]] == ["p"]


def test_policies_of_aws_are_read_and_not_changed(iam: Any, refused: Refused) -> None:
    policy = iam.get_policy(PolicyArn=READ_ONLY)["Policy"]
    assert (policy["PolicyName"], policy["Path"], policy["IsAttachable"]) == ("ReadOnlyAccess", "/", True)
    version = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"]
    (listed,) = iam.list_policy_versions(PolicyArn=READ_ONLY)["Versions"]
    assert (listed["VersionId"], listed["IsDefaultVersion"]) == (policy["DefaultVersionId"], True)
    changes: list[tuple[Any, dict[str, Any]]] = [
        (iam.delete_policy, {}),
        (iam.create_policy_version, {"PolicyDocument": json.dumps(POLICY)}),
        (iam.set_default_policy_version, {"VersionId": "v1"}),
        (iam.delete_policy_version, {"VersionId": "v1"}),
        (iam.tag_policy, {"Tags": [{"Key": "k", "Value": "v"}]}),
    ]
    for function, params in changes:
        message = refused("AccessDenied", function, PolicyArn=READ_ONLY, **params)
        assert message == "Policy is outside your own account."


def test_lists_of_policies(iam: Any) -> None:
    used, bound, unused = (
        iam.create_policy(PolicyName=name, Path="/x/", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
        for name in ("used", "bound", "unused")
    )
    iam.create_user(UserName="u", PermissionsBoundary=bound)
    iam.attach_user_policy(UserName="u", PolicyArn=used)

    def listed(**params: Any) -> list[str]:
        pages = iam.get_paginator("list_policies").paginate(**params, PaginationConfig={"PageSize": 1000})
        return [item["Arn"] for page in pages for item in page["Policies"]]

    assert listed(Scope="Local") == [bound, unused, used]
    assert listed(Scope="Local", OnlyAttached=True) == [used]
    assert listed(Scope="Local", PolicyUsageFilter="PermissionsBoundary") == [bound]
    assert listed(Scope="Local", PolicyUsageFilter="PermissionsPolicy") == [used]
    assert listed(Scope="Local", PathPrefix="/y/") == []
    of_aws = listed(Scope="AWS")
    assert len(of_aws) > 1000
    assert all(arn.startswith("arn:aws:iam::aws:policy/") for arn in of_aws)
    everything = listed()
    assert sorted(everything) == sorted([*of_aws, bound, unused, used])
    assert "arn:aws:iam::aws:policy/AdministratorAccess" in listed(OnlyAttached=True)  # the administrator has it
    assert listed(Scope="AWS", PathPrefix="/job-function/")


def test_who_uses_a_policy(iam: Any) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    for name in ("a", "b"):
        iam.create_user(UserName=name, Path="/x/")
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(EC2_TRUST), PermissionsBoundary=arn)
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["AttachmentCount"], policy["PermissionsBoundaryUsageCount"]) == (3, 1)

    def users(**params: Any) -> list[str]:
        pages = iam.get_paginator("list_entities_for_policy").paginate(
            PolicyArn=arn, **params, PaginationConfig={"PageSize": 2}
        )
        return [item[f"{kind}Name"] for page in pages for kind in KINDS for item in page[f"Policy{kind}s"]]

    assert sorted(users()) == ["a", "b", "g", "r"]
    assert users(EntityFilter="User") == ["a", "b"]
    assert users(EntityFilter="Role") == ["r"]
    assert users(PolicyUsageFilter="PermissionsBoundary") == ["r"]
    assert sorted(users(PolicyUsageFilter="PermissionsPolicy")) == ["a", "b", "g"]
    assert users(PathPrefix="/x/") == ["a", "b"]


@pytest.mark.parametrize("kind", ["user", "role"])
def test_boundaries(iam: Any, world: World, kind: str, refused: Refused) -> None:
    if kind == "user":
        iam.create_user(UserName="own")
    else:
        world.role("own")
    named = {f"{kind.capitalize()}Name": "own"}
    put, remove = (getattr(iam, f"{verb}_{kind}_permissions_boundary") for verb in ("put", "delete"))
    get = getattr(iam, f"get_{kind}")
    put(**named, PermissionsBoundary=READ_ONLY)
    assert get(**named)[kind.capitalize()]["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    refused("NoSuchEntity", put, **named, PermissionsBoundary=NOWHERE)
    refused("InvalidInput", put, **named, PermissionsBoundary="not-an-arn-but-long-enough")
    remove(**named)
    assert "PermissionsBoundary" not in get(**named)[kind.capitalize()]
    refused("NoSuchEntity", remove, **named)


def test_a_boundary_that_does_not_exist_creates_nobody(iam: Any, refused: Refused) -> None:
    refused("NoSuchEntity", iam.create_user, UserName="u", PermissionsBoundary=NOWHERE)
    refused("NoSuchEntity", iam.get_user, UserName="u")
