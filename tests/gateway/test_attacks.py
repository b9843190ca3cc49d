"""Callers who may do something, trying to do something else: what is authorized is what the backend gets.

Each test is the attack of an invariant in the gateway, the catalog or the policy engine.
"""

import base64
import hashlib
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Ask, Keys, statement

SECRET = b"the body of a secret"
INSIDE = "v20180820/accesspoint/x"  # an object's key that is also a path of S3 Control
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:closed"


@pytest.fixture(scope="module")
def bucket(gateway: Gateway) -> Iterator[str]:
    s3 = gateway.client("s3")
    name = gateway.name("attacked")
    s3.create_bucket(Bucket=name)
    for key in ("hidden", INSIDE):
        s3.put_object(Bucket=name, Key=key, Body=SECRET)
    yield name
    for key in [item["Key"] for item in s3.list_objects_v2(Bucket=name)["Contents"]]:
        s3.delete_object(Bucket=name, Key=key)
    s3.delete_bucket(Bucket=name)


@pytest.mark.parametrize("host", ["{}.s3.amazonaws.com", "{}.localhost", "{}.s3-us-west-2.amazonaws.com"])
def test_the_host_does_not_lengthen_the_path_of_another_service(gateway: Gateway, bucket: str, host: str) -> None:
    keys = gateway.user(statement("Allow", "s3:GetAccessPoint"))
    headers = {"host": host.format(bucket), "x-amz-account-id": ACCOUNT}
    got = gateway.ask(Ask("GET", f"/{INSIDE}", headers=headers), keys, "s3")
    assert SECRET not in got.body


def test_a_bucket_is_not_taken_for_s3_control(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "s3:GetObject"))
    for path, host in (("/accesspoint/x", "v20180820.localhost"), ("/v20180820/accesspoint/x", gateway.host)):
        signed = raw.sign(Ask("GET", path, headers={"host": host}), keys, "s3", host=host)
        got = gateway.send(replace(signed, path=path.replace("/v20180820", "/v201808%320")))  # signed alike
        assert (got.status, got.code) == (400, "InvalidBucketName")


@pytest.mark.parametrize(
    "source",
    ["{}/hidden?x=1", "{}/hidden#x", "{}/hidden;x", "{}/hidden?&versionId=null", "http://x/{}/hidden", "///{}/hidden"],
)
def test_a_copy_reads_what_was_authorized(gateway: Gateway, bucket: str, source: str) -> None:
    keys = gateway.user(statement("Allow", "s3:*"), statement("Deny", "s3:GetObject", f"arn:aws:s3:::{bucket}/hidden"))
    ask = Ask("PUT", f"/{bucket}/copy", headers={"x-amz-copy-source": source.format(bucket)})
    got = gateway.ask(ask, keys, "s3")
    assert (got.status, got.code) == (400, "InvalidArgument")


def test_a_header_that_a_condition_wants_arrives(gateway: Gateway, bucket: str) -> None:
    """Write once: nobody writes over an object by taking If-None-Match off behind the condition's back."""
    allowed = statement("Allow", "s3:PutObject") | {"Condition": {"StringEquals": {"s3:if-none-match": "*"}}}
    keys = gateway.user(allowed)
    headers = {"if-none-match": "*", "connection": "if-none-match"}
    got = gateway.ask(Ask("PUT", f"/{bucket}/hidden", headers=headers, body=b"mine"), keys, "s3")
    assert (got.status, got.code) == (400, "InvalidRequest")
    assert gateway.client("s3").get_object(Bucket=bucket, Key="hidden")["Body"].read() == SECRET


def closed_by_deny(gateway: Gateway) -> Keys:
    return gateway.user(statement("Allow", "sqs:*"), statement("Deny", "sqs:ReceiveMessage", QUEUE))


def closed_by_not_resource(gateway: Gateway) -> Keys:
    return gateway.user({"Effect": "Allow", "Action": "sqs:*", "NotResource": QUEUE})


