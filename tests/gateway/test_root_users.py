"""The root user of an account: everything in its own, nothing in others, under SCPs in a member.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html
"""

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, SECOND, Gateway
from .organized import Organized
from .raw import Keys, statement
from .test_token_sessions import ALL, SESSIONS


def root_of(gateway: Gateway, account: str) -> Keys:
    made = gateway.client("kansatsu").create_root_access_key(AccountId=account)
    return Keys(made["AccessKeyId"], made["SecretAccessKey"])


def test_a_member_s_root_user_is_limited_by_scps_and_by_nothing_else(gateway: Gateway) -> None:
    org = Organized(gateway)
    root = root_of(gateway, org.member)
    sts, iam = org.client("sts", root), org.client("iam", root)
    who = sts.get_caller_identity()
    assert (who["Arn"], who["UserId"]) == (f"arn:aws:iam::{org.member}:root", org.member)
    iam.create_user(UserName="root")  # a user of that name is somebody else
    gateway.client("s3", root).create_bucket(Bucket=gateway.name("of-root"))
    policy = org.attach(org.outer, statement("Deny", "iam:CreateUser"))
    with pytest.raises(ClientError, match="with an explicit deny in a service control policy"):
        iam.create_user(UserName="two")
    org.take(policy, org.outer)
    iam.create_user(UserName="two")
    only = {"StringEquals": {"aws:PrincipalArn": f"arn:aws:iam::{org.member}:root"}}
    policy = org.attach(org.member, statement("Deny", "*", condition=only))
    with pytest.raises(ClientError, match="service control policy"):
        iam.list_users()
    org.client("iam", org.inside(org.member)).list_users()
    org.take(policy, org.member)


def test_a_root_user_is_nobody_elsewhere_and_assumes_no_role(gateway: Gateway) -> None:
    account = gateway.client("kansatsu").create_account()["Account"]["Id"]
    root = root_of(gateway, account)
    role = gateway.role(trust={"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"})
    with pytest.raises(ClientError, match="Roles may not be assumed by root accounts"):
        gateway.client("sts", root).assume_role(RoleArn=role["Arn"], RoleSessionName="session")
    for call, params in (("get_session_token", {}), ("get_federation_token", {"Name": "carol"})):
        with pytest.raises(ClientError, match="Kansatsu makes no sessions of the root user") as caught:
            getattr(gateway.client("sts", root), call)(**params)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("s3", root).list_objects_v2(Bucket=gateway.bucket())
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("kansatsu", root).create_root_access_key(AccountId=account)


def test_its_keys_are_its_own(gateway: Gateway) -> None:
    account = gateway.client("kansatsu").create_account()["Account"]["Id"]
    root = root_of(gateway, account)
    iam = gateway.client("iam", root)
    [held] = iam.list_access_keys()["AccessKeyMetadata"]
    assert held["AccessKeyId"] == root.id and "UserName" not in held
    iam.create_user(UserName="root")
    assert iam.list_access_keys(UserName="root")["AccessKeyMetadata"] == []
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["admin", "root"]
    assert iam.get_account_summary()["SummaryMap"]["AccountAccessKeysPresent"] == 1
    second = iam.create_access_key()["AccessKey"]
    with pytest.raises(ClientError, match="LimitExceeded"):
        root_of(gateway, account)
    iam.delete_access_key(AccessKeyId=second["AccessKeyId"])
    iam.delete_access_key(AccessKeyId=root.id)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        iam.list_users()


@pytest.mark.parametrize("action", ["kansatsu:CreateAccount", "iam:*"])
def test_who_may_have_such_a_key(gateway: Gateway, action: str) -> None:
    for keys in (gateway.stranger, gateway.user(statement("Allow", action))):
        with pytest.raises(ClientError, match="AccessDenied"):
            gateway.client("kansatsu", keys).create_root_access_key(AccountId=SECOND)
    with pytest.raises(ClientError, match="NoSuchEntity"):
        gateway.client("kansatsu").create_root_access_key(AccountId="000000000000")


@pytest.mark.parametrize("made", SESSIONS)
def test_attack_credentials_that_end_make_a_key_that_lasts(gateway: Gateway, made: str) -> None:
    """By what is Kansatsu's own, where IAM's CreateAccessKey is refused, though all policies allow everything."""
    session = gateway.client("kansatsu", SESSIONS[made](gateway, gateway.user(ALL)))
    for account in (ACCOUNT, SECOND):
        with pytest.raises(ClientError, match="no session policy allows the kansatsu:CreateRootAccessKey"):
            session.create_root_access_key(AccountId=account)
    with pytest.raises(ClientError, match="no session policy allows the kansatsu:CreateAccount"):
        session.create_account()
    assert session.list_accounts()["Accounts"]
