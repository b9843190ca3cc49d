"""Requests that nobody signed: let in by the policy of a resource, and by nothing else.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html#example-bucket-policies-anonymous-user
"""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Ask, Got, statement
from .test_bucket_policies import BODY, block, objects, put, says

DENIED = (403, "AccessDenied")


@pytest.fixture
def bucket(gateway: Gateway) -> str:
    name = gateway.bucket()
    gateway.client("s3").put_object(Bucket=name, Key="key", Body=BODY)
    gateway.client("s3").put_object(Bucket=name, Key="hidden", Body=BODY)
    return name


def read(gateway: Gateway, bucket: str, key: str = "key", method: str = "GET") -> Got:
    return gateway.send(Ask(method, f"/{bucket}/{key}", headers={"host": gateway.host}))


def answer(got: Got) -> tuple[int, str]:
    return got.status, got.code


def test_without_a_policy_nobody_reads_or_writes(gateway: Gateway, bucket: str) -> None:
    assert answer(read(gateway, bucket)) == DENIED
    host = {"host": gateway.host}
    for ask in (
        Ask("PUT", f"/{bucket}/mine", headers=host, body=b"x"),
        Ask("PUT", f"/{bucket}/mine", headers={**host, "content-type": "text/plain"}, body=b"x"),
        Ask("DELETE", f"/{bucket}/key", headers=host),
        Ask("GET", f"/{bucket}", headers=host),
        Ask("GET", "/", headers=host),
        Ask("PUT", "/a-bucket-of-nobody", headers=host),
        Ask("GET", "/a-bucket-that-is-not-there/key", headers=host),
    ):
        assert answer(gateway.send(ask)) == DENIED
    objects_left = gateway.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    assert [item["Key"] for item in objects_left] == ["hidden", "key"]


def test_a_public_object_is_read_and_nothing_else(gateway: Gateway, bucket: str) -> None:
    put(gateway, bucket, says("Allow", "*", "s3:GetObject", f"arn:aws:s3:::{bucket}/key"))
    got = read(gateway, bucket)
    assert (got.status, got.body) == (200, BODY)
    assert read(gateway, bucket, method="HEAD").status == 200
    virtual = Ask("GET", "/key", headers={"host": f"{bucket}.s3.amazonaws.com"})
    assert gateway.send(virtual).body == BODY
    for key in ("hidden", "%68idden", "key/../hidden", "./hidden"):
        assert gateway.send(Ask("GET", f"/{bucket}/{key}", headers={"host": gateway.host})).body != BODY
    assert answer(gateway.send(Ask("DELETE", f"/{bucket}/key", headers={"host": gateway.host}))) == DENIED
    recent = gateway.recorder.recent(50)
    events = [event for event in recent if event.principal_arn == "anonymous" and f":{bucket}/" in event.resource]
    assert {(event.action, event.resource, event.account, event.principal_id) for event in events} == {
        ("GetObject", f"arn:aws:s3:::{bucket}/key", ACCOUNT, "")
    }
    gateway.client("s3").delete_bucket_policy(Bucket=bucket)
    assert answer(read(gateway, bucket)) == DENIED


