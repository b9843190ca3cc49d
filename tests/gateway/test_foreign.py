"""When a server of S3 has shown that it knows a subresource, and when not: by what it answers to who reads it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from kansatsu import wire
from kansatsu.backends import Backend, BackendResponse
from kansatsu.errors import AwsError
from kansatsu.gateway.foreign import Subresources
from kansatsu.http import HttpRequest

XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
TAGGING = b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet></TagSet></Tagging>'
LISTED = b"<ListBucketResult><Name>b</Name></ListBucketResult>"
ETAG = ("etag", '"900150983cd24fb0d6963f7d28e17f72"')


class Server:
    """Answers everything alike, in pieces of this size."""

    def __init__(self, status: int, body: bytes, *headers: tuple[str, str], size: int = 1 << 20) -> None:
        self._answer = status, list(headers), body, size
        self.asked: list[HttpRequest] = []

    async def call(self, account: str, region: str, service: str, request: HttpRequest) -> BackendResponse:
        self.asked.append(request)
        status, headers, body, size = self._answer

        async def pieces() -> AsyncIterator[bytes]:
            for at in range(0, len(body), size):
                yield body[at : at + size]

        async def close() -> None:
            return None

        return BackendResponse(status, headers, pieces(), close)

    def verdict(self, name: str, params: dict[str, Any] | None = None) -> list[str]:
        """The codes of the errors of asking twice; "" for none."""
        known, operation = Subresources(), wire.load_service("s3").operation(name)
        params = params or {"Bucket": "b", "Key": "k", "UploadId": "u", "VersionId": "v", "Tagging": {"TagSet": []}}
        return [self._once(known, operation, params) for _ in range(2)]

    def _once(self, known: Subresources, operation: wire.Operation, params: dict[str, Any]) -> str:
        try:
            asyncio.run(known.verify(cast(Backend, self), "123456789012", "us-east-1", operation, params))
        except AwsError as error:
            return error.code
        return ""


def error(code: str) -> bytes:
    return XML + f"<Error><Code>{code}</Code><Message>m</Message></Error>".encode()


NO = "NotImplemented"
CASES: dict[str, tuple[str, Server, str]] = {
    "tags": ("DeleteObjectTagging", Server(200, XML + TAGGING), ""),
    "tags in small pieces": ("PutObjectTagging", Server(200, XML + TAGGING, size=3), ""),
    "an object that looks like tags": ("DeleteObjectTagging", Server(200, XML + TAGGING, ETAG), NO),
    "another object": ("DeleteObjectTagging", Server(200, b"abc"), NO),
    "an empty object": ("PutObjectTagging", Server(200, b""), NO),
    "tags in the place of an ACL": ("PutObjectAcl", Server(200, TAGGING), NO),
    "no tags": ("PutObjectTagging", Server(404, error("NoSuchTagSet")), ""),
    "no object": ("PutObjectTagging", Server(404, error("NoSuchKey")), "NoSuchKey"),
    "no version": ("PutObjectRetention", Server(404, error("NoSuchVersion")), "NoSuchVersion"),
    "a mark that it is deleted": ("PutObjectRetention", Server(405, error("MethodNotAllowed")), "MethodNotAllowed"),
    "no upload": ("AbortMultipartUpload", Server(404, error("NoSuchUpload")), ""),
    "an object in the place of parts": ("AbortMultipartUpload", Server(200, b"abc", ETAG), NO),
    "what nobody reads": ("RenameObject", Server(200, XML + TAGGING), NO),
    "an annotation": ("DeleteObjectAnnotation", Server(200, XML + TAGGING), NO),
    "a list of objects": ("DeleteBucketLifecycle", Server(200, XML + LISTED), NO),
    "no rules": ("DeleteBucketLifecycle", Server(404, error("NoSuchLifecycleConfiguration")), ""),
    "no key": ("PutBucketEncryption", Server(404, error("ServerSideEncryptionConfigurationNotFoundError")), ""),
    "no bucket": ("PutBucketVersioning", Server(404, error("NoSuchBucket")), "NoSuchBucket"),
    "no object, by another name": ("DeleteObjectTagging", Server(404, error("ObjectNotFound")), "ObjectNotFound"),
    "no bucket, by another name": ("PutBucketVersioning", Server(404, error("NoSuchContainer")), "NoSuchContainer"),
    "no controls": ("DeleteBucketOwnershipControls", Server(404, error("OwnershipControlsNotFoundError")), ""),
    "no policy": ("DeleteBucketPolicy", Server(404, error("NoSuchBucketPolicy")), ""),
    "a page": ("DeleteBucketLifecycle", Server(200, b"<html><body>Welcome</body></html>"), NO),
    "all buckets": ("DeleteBucketLifecycle", Server(200, b"<ListAllMyBucketsResult/>"), NO),
    "a list with a prefix": ("DeleteBucketLifecycle", Server(200, b"<s3:ListBucketResult xmlns:s3='u'/>"), NO),
    "no right": ("PutBucketVersioning", Server(403, error("AccessDenied")), "AccessDenied"),
    "no such thing": ("PutBucketTagging", Server(501, error("NotImplemented")), NO),
    "versioning": ("PutBucketVersioning", Server(200, b"<VersioningConfiguration/>"), ""),
    "a policy": ("DeleteBucketPolicy", Server(200, b'{"Version": "2012-10-17"}'), ""),
    "a list of objects in the place of a policy": ("DeleteBucketPolicy", Server(200, XML + LISTED), NO),
}  # fmt: skip


@pytest.mark.parametrize(("name", "server", "code"), CASES.values(), ids=CASES)
def test_what_shows_that_it_is_known(name: str, server: Server, code: str) -> None:
    assert server.verdict(name) == [code, code]
    assert {one.method for one in server.asked} <= {"GET"}
    assert len(server.asked) == (2 if code and name not in ("RenameObject", "DeleteObjectAnnotation") else not code)


@pytest.mark.parametrize("name", ["GetObject", "PutObject", "DeleteObject", "UploadPart", "ListObjectsV2"])
def test_what_is_of_the_whole_needs_no_proof(name: str) -> None:
    server = Server(500, b"")
    assert server.verdict(name) == ["", ""] and not server.asked
