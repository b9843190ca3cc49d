"""What an authenticated caller without permission is told: the code of the protocol and AWS's sentence, word for word.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .asks import EC2, FORM, SPOKEN
from .conftest import ACCOUNT, Gateway
from .raw import Ask, Keys, statement

ALLOW_ALL = statement("Allow", "*")
USERS = f"arn:aws:iam::{ACCOUNT}:user/"
# dialect -> (status, code, action, resource as the message has it, what follows the sentence)
DENIED = {
    "query": (403, "AccessDenied", "iam:ListUsers", USERS, ""),
    "json": (400, "AccessDeniedException", "dynamodb:ListTables", "*", ""),
    "rest-json": (403, "AccessDeniedException", "lambda:ListFunctions", "*", ""),
    "ec2": (403, "UnauthorizedOperation", "ec2:DescribeVpcs", "*", ""),
    "s3": (403, "AccessDenied", "s3:ListAllMyBuckets", '"*"', ""),
}


POINTER = re.compile(
    r"\. Run `kansatsu why ([0-9a-z]+)` for complete details, or call the GetRequestAuthorizationDetails API with the "
    r"following authorization id: \1"
)


def plain(message: str) -> str:
    """The message without its authorization id, which is always there."""
    without, count = POINTER.subn("", message)
    assert count == 1
    return without


def sentence(arn: str, action: str, resource: str, reason: str) -> str:
    return f"User: {arn} is not authorized to perform: {action} on resource: {resource} {reason}"


@pytest.fixture(scope="module")
def nobody(gateway: Gateway) -> Keys:
    return gateway.user()


@pytest.mark.parametrize("dialect", DENIED)
def test_without_a_policy(gateway: Gateway, nobody: Keys, dialect: str) -> None:
    status, code, action, resource, after = DENIED[dialect]
    got = gateway.ask(SPOKEN[dialect][0], nobody, SPOKEN[dialect][1])
    assert (got.status, got.code) == (status, code)
    said = sentence(
        f"{USERS}{nobody.name}", action, resource, f"because no identity-based policy allows the {action} action"
    )
    message = got.message
    if dialect == "ec2":
        message, _, encoded = message.partition(". Encoded authorization failure message: ")
        assert encoded
        said = f"You are not authorized to perform this operation. {said}"
    assert plain(message) == said + after
    event = gateway.events(nobody)[0]
    assert (f"{event.service}:{event.action}", event.resource) == (action, resource.strip('"'))
    assert (event.allowed, event.error, event.exact) == (False, code, not after)


def explicit(gateway: Gateway) -> Keys:
    return gateway.user(ALLOW_ALL, statement("Deny", "iam:ListUsers"))


def bounded(gateway: Gateway) -> Keys:
    return gateway.user(ALLOW_ALL, PermissionsBoundary="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")


def deny_by_boundary(gateway: Gateway) -> Keys:
    policy = gateway.iam.create_policy(
        PolicyName=gateway.name("boundary"),
        PolicyDocument=raw.document(ALLOW_ALL, statement("Deny", "iam:List*")),
    )
    return gateway.user(ALLOW_ALL, PermissionsBoundary=policy["Policy"]["Arn"])


def limited_session(gateway: Gateway) -> Keys:
    return gateway.assume(gateway.common_role, Policy=raw.document(statement("Allow", "s3:*")))


def deny_by_session(gateway: Gateway) -> Keys:
    return gateway.assume(gateway.common_role, Policy=raw.document(ALLOW_ALL, statement("Deny", "iam:ListUsers")))


def limited_by_managed(gateway: Gateway) -> Keys:
    arns = [{"arn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    return gateway.assume(gateway.common_role, PolicyArns=arns)


def poor_role(gateway: Gateway) -> Keys:
    return gateway.assume(gateway.role(statement("Allow", "s3:*")))


REASONS = [
    (explicit, "with an explicit deny in an identity-based policy"),
    (bounded, "because no permissions boundary allows the iam:ListUsers action"),
    (deny_by_boundary, "with an explicit deny in a permissions boundary"),
    (limited_session, "because no session policy allows the iam:ListUsers action"),
    (deny_by_session, "with an explicit deny in a session policy"),
    (limited_by_managed, "because no session policy allows the iam:ListUsers action"),
    (poor_role, "because no identity-based policy allows the iam:ListUsers action"),
]


@pytest.mark.parametrize(("make", "reason"), REASONS, ids=lambda item: getattr(item, "__name__", ""))
def test_the_type_of_policy_that_denied(gateway: Gateway, make: Any, reason: str) -> None:
    keys = make(gateway)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{keys.name}/session" if keys.token else f"{USERS}{keys.name}"
    got = gateway.ask(*_iam(keys))
    assert (got.status, got.code) == (403, "AccessDenied")
    assert plain(got.message).partition(": arn:aws:iam::123456789012:policy/")[0] == sentence(
        arn, "iam:ListUsers", USERS, reason
    )


def _iam(keys: Keys) -> tuple[Ask, Keys, str]:
    return SPOKEN["query"][0], keys, "iam"


def test_an_object_is_named_in_quotes(gateway: Gateway, nobody: Keys) -> None:
    bucket = gateway.bucket()
    with pytest.raises(ClientError) as refused:
        gateway.client("s3", nobody).put_object(Bucket=bucket, Key="a/ä b", Body=b"x")
    said = sentence(
        f"{USERS}{nobody.name}",
        "s3:PutObject",
        f'"arn:aws:s3:::{bucket}/a/ä b"',
        "because no identity-based policy allows the s3:PutObject action",
    )
    error = refused.value.response["Error"]
    assert (error["Code"], plain(error["Message"])) == ("AccessDenied", said)


def test_ec2s_encoded_message_is_for_who_may_decode_it(gateway: Gateway) -> None:
    keys = gateway.user(ALLOW_ALL, {**statement("Deny", "ec2:DescribeVpcs"), "Sid": "NoVpcs"})
    got = gateway.ask(EC2.having(user_agent="x" * 60_000), keys, "ec2", unsigned=["user-agent"])
    encoded = got.message.partition("Encoded authorization failure message: ")[2]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,10240}", encoded)
    text = gateway.client("sts", keys).decode_authorization_message(EncodedMessage=encoded)["DecodedMessage"]
    said = json.loads(text)
    assert (said["allowed"], said["explicitDeny"], said["failures"]) == (False, True, {"items": []})
    deny = next(item for item in said["matchedStatements"]["items"] if item["statementId"] == "NoVpcs")
    user = gateway.iam.get_user(UserName=keys.name)["User"]
    assert deny == {
        "statementId": "NoVpcs",
        "effect": "DENY",
        "principals": {"items": [{"value": user["UserId"]}]},
        "principalGroups": {"items": []},
        "actions": {"items": [{"value": "ec2:DescribeVpcs"}]},
        "resources": {"items": [{"value": "*"}]},
        "conditions": {"items": []},
    }
    context = said["context"]
    assert context["principal"] == {"id": user["UserId"], "name": keys.name, "arn": user["Arn"]}
    assert (context["action"], context["resource"]) == ("ec2:DescribeVpcs", "*")
    conditions = {item["key"]: item["values"]["items"][0]["value"] for item in context["conditions"]["items"]}
    assert conditions["aws:SourceIp"] == "127.0.0.1"


def test_a_denial_does_not_say_whether_a_thing_exists(gateway: Gateway, nobody: Keys) -> None:
    texts = []
    for name in (gateway.common_role["RoleName"], "no-such-role"):
        body = f"Action=GetRole&Version=2010-05-08&RoleName={name}".encode()
        got = gateway.ask(Ask("POST", headers=FORM, body=body), nobody, "iam")
        texts.append((got.status, got.code, plain(got.message).replace(name, "NAME")))
    assert texts[0] == texts[1]
    assert texts[0][:2] == (403, "AccessDenied")


def test_every_part_of_a_call_must_be_allowed(gateway: Gateway) -> None:
    bucket = gateway.bucket()
    gateway.client("s3").put_object(Bucket=bucket, Key="secret", Body=b"x")
    keys = gateway.user(
        statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/mine/*"),
    )
    client = gateway.client("s3", keys)
    with pytest.raises(ClientError, match=f's3:GetObject on resource: "arn:aws:s3:::{bucket}/secret"'):
        client.copy_object(Bucket=bucket, Key="mine/copy", CopySource={"Bucket": bucket, "Key": "secret"})
    assert gateway.client("s3").get_object(Bucket=bucket, Key="secret")["Body"].read() == b"x"


def test_who_am_i_is_never_refused(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
    keys = gateway.user(statement("Deny", "*"))
    assert gateway.client("sts", keys).get_caller_identity()["Arn"] == f"{USERS}{keys.name}"
    session = gateway.assume(gateway.role(statement("Deny", "*")), Policy=raw.document(statement("Deny", "*")))
    assert gateway.client("sts", session).get_caller_identity()["UserId"].startswith("AROA")


def test_a_session_policy_that_is_gone_allows_nothing(gateway: Gateway) -> None:
    made = gateway.iam.create_policy(
        PolicyName=gateway.name("policy"), PolicyDocument=raw.document(statement("Allow", "iam:ListUsers"))
    )["Policy"]
    session = gateway.assume(gateway.common_role, PolicyArns=[{"arn": made["Arn"]}])
    assert gateway.ask(*_iam(session)).status == 200
    gateway.iam.delete_policy(PolicyArn=made["Arn"])
    assert gateway.ask(*_iam(session)).code == "AccessDenied"


def test_a_session_never_has_more_than_its_role(gateway: Gateway) -> None:
    session = gateway.assume(gateway.role(statement("Allow", "s3:*")), Policy=raw.document(ALLOW_ALL))
    assert gateway.ask(*_iam(session)).code == "AccessDenied"


def test_what_the_role_loses_its_sessions_lose(gateway: Gateway) -> None:
    role = gateway.role(ALLOW_ALL)
    session = gateway.assume(role, Policy=raw.document(ALLOW_ALL))
    assert gateway.ask(*_iam(session)).status == 200
    limit = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    gateway.iam.put_role_permissions_boundary(RoleName=role["RoleName"], PermissionsBoundary=limit)
    got = gateway.ask(*_iam(session))
    assert "because no permissions boundary allows the iam:ListUsers action" in got.message