def test_an_open_door_for_writing(gateway: Gateway, bucket: str) -> None:
    put(gateway, bucket, says("Allow", "*", "s3:PutObject", objects(bucket)))
    host = {"host": gateway.host}
    for headers in (host, {**host, "content-type": "text/plain"}):
        assert gateway.send(Ask("PUT", f"/{bucket}/new", headers=headers, body=b"theirs")).status == 200
    held = gateway.client("s3").get_object(Bucket=bucket, Key="new")["Body"].read()
    assert held == b"theirs"
    chunked = {**host, "content-encoding": "aws-chunked", "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    assert gateway.send(Ask("PUT", f"/{bucket}/new", headers=chunked, body=b"0\r\n\r\n")).status == 501
    public = {**host, "x-amz-acl": "public-read"}
    assert gateway.send(Ask("PUT", f"/{bucket}/new", headers=public, body=b"x")).status in (403, 501)


def test_a_key_that_is_wrong_makes_nobody_anonymous(gateway: Gateway, bucket: str) -> None:
    put(gateway, bucket, says("Allow", "*", "s3:GetObject", objects(bucket)))
    wrong = raw.Keys(gateway.admin.id, "not-the-secret")
    assert gateway.ask(Ask("GET", f"/{bucket}/key"), wrong, "s3").code == "SignatureDoesNotMatch"
    closed = gateway.user(statement("Deny", "s3:*"))
    assert gateway.ask(Ask("GET", f"/{bucket}/key"), closed, "s3").code == "AccessDenied"


@pytest.mark.parametrize("effect", ["Deny", "Condition", "NotPrincipal"])
def test_what_keeps_strangers_out_of_a_public_bucket(gateway: Gateway, bucket: str, effect: str) -> None:
    everybody = says("Allow", "*", "s3:GetObject", objects(bucket))
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = {
        "Deny": [everybody, says("Deny", "*", "s3:GetObject", f"arn:aws:s3:::{bucket}/key")],
        "Condition": [{**everybody, "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}}],
        "NotPrincipal": [
            everybody,
            {"Effect": "Deny", "NotPrincipal": root, "Action": "s3:*", "Resource": objects(bucket)},
        ],
    }[effect]
    put(gateway, bucket, *statements)
    assert answer(read(gateway, bucket)) == DENIED


def test_restricted_a_public_policy_lets_no_stranger_in(gateway: Gateway, bucket: str) -> None:
    keys = gateway.user()
    put(gateway, bucket, says("Allow", "*", "s3:GetObject", objects(bucket)))
    assert read(gateway, bucket).status == 200
    block(gateway, bucket, RestrictPublicBuckets=True)
    assert answer(read(gateway, bucket)) == DENIED
    own = gateway.client("s3", keys).get_object(Bucket=bucket, Key="key")["Body"].read()
    assert own == BODY
    gateway.client("s3").delete_public_access_block(Bucket=bucket)
    assert read(gateway, bucket).status == 200


@pytest.fixture
def queue(gateway: Gateway) -> Iterator[str]:
    url = gateway.client("sqs").create_queue(QueueName=gateway.name("open"))["QueueUrl"]
    yield url
    gateway.client("sqs").delete_queue(QueueUrl=url)


def test_a_queue_and_a_topic_for_everybody(gateway: Gateway, queue: str) -> None:
    sqs, sns = gateway.client("sqs"), gateway.client("sns")
    send = Ask(
        "POST",
        "/",
        headers={
            "host": f"sqs.{REGION}.amazonaws.com",
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": "AmazonSQS.SendMessage",
        },
        body=json.dumps({"QueueUrl": queue, "MessageBody": "m"}).encode(),
    )
    assert gateway.send(send).code == "MissingAuthenticationTokenException"
    policy = raw.document(says("Allow", "*", "sqs:SendMessage", "*"))
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    assert gateway.send(send).status == 200
    assert [one["Body"] for one in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["m"]
    topic = sns.create_topic(Name=gateway.name("open"))["TopicArn"]
    form = f"Action=Publish&Version=2010-03-31&Message=m&TopicArn={quote(topic, safe='')}".encode()
    publish = Ask("POST", headers={"host": "sns", "content-type": "application/x-www-form-urlencoded"}, body=form)
    assert gateway.send(publish).code == "MissingAuthenticationToken"
    sns.set_topic_attributes(
        TopicArn=topic,
        AttributeName="Policy",
        AttributeValue=raw.document(says("Allow", "*", "sns:Publish", topic)),
    )
    assert gateway.send(publish).status == 200


def test_what_is_ours_is_never_open(gateway: Gateway) -> None:
    for version, action in (("2010-05-08", "ListUsers"), ("2011-06-15", "GetCallerIdentity")):
        ask = Ask(
            "POST",
            headers={"host": gateway.host, "content-type": "application/x-www-form-urlencoded"},
            body=f"Action={action}&Version={version}".encode(),
        )
        assert gateway.send(ask).code == "MissingAuthenticationToken"