@pytest.mark.parametrize("closed", [closed_by_deny, closed_by_not_resource])
def test_a_resource_that_is_not_resolved_may_be_the_denied_one(gateway: Gateway, closed: object) -> None:
    assert callable(closed)
    url = gateway.client("sqs").create_queue(QueueName="closed")["QueueUrl"]
    sqs = gateway.client("sqs", closed(gateway))
    with pytest.raises(sqs.exceptions.ClientError) as denied:
        sqs.receive_message(QueueUrl=url)
    assert "AccessDenied" in denied.value.response["Error"]["Code"]


def test_no_client_makes_its_own_evidence_unreadable(gateway: Gateway) -> None:
    keys = gateway.user(statement("Allow", "iam:*"))
    headers = {"content-type": "application/x-www-form-urlencoded", "user-agent": "U" * 100_000}
    body = b"Action=ListUsers&Version=2010-05-08"
    assert gateway.ask(Ask("POST", headers=headers, body=body), keys, "iam").status == 200
    (event,) = gateway.events(keys)
    assert event.action == "ListUsers"
    assert event.user_agent == "U" * 4096


def test_a_long_user_agent_is_not_on_record_for_each_of_many_keys(gateway: Gateway) -> None:
    keys, name = gateway.user(statement("Allow", "s3:*")), gateway.bucket()
    body = b"<Delete>%s</Delete>" % b"".join(b"<Object><Key>%d</Key></Object>" % number for number in range(300))
    digest = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    ask = Ask("POST", f"/{name}", "delete=", headers={"user-agent": "U" * 4096, "content-md5": digest}, body=body)
    before = sum(path.stat().st_size for path in gateway.recorder.directory.glob("*.jsonl"))
    assert gateway.ask(ask, keys, "s3").status == 200
    assert sum(path.stat().st_size for path in gateway.recorder.directory.glob("*.jsonl")) - before < 300_000
    events = gateway.events(keys)
    assert (len(events), {event.user_agent for event in events}) == (300, {"U" * 4096})


def test_what_belongs_to_another_account_is_refused(gateway: Gateway) -> None:
    """The attack: the embedded backend holds all accounts and finds some resources by ARN, whoever asks."""
    keys = gateway.user(statement("Allow", "*"))
    sns, dynamodb = gateway.client("sns", keys), gateway.client("dynamodb", keys)
    for ask in (
        lambda: sns.delete_topic(TopicArn=f"arn:aws:sns:{REGION}:222222222222:theirs"),
        lambda: dynamodb.scan(TableName=f"arn:aws:dynamodb:{REGION}:222222222222:table/theirs"),
    ):
        with pytest.raises(ClientError) as denied:
            ask()
        assert denied.value.response["Error"]["Message"].count("because no resource-based policy allows") == 1
    own = sns.create_topic(Name="own")["TopicArn"]
    sns.delete_topic(TopicArn=own)


