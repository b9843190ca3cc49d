"""Uploads whose body is not what a header says of it: refused in AWS's words, and nothing of them is kept."""

import base64
import hashlib
import io
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Gateway

MIB = 1024 * 1024
Digest = Callable[[bytes], bytes]
# The parameter of boto3, the digest, what AWS answers where it is another's.
SAID: dict[str, tuple[str, Digest, str]] = {
    "md5": ("ContentMD5", lambda b: hashlib.md5(b).digest(), "The Content-MD5 you specified did not match"),
    "crc32": ("ChecksumCRC32", lambda b: zlib.crc32(b).to_bytes(4, "big"), "The CRC32 you specified did not match"),
    "sha256": ("ChecksumSHA256", lambda b: hashlib.sha256(b).digest(), "The SHA256 you specified did not match"),
}


@pytest.fixture
def bucket(gateway: Gateway) -> str:
    return gateway.bucket()


@pytest.fixture(params=SAID)
def said(request: pytest.FixtureRequest) -> tuple[str, Digest, str]:
    return SAID[request.param]


def text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def refused(call: Callable[[], Any], code: str) -> dict[str, Any]:
    with pytest.raises(ClientError) as error:
        call()
    found: dict[str, Any] = error.value.response["Error"]
    assert (found["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]) == (code, 400)
    return found


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 * MIB])
@pytest.mark.parametrize("signed", [True, False])
def test_an_object_is_kept_only_if_it_is_what_its_client_says(
    gateway: Gateway, bucket: str, said: tuple[str, Digest, str], size: int, signed: bool
) -> None:
    member, digest, words = said
    body, other = bytes(size), bytes(size) + b"x"
    client = gateway.client("s3", s3={"addressing_style": "path", "payload_signing_enabled": signed})
    put = {"Bucket": bucket, "Key": f"{member}-{size}-{signed}"}
    wrong = {member: text(digest(other))}
    error = refused(lambda: client.put_object(**put, Body=io.BytesIO(body), **wrong), "BadDigest")
    assert error["Message"].startswith(words)
    if member == "ContentMD5":
        assert (error["ExpectedDigest"], error["CalculatedDigest"]) == (wrong[member], text(digest(body)))
    assert not client.list_objects_v2(Bucket=bucket, Prefix=put["Key"])["KeyCount"]
    client.put_object(**put, Body=io.BytesIO(body), **{member: text(digest(body))})
    assert client.get_object(**put)["Body"].read() == body


def test_a_part_is_kept_only_if_it_is_what_its_client_says(
    gateway: Gateway, bucket: str, said: tuple[str, Digest, str]
) -> None:
    member, digest, _ = said
    client, at = gateway.client("s3"), {"Bucket": bucket, "Key": "parts"}
    part = {**at, "UploadId": client.create_multipart_upload(**at)["UploadId"], "PartNumber": 1}
    refused(lambda: client.upload_part(**part, Body=b"part", **{member: text(digest(b"trap"))}), "BadDigest")
    listed = {**at, "UploadId": part["UploadId"]}
    assert "Parts" not in client.list_parts(**listed)
    tag = client.upload_part(**part, Body=b"part", **{member: text(digest(b"part"))})["ETag"]
    done = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    # Here the checksum is the object's, not the body's.
    whole = {member: text(digest(b"part"))} if member != "ContentMD5" else {}
    client.complete_multipart_upload(**listed, MultipartUpload=done, **whole)
    assert client.get_object(**at)["Body"].read() == b"part"


def test_a_setting_is_kept_only_if_it_is_what_its_client_says(gateway: Gateway, bucket: str) -> None:
    client = gateway.client("s3")
    tagging = {"TagSet": [{"Key": "team", "Value": "web"}]}
    wrong = text(hashlib.md5(b"another").digest())
    refused(lambda: client.put_bucket_tagging(Bucket=bucket, Tagging=tagging, ContentMD5=wrong), "BadDigest")
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        client.get_bucket_tagging(Bucket=bucket)


@pytest.mark.parametrize("value", ["x", "AAAA", "A" * 24, "*" * 24, text(bytes(15)), text(bytes(17))])
def test_what_is_no_digest(gateway: Gateway, bucket: str, value: str) -> None:
    client = gateway.client("s3")
    refused(lambda: client.put_object(Bucket=bucket, Key="k", Body=b"", ContentMD5=value), "InvalidDigest")
    refused(lambda: client.put_object(Bucket=bucket, Key="k", Body=b"", ChecksumSHA256=value), "InvalidDigest")
    assert not client.list_objects_v2(Bucket=bucket, Prefix="k")["KeyCount"]


@pytest.mark.parametrize("part", [False, True])
def test_checksums_by_two_algorithms(gateway: Gateway, bucket: str, part: bool) -> None:
    """Which of them the object has would be anybody's guess."""
    client, at = gateway.client("s3"), {"Bucket": bucket, "Key": "two"}
    both = {SAID[name][0]: text(SAID[name][1](b"body")) for name in ("crc32", "sha256")}
    if part:
        of = {"UploadId": client.create_multipart_upload(**at)["UploadId"]}
        refused(lambda: client.upload_part(**at, **of, PartNumber=1, Body=b"body", **both), "InvalidRequest")
        assert "Parts" not in client.list_parts(**at, **of)
    else:
        error = refused(lambda: client.put_object(**at, Body=b"body", **both), "InvalidRequest")
        assert error["Message"].startswith("Expecting a single x-amz-checksum- header")
        assert not client.list_objects_v2(Bucket=bucket, Prefix="two")["KeyCount"]
