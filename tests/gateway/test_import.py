"""An account from the authorization details of a real one: as it was, decided as it was, and no way around IAM."""

import copy
import json
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import Gateway
from .raw import Keys, statement

NEEDED = statement("Allow", ["kansatsu:ImportAccount", "iam:*"])
ELSEWHERE = "arn:aws:iam::999988887777:role/elsewhere"
AWS_READ = {"PolicyName": "ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


# What makes the role of an import a service-linked one.
LINKED: dict[str, Any] = {
    "Path": "/aws-service-role/ecs.amazonaws.com/",
    "AssumeRolePolicyDocument": document(
        {"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ),
    "InstanceProfileList": [],
    "RolePolicyList": [],
}


def details(account: str, mark: str) -> dict[str, Any]:
    """As the AWS CLI prints them; `mark` makes the unique ids this document's own."""
    arn = f"arn:aws:iam::{account}:"
    made = "2021-03-04T05:06:07+00:00"
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": [f"{arn}user/people/ana", ELSEWHERE, "AIDAGONEGONEGONEGONE1"]},
            "Action": "sts:AssumeRole",
        }
    )  # fmt: skip
    profile = {
        "Path": "/", "InstanceProfileName": "web", "InstanceProfileId": f"AIPA{mark}PROFILE00001",
        "Arn": f"{arn}instance-profile/web", "CreateDate": made,
        "Roles": [{
            "Path": "/svc/", "RoleName": "web", "RoleId": f"AROA{mark}ROLE00000001", "Arn": f"{arn}role/svc/web",
            "CreateDate": made, "AssumeRolePolicyDocument": trust,
        }],
    }  # fmt: skip
    versions = [
        {"Document": document(statement("Allow", action)), "VersionId": f"v{number}", "IsDefaultVersion": number == 3,
         "CreateDate": made}
        for number, action in ((5, "s3:PutObject"), (3, "iam:ListRoles"))
    ]  # fmt: skip
    own = {"PolicyName": "own", "PolicyArn": f"{arn}policy/team/own"}
    return {
        "UserDetailList": [{
            "Path": "/people/", "UserName": "ana", "UserId": f"AIDA{mark}USER00000001", "Arn": f"{arn}user/people/ana",
            "CreateDate": made, "GroupList": ["staff"], "AttachedManagedPolicies": [AWS_READ],
            "UserPolicyList": [{"PolicyName": "in", "PolicyDocument": document(statement("Allow", "sqs:*"))}],
            "PermissionsBoundary": {
                "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": own["PolicyArn"],
            },
            "Tags": [{"Key": "Team", "Value": "red"}],
        }],
        "GroupDetailList": [{
            "Path": "/", "GroupName": "staff", "GroupId": f"AGPA{mark}GROUP0000001", "Arn": f"{arn}group/staff",
            "CreateDate": made, "GroupPolicyList": [], "AttachedManagedPolicies": [own],
        }],
        "RoleDetailList": [{
            "Path": "/svc/", "RoleName": "web", "RoleId": f"AROA{mark}ROLE00000001", "Arn": f"{arn}role/svc/web",
            "CreateDate": made, "AssumeRolePolicyDocument": trust, "InstanceProfileList": [profile],
            "RolePolicyList": [{"PolicyName": "in", "PolicyDocument": document(statement("Allow", "iam:ListUsers"))}],
            "AttachedManagedPolicies": [], "Tags": [], "RoleLastUsed": {},
        }],
        "Policies": [{
            "PolicyName": "own", "PolicyId": f"ANPA{mark}POLICY000001", "Arn": own["PolicyArn"], "Path": "/team/",
            "DefaultVersionId": "v3", "AttachmentCount": 1, "PermissionsBoundaryUsageCount": 1, "IsAttachable": True,
            "Description": "of the team", "CreateDate": made, "UpdateDate": "2022-03-04T05:06:07+00:00",
            "PolicyVersionList": versions,
        }],
    }  # fmt: skip


class Account:
    """A new account with its administrator."""

    def __init__(self, gateway: Gateway) -> None:
        made = gateway.client("kansatsu").create_account()
        self.id = made["Account"]["Id"]
        self.admin = Keys(made["AccessKeyId"], made["SecretAccessKey"])
        self.iam, self.control = (gateway.client(name, self.admin) for name in ("iam", "kansatsu"))

    def take(self, document: object, **more: Any) -> Any:
        return self.control.import_account(Document=json.dumps(document), **more)

    def shown(self) -> dict[str, Any]:
        """The details again, without the administrator."""
        found = self.iam.get_account_authorization_details()
        plain = json.loads(json.dumps(found, default=datetime.isoformat))
        kept = {name: plain[name] for name in details("1", "")}
        kept["UserDetailList"] = [user for user in kept["UserDetailList"] if user["UserName"] != "admin"]
        kept["Policies"] = [policy for policy in kept["Policies"] if not policy["Arn"].startswith("arn:aws:iam::aws:")]
        return kept


@pytest.fixture
def account(gateway: Gateway) -> Account:
    return Account(gateway)


def refusal(account: Account, document: object, **more: Any) -> str:
    """Why nothing was imported; and nothing was."""
    before = account.shown()
    with pytest.raises(ClientError) as caught:
        account.take(document, **more)
    assert account.shown() == before
    return str(caught.value.response["Error"]["Message"])


def test_what_comes_out_is_what_went_in(gateway: Gateway, account: Account) -> None:
    given = details(account.id, "AAAA")
    counted = account.take(given)
    assert [counted[name] for name in ("Users", "Groups", "Roles", "Policies")] == [1, 1, 1, 1]
    assert without_empty(account.shown()) == without_empty(given)
    # And it decides: the user by group and boundary, the role by its trust policy.
    key = account.iam.create_access_key(UserName="ana")["AccessKey"]
    ana = Keys(key["AccessKeyId"], key["SecretAccessKey"])
    gateway.client("iam", ana).list_roles()
    with pytest.raises(ClientError, match="no permissions boundary allows the iam:ListUsers"):
        gateway.client("iam", ana).list_users()
    role = f"arn:aws:iam::{account.id}:role/svc/web"
    account.iam.delete_user_permissions_boundary(UserName="ana")
    session = gateway.client("sts", ana).assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    web = Keys(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    gateway.client("iam", web).list_users()
    made = account.iam.create_policy_version(
        PolicyArn=f"arn:aws:iam::{account.id}:policy/team/own", PolicyDocument=raw.document(statement("Allow", "s3:*"))
    )
    assert made["PolicyVersion"]["VersionId"] == "v6"


def without_empty(shown: Any) -> Any:
    """Lists that are empty may be there or not; versions come in any order."""
    if isinstance(shown, dict):
        kept = {name: without_empty(value) for name, value in shown.items() if value not in ([], {})}
        if versions := kept.get("PolicyVersionList"):
            kept["PolicyVersionList"] = sorted(versions, key=lambda each: str(each["VersionId"]))
        return kept
    return [without_empty(each) for each in shown] if isinstance(shown, list) else shown


def test_twice_is_refused_and_another_account_takes_its_own_id(account: Account) -> None:
    given = details("111122223333", "BBBB")
    assert "details of account 111122223333" in refusal(account, given)
    account.take(given, IntoEmpty=False)
    role = account.shown()["RoleDetailList"][0]
    assert role["Arn"] == f"arn:aws:iam::{account.id}:role/svc/web"
    [trusted, *_] = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    assert trusted == f"arn:aws:iam::{account.id}:user/people/ana"
    assert "is not empty" in refusal(account, details(account.id, "CCCC"))
    message = refusal(account, given, IntoEmpty=False)
    assert "user ana: there is one of that name already." in message


WRONG: list[tuple[tuple[str, ...], Any, str]] = [
    (("UserDetailList", "UserName"), "no/slash", "user no/slash: The specified value for userName is invalid."),
    (("UserDetailList", "UserId"), "AROA000000000000", "is no unique id"),
    (("UserDetailList", "GroupList"), ["nobody"], "user ana: it is in the group nobody"),
    (("UserDetailList", "CreateDate"), "yesterday", "user ana: it is not of the documented form"),
    (("UserDetailList", "Tags"), [{"Key": "aws:x", "Value": ""}], "user ana: "),
    (("GroupDetailList", "AttachedManagedPolicies"),
     [{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/None"}], "group staff: there is no policy"),
    (("RoleDetailList", "AssumeRolePolicyDocument"), {"Version": "2012-10-17"}, "role web: "),
    (("RoleDetailList", "Path"), "/aws-service-role/x.amazonaws.com/", "service-linked role may trust services only"),
    (("Policies", "PolicyVersionList"), [], "policy own: "),
    (("Policies", "Description"), {}, "policy own: "),
    (("Policies", "CreateDate"), float("inf"), "policy own: it is not of the documented form"),
    (("UserDetailList", "GroupList"), ["staff", "staff"], "is there twice"),
    (("UserDetailList", "AttachedManagedPolicies"), [AWS_READ, AWS_READ], "ReadOnlyAccess is there twice"),
    (("RoleDetailList", "RoleName"), 7, "role 7: "),
    (("RoleDetailList", "InstanceProfileList"), 7, "role web: it is not of the documented form"),
    (("UserDetailList", "UserId"), ["x"], "user ana: it is not of the documented form"),
    (("Policies", "DefaultVersionId"), "v9", "policy own: it has no v9"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "said"), WRONG, ids=[".".join(path) for path, _, _ in WRONG])
def test_each_bad_thing_is_named_and_nothing_is_done(
    account: Account, path: tuple[str, ...], value: Any, said: str
) -> None:
    given = details(account.id, "DDDD")
    section, member = path
    given[section][0][member] = value
    message = refusal(account, given)
    assert message.startswith("Nothing was imported:\n") and said in message


def test_a_trust_policy_names_nobody_of_an_account_here_whom_there_is_not(account: Account) -> None:
    given = details(account.id, "EEEE")
    principal = given["RoleDetailList"][0]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    for absent in (f"arn:aws:iam::{account.id}:user/bob", "arn:aws:iam::123456789012:role/nobody-of-that-name"):
        principal["AWS"] = absent
        assert f'Invalid principal in policy: "AWS":"{absent}"' in refusal(account, given)


def test_a_user_of_the_administrators_name_keeps_it(account: Account) -> None:
    given = details(account.id, "RRRR")
    user = given["UserDetailList"][0]
    user |= {"UserName": "Admin", "Arn": f"arn:aws:iam::{account.id}:user/people/Admin"}
    for role in (given["RoleDetailList"][0], given["RoleDetailList"][0]["InstanceProfileList"][0]["Roles"][0]):
        role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"] = user["Arn"]
    broken = copy.deepcopy(given)
    broken["RoleDetailList"][0]["Path"] = "none"
    assert "role web: " in refusal(account, broken)
    assert account.iam.get_user()["User"]["UserName"] == "admin"  # nor is anything of it left
    assert account.take(given)["Administrator"] == "kansatsu-admin"
    assert account.iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account.id}:user/kansatsu-admin"
    shown = account.shown()
    shown["UserDetailList"] = [each for each in shown["UserDetailList"] if each["UserName"] != "kansatsu-admin"]
    assert without_empty(shown) == without_empty(given)
    assert "is not empty" in refusal(account, given)


def test_an_account_is_opened_with_all_that_is_imported_or_not_at_all(gateway: Gateway) -> None:
    control, wanted = gateway.client("kansatsu"), "777788889999"
    given = details(wanted, "SSSS")
    broken = copy.deepcopy(given)
    broken["RoleDetailList"][0]["AssumeRolePolicyDocument"] = {}  # the last thing that is looked at
    for wrong in (broken, details("111122223333", "SSSS"), {}):
        with pytest.raises(ClientError, match="InvalidInput"):
            control.create_account(AccountId=wanted, Document=json.dumps(wrong))
        assert wanted not in {each["Id"] for each in control.list_accounts()["Accounts"]}
    made = control.create_account(AccountId=wanted, Document=json.dumps(given))
    assert (made["Imported"]["AccountId"], made["Imported"]["Roles"]) == (wanted, 1)
    iam = gateway.client("iam", Keys(made["AccessKeyId"], made["SecretAccessKey"]))
    assert iam.get_role(RoleName="web")["Role"]["RoleId"] == "AROASSSSROLE00000001"


def test_ids_are_unique_in_the_installation(gateway: Gateway, account: Account) -> None:
    account.take(details(account.id, "FFFF"))
    other = Account(gateway)
    assert "AROAFFFFROLE00000001: something in this installation" in refusal(other, details(other.id, "FFFF"))


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", '{"UserDetailList": 7}', '{"UserDetailList": [7]}'])
def test_what_is_no_such_document(account: Account, text: str) -> None:
    with pytest.raises(ClientError, match="InvalidInput"):
        account.control.import_account(Document=text)
    assert refusal(account, {**details(account.id, "GGGG"), "IsTruncated": True}).startswith("This is only a page")


@pytest.mark.parametrize(
    "statements",
    [
        [statement("Allow", "kansatsu:*")],
        [NEEDED, statement("Deny", "iam:CreateRole", "arn:aws:iam::*:role/admin")],
        [statement("Allow", "kansatsu:*"), statement("Allow", "iam:*", "arn:aws:iam::*:user/*")],
        [statement("Allow", "iam:*")],
    ],
)
def test_who_may_not_make_all_of_it_imports_nothing(
    gateway: Gateway, account: Account, statements: list[dict[str, Any]]
) -> None:
    """INVARIANT: an import is no way around a policy of IAM."""
    account.iam.create_user(UserName="sly")
    account.iam.put_user_policy(UserName="sly", PolicyName="p", PolicyDocument=raw.document(*statements))
    key = account.iam.create_access_key(UserName="sly")["AccessKey"]
    control = gateway.client("kansatsu", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    given = copy.deepcopy(details(account.id, "HHHH"))
    with pytest.raises(ClientError, match="AccessDenied"):
        control.import_account(Document=json.dumps(given), IntoEmpty=False)
    assert not account.shown()["RoleDetailList"]


@pytest.mark.parametrize(
    ("action", "condition"),
    [
        ("iam:AttachUserPolicy", {"ArnEquals": {"iam:PolicyARN": AWS_READ["PolicyArn"]}}),
        ("iam:CreateUser", {"StringEquals": {"aws:RequestTag/team": "red"}}),
        ("iam:TagUser", {"ForAnyValue:StringEquals": {"aws:TagKeys": "Team"}}),
        ("iam:CreateServiceLinkedRole", {"StringEquals": {"iam:AWSServiceName": "ecs.amazonaws.com"}}),
        ("iam:PassRole", {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
        ("iam:PutUserPermissionsBoundary", {"ArnLike": {"iam:PermissionsBoundary": "arn:aws:iam::*:policy/team/own"}}),
    ],
)
@pytest.mark.parametrize("temporary", [False, True])
def test_a_denial_on_a_condition_is_not_passed_by(
    gateway: Gateway, account: Account, action: str, condition: dict[str, Any], temporary: bool
) -> None:
    """INVARIANT: what an import attaches, bounds and tags is asked about, as the operations that it stands for are."""
    deny = statement("Deny", action) | {"Condition": condition}
    name = "sly"
    trust = document({"Effect": "Allow", "Principal": {"AWS": account.id}, "Action": "sts:AssumeRole"})
    account.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    role = account.iam.get_role(RoleName=name)["Role"]["Arn"]
    own = raw.document(NEEDED, deny, statement("Allow", "sts:*"))
    account.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=own)
    account.iam.create_user(UserName=name)
    account.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=own)
    key = account.iam.create_access_key(UserName=name)["AccessKey"]
    keys = Keys(key["AccessKeyId"], key["SecretAccessKey"])
    if temporary:
        key = gateway.client("sts", keys).assume_role(RoleArn=role, RoleSessionName=name)["Credentials"]
        keys = Keys(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    made = details(account.id, "LLLL")
    if action == "iam:CreateServiceLinkedRole":
        made["RoleDetailList"][0] |= LINKED
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("kansatsu", keys).import_account(Document=json.dumps(made), IntoEmpty=False)
    assert not account.shown()["GroupDetailList"]


def test_whom_others_trust_comes_back_in_no_other_account(gateway: Gateway, account: Account) -> None:
    """INVARIANT: a trust policy that names one who is gone is none for whoever imports its unique id."""
    Account(gateway).take(details("444455556666", "MMMM"), IntoEmpty=False)
    given = details(account.id, "NNNN")
    given["UserDetailList"][0]["UserId"] = "AIDAGONEGONEGONEGONE1"
    assert "AIDAGONEGONEGONEGONE1: a role of another account trusts" in refusal(account, given)


def test_who_was_deleted_here_never_comes_back(gateway: Gateway, account: Account) -> None:
    """The attack: a bucket of another account lets in one who is gone, and somebody imports the unique id."""
    other, bucket = Account(gateway), gateway.bucket()
    gone = other.iam.create_user(UserName="gone")["User"]
    lets = {"Effect": "Allow", "Principal": {"AWS": gone["Arn"]}, "Action": "s3:ListBucket"}
    text = json.dumps(document({**lets, "Resource": f"arn:aws:s3:::{bucket}"}))
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=text)
    other.iam.delete_user(UserName="gone")
    given = details(account.id, "OOOO")
    user = given["UserDetailList"][0]
    user["UserId"] = gone["UserId"]
    user["UserPolicyList"][0]["PolicyDocument"] = document(statement("Allow", "*"))
    del user["PermissionsBoundary"]
    assert account.take(given)["RenewedIds"] == 1
    made = account.iam.get_user(UserName="ana")["User"]
    assert made["UserId"].startswith("AIDA") and made["UserId"] != gone["UserId"]
    key = account.iam.create_access_key(UserName="ana")["AccessKey"]
    s3 = gateway.client("s3", Keys(key["AccessKeyId"], key["SecretAccessKey"]))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket=bucket)


def test_an_account_is_copied_into_another_of_this_installation(gateway: Gateway, account: Account) -> None:
    given = details(account.id, "PPPP")
    assert account.take(given)["RenewedIds"] == 0
    other = Account(gateway)
    assert other.take(given, IntoEmpty=False)["RenewedIds"] == 5
    ids = [{each[f"{kind}Id"] for each in shown[f"{kind}DetailList"]} for shown in (account.shown(), other.shown())
           for kind in ("User", "Group", "Role")]  # fmt: skip
    assert not any(one & two for one, two in zip(ids[:3], ids[3:], strict=True))
    assert other.iam.get_group(GroupName="staff")["Users"][0]["UserName"] == "ana"
    trusted = other.shown()["RoleDetailList"][0]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["AWS"]
    assert f"arn:aws:iam::{other.id}:user/people/ana" in trusted


def test_a_service_linked_role_can_be_deleted_afterwards(account: Account) -> None:
    given = details(account.id, "QQQQ")
    role = given["RoleDetailList"][0]
    inline = {name: role[name] for name in ("InstanceProfileList", "RolePolicyList")}
    role |= LINKED | inline
    assert "has neither inline policies nor instance profiles" in refusal(account, given)
    role |= LINKED
    account.take(given)
    task = account.iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    assert account.iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
