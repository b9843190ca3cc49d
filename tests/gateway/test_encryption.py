"""Keys of KMS that encrypt objects: whoever writes or reads these needs the key, whether or not a request names it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from kansatsu.http import HttpRequest

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import statement
from .test_key_policies import KMS
from .test_resource_policies import put_key, refused, says, user

Call = Callable[[Any, str], Any]


@pytest.fixture(name="key")
def a_key(gateway: Gateway) -> str:
    return str(gateway.client("kms").create_key()["KeyMetadata"]["Arn"])


def encrypt(gateway: Gateway, bucket: str, key: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    gateway.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)


def copy(s3: Any, bucket: str) -> Any:
    return s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/held")


WRITES: dict[str, tuple[Call, list[str]]] = {
    "put": (lambda s3, bucket: s3.put_object(Bucket=bucket, Key="k", Body=b"x"), ["kms:GenerateDataKey"]),
    "copy": (copy, ["kms:GenerateDataKey", "kms:Decrypt"]),
    "parts": (
        lambda s3, bucket: s3.create_multipart_upload(Bucket=bucket, Key="k"),
        ["kms:GenerateDataKey", "kms:Decrypt"],
    ),
}


@pytest.mark.parametrize("way", WRITES)
@pytest.mark.parametrize("named", ["arn", "id", "alias"])
def test_writing_needs_the_default_key_of_the_bucket(gateway: Gateway, key: str, way: str, named: str) -> None:
    bucket, (write, actions) = gateway.bucket(), WRITES[way]
    alias = f"alias/{gateway.name('key')}"
    gateway.client("kms").create_alias(AliasName=alias, TargetKeyId=key)
    encrypt(gateway, bucket, {"arn": key, "id": key.rpartition("/")[2], "alias": alias}[named])
    gateway.client("s3").put_object(Bucket=bucket, Key="held", Body=b"x")
    objects = statement("Allow", "s3:*")
    for short in ([], actions[:-1]):
        keys = gateway.user(objects, *([statement("Allow", short, key)] if short else []))
        refused(lambda keys=keys: write(gateway.client("s3", keys), bucket))
    write(gateway.client("s3", gateway.user(objects, statement("Allow", actions, key))), bucket)
    # And none where the request says how, or the bucket no more: S3's own key lets in whom the bucket lets in.
    without = gateway.client("s3", gateway.user(objects))
    without.put_object(Bucket=bucket, Key="k", Body=b"x", ServerSideEncryption="AES256")
    gateway.client("s3").delete_bucket_encryption(Bucket=bucket)
    without.put_object(Bucket=bucket, Key="k", Body=b"x")


READS: dict[str, Call] = {
    "get": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="held"),
    "range": lambda s3, bucket: s3.get_object(Bucket=bucket, Key="held", Range="bytes=0-0"),
    "copy": copy,
}


@pytest.mark.parametrize("way", READS)
@pytest.mark.parametrize("by", ["request", "bucket"])
def test_reading_needs_the_key_of_the_object(gateway: Gateway, key: str, way: str, by: str) -> None:
    """Also after the bucket's default was taken away, and whatever the policy of the key says of it."""
    bucket, admin, read = gateway.bucket(), gateway.client("s3"), READS[way]
    if by == "bucket":
        encrypt(gateway, bucket, key)
        admin.put_object(Bucket=bucket, Key="held", Body=b"x")
        admin.delete_bucket_encryption(Bucket=bucket)
    else:
        admin.put_object(Bucket=bucket, Key="held", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    admin.put_object(Bucket=bucket, Key="plain", Body=b"y")
    objects = statement("Allow", "s3:*")
    thief = gateway.client("s3", gateway.user(objects))
    assert "kms:Decrypt" in refused(lambda: read(thief, bucket))
    assert thief.get_object(Bucket=bucket, Key="plain")["Body"].read() == b"y"
    thief.head_object(Bucket=bucket, Key="held")
    keys = gateway.user(objects, statement("Allow", "kms:Decrypt", key))
    read(gateway.client("s3", keys), bucket)
    put_key(gateway.client("kms"), key.rpartition("/")[2], raw.document(says("Deny", user(keys), "kms:Decrypt")))
    assert "explicit deny" in refused(lambda: read(gateway.client("s3", keys), bucket))


def test_the_key_may_be_for_s3_alone(gateway: Gateway, key: str) -> None:
    bucket = gateway.bucket()
    encrypt(gateway, bucket, key)
    for service, may in (("s3", True), ("sqs", False)):
        only = {"StringEquals": {"kms:ViaService": f"{service}.{raw.REGION}.amazonaws.com"}}
        allowed = statement("Allow", "kms:GenerateDataKey", key) | {"Condition": only}
        keys = gateway.user(statement("Allow", "s3:*"), allowed)
        s3 = gateway.client("s3", keys)
        if may:
            s3.put_object(Bucket=bucket, Key="k", Body=b"x")
            refused(lambda keys=keys: KMS.use(gateway.client("kms", keys), key), "AccessDeniedException")
        else:
            refused(lambda s3=s3: s3.put_object(Bucket=bucket, Key="k", Body=b"x"))


def test_what_is_not_there_is_not_there(gateway: Gateway, key: str) -> None:
    bucket = gateway.bucket()
    encrypt(gateway, bucket, key)
    gateway.client("s3").put_object(Bucket=bucket, Key="k", Body=b"x")
    reader = gateway.client("s3", gateway.user(statement("Allow", "s3:*")))
    refused(lambda: reader.get_object(Bucket=bucket, Key="other"), "NoSuchKey")


def test_an_object_of_which_no_request_has_told(gateway: Gateway, key: str) -> None:
    """It is not read unchecked; once it was seen, its key is asked."""
    bucket, admin = gateway.bucket(), gateway.client("s3")
    given = {"Bucket": bucket, "Key": "held", "Body": b"x", "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    gateway.run(gateway.resources._knowledge.ask(ACCOUNT, raw.REGION, "s3", "PutObject", given))
    reader = gateway.client("s3", gateway.user(statement("Allow", "s3:*")))
    refused(lambda: reader.get_object(Bucket=bucket, Key="held"), "ServiceUnavailable")
    assert "kms:Decrypt" in refused(lambda: reader.get_object(Bucket=bucket, Key="held"))
    assert admin.get_object(Bucket=bucket, Key="held")["Body"].read() == b"x"


# how it is read -> (the call, whether the answer is refused; else it is what was there before)
RACES: dict[str, tuple[Call, bool]] = {
    "get": (READS["get"], True),
    "range": (READS["range"], True),
    "its own condition": (lambda s3, bucket: s3.get_object(Bucket=bucket, Key="held", IfNoneMatch="x"), True),
    "copy": (copy, False),
}


async def ended(work: asyncio.Future[Any]) -> None:
    await work


@pytest.mark.parametrize("way", RACES)
def test_an_object_that_is_written_anew_after_the_look_at_it(
    gateway: Gateway, key: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: read again and again, until somebody puts an encrypted object between the look and the answer."""
    bucket, admin, (read, refuses) = gateway.bucket(), gateway.client("s3"), RACES[way]
    admin.put_object(Bucket=bucket, Key="secret", Body=b"x", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    admin.put_object(Bucket=bucket, Key="held", Body=b"before")
    reader = gateway.client("s3", gateway.user(statement("Allow", "s3:*")))
    call, waiting = gateway.backend.call, gateway.pipeline._backed._encryption._apart._waiting
    written: list[asyncio.Future[Any]] = []

    def write() -> None:
        admin.put_object(Bucket=bucket, Key="held", Body=b"secret", ServerSideEncryption="aws:kms", SSEKMSKeyId=key)

    async def watched(account: str, region: str, service: str, request: HttpRequest, *more: Any, **named: Any) -> Any:
        response = await call(account, region, service, request, *more, **named)
        if request.method == "HEAD" and request.path == f"/{bucket}/held" and not written:
            written.append(asyncio.get_running_loop().run_in_executor(None, write))
            while not (written[0].done() or waiting):  # it is written, or kept from it
                await asyncio.sleep(0.005)
        return response

    monkeypatch.setattr(gateway.backend, "call", watched)
    if refuses:
        assert "changed while it was read" in refused(lambda: read(reader, bucket), "ServiceUnavailable")
        refused(lambda: read(reader, bucket))
    else:
        read(reader, bucket)
        assert reader.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"before"
        gateway.run(ended(written[0]))
        assert "kms:Decrypt" in refused(lambda: read(reader, bucket))
