"""Temporary credentials as an attacker would bend them, and how fast what was withdrawn is gone."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from kansatsu.identity import revoke

from . import raw
from .asks import IAM
from .conftest import ACCOUNT, Gateway
from .raw import Keys, statement

LIST = statement("Allow", "iam:ListUsers")
DOCUMENT = raw.document(LIST)


def may(gateway: Gateway, keys: Keys) -> str:
    """The code of the answer to ListUsers; "" when it was given."""
    got = gateway.ask(IAM, keys, "iam")
    return "" if got.status == 200 else got.code


def halves(one: str, two: str) -> str:
    return one[: len(one) // 2] + two[len(two) // 2 :]


FORGERIES: dict[str, Callable[[Keys, Keys], Keys]] = {
    "one character": lambda a, b: Keys(a.id, a.secret, raw.tampered(a.token)),
    "truncated": lambda a, b: Keys(a.id, a.secret, a.token[:-4]),
    "longer": lambda a, b: Keys(a.id, a.secret, a.token + "AAAA"),
    "first half of another": lambda a, b: Keys(a.id, a.secret, halves(b.token, a.token)),
    "second half of another": lambda a, b: Keys(a.id, a.secret, halves(a.token, b.token)),
    "head of another": lambda a, b: Keys(a.id, a.secret, b.token[:24] + a.token[24:]),
    "token of another": lambda a, b: Keys(a.id, a.secret, b.token),
    "key of another": lambda a, b: Keys(b.id, a.secret, a.token),
    "key and secret of another": lambda a, b: Keys(b.id, b.secret, a.token),
    "empty text": lambda a, b: Keys(a.id, a.secret, "AAAA"),
    "not base64": lambda a, b: Keys(a.id, a.secret, "!" + a.token[1:]),
    "enormous": lambda a, b: Keys(a.id, a.secret, "A" * 20_000),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_bent_token_opens_nothing(gateway: Gateway, forgery: str) -> None:
    mine, other = (gateway.session(gateway.common_role) for _ in range(2))
    assert may(gateway, mine) == may(gateway, other) == ""
    assert may(gateway, FORGERIES[forgery](mine, other)) == "InvalidClientTokenId"


def test_a_long_term_key_is_no_key_of_a_session(gateway: Gateway) -> None:
    user, session = gateway.user(LIST), gateway.session(gateway.common_role)
    assert may(gateway, Keys(user.id, user.secret, session.token)) == "InvalidClientTokenId"
    assert may(gateway, Keys(session.id, session.secret)) == "InvalidClientTokenId"


def test_the_secret_of_a_session_is_checked(gateway: Gateway) -> None:
    session = gateway.session(gateway.common_role)
    assert may(gateway, Keys(session.id, raw.tampered(session.secret), session.token)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("kind", ["federated", "user", "role"])
def test_a_session_of_another_kind_than_its_principal(gateway: Gateway, kind: str) -> None:
    keys = gateway.user(LIST)
    user = gateway.iam.get_user(UserName=keys.name)["User"]
    principal = {"RoleId": user["UserId"], "RoleName": keys.name}
    # Without MFA no session of a user may call IAM, but it is one.
    expected = "InvalidClientTokenId" if kind == "role" else "AccessDenied"
    assert may(gateway, gateway.session(principal, kind=kind)) == expected
    crossed = gateway.session(gateway.common_role, kind=kind)
    assert may(gateway, crossed) == ("" if kind == "role" else "InvalidClientTokenId")


def test_with_mfa_a_session_of_a_user_calls_iam(gateway: Gateway) -> None:
    keys = gateway.user(LIST)
    user = gateway.iam.get_user(UserName=keys.name)["User"]
    principal = {"RoleId": user["UserId"], "RoleName": keys.name}
    session = gateway.session(principal, kind="user", session_name="", mfa=gateway.clock.now())
    assert may(gateway, session) == ""
    federated = gateway.session(principal, kind="federated", mfa=gateway.clock.now())
    assert may(gateway, federated) == "AccessDenied"


def test_a_deleted_role_is_gone_at_the_next_request(gateway: Gateway) -> None:
    role = gateway.role(LIST)
    session = gateway.assume(role)
    assert may(gateway, session) == ""
    gateway.iam.delete_role_policy(RoleName=role["RoleName"], PolicyName="own")
    gateway.iam.delete_role(RoleName=role["RoleName"])
    assert may(gateway, session) == "InvalidClientTokenId"
    again = gateway.iam.create_role(
        RoleName=role["RoleName"],
        AssumeRolePolicyDocument=raw.document(
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        ),
    )["Role"]
    gateway.iam.put_role_policy(RoleName=again["RoleName"], PolicyName="own", PolicyDocument=DOCUMENT)
    # INVARIANT: a role of the same name is another role.
    assert may(gateway, session) == "InvalidClientTokenId"
    assert may(gateway, gateway.assume(again)) == ""


@pytest.mark.parametrize("kind", ["role", "principal"])
def test_a_revoked_session_is_refused_and_a_later_one_is_not(gateway: Gateway, kind: str) -> None:
    role = gateway.role(LIST)
    session, other = gateway.session(role), gateway.session(role, session_name="other")
    assert may(gateway, session) == may(gateway, other) == ""
    subject = role["RoleId"] + (":session" if kind == "principal" else "")
    with gateway.store.write() as conn:
        revoke(conn, ACCOUNT, kind, subject, gateway.clock.now())
    assert may(gateway, session) == "InvalidClientTokenId"
    assert may(gateway, other) == ("InvalidClientTokenId" if kind == "role" else "")
    assert may(gateway, gateway.session(role)) == ""


def test_a_revoked_association_takes_its_sessions_with_it(gateway: Gateway) -> None:
    session = gateway.session(gateway.common_role, source={"association": "iip-assoc-1"})
    other = gateway.session(gateway.common_role, source={"association": "iip-assoc-2"})
    assert may(gateway, session) == ""
    with gateway.store.write() as conn:
        revoke(conn, ACCOUNT, "association", "iip-assoc-1", gateway.clock.now())
    assert (may(gateway, session), may(gateway, other)) == ("InvalidClientTokenId", "")


def test_a_key_comes_and_goes_at_once(gateway: Gateway) -> None:
    keys = gateway.user(LIST)
    for status, expected in (
        ("Inactive", "InvalidClientTokenId"),
        ("Active", ""),
        ("Inactive", "InvalidClientTokenId"),
    ):
        gateway.iam.update_access_key(UserName=keys.name, AccessKeyId=keys.id, Status=status)
        assert may(gateway, keys) == expected
    gateway.iam.update_access_key(UserName=keys.name, AccessKeyId=keys.id, Status="Active")
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    assert may(gateway, keys) == "InvalidClientTokenId"


# ---- what is written is true at the next request --------------------------------------------------------------------

READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


def inline_user(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam = gateway.user(), gateway.iam
    return (
        keys,
        lambda: iam.put_user_policy(UserName=keys.name, PolicyName="p", PolicyDocument=DOCUMENT),
        lambda: iam.delete_user_policy(UserName=keys.name, PolicyName="p"),
    )


def managed_user(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam = gateway.user(), gateway.iam
    return (
        keys,
        lambda: iam.attach_user_policy(UserName=keys.name, PolicyArn=READ_ONLY),
        lambda: iam.detach_user_policy(UserName=keys.name, PolicyArn=READ_ONLY),
    )


def inline_role(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam = gateway.assume(gateway.role()), gateway.iam
    return (
        keys,
        lambda: iam.put_role_policy(RoleName=keys.name, PolicyName="p", PolicyDocument=DOCUMENT),
        lambda: iam.delete_role_policy(RoleName=keys.name, PolicyName="p"),
    )


def managed_role(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam = gateway.assume(gateway.role()), gateway.iam
    return (
        keys,
        lambda: iam.attach_role_policy(RoleName=keys.name, PolicyArn=READ_ONLY),
        lambda: iam.detach_role_policy(RoleName=keys.name, PolicyArn=READ_ONLY),
    )


def member(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam, group = gateway.user(), gateway.iam, gateway.name("group")
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=DOCUMENT)
    return (
        keys,
        lambda: iam.add_user_to_group(GroupName=group, UserName=keys.name),
        lambda: iam.remove_user_from_group(GroupName=group, UserName=keys.name),
    )


def inline_group(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam, group = gateway.user(), gateway.iam, gateway.name("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=keys.name)
    return (
        keys,
        lambda: iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=DOCUMENT),
        lambda: iam.delete_group_policy(GroupName=group, PolicyName="p"),
    )


def managed_group(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam, group = gateway.user(), gateway.iam, gateway.name("group")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=keys.name)
    return (
        keys,
        lambda: iam.attach_group_policy(GroupName=group, PolicyArn=READ_ONLY),
        lambda: iam.detach_group_policy(GroupName=group, PolicyArn=READ_ONLY),
    )


def boundary(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    """The other way round: the boundary refuses, without it all is allowed."""
    keys, iam = gateway.user(LIST), gateway.iam
    other = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.put_user_permissions_boundary(UserName=keys.name, PermissionsBoundary=other)
    return (
        keys,
        lambda: iam.delete_user_permissions_boundary(UserName=keys.name),
        lambda: iam.put_user_permissions_boundary(UserName=keys.name, PermissionsBoundary=other),
    )


def default_version(gateway: Gateway) -> tuple[Keys, Callable[[], None], Callable[[], None]]:
    keys, iam = gateway.user(), gateway.iam
    made = iam.create_policy(
        PolicyName=gateway.name("policy"), PolicyDocument=raw.document(statement("Allow", "s3:*"))
    )["Policy"]
    iam.attach_user_policy(UserName=keys.name, PolicyArn=made["Arn"])
    iam.create_policy_version(PolicyArn=made["Arn"], PolicyDocument=DOCUMENT)
    return (
        keys,
        lambda: iam.set_default_policy_version(PolicyArn=made["Arn"], VersionId="v2"),
        lambda: iam.set_default_policy_version(PolicyArn=made["Arn"], VersionId="v1"),
    )


@pytest.mark.parametrize(
    "make",
    [
        inline_user,
        managed_user,
        inline_role,
        managed_role,
        member,
        inline_group,
        managed_group,
        boundary,
        default_version,
    ],
)
def test_read_your_writes(
    gateway: Gateway, make: Callable[[Gateway], tuple[Keys, Callable[[], None], Callable[[], None]]]
) -> None:
    keys, grant, withdraw = make(gateway)
    assert may(gateway, keys) == "AccessDenied"
    for _ in range(2):
        grant()
        assert may(gateway, keys) == ""
        withdraw()
        assert may(gateway, keys) == "AccessDenied"


# ---- accounts -------------------------------------------------------------------------------------------------------


def test_another_account_sees_none_of_ours(gateway: Gateway) -> None:
    role, ours = gateway.role(), gateway.user()
    theirs = gateway.client("iam", gateway.stranger)
    assert theirs.get_user()["User"]["Arn"] == "arn:aws:iam::210987654321:user/admin"
    names = [user["UserName"] for user in theirs.list_users()["Users"]]
    assert "admin" in names
    assert ours.name not in names
    with pytest.raises(theirs.exceptions.NoSuchEntityException):
        theirs.get_role(RoleName=role["RoleName"])
    with pytest.raises(ClientError, match="AccessDenied"):
        gateway.client("sts", gateway.stranger).assume_role(RoleArn=role["Arn"], RoleSessionName="session")


def test_what_is_stored_behind_us_is_kept_by_account(gateway: Gateway) -> None:
    ours, theirs = gateway.client("sqs"), gateway.client("sqs", gateway.stranger)
    name = gateway.name("queue")
    ours.create_queue(QueueName=name)
    assert not [url for url in theirs.list_queues().get("QueueUrls", []) if ACCOUNT in url or url.endswith(name)]
    with pytest.raises(ClientError, match="NonExistentQueue"):
        theirs.get_queue_url(QueueName=name)
