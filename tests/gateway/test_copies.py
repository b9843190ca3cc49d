"""CopyObject takes the tags of its source along, and asks for that where there are some.

https://repost.aws/knowledge-center/s3-troubleshoot-copy-between-buckets
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.errors import AwsError

from .conftest import ACCOUNT, SECOND, Gateway
from .raw import Ask, Keys, statement
from .test_bucket_policies import objects, put, says

BASIC = ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"]
READ, READ_VERSION, WRITE = "s3:GetObjectTagging", "s3:GetObjectVersionTagging", "s3:PutObjectTagging"


@pytest.fixture(scope="module")
def bucket(gateway: Gateway) -> str:
    s3, name = gateway.client("s3"), gateway.bucket()
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=name, Key="plain", Body=b"x")
    s3.put_object(Bucket=name, Key="tagged", Body=b"x", Tagging="team=blue")
    s3.put_object(Bucket=name, Key="a b", Body=b"x", Tagging="team=blue")
    s3.put_object(Bucket=name, Key="a+b", Body=b"x")
    return name


def action(message: str) -> str:
    return message.partition("perform: ")[2].partition(" ")[0]


def copied(gateway: Gateway, keys: Keys, bucket: str, source: Any, **how: Any) -> str:
    """The denied action, or "" where the copy was made."""
    given = source if isinstance(source, dict) else f"{bucket}/{source}"
    try:
        gateway.client("s3", keys).copy_object(Bucket=bucket, Key="copy", CopySource=given, **how)
    except ClientError as error:
        denied = error.response["Error"]
    else:
        return ""
    assert denied["Code"] == "AccessDenied", denied
    return action(denied["Message"])


# further actions, source, parameters -> the action that is denied
CASES: list[tuple[list[str], str, dict[str, str], str]] = [
    ([], "plain", {}, ""),
    ([], "plain", {"TaggingDirective": "COPY"}, ""),
    ([], "tagged", {}, READ),
    ([], "tagged", {"TaggingDirective": "COPY"}, READ),
    ([READ], "tagged", {}, WRITE),
    ([WRITE], "tagged", {}, READ),
    ([READ, WRITE], "tagged", {}, ""),
    ([], "tagged", {"TaggingDirective": "REPLACE"}, ""),
    ([], "plain", {"TaggingDirective": "REPLACE", "Tagging": "a=b"}, WRITE),
    ([WRITE], "tagged", {"TaggingDirective": "REPLACE", "Tagging": "a=b"}, ""),
    # Whatever a backend makes of tags that nobody asked to write: they are written.
    ([], "plain", {"Tagging": "a=b"}, WRITE),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_tags_are_asked_for_where_they_are_copied(gateway: Gateway, bucket: str, case: int) -> None:
    further, source, how, denied = CASES[case]
    keys = gateway.user(statement("Allow", [*BASIC, *further], objects(bucket)))
    assert copied(gateway, keys, bucket, source, **how) == denied
    if not denied and source == "plain":
        assert {event.action for event in gateway.events(keys)} == {"PutObject", "GetObject"}
    if not denied and further == [READ, WRITE]:
        tags = gateway.client("s3").get_object_tagging(Bucket=bucket, Key="copy")["TagSet"]
        assert tags == [{"Key": "team", "Value": "blue"}]


def test_the_tags_are_those_of_the_version(gateway: Gateway, bucket: str) -> None:
    s3 = gateway.client("s3")
    old = s3.put_object(Bucket=bucket, Key="versions", Body=b"x", Tagging="team=blue")["VersionId"]
    new = s3.put_object(Bucket=bucket, Key="versions", Body=b"x")["VersionId"]
    keys = gateway.user(statement("Allow", BASIC, objects(bucket)))
    source = {"Bucket": bucket, "Key": "versions"}
    assert copied(gateway, keys, bucket, {**source, "VersionId": old}) == READ_VERSION
    assert copied(gateway, keys, bucket, {**source, "VersionId": new}) == ""
    assert copied(gateway, keys, bucket, source) == ""


def test_a_source_that_is_not_there_is_the_backends_to_miss(gateway: Gateway, bucket: str) -> None:
    may_know = statement("Allow", "s3:ListBucket", f"arn:aws:s3:::{bucket}")
    keys = gateway.user(statement("Allow", BASIC, objects(bucket)), may_know)
    copy = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/nothing"}
    with pytest.raises(ClientError, match="NoSuchKey"):
        gateway.client("s3", keys).copy_object(**copy)


def test_a_plus_is_itself_or_a_space_and_the_tags_of_both_count(gateway: Gateway, bucket: str) -> None:
    keys = gateway.user(statement("Allow", BASIC, objects(bucket)))
    for source, denied in (("a%2Bb", ""), ("a+b", READ), ("a%20b", READ)):
        ask = Ask("PUT", f"/{bucket}/copy", headers={"x-amz-copy-source": f"{bucket}/{source}"})
        got = gateway.ask(ask, keys, "s3")
        assert (got.status, action(got.message) if denied else "") == ((403, denied) if denied else (200, ""))


def test_tags_that_cannot_be_read_are_taken_for_some(
    gateway: Gateway, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditions = gateway.pipeline._backed._resources.conditions

    async def broken(*_: Any) -> Any:
        raise AwsError("not now", code="SlowDown", status=503)

    keys = gateway.user(statement("Allow", BASIC, objects(bucket)))
    monkeypatch.setattr(conditions, "_ask", broken)
    assert copied(gateway, keys, bucket, "plain") == READ
    assert copied(gateway, gateway.admin, bucket, "plain") == ""


def test_the_tags_of_another_accounts_object_are_its_own(gateway: Gateway) -> None:
    """Asked for in the caller's account the source has no tags, nor is it there."""
    theirs, target = gateway.client("s3", gateway.stranger), gateway.bucket()
    name = gateway.name("theirs")
    theirs.create_bucket(Bucket=name)
    theirs.put_object(Bucket=name, Key="tagged", Body=b"x", Tagging="team=red")
    keys = gateway.user(statement("Allow", "s3:*"))
    put(gateway, name, says("Allow", {"AWS": ACCOUNT}, "s3:GetObject", objects(name)), keys=gateway.stranger)
    source = {"Bucket": name, "Key": "tagged"}
    assert copied(gateway, keys, target, source) == READ
    assert copied(gateway, keys, target, source, TaggingDirective="REPLACE") == ""


def test_the_owner_of_the_source_is_looked_at_whatever_else_is_asked(gateway: Gateway, bucket: str) -> None:
    key = gateway.client("kms").create_key()["KeyMetadata"]["Arn"]
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    for source in ("plain", "tagged"):
        for how in ({}, encrypted):
            given = {"Bucket": bucket, "Key": "copy", "CopySource": f"{bucket}/{source}", **how}
            gateway.client("s3").copy_object(**given, ExpectedSourceBucketOwner=ACCOUNT)
            with pytest.raises(ClientError, match="AccessDenied"):
                gateway.client("s3").copy_object(**given, ExpectedSourceBucketOwner=SECOND)