def test_who_may_read_some_attributes_does_not_read_all_by_naming_none(gateway: Gateway) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_dynamodb_attributes.html"""
    admin, table = gateway.client("dynamodb"), gateway.name("table")
    name, key = {"TableName": table}, {"pk": {"S": "a"}}
    of = {"AttributeName": "pk", "KeyType": "HASH"}
    admin.create_table(
        **name,
        KeySchema=[of],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    admin.put_item(**name, Item={**key, "hidden": {"S": "x"}})
    limits = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk"]},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    }
    some = gateway.client("dynamodb", gateway.user(statement("Allow", "dynamodb:*") | {"Condition": limits}))
    asked = {"KeyConditionExpression": "pk = :a", "ExpressionAttributeValues": {":a": {"S": "a"}}}
    only = {"ProjectionExpression": "pk"}
    assert some.query(**name, **asked, **only)["Items"] == [key]
    assert some.get_item(**name, Key=key, **only)["Item"] == key
    assert some.batch_get_item(RequestItems={table: {"Keys": [key], **only}})["Responses"][table] == [key]
    for ask in (
        lambda: some.query(**name, **asked),
        lambda: some.scan(**name),
        lambda: some.get_item(**name, Key=key),
        lambda: some.batch_get_item(RequestItems={table: {"Keys": [key]}}),
        lambda: some.transact_get_items(TransactItems=[{"Get": {**name, "Key": key}}]),
    ):
        with pytest.raises(some.exceptions.ClientError, match="AccessDenied"):
            ask()
    admin.delete_table(**name)


def test_no_code_is_read_from_an_object_that_its_maker_may_not_read(gateway: Gateway, bucket: str) -> None:
    key = {"S3Bucket": bucket, "S3Key": "hidden"}
    made = {"FunctionName": gateway.name("function"), "Role": gateway.role()["Arn"], "Code": key}
    keys = gateway.user(statement("Allow", ["lambda:*", "iam:PassRole"]))
    client = gateway.client("lambda", keys)
    for ask in (
        lambda: client.create_function(**made, Runtime="python3.12", Handler="m.h"),
        lambda: client.publish_layer_version(LayerName="l", Content=key),
    ):
        with pytest.raises(ClientError) as denied:
            ask()
        assert f"s3:GetObject on resource: arn:aws:s3:::{bucket}/hidden" in str(denied.value).replace('"', "")


@pytest.mark.parametrize("tags", ["env=prod&env=dev", "env=dev&env=prod", "Env=prod&env=dev", "env=dev&ENV=prod"])
def test_no_tag_hides_behind_another_of_its_name(gateway: Gateway, bucket: str, tags: str) -> None:
    """The attack: the condition sees one of them, and the backend keeps the other."""
    wanted = {"Condition": {"StringEquals": {"s3:RequestObjectTag/env": "dev"}}}
    client = gateway.client("s3", gateway.user(statement("Allow", ["s3:PutObject", "s3:PutObjectTagging"]) | wanted))
    client.put_object(Bucket=bucket, Key="tagged", Body=b"", Tagging="env=dev")
    with pytest.raises(ClientError, match="AccessDenied"):
        client.put_object(Bucket=bucket, Key="tagged", Body=b"", Tagging=tags)


def test_what_a_key_encrypted_is_not_encrypted_anew_in_the_name_of_another(gateway: Gateway) -> None:
    """The attack: the embedded backend re-encrypts whatever SourceKeyId says, and the result is one's own to read."""
    admin = gateway.client("kms")
    own, other = (admin.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    alias = f"alias/{gateway.name()}"
    admin.create_alias(AliasName=alias, TargetKeyId=own)
    hidden, mine = (admin.encrypt(KeyId=key, Plaintext=SECRET)["CiphertextBlob"] for key in (other, own))
    kms = gateway.client("kms", gateway.user(statement("Allow", "kms:*", own)))
    for source in ({}, {"SourceKeyId": own}, {"SourceKeyId": own.rpartition("/")[2]}, {"SourceKeyId": alias}):
        assert kms.re_encrypt(CiphertextBlob=mine, DestinationKeyId=own, **source)["KeyId"] == own
        with pytest.raises(ClientError, match="AccessDenied"):
            kms.re_encrypt(CiphertextBlob=hidden, DestinationKeyId=own, **source)
        with pytest.raises(ClientError, match="AccessDenied"):
            kms.decrypt(CiphertextBlob=hidden, **{key.removeprefix("Source"): name for key, name in source.items()})


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nhost: ", b"GET / HTTP/1.1\r\n"])
def test_a_head_that_does_not_end_is_not_kept(gateway: Gateway, begin: bytes) -> None:
    piece = b"x-a: b\r\n" * 8192 if begin.endswith(b"\n") else b"a" * 65536
    with socket.create_connection(gateway.address) as connection:
        connection.settimeout(30)
        connection.sendall(begin)
        with suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(piece)
        with suppress(ConnectionError):
            assert connection.recv(64).startswith(b"HTTP/1.1 400 ")
    assert gateway.send(Ask("GET", "/_kansatsu/health", headers={"host": gateway.host})).status == 200
