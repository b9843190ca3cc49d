"""STS through boto3: who may assume which role, and for how long."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from kansatsu.identity import messages

from .conftest import ACCOUNT, EC2_TRUST, NOW, World
from .trust import IAM, ROLE, USER, allow, denial, deny, keys_of, trust

Refused = Callable[..., str]


def test_caller_identity_of_a_user_that_may_nothing(world: World) -> None:
    keys = world.user("u", deny("*"))
    answer = world.client("sts", keys).get_caller_identity()
    user = world.iam.get_user(UserName="u")["User"]
    assert (answer["UserId"], answer["Account"], answer["Arn"]) == (user["UserId"], ACCOUNT, user["Arn"])


def test_an_assumed_role(world: World) -> None:
    keys = world.user("u")
    role = world.role("r", trust(USER), Path="/p/")
    answer = world.assume(keys, ROLE, "the.session@x")
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role['RoleId']}:the.session@x",
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/r/the.session@x",
    }
    credentials = answer["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA")
    assert credentials["Expiration"] == NOW.replace(microsecond=0) + timedelta(hours=1)
    assert not {"PackedPolicySize", "SourceIdentity"} & answer.keys()
    me = world.client("sts", keys_of(answer)).get_caller_identity()
    assert me["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert me["Arn"] == answer["AssumedRoleUser"]["Arn"]


# the caller's statements, the role's trust policy, whether that is enough
MEETINGS: list[tuple[str, list[dict[str, Any]], dict[str, Any], bool]] = [
    ("trust names the user", [], trust(USER), True),
    ("trust names the account, user allowed", [allow("sts:AssumeRole", on=ROLE)], trust({"AWS": ACCOUNT}), True),
    ("trust names the root ARN", [allow("sts:AssumeRole")], trust({"AWS": f"{IAM}:root"}), True),
    ("trust names the account, user not allowed", [], trust({"AWS": ACCOUNT}), False),
    ("trust names the account, another role", [allow("sts:AssumeRole", on=f"{IAM}:role/x")], trust({"AWS": ACCOUNT}),
     False),
    ("only the user's own policy", [allow("sts:AssumeRole")], EC2_TRUST, False),
    ("trust names another user", [allow("sts:AssumeRole")], trust({"AWS": f"{IAM}:user/admin"}), False),
    ("trust names another account", [allow("sts:AssumeRole")], trust({"AWS": "210987654321"}), False),
    ("the user's own Deny", [deny("sts:AssumeRole")], trust(USER), False),
    ("trust is for another action", [], trust(USER, "sts:TagSession"), False),
    ("everybody", [], trust("*"), True),
]  # fmt: skip


@pytest.mark.parametrize(("own", "trusted", "allowed"), [case[1:] for case in MEETINGS], ids=[c[0] for c in MEETINGS])
def test_trust_policy_and_own_policy_together(
    world: World, own: list[dict[str, Any]], trusted: dict[str, Any], allowed: bool, refused: Refused
) -> None:
    keys = world.user("u", *own)
    world.role("r", trusted, Path="/p/")
    if allowed:
        world.assume(keys, ROLE)
        return
    message = refused("AccessDenied", world.client("sts", keys).assume_role, RoleArn=ROLE, RoleSessionName="ss")
    assert message == denial()


def test_a_deny_in_the_trust_policy_wins(world: World, refused: Refused) -> None:
    keys = world.user("u", allow("sts:*"))
    policy = trust({"AWS": ACCOUNT})
    policy["Statement"].append(
        {"Effect": "Deny", "Principal": USER, "Action": "sts:AssumeRole"},
    )
    world.role("r", policy, Path="/p/")
    refused("AccessDenied", world.client("sts", keys).assume_role, RoleArn=ROLE, RoleSessionName="ss")


@pytest.mark.parametrize(
    "arn", [f"{IAM}:role/nowhere", f"{IAM}:role/r", f"{IAM}:role/p/R", "arn:aws:iam::210987654321:role/p/r"]
)
def test_a_role_that_does_not_exist_is_denied_like_any_other(world: World, arn: str, refused: Refused) -> None:
    """The attack: tell from the error which roles there are."""
    world.role("r", trust("*"), Path="/p/")
    sts = world.client("sts", world.user("u", allow("sts:*")))
    assert refused("AccessDenied", sts.assume_role, RoleArn=arn, RoleSessionName="ss") == denial(role=arn)


def test_not_a_role(world: World, refused: Refused) -> None:
    for arn in ("arn:aws:s3:::some-bucket-name", f"{IAM}:user/someone", "nothing-like-an-arn-at-all"):
        refused("ValidationError", world.sts.assume_role, RoleArn=arn, RoleSessionName="ss")


@pytest.mark.parametrize(
    ("condition", "right", "wrong"),
    [
        ({"StringEquals": {"sts:ExternalId": "x1"}}, {"ExternalId": "x1"}, [{"ExternalId": "x2"}, {}]),
        ({"StringEquals": {"aws:ResourceTag/Env": "test"}}, {}, []),
        ({"StringEquals": {"aws:ResourceTag/Env": "prod"}}, None, [{}]),
    ],
)  # fmt: skip
def test_conditions_of_the_trust_policy(
    world: World, condition: Any, right: dict[str, str] | None, wrong: list[dict[str, str]], refused: Refused
) -> None:
    sts = world.client("sts", world.user("u"))
    world.role("r", trust(USER, **condition), Path="/p/", Tags=[{"Key": "Env", "Value": "test"}])
    given = {"RoleArn": ROLE, "RoleSessionName": "session"}
    if right is not None:
        sts.assume_role(**{**given, **right})
    for params in wrong:
        refused("AccessDenied", sts.assume_role, **{**given, **params})


def test_a_session_name_can_be_demanded(world: World, refused: Refused) -> None:
    sts = world.client("sts", world.user("someone"))
    condition = {"StringLike": {"sts:RoleSessionName": "${aws:username}"}}
    world.role("r", trust({"AWS": f"{IAM}:user/someone"}, **condition), Path="/p/")
    sts.assume_role(RoleArn=ROLE, RoleSessionName="someone")
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE, RoleSessionName="someone-else")


@pytest.mark.parametrize("name", ["x", "with space", "a" * 65, "sla/sh"])
def test_session_names(world: World, name: str, refused: Refused) -> None:
    world.role("r", trust("*"), Path="/p/")
    message = refused("ValidationError", world.sts.assume_role, RoleArn=ROLE, RoleSessionName=name)
    assert "'roleSessionName' failed to satisfy constraint" in message


def test_durations(world: World, refused: Refused) -> None:
    world.role("r", trust("*"), Path="/p/", MaxSessionDuration=7200)
    world.role("short", trust("*"))
    given = {"RoleArn": ROLE, "RoleSessionName": "ss"}
    for seconds in (900, 3600, 7200):
        expiration = world.sts.assume_role(**given, DurationSeconds=seconds)["Credentials"]["Expiration"]
        assert expiration == NOW.replace(microsecond=0) + timedelta(seconds=seconds)
    assert refused("ValidationError", world.sts.assume_role, **given, DurationSeconds=7201) == (
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    )
    for seconds in (899, 43201):
        message = refused("ValidationError", world.sts.assume_role, **given, DurationSeconds=seconds)
        assert "'durationSeconds' failed to satisfy constraint" in message


def test_a_chain_of_roles_lasts_an_hour(world: World, refused: Refused) -> None:
    world.role("first", trust("*"), MaxSessionDuration=43200)
    world.role("r", trust("*"), Path="/p/", MaxSessionDuration=43200)
    first = world.client("sts", keys_of(world.assume(None, f"{IAM}:role/first", DurationSeconds=43200)))
    given = {"RoleArn": ROLE, "RoleSessionName": "ss"}
    assert refused("ValidationError", first.assume_role, **given, DurationSeconds=3601) == (
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    )
    answer = first.assume_role(**given)
    assert answer["Credentials"]["Expiration"] == NOW.replace(microsecond=0) + timedelta(hours=1)
    session = world.caller(answer["Credentials"]["AccessKeyId"], answer["Credentials"]["SessionToken"]).session
    assert session is not None
    assert session.chain_depth == 1


def test_a_recreated_user_or_role_inherits_no_trust(world: World, refused: Refused) -> None:
    """The attack: delete a trusted user, or wait for it, and create one of the same name."""
    world.user("u")
    world.role("r", trust(USER), Path="/p/")
    document = world.iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert document == trust(USER)
    old = world.iam.get_user(UserName="u")["User"]["UserId"]
    world.iam.delete_access_key(
        UserName="u", AccessKeyId=world.iam.list_access_keys(UserName="u")["AccessKeyMetadata"][0]["AccessKeyId"]
    )
    world.iam.delete_user(UserName="u")
    shown = world.iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": old}
    again = world.client("sts", world.user("u", allow("sts:*")))
    assert refused("AccessDenied", again.assume_role, RoleArn=ROLE, RoleSessionName="ss") == denial()


def test_a_renamed_user_keeps_the_trust(world: World) -> None:
    keys = world.user("u")
    world.role("r", trust(USER), Path="/p/")
    world.iam.update_user(UserName="u", NewUserName="new", NewPath="/x/")
    world.assume(keys, ROLE)
    shown = world.iam.get_role(RoleName="r")["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": f"{IAM}:user/x/new"}


PRINCIPALS = [
    ({"AWS": f"{IAM}:user/nobody"}, f'"AWS":"{IAM}:user/nobody"'),
    ({"AWS": f"{IAM}:role/nobody"}, f'"AWS":"{IAM}:role/nobody"'),
    ({"AWS": [f"{IAM}:root", f"{IAM}:group/g"]}, f'"AWS":"{IAM}:group/g"'),
    ({"AWS": "AROAAAAAAAAAAAAAAAAAA"}, '"AWS":"AROAAAAAAAAAAAAAAAAAA"'),
    ({"Service": ["ec2.amazonaws.com", "ecs-task.amazonaws.com"]}, '"SERVICE":"ecs-task.amazonaws.com"'),
    ({"Service": "ec2.example.com"}, '"SERVICE":"ec2.example.com"'),
    ({"Federated": "login.example.com"}, '"FEDERATED":"login.example.com"'),
]


@pytest.mark.parametrize(("principal", "shown"), PRINCIPALS)
def test_principals_must_exist(world: World, principal: Any, shown: str, refused: Refused) -> None:
    world.iam.create_group(GroupName="g")
    given = {"RoleName": "r", "AssumeRolePolicyDocument": json.dumps(trust(principal))}
    assert refused("MalformedPolicyDocument", world.iam.create_role, **given) == f"Invalid principal in policy: {shown}"
    world.role("r")
    change = {"RoleName": "r", "PolicyDocument": given["AssumeRolePolicyDocument"]}
    refused("MalformedPolicyDocument", world.iam.update_assume_role_policy, **change)


def test_a_trust_policy_is_replaced_at_once(world: World, refused: Refused) -> None:
    sts = world.client("sts", world.user("u"))
    world.role("r", trust(USER), Path="/p/")
    sts.assume_role(RoleArn=ROLE, RoleSessionName="ss")
    world.iam.update_assume_role_policy(RoleName="r", PolicyDocument=json.dumps(EC2_TRUST))
    refused("AccessDenied", sts.assume_role, RoleArn=ROLE, RoleSessionName="ss")


def test_the_quota_of_a_trust_policy(world: World, refused: Refused) -> None:
    big = trust({"AWS": ACCOUNT}, StringEquals={"sts:ExternalId": ["x" * 100 for _ in range(20)]})
    given = {"RoleName": "r", "AssumeRolePolicyDocument": json.dumps(big)}
    assert refused("LimitExceeded", world.iam.create_role, **given) == "Cannot exceed quota for ACLSizePerRole: 2048"


def test_a_session_of_a_deleted_role_is_nobody(world: World, refused: Refused) -> None:
    world.role("r", trust("*"), Path="/p/")
    client = world.client("sts", keys_of(world.assume(None, ROLE)))
    client.get_caller_identity()
    world.iam.delete_role(RoleName="r")
    refused("InvalidClientTokenId", client.get_caller_identity)
    world.role("r", trust("*"), Path="/p/")
    refused("InvalidClientTokenId", client.get_caller_identity)


def test_the_account_of_a_key(world: World, refused: Refused) -> None:
    key = world.admin_keys["aws_access_key_id"]
    assert world.sts.get_access_key_info(AccessKeyId=key)["Account"] == ACCOUNT
    refused("ValidationError", world.sts.get_access_key_info, AccessKeyId="AKIA_NOT_A_KEY_ID___")


def test_encoded_messages_are_read_by_their_account_only(world: World, refused: Refused) -> None:
    text = json.dumps({"allowed": False})
    encoded = messages.encode(world.store.sealer, ACCOUNT, text)
    assert world.sts.decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"] == text
    foreign = messages.encode(world.store.sealer, "210987654321", text)
    for given in (foreign, "x" + encoded[1:], "nonsense"):
        refused("InvalidAuthorizationMessageException", world.sts.decode_authorization_message, EncodedMessage=given)
    nothing = world.client("sts", world.user("u"))
    refused("AccessDenied", nothing.decode_authorization_message, EncodedMessage=encoded)
