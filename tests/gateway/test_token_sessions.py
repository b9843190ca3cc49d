"""GetSessionToken and GetFederationToken through the gateway: what such sessions may do, and what nobody gets by them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.identity import revoke

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import Keys, statement

ALL = statement("Allow", "*")
FEDERATED = f"arn:aws:sts::{ACCOUNT}:federated-user"


def keys(answer: dict[str, Any], name: str = "") -> Keys:
    got = answer["Credentials"]
    return Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], name)


def token(gateway: Gateway, user: Keys, **more: Any) -> Keys:
    return keys(gateway.client("sts", user).get_session_token(**more), user.name)


def federate(gateway: Gateway, user: Keys, *statements: dict[str, Any], name: str = "carol", **more: Any) -> Keys:
    if statements:
        more["Policy"] = raw.document(*statements)
    return keys(gateway.client("sts", user).get_federation_token(Name=name, **more), user.name)


def refusal(call: Callable[..., Any], /, **params: Any) -> tuple[str, str]:
    """Code and message of the error; ("", "") when there is none."""
    try:
        call(**params)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


def code(call: Callable[..., Any], /, **params: Any) -> str:
    return refusal(call, **params)[0]


SESSIONS: dict[str, Callable[[Gateway, Keys], Keys]] = {
    "GetSessionToken": token,
    "GetFederationToken": lambda gateway, user: federate(gateway, user, ALL),
}


def test_a_session_is_its_user(gateway: Gateway) -> None:
    user = gateway.user(ALL)
    me = gateway.iam.get_user(UserName=user.name)["User"]
    answer = gateway.client("sts", user).get_session_token()
    left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(hours=11, minutes=55) < left <= timedelta(hours=12)
    identity = gateway.client("sts", keys(answer)).get_caller_identity()
    assert (identity["UserId"], identity["Arn"]) == (me["UserId"], me["Arn"])


def test_a_federated_user_is_nobody_but_itself(gateway: Gateway) -> None:
    answer = gateway.client("sts", gateway.user(ALL)).get_federation_token(Name="carol", DurationSeconds=900)
    assert answer["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:carol", "Arn": f"{FEDERATED}/carol"}
    assert "PackedPolicySize" not in answer
    left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    identity = gateway.client("sts", keys(answer)).get_caller_identity()
    assert (identity["UserId"], identity["Arn"]) == (f"{ACCOUNT}:carol", f"{FEDERATED}/carol")


# service, call, its parameters, and what is refused although the user and the session policy allow everything
ALLOWED_TO_NONE: list[tuple[str, str, dict[str, Any]]] = [
    ("iam", "list_users", {}),
    ("iam", "get_user", {"UserName": "admin"}),
    ("iam", "create_access_key", {"UserName": "admin"}),
    ("sts", "get_session_token", {}),
    ("sts", "get_federation_token", {"Name": "again"}),
    ("sts", "get_access_key_info", {"AccessKeyId": "AKIAIOSFODNN7EXAMPLE"}),
    ("sts", "decode_authorization_message", {"EncodedMessage": "x"}),
]


@pytest.mark.parametrize("made", SESSIONS)
@pytest.mark.parametrize(("service", "call", "params"), ALLOWED_TO_NONE, ids=[case[1] for case in ALLOWED_TO_NONE])
def test_what_such_a_session_never_does(
    gateway: Gateway, made: str, service: str, call: str, params: dict[str, Any]
) -> None:
    """The attack: make credentials that outlive the key, or others, from a session that was handed out."""
    user = gateway.user(ALL)
    session = SESSIONS[made](gateway, user)
    assert code(getattr(gateway.client(service, session), call), **params) == "AccessDenied"
    assert code(gateway.client("s3", session).list_buckets) == ""


@pytest.mark.parametrize(("made", "expected"), [("GetSessionToken", ""), ("GetFederationToken", "AccessDenied")])
def test_who_of_them_assumes_roles(gateway: Gateway, made: str, expected: str) -> None:
    user, role = gateway.user(ALL), gateway.role(ALL)
    sts = gateway.client("sts", SESSIONS[made](gateway, user))
    assert code(sts.assume_role, RoleArn=role["Arn"], RoleSessionName="session") == expected
    named = gateway.role(trust={"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    assert code(sts.assume_role, RoleArn=named["Arn"], RoleSessionName="session") == expected


def test_a_role_that_a_session_token_assumes_is_no_chain(gateway: Gateway) -> None:
    role = gateway.role(ALL, MaxSessionDuration=7200)
    sts = gateway.client("sts", token(gateway, gateway.user(ALL)))
    sts.assume_role(RoleArn=role["Arn"], RoleSessionName="session", DurationSeconds=7200)


@pytest.mark.parametrize("call", ["get_session_token", "get_federation_token"])
def test_only_a_long_term_key_makes_them(gateway: Gateway, call: str) -> None:
    params = {"Name": "carol"} if call == "get_federation_token" else {}
    sts = gateway.client("sts", gateway.assume(gateway.common_role))
    name = "".join(word.capitalize() for word in call.split("_"))
    expected = "AccessDenied", f"Cannot call {name} with session credentials"
    assert refusal(getattr(sts, call), **params) == expected


def test_a_session_token_needs_no_permission_and_brings_none(gateway: Gateway) -> None:
    user = gateway.user(statement("Deny", "sts:*"), statement("Allow", "s3:ListAllMyBuckets"))
    session = token(gateway, user)
    assert code(gateway.client("s3", session).list_buckets) == ""
    assert code(gateway.client("sqs", session).list_queues) == "AccessDenied"
    gateway.iam.delete_user_policy(UserName=user.name, PolicyName="own")
    assert code(gateway.client("s3", session).list_buckets) == "AccessDenied"


CONTEXT: list[tuple[str, str, dict[str, Any], bool]] = [
    ("GetSessionToken", "MFA was not used", {"Bool": {"aws:MultiFactorAuthPresent": "false"}}, True),
    ("GetSessionToken", "MFA is demanded", {"Bool": {"aws:MultiFactorAuthPresent": "true"}}, False),
    ("GetSessionToken", "type", {"StringEquals": {"aws:PrincipalType": "User"}}, True),
    ("GetSessionToken", "name", {"StringLike": {"aws:username": "user-*"}}, True),
    ("GetSessionToken", "issued", {"Null": {"aws:TokenIssueTime": "false"}}, True),
    ("GetFederationToken", "type", {"StringEquals": {"aws:PrincipalType": "FederatedUser"}}, True),
    ("GetFederationToken", "no name", {"Null": {"aws:username": "true"}}, True),
    ("GetFederationToken", "id", {"StringEquals": {"aws:userid": f"{ACCOUNT}:carol"}}, True),
    ("GetFederationToken", "arn", {"ArnEquals": {"aws:PrincipalArn": f"{FEDERATED}/carol"}}, True),
    ("GetFederationToken", "user", {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}}, False),
    ("GetFederationToken", "issued", {"Null": {"aws:TokenIssueTime": "false"}}, True),
]


@pytest.mark.parametrize(
    ("made", "condition", "allowed"),
    [(case[0], case[2], case[3]) for case in CONTEXT],
    ids=[" ".join(case[:2]) for case in CONTEXT],
)
def test_keys_of_the_request(gateway: Gateway, made: str, condition: dict[str, Any], allowed: bool) -> None:
    user = gateway.user(
        statement("Allow", "sts:GetFederationToken"),
        statement("Allow", "s3:ListAllMyBuckets", condition=condition),
    )
    s3 = gateway.client("s3", SESSIONS[made](gateway, user))
    assert code(s3.list_buckets) == ("" if allowed else "AccessDenied")


# ---- what a federated user may do -----------------------------------------------------------------------------------

LIST_S3, LIST_SQS = statement("Allow", "s3:ListAllMyBuckets"), statement("Allow", "sqs:ListQueues")
FEDERATE = statement("Allow", ["sts:GetFederationToken", "sts:TagSession"])
READ_S3 = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]

# what the user may, what the session policy says, managed ones, whether S3 lists, whether SQS does
HALVES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, str]], bool, bool]] = {
    "no session policy": ([ALL], [], [], False, False),
    "both allow everything": ([ALL], [ALL], [], True, True),
    "the session policy limits the user": ([ALL], [LIST_S3], [], True, False),
    "the user limits the session policy": ([FEDERATE, LIST_S3], [ALL], [], True, False),
    "they share nothing": ([FEDERATE, LIST_S3], [LIST_SQS], [], False, False),
    "a managed one": ([ALL], [], READ_S3, True, False),
    "an inline and a managed one": ([ALL], [LIST_SQS], READ_S3, True, True),
    "a Deny in the session policy": ([ALL], [ALL, statement("Deny", "s3:*")], [], False, True),
    "a Deny of the user's": ([ALL, statement("Deny", "sqs:*")], [ALL], [], True, False),
}


@pytest.mark.parametrize("case", HALVES)
def test_a_federated_user_needs_both_its_halves(gateway: Gateway, case: str) -> None:
    own, passed, managed, s3, sqs = HALVES[case]
    more = {"PolicyArns": managed} if managed else {}
    session = federate(gateway, gateway.user(*own), *passed, **more)
    assert code(gateway.client("s3", session).list_buckets) == ("" if s3 else "AccessDenied")
    assert code(gateway.client("sqs", session).list_queues) == ("" if sqs else "AccessDenied")


def test_a_denial_says_what_was_missing(gateway: Gateway) -> None:
    session = federate(gateway, gateway.user(ALL))
    assert (
        "because no session policy allows the sqs:ListQueues action"
        in (refusal(gateway.client("sqs", session).list_queues)[1])
    )


def bucket_policy(gateway: Gateway, principal: str) -> str:
    bucket = gateway.bucket()
    allow = statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}") | {"Principal": {"AWS": principal}}
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=raw.document(allow))
    return bucket


def test_a_resource_policy_lets_the_session_in_that_it_names(gateway: Gateway) -> None:
    """Without a session policy, and without a permission of the user's; one of another name is not let in."""
    user = gateway.user(FEDERATE)
    bucket = bucket_policy(gateway, f"{FEDERATED}/carol")
    got = {
        name: code(gateway.client("s3", federate(gateway, user, name=name)).list_objects_v2, Bucket=bucket)
        for name in ("carol", "dave")
    }
    assert got == {"carol": "", "dave": "AccessDenied"}
    assert code(gateway.client("s3", user).list_objects_v2, Bucket=bucket) == "AccessDenied"


