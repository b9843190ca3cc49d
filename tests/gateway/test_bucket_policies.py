"""Bucket policies and Block Public Access, set and felt through the gateway; each attack on them is a test.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.resources.carrier import wrapped

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import Ask, Keys, statement

BODY = b"what is in the bucket"


@pytest.fixture
def bucket(gateway: Gateway) -> str:
    s3 = gateway.client("s3")
    name = gateway.bucket()
    s3.put_object(Bucket=name, Key="key", Body=BODY)
    return name


def user_arn(keys: Keys) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{keys.name}"


def says(effect: str, principal: Any, action: str | list[str], *resources: str, **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": list(resources), **more}


def objects(bucket: str) -> str:
    return f"arn:aws:s3:::{bucket}/*"


def put(gateway: Gateway, bucket: str, *statements: dict[str, Any], keys: Keys | None = None) -> None:
    gateway.client("s3", keys).put_bucket_policy(Bucket=bucket, Policy=raw.document(*statements))


def refused(call: Any, code: str = "AccessDenied") -> str:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] == code, error.value
    return str(error.value.response["Error"]["Message"])


def get(gateway: Gateway, bucket: str, keys: Keys, key: str = "key") -> bytes:
    return bytes(gateway.client("s3", keys).get_object(Bucket=bucket, Key=key)["Body"].read())


def test_set_allowed_denied_shown_deleted(gateway: Gateway, bucket: str) -> None:
    keys, other, s3 = gateway.user(), gateway.user(), gateway.client("s3")
    refused(lambda: get(gateway, bucket, keys))
    put(gateway, bucket, says("Allow", {"AWS": user_arn(keys)}, "s3:GetObject", objects(bucket)))
    assert get(gateway, bucket, keys) == BODY
    refused(lambda: get(gateway, bucket, other))
    refused(lambda: gateway.client("s3", keys).delete_object(Bucket=bucket, Key="key"))
    shown = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    assert shown["Statement"][0]["Principal"] == {"AWS": user_arn(keys)}
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": False}
    s3.delete_bucket_policy(Bucket=bucket)
    refused(lambda: get(gateway, bucket, keys))
    refused(lambda: s3.get_bucket_policy(Bucket=bucket), "NoSuchBucketPolicy")
    refused(lambda: s3.get_bucket_policy_status(Bucket=bucket), "NoSuchBucketPolicy")


def test_a_deny_holds_against_an_identity_allow_and_is_explained(gateway: Gateway, bucket: str) -> None:
    keys = gateway.user(statement("Allow", "s3:*"))
    assert get(gateway, bucket, keys) == BODY
    put(gateway, bucket, says("Deny", {"AWS": user_arn(keys)}, "s3:GetObject", objects(bucket), Sid="NotThis"))
    message = refused(lambda: get(gateway, bucket, keys))
    assert "with an explicit deny in a resource-based policy" in message
    (event,) = (event for event in gateway.events(keys) if event.error)
    assert (event.action, event.allowed) == ("GetObject", False)
    given = message.rpartition("authorization id: ")[2]
    details = gateway.client("iam-toolbox").get_request_authorization_details(authorizationId=given)
    assert "NotThis" in json.dumps(details, default=str)
    assert f"arn:aws:s3:::{bucket}" in json.dumps(details, default=str)


def test_a_deny_with_not_principal(gateway: Gateway, bucket: str) -> None:
    keys, other = gateway.user(statement("Allow", "s3:*")), gateway.user(statement("Allow", "s3:*"))
    excepted = {"AWS": [user_arn(keys), f"arn:aws:iam::{ACCOUNT}:root"]}
    denies = {"Effect": "Deny", "NotPrincipal": excepted, "Action": "s3:GetObject", "Resource": objects(bucket)}
    put(gateway, bucket, denies)
    assert get(gateway, bucket, keys) == BODY
    refused(lambda: get(gateway, bucket, other))


@pytest.mark.parametrize("host", ["{}.s3.amazonaws.com", "{}.localhost", "{}.s3.us-east-1.amazonaws.com"])
def test_another_spelling_is_the_same_bucket(gateway: Gateway, bucket: str, host: str) -> None:
    """The attack: the bucket in the host sets or passes by a policy that the bucket in the path has."""
    keys = gateway.user(statement("Allow", "s3:*"))
    assert get(gateway, bucket, keys) == BODY
    policy = raw.document(says("Deny", {"AWS": user_arn(keys)}, "s3:GetObject", objects(bucket))).encode()
    headers = {"host": host.format(bucket)}
    assert gateway.ask(Ask("PUT", "/", "policy=", headers, policy), gateway.admin, "s3").status == 200
    refused(lambda: get(gateway, bucket, keys))
    for ask in (
        Ask("GET", "/key", "", headers),
        Ask("GET", f"/{bucket}/key"),
        Ask("GET", f"/%{ord(bucket[0]):x}{bucket[1:]}/key"),
        Ask("HEAD", f"/{bucket}/%6bey"),
    ):
        assert gateway.ask(ask, keys, "s3").status == 403
    for path in (f"//{bucket}/key", f"/./{bucket}/key", f"/x/../{bucket}/key"):
        assert BODY not in gateway.ask(Ask("GET", path), keys, "s3").body
    signed = raw.presign(Ask("GET", f"/{bucket}/key"), keys, host=gateway.host)
    assert gateway.send(signed).status == 403


def test_nothing_before_a_bucket_hides_its_policy(gateway: Gateway, bucket: str) -> None:
    for name in ("mine-abcdefghijk-s3alias", f"arn:aws:s3:us-east-1:{ACCOUNT}:accesspoint%2Fmine"):
        got = gateway.ask(Ask("GET", f"/{name}/key"), gateway.admin, "s3")
        assert got.status == 501
    headers = {"x-amz-account-id": ACCOUNT}
    policy = raw.document(says("Allow", "*", "s3:GetObject", objects(bucket)))
    for path, root in (
        (f"bucket/{bucket}", "PutBucketPolicyRequest"),
        ("accesspoint/mine", "PutAccessPointPolicyRequest"),
    ):
        body = f"<{root}><Policy>{policy.replace('<', '')}</Policy></{root}>".encode()
        got = gateway.ask(Ask("PUT", f"/v20180820/{path}/policy", "", headers, body), gateway.admin, "s3")
        assert (got.status, b"does not enforce" in got.body) == (501, True), path


def test_what_was_there_before_counts_from_the_first_request(gateway: Gateway) -> None:
    """A backend that has a policy of which no request has told Kansatsu: docs/decisions/008."""
    keys, name = gateway.user(statement("Allow", "s3:*")), gateway.name("before")
    ask = gateway.resources._knowledge.ask
    denied = says("Deny", {"AWS": user_arn(keys)}, "s3:GetObject", objects(name))
    anybody = says("Allow", "*", "s3:GetObject", objects(name))
    for operation, more in (
        ("CreateBucket", {}),
        ("PutObject", {"Key": "key", "Body": BODY}),
        ("PutBucketPolicy", {"Policy": wrapped(raw.document(denied, anybody))}),
    ):
        gateway.run(ask(ACCOUNT, raw.REGION, "s3", operation, {"Bucket": name, **more}))
    assert "explicit deny in a resource-based policy" in refused(lambda: get(gateway, name, keys))
    assert gateway.send(Ask("GET", f"/{name}/key")).body == BODY


def test_a_new_bucket_of_the_name_inherits_nothing(gateway: Gateway) -> None:
    keys, s3, name = gateway.user(), gateway.client("s3"), gateway.bucket()
    put(gateway, name, says("Allow", {"AWS": user_arn(keys)}, ["s3:PutObject", "s3:GetObject"], objects(name)))
    gateway.client("s3", keys).put_object(Bucket=name, Key="key", Body=BODY)
    s3.delete_object(Bucket=name, Key="key")
    s3.delete_bucket(Bucket=name)
    s3.create_bucket(Bucket=name)
    refused(lambda: gateway.client("s3", keys).put_object(Bucket=name, Key="key", Body=BODY))


def test_a_new_user_of_the_name_inherits_nothing(gateway: Gateway, bucket: str) -> None:
    keys, s3 = gateway.user(), gateway.client("s3")
    put(gateway, bucket, says("Allow", {"AWS": user_arn(keys)}, "s3:GetObject", objects(bucket)))
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    gateway.iam.delete_user(UserName=keys.name)
    old = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Principal"]["AWS"]
    assert old.startswith("AIDA")
    gateway.iam.create_user(UserName=keys.name)
    made = gateway.iam.create_access_key(UserName=keys.name)["AccessKey"]
    heir = Keys(made["AccessKeyId"], made["SecretAccessKey"], name=keys.name)
    refused(lambda: get(gateway, bucket, heir))


def test_who_locks_himself_out_stays_out(gateway: Gateway, bucket: str) -> None:
    keys = gateway.user(statement("Allow", "s3:*"))
    put(gateway, bucket, says("Deny", {"AWS": user_arn(keys)}, "s3:*", f"arn:aws:s3:::{bucket}"), keys=keys)
    for call in (
        lambda: put(gateway, bucket, says("Allow", "*", "s3:GetObject", objects(bucket)), keys=keys),
        lambda: gateway.client("s3", keys).delete_bucket_policy(Bucket=bucket),
        lambda: gateway.client("s3", keys).get_bucket_policy(Bucket=bucket),
        lambda: gateway.client("s3", keys).delete_bucket(Bucket=bucket),
    ):
        refused(call)
    gateway.client("s3").delete_bucket_policy(Bucket=bucket)
    gateway.client("s3", keys).get_bucket_location(Bucket=bucket)


def test_a_role_is_named_by_its_policy_under_its_session_policy(gateway: Gateway, bucket: str) -> None:
    role = gateway.role()
    put(gateway, bucket, says("Allow", {"AWS": role["Arn"]}, ["s3:GetObject", "s3:PutObject"], objects(bucket)))
    assert get(gateway, bucket, gateway.assume(role)) == BODY
    less = gateway.assume(role, Policy=raw.document(statement("Allow", "s3:PutObject")))
    refused(lambda: get(gateway, bucket, less))


DOCUMENTS: list[tuple[str, str]] = [
    ("{", "Syntax errors in policy."),
    ('"x"', "Policies must be valid JSON and the first byte must be '{'"),
    (raw.document(statement("Allow", "s3:GetObject")), "Missing required field Principal"),
    (raw.document(says("Allow", "*", "s3:GetObject", "arn:aws:s3:::another/*")), "Policy has invalid resource"),
    (raw.document(says("Allow", "*", "s3:GetObject", "arn:aws:s3:::{}x/*")), "Policy has invalid resource"),
    (raw.document(says("Allow", "*", "sqs:SendMessage", "arn:aws:s3:::{}/*")), "Policy has invalid action"),
    (raw.document(says("Allow", "*", "s3:GetObjekt", "arn:aws:s3:::{}/*")), "Policy has invalid action"),
    (
        raw.document(says("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody-of-this-name"}, "s3:*", "*")),
        "Invalid principal in policy",
    ),
    (raw.document(says("Allow", {"AWS": "AIDAAAAAAAAAAAAAAAAAA"}, "s3:*", "*")), "Invalid principal in policy"),
    (raw.document({"Effect": "Allow", "Principal": "*", "Action": "s3:*"}), "Missing required field Resource"),
    (
        raw.document(says("Allow", "*", "s3:*", "*", Condition={"StringIs": {"aws:SourceIp": "1"}})),
        "Invalid Condition type : StringIs",
    ),
]


@pytest.mark.parametrize(("text", "message"), DOCUMENTS)
def test_what_s3_does_not_take(gateway: Gateway, bucket: str, text: str, message: str) -> None:
    s3, text = gateway.client("s3"), text.replace("{}", bucket)
    assert refused(lambda: s3.put_bucket_policy(Bucket=bucket, Policy=text), "MalformedPolicy") == message
    refused(lambda: s3.get_bucket_policy(Bucket=bucket), "NoSuchBucketPolicy")


def test_no_policy_at_all_replaces_none(gateway: Gateway, bucket: str) -> None:
    own = says("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "s3:GetObject", objects(bucket))
    put(gateway, bucket, own)
    got = gateway.ask(Ask("PUT", f"/{bucket}", "policy="), gateway.admin, "s3")
    assert (got.status, got.code) == (400, "MalformedPolicy")
    assert json.loads(gateway.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])["Statement"] == [own]


def test_the_quota(gateway: Gateway, bucket: str) -> None:
    long = says("Allow", "*", "s3:GetObject", objects(bucket), Sid="x" * 20480)
    refused(lambda: put(gateway, bucket, long), "PolicyTooLarge")


# ---- Block Public Access --------------------------------------------------------------------------------------------


def block(gateway: Gateway, bucket: str, **settings: bool) -> None:
    gateway.client("s3").put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=settings)


def test_a_public_policy_is_not_stored_where_it_is_blocked(gateway: Gateway, bucket: str) -> None:
    everybody = says("Allow", "*", "s3:GetObject", objects(bucket))
    block(gateway, bucket, BlockPublicPolicy=True)
    assert "BlockPublicPolicy" in refused(lambda: put(gateway, bucket, everybody))
    put(gateway, bucket, says("Allow", {"AWS": ACCOUNT}, "s3:GetObject", objects(bucket)))
    gateway.client("s3").delete_public_access_block(Bucket=bucket)
    put(gateway, bucket, everybody)
    assert gateway.client("s3").get_bucket_policy_status(Bucket=bucket)["PolicyStatus"] == {"IsPublic": True}


def test_the_block_of_the_account_holds_for_its_buckets(gateway: Gateway, bucket: str) -> None:
    headers = {"x-amz-account-id": ACCOUNT}
    path = "/v20180820/configuration/publicAccessBlock"
    body = (
        b'<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">'
        b"<BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>"
    )
    everybody = says("Allow", "*", "s3:GetObject", objects(bucket))
    put(gateway, bucket, everybody)
    assert gateway.ask(Ask("PUT", path, "", headers, body), gateway.admin, "s3").status < 300
    try:
        refused(lambda: put(gateway, bucket, everybody))
    finally:
        assert gateway.ask(Ask("DELETE", path, "", headers), gateway.admin, "s3").status < 300
    put(gateway, bucket, everybody)


def test_an_id_hides_no_policy(gateway: Gateway, bucket: str) -> None:
    """The attack: an Id that begins as that of another table's policy, of which nothing would count."""
    keys = gateway.user(statement("Allow", "s3:*"))
    denies = says("Deny", "*", "s3:ListBucket", f"arn:aws:s3:::{bucket}")
    text = json.dumps({"Version": "2012-10-17", "Id": "kansatsu table of 1 x", "Statement": [denies]})
    gateway.client("s3").put_bucket_policy(Bucket=bucket, Policy=text)
    refused(lambda: gateway.client("s3", keys).list_objects_v2(Bucket=bucket))
