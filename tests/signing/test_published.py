"""The examples that AWS publishes, each with the signature that its page gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from kansatsu.http import HttpRequest
from kansatsu.signing import AuthFailure, PayloadMode, SigningError, parse_signature, presign, verify

S3_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
IAM_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
S3_TIME = datetime(2013, 5, 24, tzinfo=UTC)
S3_SCOPE = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
S3_HEADERS = {"host": "examplebucket.s3.amazonaws.com", "x-amz-date": "20130524T000000Z"}
CHUNKED = {
    "host": "s3.amazonaws.com",
    "x-amz-date": "20130524T000000Z",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "content-encoding": "aws-chunked",
    "x-amz-decoded-content-length": "66560",
}


@dataclass(frozen=True)
class Example:
    signature: str
    signed: str
    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scope: str = S3_SCOPE
    secret: str = S3_SECRET
    time: datetime = S3_TIME

    def request(self) -> HttpRequest:
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={self.scope},SignedHeaders={self.signed},Signature={self.signature}"
        )
        headers = {**self.headers, "authorization": authorization}
        return HttpRequest(self.method, self.path, self.query, headers, self.body)


EXAMPLES = {
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    "S3 GET Object": Example(
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
        "host;range;x-amz-content-sha256;x-amz-date",
        "GET",
        "/test.txt",
        headers={**S3_HEADERS, "range": "bytes=0-9", "x-amz-content-sha256": EMPTY},
    ),
    "S3 PUT Object": Example(
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "PUT",
        "/test$file.text",
        headers={
            **S3_HEADERS,
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        },
        body=b"Welcome to Amazon S3.",
    ),
    "S3 GET Bucket Lifecycle": Example(
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
        "host;x-amz-content-sha256;x-amz-date",
        "GET",
        "/",
        "lifecycle",
        {**S3_HEADERS, "x-amz-content-sha256": EMPTY},
    ),
    "S3 List Objects": Example(
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
        "host;x-amz-content-sha256;x-amz-date",
        "GET",
        "/",
        "max-keys=2&prefix=J",
        {**S3_HEADERS, "x-amz-content-sha256": EMPTY},
    ),
    # https://docs.aws.amazon.com/general/latest/gr/sigv4-signed-request-examples.html
    "IAM ListUsers": Example(
        "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        "content-type;host;x-amz-date",
        "GET",
        "/",
        "Action=ListUsers&Version=2010-05-08",
        {
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "host": "iam.amazonaws.com",
            "x-amz-date": "20150830T123600Z",
        },
        scope="AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request",
        secret=IAM_SECRET,
        time=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    ),
}


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES.keys())
def test_header(example: Example) -> None:
    request = example.request()
    signature = parse_signature(request)
    assert signature is not None
    verified = verify(request, signature, example.secret, example.time)
    assert verified.check_body(example.body) == example.body
    with pytest.raises(SigningError) as raised:
        verify(request, signature, example.secret + "x", example.time)
    assert raised.value.failure is AuthFailure.MISMATCH


def test_presigned() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html"""
    request = HttpRequest("GET", "/test.txt", "", {"host": "examplebucket.s3.amazonaws.com"})
    query = presign(
        request,
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret=S3_SECRET,
        session_token=None,
        region="us-east-1",
        service="s3",
        now=S3_TIME,
        expires=86400,
    )
    assert query.endswith("&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")
    request = HttpRequest("GET", "/test.txt", query, request.headers)
    signature = parse_signature(request)
    assert signature is not None and signature.presigned and signature.expires == 86400
    assert verify(request, signature, S3_SECRET, datetime(2013, 5, 24, 23, 59, 59, tzinfo=UTC))
    with pytest.raises(SigningError) as raised:
        verify(request, signature, S3_SECRET, datetime(2013, 5, 25, 0, 0, 1, tzinfo=UTC))
    assert raised.value.failure is AuthFailure.EXPIRED_URL


def chunk(size: int, signature: str) -> bytes:
    return b"%x;chunk-signature=%s\r\n" % (size, signature.encode()) + b"a" * size + b"\r\n"


def read(example: Example, wire: bytes, step: int) -> bytes:
    request = example.request()
    signature = parse_signature(request)
    assert signature is not None
    body = verify(request, signature, example.secret, example.time).body()
    assert body.length == 66560
    return b"".join([body.feed(wire[at : at + step]) for at in range(0, len(wire), step)]) + body.finish()


@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
def test_chunked(step: int) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html"""
    example = Example(
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;"
        "x-amz-storage-class",
        "PUT",
        "/examplebucket/chunkObject.txt",
        headers={
            **CHUNKED,
            "content-length": "66824",
            "x-amz-content-sha256": PayloadMode.CHUNKED_SIGNED.value,
        },
    )
    wire = (
        chunk(65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648")
        + chunk(1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497")
        + chunk(0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9")
    )
    assert len(wire) == 66824
    assert read(example, wire, step) == b"a" * 66560


@pytest.mark.parametrize("separator", [b"\n\r\n", b"\r\n"], ids=["as documented", "as SDKs send"])
def test_trailer(separator: bytes) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html"""
    example = Example(
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;"
        "x-amz-trailer",
        "PUT",
        "/examplebucket/chunkObject.txt",
        headers={
            **CHUNKED,
            "x-amz-content-sha256": PayloadMode.CHUNKED_SIGNED_TRAILER.value,
            "x-amz-trailer": "x-amz-checksum-crc32c",
        },
    )
    wire = (
        chunk(65536, "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2")
        + chunk(1024, "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7")
        + b"0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
        + b"x-amz-checksum-crc32c:sOO8/Q=="
        + separator
        + b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    assert read(example, wire, 777) == b"a" * 66560
