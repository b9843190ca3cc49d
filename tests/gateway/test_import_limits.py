"""What no account of AWS has is not imported, and what one may have been granted is.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest

from kansatsu.identity.quotas import Quotas

from .conftest import Gateway
from .raw import statement
from .test_import import LINKED, Account, account, details, document, refusal, without_empty

__all__ = ["account"]
FOR_LINKED = {
    "PolicyName": "AmazonECSServiceRolePolicy",
    "PolicyArn": "arn:aws:iam::aws:policy/aws-service-role/AmazonECSServiceRolePolicy",
}
FOREIGN = document(statement("Allow", "s3:*", "*", {"StringEquals": {"aws:PrincipalTag/team": "é" * 1800 + "語"}}))
ADMIN = {"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
ALONE = "AmazonECSServiceRolePolicy is for service-linked roles alone."
PATH = "The path of a service-linked role is /aws-service-role/, its service (x.amazonaws.com) and a slash."
Given = dict[str, Any]


_marks = count()


def mark() -> str:
    """Makes the unique ids of a document its own."""
    return f"W{next(_marks):03}"


def of(section: str, **members: Any) -> Callable[[Given], None]:
    """Set members of the first thing of a section."""
    return lambda given: given[f"{section}DetailList"][0].update(members)


def linked(**members: Any) -> Callable[[Given], None]:
    return of("Role", **{**LINKED, "AttachedManagedPolicies": [FOR_LINKED], **members})


def profile(given: Given) -> dict[str, Any]:
    found: dict[str, Any] = given["RoleDetailList"][0]["InstanceProfileList"][0]
    return found


def boundary(policy: dict[str, str]) -> dict[str, str]:
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy["PolicyArn"]}


def own(number: int, mark: str, made: str = "2021-03-04T05:06:07+00:00") -> tuple[dict[str, str], dict[str, Any]]:
    """A managed policy: as it is attached, and itself."""
    named = {"PolicyName": f"p{number}", "PolicyArn": f"arn:aws:iam::ACCOUNT:policy/p{number}"}
    version = {"Document": document(statement("Allow", "s3:*")), "VersionId": "v1", "IsDefaultVersion": True,
               "CreateDate": made}  # fmt: skip
    return named, {
        "PolicyName": named["PolicyName"], "Arn": named["PolicyArn"], "Path": "/", "CreateDate": made,
        "PolicyId": f"ANPA{mark}MANY{number:08}", "DefaultVersionId": "v1", "AttachmentCount": 1,
        "PermissionsBoundaryUsageCount": 0, "IsAttachable": True, "UpdateDate": made, "PolicyVersionList": [version],
    }  # fmt: skip


def many(section: str, number: int) -> Callable[[Given], None]:
    """So many policies at the first user, group or role."""

    def change(given: Given) -> None:
        owner = given[f"{section}DetailList"][0]
        mark = given["Policies"][0]["PolicyId"][4:8]
        text = json.dumps([own(each, mark) for each in range(number)])
        pairs = json.loads(text.replace("ACCOUNT", given["Policies"][0]["Arn"].split(":")[4]))
        owner["AttachedManagedPolicies"] = [pair[0] for pair in pairs]
        given["Policies"] += [pair[1] for pair in pairs]

    return change


def long(length: int) -> dict[str, Any]:
    """A policy of some more characters than that."""
    return document(statement("Allow", "s3:*", "arn:aws:s3:::" + "x" * length))


def trusting(length: int) -> dict[str, Any]:
    principals = [f"arn:aws:iam::999988887777:role/{number:030}" for number in range(length // 60 + 1)]
    return document({"Effect": "Allow", "Principal": {"AWS": principals}, "Action": "sts:AssumeRole"})


def later(**by: float) -> str:
    return (datetime.now(UTC) + timedelta(**by)).isoformat()


# INVARIANT: no import hangs on a service-linked role, which SCPs do not limit, what would be an administrator.
REFUSED: dict[str, tuple[Callable[[Given], None], str]] = {
    "for a service, at a role": (of("Role", AttachedManagedPolicies=[FOR_LINKED]), ALONE),
    "for a service, at a user": (of("User", AttachedManagedPolicies=[FOR_LINKED]), ALONE),
    "for a service, at a group": (of("Group", AttachedManagedPolicies=[FOR_LINKED]), ALONE),
    "for a service, as a boundary": (of("User", PermissionsBoundary=boundary(FOR_LINKED)), ALONE),
    "for a service, at a user with a role's name": (
        of("User", RoleName="web", Path="/aws-service-role/ecs.amazonaws.com/", AttachedManagedPolicies=[FOR_LINKED]),
        "user ana: a user has no RoleName.",
    ),
    "an administrator that is a service": (
        linked(AttachedManagedPolicies=[ADMIN]),
        "role web: arn:aws:iam::aws:policy/AdministratorAccess is no policy for service-linked roles.",
    ),
    "a policy of its own": (many("Role", 1), ""),
    "a boundary": (linked(PermissionsBoundary=boundary(ADMIN)), "AdministratorAccess is no policy for service-linked"),
    "a boundary for a service": (linked(PermissionsBoundary=boundary(FOR_LINKED)), "has no permissions boundary."),
    "up": (linked(Path="/aws-service-role/x/../"), PATH),
    "up from a service": (linked(Path="/aws-service-role/ecs.amazonaws.com/../"), PATH),
    "further down": (linked(Path="/aws-service-role/ecs.amazonaws.com/x/"), PATH),
    "of no service": (linked(Path="/aws-service-role/"), PATH),
    "of another's service": (linked(Path="/aws-service-role/example.com/"), PATH),
    "with an empty part": (linked(Path="/aws-service-role//ecs.amazonaws.com/"), PATH),
    "made in the year 9999": (of("User", CreateDate="9999-12-31T23:59:59+00:00"), "user ana: nothing was made at 9999"),
    "made in two days": (of("Role", CreateDate=later(days=2)), "role web: nothing was made at "),
    "made before there was a clock": (of("Group", CreateDate="0001-01-01T00:00:00+14:00"), "group staff: nothing was"),
    "made at a number": (of("User", CreateDate=1e11), "user ana: nothing was made at 100000000000.0."),
    "26 policies": (many("Role", 26), "role web: Cannot exceed quota for PoliciesPerRole: 25"),
    "21 policies": (many("User", 21), "user ana: Cannot exceed quota for PoliciesPerUser: 20"),
    "11 policies": (many("Group", 11), "group staff: Cannot exceed quota for PoliciesPerGroup: 10"),
    "11 groups": (of("User", GroupList=["staff"] * 11), "user ana: Cannot exceed quota for GroupsPerUser: 10"),
    "inline, too long": (
        of("Role", RolePolicyList=[{"PolicyName": "in", "PolicyDocument": long(10240)}]),
        "role web: Maximum policy size of 10240 bytes exceeded for role web",
    ),
    "a long trust policy": (of("Role", AssumeRolePolicyDocument=trusting(8300)), "quota for ACLSizePerRole: 8192"),
    "a long policy": (
        lambda given: given["Policies"][0]["PolicyVersionList"][0].update(Document=long(6144)),
        "policy own: Cannot exceed quota for PolicySize: 6144",
    ),
    "51 tags of a profile": (
        lambda given: profile(given).update(Tags=[{"Key": f"k{number}", "Value": ""} for number in range(51)]),
        "role web: 1 validation error detected: Value",
    ),
    "a long tag of a profile": (
        lambda given: profile(given).update(Tags=[{"Key": "k" * 129, "Value": ""}]),
        "Member must have length less than or equal to 128",
    ),
    "six versions": (
        lambda given: given["Policies"][0].update(
            PolicyVersionList=[
                given["Policies"][0]["PolicyVersionList"][1] | {"VersionId": f"v{number}"} for number in range(1, 7)
            ]
        ),
        "policy own: A managed policy can have up to 5 versions.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_attack_what_no_account_has_is_named_and_nothing_is_done(account: Account, what: str) -> None:
    change, said = REFUSED[what]
    given = details(account.id, mark())
    change(given)
    if what == "a policy of its own":
        policy = given["RoleDetailList"][0]["AttachedManagedPolicies"]
        linked(AttachedManagedPolicies=policy)(given)
        said = f"role web: {policy[0]['PolicyArn']} is no policy for service-linked roles."
    message = refusal(account, given)
    assert message.startswith("Nothing was imported:\n") and said in message


GRANTED: dict[str, Callable[[Given], None]] = {
    "25 policies at a role": many("Role", 25),
    "20 policies at a user": many("User", 20),
    "a trust policy of twice the default": of("Role", AssumeRolePolicyDocument=trusting(4000)),
    "a service-linked role": linked(),
    "a path that only begins so": of("Role", Path="/aws-service-role-of-ours/x/"),
    "characters that are escaped": of("User", UserPolicyList=[{"PolicyName": "in", "PolicyDocument": FOREIGN}]),
}  # fmt: skip


@pytest.mark.parametrize("what", GRANTED)
def test_what_an_account_may_have_been_granted_is_taken(account: Account, what: str) -> None:
    given = details(account.id, mark())
    GRANTED[what](given)
    for each in given["RoleDetailList"][0]["InstanceProfileList"]:
        each["Roles"][0] |= {
            name: given["RoleDetailList"][0][name] for name in ("Path", "AssumeRolePolicyDocument")
        } | {"Arn": given["RoleDetailList"][0]["Arn"]}
    path = given["RoleDetailList"][0]["Path"]
    arn = f"arn:aws:iam::{account.id}:role{path}web"
    account.take(json.loads(json.dumps(given).replace(f"arn:aws:iam::{account.id}:role/svc/web", arn)))
    shown = without_empty(account.shown())
    assert [len(shown[name]) for name in ("UserDetailList", "RoleDetailList")] == [1, 1]
    [role], [user] = shown["RoleDetailList"], shown["UserDetailList"]
    assert (role["Arn"], len(role.get("AttachedManagedPolicies", []))) == (
        arn, len(given["RoleDetailList"][0]["AttachedManagedPolicies"])
    )  # fmt: skip
    assert len(user["AttachedManagedPolicies"]) == len(given["UserDetailList"][0]["AttachedManagedPolicies"])
    assert user["UserPolicyList"] == given["UserDetailList"][0]["UserPolicyList"]


@pytest.mark.parametrize(
    ("quota", "limit", "fits"),
    [
        ("RolesPerAccount", 0, False),
        ("RolesPerAccount", 1, True),
        ("UsersPerAccount", 1, True),  # its administrator is not counted
        ("UsersPerAccount", 0, False),
        ("PoliciesPerAccount", 0, False),
        ("InstanceProfilesPerAccount", 0, False),
        ("GroupsPerAccount", 0, False),
        ("GroupsPerUser", 0, False),
        ("PoliciesPerUser", 0, False),
        ("PoliciesPerUser", None, True),
    ],
)
def test_a_setting_holds_for_imports_too(
    gateway: Gateway, account: Account, monkeypatch: pytest.MonkeyPatch, quota: str, limit: int | None, fits: bool
) -> None:
    monkeypatch.setattr(gateway.store, "quotas", Quotas({quota: limit}))
    given = details(account.id, mark())
    if fits:
        assert account.take(given)["Users"] == 1
    else:
        assert f"Cannot exceed quota for {quota}: {limit}" in refusal(account, given)


@pytest.mark.parametrize("value", [None, "\ud800", "/\udfff\ud800/"])
@pytest.mark.parametrize("place", ["Path", "UserName", "UserId", "GroupList"])
def test_attack_what_neither_an_answer_nor_the_store_can_hold(account: Account, place: str, value: Any) -> None:
    """Half of a character, or nothing where something must be: an internal error, once."""
    made = details(account.id, "HALF")
    made["UserDetailList"][0][place] = [value] if place == "GroupList" else value
    assert refusal(account, made)