def test_a_resource_policy_that_names_the_user_is_below_the_session_policy(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session"""
    user = gateway.user(FEDERATE)
    bucket = bucket_policy(gateway, gateway.iam.get_user(UserName=user.name)["User"]["Arn"])
    for passed, expected in (([], "AccessDenied"), ([LIST_SQS], "AccessDenied"), ([ALL], "")):
        session = federate(gateway, user, *passed)
        assert code(gateway.client("s3", session).list_objects_v2, Bucket=bucket) == expected
    assert code(gateway.client("s3", token(gateway, user)).list_objects_v2, Bucket=bucket) == ""


def test_another_account_takes_both_sides(gateway: Gateway) -> None:
    """The attack: take a name that a bucket of another account trusts, in an account of one's own."""
    theirs = gateway.client("s3", gateway.stranger)
    bucket = gateway.name("abroad")
    theirs.create_bucket(Bucket=bucket)
    document = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    user = gateway.user(ALL)

    def seen(principal: str, *passed: dict[str, Any]) -> str:
        policy = raw.document({**document, "Principal": {"AWS": principal}})
        theirs.put_bucket_policy(Bucket=bucket, Policy=policy)
        return code(gateway.client("s3", federate(gateway, user, *passed)).list_objects_v2, Bucket=bucket)

    assert seen(f"arn:aws:sts::{SECOND}:federated-user/carol", ALL) == "AccessDenied"
    assert seen(f"{FEDERATED}/carol", ALL) == ""
    assert seen(f"{FEDERATED}/carol") == "AccessDenied"
    assert seen(ACCOUNT, ALL) == ""


# ---- who may federate, and what is refused --------------------------------------------------------------------------


def test_federating_takes_a_permission_on_the_name(gateway: Gateway) -> None:
    user = gateway.user(statement("Allow", "sts:GetFederationToken", f"{FEDERATED}/carol"))
    sts = gateway.client("sts", user)
    assert code(sts.get_federation_token, Name="carol") == ""
    failure, message = refusal(sts.get_federation_token, Name="dave")
    assert failure == "AccessDenied"
    assert f"not authorized to perform: sts:GetFederationToken on resource: {FEDERATED}/dave" in message


def test_tags_take_a_permission_of_their_own_and_become_those_of_the_principal(gateway: Gateway) -> None:
    tags = [{"Key": "Team", "Value": "blue"}]
    own = statement("Allow", "s3:ListAllMyBuckets", "*", {"StringEquals": {"aws:PrincipalTag/team": "blue"}})
    old = statement("Allow", "sqs:ListQueues", "*", {"StringEquals": {"aws:PrincipalTag/kept": "yes"}})
    user = gateway.user(
        statement("Allow", "sts:GetFederationToken"),
        own,
        old,
        Tags=[{"Key": "team", "Value": "red"}, {"Key": "kept", "Value": "yes"}],
    )
    sts = gateway.client("sts", user)
    assert "sts:TagSession" in refusal(sts.get_federation_token, Name="carol", Tags=tags)[1]
    gateway.iam.put_user_policy(
        UserName=user.name,
        PolicyName="tagging",
        PolicyDocument=raw.document(
            {
                **statement("Allow", "sts:TagSession"),
                "Condition": {
                    "StringEquals": {"aws:RequestTag/Team": "blue"},
                    "ForAllValues:StringEquals": {"aws:TagKeys": "Team"},
                },
            }
        ),
    )
    tagged = federate(gateway, user, ALL, Tags=tags)
    assert code(gateway.client("s3", tagged).list_buckets) == ""
    assert code(gateway.client("sqs", tagged).list_queues) == ""
    assert code(gateway.client("s3", federate(gateway, user, ALL)).list_buckets) == "AccessDenied"
    other = [{"Key": "Team", "Value": "green"}]
    assert code(sts.get_federation_token, Name="carol", Tags=other) == "AccessDenied"


def test_the_packed_size_is_told_and_has_an_end(gateway: Gateway) -> None:
    sts = gateway.client("sts", gateway.user(ALL))
    assert 0 < sts.get_federation_token(Name="carol", Policy=raw.document(ALL))["PackedPolicySize"] < 100
    tags = [{"Key": f"{place}", "Value": token_hex(128)} for place in range(50)]
    assert code(sts.get_federation_token, Name="carol", Tags=tags) == "PackedPolicyTooLarge"


BAD: dict[str, tuple[str, dict[str, Any], str]] = {
    "too short": ("get_session_token", {"DurationSeconds": 899}, "ValidationError"),
    "too long": ("get_session_token", {"DurationSeconds": 129601}, "ValidationError"),
    "a device that nobody has": (
        "get_session_token",
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/x", "TokenCode": "123456"},
        "AccessDenied",
    ),
    "a code without a device": ("get_session_token", {"TokenCode": "123456"}, "AccessDenied"),
    "federated: too long": ("get_federation_token", {"Name": "carol", "DurationSeconds": 129601}, "ValidationError"),
    "federated: a short name": ("get_federation_token", {"Name": "c"}, "ValidationError"),
    "federated: a long name": ("get_federation_token", {"Name": "c" * 33}, "ValidationError"),
    "federated: a slash": ("get_federation_token", {"Name": "car/ol"}, "ValidationError"),
    "federated: no JSON": ("get_federation_token", {"Name": "carol", "Policy": "{"}, "MalformedPolicyDocument"),
    "federated: a policy that is none": (
        "get_federation_token",
        {"Name": "carol", "PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/nowhere"}]},
        "ValidationError",
    ),
    "federated: tags that are one": (
        "get_federation_token",
        {"Name": "carol", "Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]},
        "ValidationError",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests(gateway: Gateway, case: str) -> None:
    call, params, expected = BAD[case]
    sts = gateway.client("sts", gateway.user(ALL), parameter_validation=False)
    assert code(getattr(sts, call), **params) == expected


# ---- how it ends ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("made", SESSIONS)
def test_a_deleted_user_takes_its_sessions_along(gateway: Gateway, made: str) -> None:
    user = gateway.user(ALL)
    session = SESSIONS[made](gateway, user)
    s3 = gateway.client("s3", session)
    # Its key may go: the session stays until it ends, as
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_disable-perms.html says.
    gateway.iam.update_access_key(UserName=user.name, AccessKeyId=user.id, Status="Inactive")
    assert code(s3.list_buckets) == ""
    gateway.iam.delete_access_key(UserName=user.name, AccessKeyId=user.id)
    assert code(s3.list_buckets) == ""
    gateway.iam.delete_user_policy(UserName=user.name, PolicyName="own")
    assert code(s3.list_buckets) == "AccessDenied"
    gateway.iam.delete_user(UserName=user.name)
    assert code(s3.list_buckets) == "InvalidToken"
    # INVARIANT: whoever is made anew under the name is somebody else.
    gateway.iam.create_user(UserName=user.name)
    gateway.iam.put_user_policy(UserName=user.name, PolicyName="own", PolicyDocument=raw.document(ALL))
    assert code(s3.list_buckets) == "InvalidToken"


@pytest.mark.parametrize("made", SESSIONS)
def test_a_revoked_user_takes_its_sessions_along(gateway: Gateway, made: str) -> None:
    user = gateway.user(ALL)
    session = SESSIONS[made](gateway, user)
    subject = gateway.iam.get_user(UserName=user.name)["User"]["UserId"]
    with gateway.store.write() as conn:
        revoke(conn, ACCOUNT, "principal", subject, gateway.clock.now())
    assert code(gateway.client("s3", session).list_buckets) == "InvalidToken"
    assert code(gateway.client("s3", SESSIONS[made](gateway, user)).list_buckets) == ""


def test_the_boundary_of_the_user_bounds_its_sessions(gateway: Gateway) -> None:
    user = gateway.user(ALL)
    made = [make(gateway, user) for make in SESSIONS.values()]
    gateway.iam.put_user_permissions_boundary(
        UserName=user.name, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    )
    assert [code(gateway.client("s3", session).list_buckets) for session in made] == ["AccessDenied"] * 2
    assert [code(gateway.client("sqs", session).list_queues) for session in made] == [""] * 2


def test_what_a_federated_user_did_is_recorded_as_its_own(gateway: Gateway) -> None:
    user = gateway.user(ALL)
    session = federate(gateway, user, ALL)
    gateway.client("s3", session).list_buckets()
    event = gateway.events(session)[0]
    assert (event.principal_arn, event.allowed) == (f"{FEDERATED}/carol", True)
    assert event.principal_id == gateway.iam.get_user(UserName=user.name)["User"]["UserId"]


def test_a_denial_of_a_session_can_be_explained(gateway: Gateway) -> None:
    """It is evaluated again as it was, with the limits of its kind: no policy could allow it, so none is proposed."""
    session = federate(gateway, gateway.user(ALL), ALL)
    with pytest.raises(ClientError) as caught:
        gateway.client("iam", session).list_users()
    request_id = caught.value.response["ResponseMetadata"]["RequestId"]
    found = gateway.client("kansatsu").explain_request(RequestId=request_id)
    assert (found["PrincipalArn"], found["UserId"]) == (f"{FEDERATED}/carol", f"{ACCOUNT}:carol")
    assert found["Changes"] == []
    assert not any("cannot be evaluated again" in note for note in found["Notes"])
