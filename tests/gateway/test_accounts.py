"""Several accounts in one installation: who opens them, and that an administrator of one is nobody in another."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, EC2_TRUST, SECOND, Gateway
from .raw import Keys, statement

ASSUME = statement("Allow", "sts:AssumeRole")


def code_of(call: Callable[..., Any], **params: Any) -> str:
    """The error code of a call, or of the first thing that it says it did not do; "" when it succeeds."""
    try:
        answer = call(**params)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    failed = answer.get("Errors") if isinstance(answer, dict) else None
    return str(failed[0]["Code"]) if failed else ""


# INVARIANT: only the first account opens and lists accounts, whatever the policies of another say.
@pytest.mark.parametrize("operation", ["create_account", "list_accounts"])
def test_who_may(gateway: Gateway, operation: str) -> None:
    for keys in (gateway.stranger, gateway.user(), gateway.assume(gateway.role(statement("Allow", "s3:*")))):
        assert code_of(getattr(gateway.client("kansatsu", keys), operation)) == "AccessDeniedException"
    action = "kansatsu:" + operation.title().replace("_", "")
    allowed = gateway.user(statement("Allow", action, f"arn:aws:kansatsu::{ACCOUNT}:account/*"))
    getattr(gateway.client("kansatsu", allowed), operation)()


def test_a_policy_may_say_which_account(gateway: Gateway) -> None:
    one = gateway.user(
        statement("Allow", "kansatsu:CreateAccount", f"arn:aws:kansatsu::{ACCOUNT}:account/555555555555")
    )
    client = gateway.client("kansatsu", one)
    assert code_of(client.create_account, AccountId="666666666666") == "AccessDeniedException"
    assert client.create_account(AccountId="555555555555")["Account"]["Name"] == "555555555555"
    assert code_of(client.create_account, AccountId="555555555555") == "EntityAlreadyExists"


def test_each_account_has_its_names_for_itself(gateway: Gateway) -> None:
    mine, theirs = gateway.iam, gateway.client("iam", gateway.stranger)
    name = gateway.name("twin")
    arns = {client.create_user(UserName=name)["User"]["Arn"] for client in (mine, theirs)}
    assert arns == {f"arn:aws:iam::{account}:user/{name}" for account in (ACCOUNT, SECOND)}
    theirs.delete_user(UserName=name)
    assert mine.get_user(UserName=name)["User"]["UserName"] == name


TRUSTS: dict[str, dict[str, Any]] = {
    "account": {"Principal": {"AWS": SECOND}},
    "root": {"Principal": {"AWS": f"arn:aws:iam::{SECOND}:root"}},
    "external id": {
        "Principal": {"AWS": SECOND},
        "Condition": {"StringEquals": {"sts:ExternalId": "secret"}},
    },
    "first account alone": {"Principal": {"AWS": ACCOUNT}},
}


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html: both sides.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html: the external id is the deputy's customer's.
@pytest.mark.parametrize(
    ("trust", "identity", "external_id", "allowed"),
    [
        ("account", [ASSUME], None, True),
        ("root", [ASSUME], None, True),
        ("account", [], None, False),
        ("root", [], None, False),
        ("account", [statement("Allow", "sts:AssumeRole", f"arn:aws:iam::{SECOND}:role/*")], None, False),
        ("account", [ASSUME, statement("Deny", "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/*")], None, False),
        ("first account alone", [ASSUME], None, False),
        ("external id", [ASSUME], "secret", True),
        ("external id", [ASSUME], "another-customers", False),
        ("external id", [ASSUME], None, False),
    ],
)
def test_assume_role_needs_both_sides(
    gateway: Gateway, trust: str, identity: list[dict[str, Any]], external_id: str | None, allowed: bool
) -> None:
    role = gateway.role(
        statement("Allow", "iam:GetRole"), trust={"Effect": "Allow", "Action": "sts:AssumeRole"} | TRUSTS[trust]
    )
    theirs = gateway.client("iam", gateway.stranger)
    name = gateway.name("deputy")
    theirs.create_user(UserName=name)
    if identity:
        theirs.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=raw.document(*identity))
    made = theirs.create_access_key(UserName=name)["AccessKey"]
    sts = gateway.client("sts", Keys(made["AccessKeyId"], made["SecretAccessKey"]))
    params = {"RoleArn": role["Arn"], "RoleSessionName": "deputy"} | (
        {"ExternalId": external_id} if external_id else {}
    )
    if not allowed:
        assert code_of(sts.assume_role, **params) == "AccessDenied"
        return
    got = sts.assume_role(**params)["Credentials"]
    session = Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
    assert gateway.client("sts", session).get_caller_identity()["Account"] == ACCOUNT
    assert gateway.client("iam", session).get_role(RoleName=role["RoleName"])["Role"]["Arn"] == role["Arn"]


def test_a_principal_that_is_made_again_is_not_trusted(gateway: Gateway) -> None:
    """A trust in a user of another account is in that very user, whose unique id it holds."""
    theirs = gateway.client("iam", gateway.stranger)
    name = gateway.name("deputy")
    user_arn = theirs.create_user(UserName=name)["User"]["Arn"]
    trusted = gateway.role(trust={"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": user_arn}})

    def assumes() -> str:
        theirs.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=raw.document(ASSUME))
        made = theirs.create_access_key(UserName=name)["AccessKey"]
        sts = gateway.client("sts", Keys(made["AccessKeyId"], made["SecretAccessKey"]))
        code = code_of(sts.assume_role, RoleArn=trusted["Arn"], RoleSessionName="deputy")
        theirs.delete_access_key(UserName=name, AccessKeyId=made["AccessKeyId"])
        theirs.delete_user_policy(UserName=name, PolicyName="own")
        theirs.delete_user(UserName=name)
        return code

    assert assumes() == ""
    theirs.create_user(UserName=name)
    assert assumes() == "AccessDenied"


@pytest.fixture(name="mine", scope="module")
def things_of_the_first_account(gateway: Gateway) -> Iterator[dict[str, Any]]:
    """One of each, whose identifiers the stranger knows."""
    user = gateway.user(statement("Allow", "s3:ListAllMyBuckets"))
    denied = gateway.ask(raw.Ask("GET", "/" + gateway.bucket()), user, "s3")
    role = gateway.role()
    iam = gateway.iam
    policy = iam.create_policy(PolicyName=gateway.name("p"), PolicyDocument=raw.document(ASSUME))["Policy"]
    profile = iam.create_instance_profile(InstanceProfileName=gateway.name("ip"))["InstanceProfile"]
    runs = gateway.role(trust=EC2_TRUST)
    iam.add_role_to_instance_profile(InstanceProfileName=profile["InstanceProfileName"], RoleName=runs["RoleName"])
    register = gateway.client("kansatsu").register_process
    instance = register(Pid=os.getpid(), InstanceProfile=profile["InstanceProfileName"])["ProcessId"]
    task = gateway.role(trust={**EC2_TRUST, "Principal": {"Service": "ecs-tasks.amazonaws.com"}})
    associations = gateway.client("ec2").describe_iam_instance_profile_associations()
    process = register(Pid=os.getpid(), Role=task["RoleName"])["ProcessId"]
    yield {
        "user": user.name,
        "key": user.id,
        "role": role,
        "instance": instance,
        "process": process,
        "association": associations["IamInstanceProfileAssociations"][0]["AssociationId"],
        "policy": policy["Arn"],
        "profile": profile["Arn"],
        "request": denied.headers["x-amz-request-id"],
        "authorization": denied.message.rpartition("authorization id: ")[2],
    }
    for registered in (process, instance):
        gateway.client("kansatsu").deregister_process(ProcessId=registered)


# What the administrator of the second account tries with identifiers of the first one's things.
ATTACKS: list[tuple[str, str, Callable[[dict[str, Any]], dict[str, Any]], str]] = [
    ("iam", "get_user", lambda m: {"UserName": m["user"]}, "NoSuchEntity"),
    ("iam", "delete_user", lambda m: {"UserName": m["user"]}, "NoSuchEntity"),
    ("iam", "create_access_key", lambda m: {"UserName": m["user"]}, "NoSuchEntity"),
    ("iam", "get_access_key_last_used", lambda m: {"AccessKeyId": m["key"]}, "NoSuchEntity"),
    ("iam", "update_access_key", lambda m: {"AccessKeyId": m["key"], "Status": "Inactive"}, "NoSuchEntity"),
    ("iam", "delete_access_key", lambda m: {"AccessKeyId": m["key"]}, "NoSuchEntity"),
    ("iam", "get_role", lambda m: {"RoleName": m["role"]["RoleName"]}, "NoSuchEntity"),
    ("iam", "get_policy", lambda m: {"PolicyArn": m["policy"]}, "AccessDenied"),
    ("iam", "get_policy_version", lambda m: {"PolicyArn": m["policy"], "VersionId": "v1"}, "AccessDenied"),
    ("iam", "delete_policy", lambda m: {"PolicyArn": m["policy"]}, "AccessDenied"),
    ("iam", "list_entities_for_policy", lambda m: {"PolicyArn": m["policy"]}, "AccessDenied"),
    ("iam", "tag_policy", lambda m: {"PolicyArn": m["policy"], "Tags": [{"Key": "a", "Value": "b"}]}, "AccessDenied"),
    ("iam", "attach_user_policy", lambda m: {"UserName": "admin", "PolicyArn": m["policy"]}, "NoSuchEntity"),
    (
        "iam",
        "put_user_permissions_boundary",
        lambda m: {"UserName": "admin", "PermissionsBoundary": m["policy"]},
        "NoSuchEntity",
    ),
    (
        "iam",
        "simulate_principal_policy",
        lambda m: {"PolicySourceArn": m["role"]["Arn"], "ActionNames": ["s3:GetObject"]},
        "AccessDenied",
    ),
    ("kansatsu", "explain_request", lambda m: {"RequestId": m["request"]}, "NoSuchRequest"),
    ("kansatsu", "explain_request", lambda m: {"AuthorizationId": m["authorization"]}, "NoSuchRequest"),
    (
        "kansatsu",
        "simulate_access",
        lambda m: {"Principal": m["role"]["Arn"], "Action": "s3:GetObject", "Resource": "*"},
        "NoSuchEntity",
    ),
    (
        "kansatsu",
        "register_process",
        lambda m: {"Pid": 1, "Role": m["role"]["Arn"]},
        "NoSuchEntity",
    ),
    ("kansatsu", "deregister_process", lambda m: {"ProcessId": m["process"]}, "NoSuchProcess"),
    ("kansatsu", "deregister_process", lambda m: {"ProcessId": m["instance"]}, "NoSuchProcess"),
    ("kansatsu", "deregister_instance", lambda m: {"InstanceId": m["instance"]}, "InvalidInstanceID.NotFound"),
    ("kansatsu", "get_learned_policy", lambda m: {"RoleName": m["role"]["RoleName"]}, "NoSuchEntity"),
    ("ec2", "describe_instances", lambda m: {"InstanceIds": [m["instance"]]}, "InvalidInstanceID.NotFound"),
    (
        "ec2",
        "create_tags",
        lambda m: {"Resources": [m["instance"]], "Tags": [{"Key": "a", "Value": "b"}]},
        "InvalidInstanceID.NotFound",
    ),
    (
        "ec2",
        "disassociate_iam_instance_profile",
        lambda m: {"AssociationId": m["association"]},
        "InvalidAssociationID.NotFound",
    ),
    (
        "ec2",
        "modify_instance_metadata_options",
        lambda m: {"InstanceId": m["instance"], "HttpEndpoint": "disabled"},
        "InvalidInstanceID.NotFound",
    ),
    (
        "iam-toolbox",
        "get_request_authorization_details",
        lambda m: {"authorizationId": m["authorization"]},
        "ResourceNotFoundException",
    ),
]


# INVARIANT: what belongs to one account can neither be read nor changed from another.
@pytest.mark.parametrize(("service", "operation", "params", "code"), ATTACKS)
def test_attack_another_accounts_identities(
    gateway: Gateway,
    mine: dict[str, Any],
    service: str,
    operation: str,
    params: Callable[[dict[str, Any]], dict[str, Any]],
    code: str,
) -> None:
    call = getattr(gateway.client(service, gateway.stranger), operation)
    assert code_of(call, **params(mine)) == code


def test_lists_show_ones_own_account(gateway: Gateway, mine: dict[str, Any]) -> None:
    iam, control = gateway.client("iam", gateway.stranger), gateway.client("kansatsu", gateway.stranger)
    shown = json.dumps(
        [
            iam.list_users()["Users"],
            iam.list_roles()["Roles"],
            iam.list_policies(Scope="Local")["Policies"],
            iam.list_instance_profiles()["InstanceProfiles"],
            control.describe_workloads()["Workloads"],
            gateway.client("ec2", gateway.stranger).describe_instances()["Reservations"],
            gateway.client("ec2", gateway.stranger).describe_iam_instance_profile_associations(),
            control.list_principals_with_access(Action="s3:GetObject", Resource="*")["Principals"],
        ],
        default=str,
    )
    assert SECOND in shown and ACCOUNT not in shown
