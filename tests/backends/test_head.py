"""What goes on to a backend: our signature, no client's authentication, no client's word on who it is."""

from datetime import UTC, datetime

import pytest

from kansatsu.backends import Credentials
from kansatsu.backends.head import build
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.signing import PayloadMode, parse_signature, verify

NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
OURS = Credentials("AKIAOURS", "our secret", "our token")


def head(request: HttpRequest, service: str = "s3", *, streamed: bool = False, host: str | None = None) -> HttpRequest:
    return build(
        request,
        region="eu-west-1",
        service=service,
        length=len(request.body),
        credentials=OURS,
        now=NOW,
        host=host,
        streamed=streamed,
    )


STRIPPED = {
    "authorization": "AWS4-HMAC-SHA256 Credential=AKIATHEIRS/...",
    "x-amz-security-token": "their token",
    "x-amz-date": "20200101T000000Z",
    "x-amz-content-sha256": "0" * 64,
    "x-amz-decoded-content-length": "3",
    "x-amz-trailer": "x-amz-checksum-crc32",
    "x-moto-account-id": "999999999999",
    "x_moto_account_id": "999999999999",
    "x-moto-anything": "1",
    "transfer-encoding": "chunked",
    "connection": "close, x-secret-hop",
    "x-secret-hop": "1",
    "expect": "100-continue",
    "te": "trailers",
    "content-encoding": "aws-chunked",
    "x-forwarded-host": "motoapi.amazonaws.com",
}


@pytest.mark.parametrize("name", STRIPPED)
def test_stripped(name: str) -> None:
    sent = head(HttpRequest("PUT", "/b/k", "", {"host": "h", "x-amz-acl": "private", **STRIPPED}, b"abc"))
    assert sent.headers.get(name) != STRIPPED[name]
    assert sent.headers["x-amz-acl"] == "private"
    assert "their" not in str(sent.headers).lower()


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("service", ["s3", "dynamodb"])
def test_signed_by_us(service: str, *, streamed: bool) -> None:
    sent = head(HttpRequest("PUT", "/b/a%20k", "x-id=PutObject", {"host": "h"}, b"abc"), service, streamed=streamed)
    signature = parse_signature(sent) if service == "s3" or not streamed else None
    if signature is None:
        assert sent.headers["x-amz-content-sha256"] == PayloadMode.UNSIGNED.value
        return
    assert (signature.access_key_id, signature.region, signature.service) == ("AKIAOURS", "eu-west-1", service)
    assert verify(sent, signature, "our secret", NOW).check_body(b"abc") == b"abc"
    assert sent.headers["content-length"] == "3"
    assert sent.headers["x-amz-security-token"] == "our token"


def test_content_encoding_keeps_what_is_the_objects() -> None:
    sent = head(HttpRequest("PUT", "/b/k", "", {"host": "h", "content-encoding": "aws-chunked,gzip"}))
    assert sent.headers["content-encoding"] == "gzip"


def test_presigned_parameters_end_here() -> None:
    theirs = "&".join(
        f"X-Amz-{name}=1"
        for name in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature", "Security-Token")
    )
    sent = head(HttpRequest("GET", "/b/k", f"versionId=1&{theirs}&acl&x-id=GetObject", {"host": "h"}))
    assert sent.query == "versionId=1&acl&x-id=GetObject"


@pytest.mark.parametrize(
    ("service", "given", "sent"),
    [
        ("sqs", "localhost:4566", "localhost:4566"),
        ("sqs", "127.0.0.1:4566", "127.0.0.1:4566"),
        ("s3", "localhost:4566", "s3.eu-west-1.amazonaws.com"),
        ("s3", "moto-api.s3.amazonaws.com", "s3.eu-west-1.amazonaws.com"),
        ("sqs", "169.254.169.254", "sqs.eu-west-1.amazonaws.com"),
        ("sqs", "motoapi.amazonaws.com", "sqs.eu-west-1.amazonaws.com"),
        ("sqs", "h/x", "sqs.eu-west-1.amazonaws.com"),
        ("sqs", "a,b", "sqs.eu-west-1.amazonaws.com"),
        ("sqs", "", "sqs.eu-west-1.amazonaws.com"),
    ],
)
def test_host(service: str, given: str, sent: str) -> None:
    assert head(HttpRequest("POST", "/", "", {"host": given}), service).headers["host"] == sent
    assert (
        head(HttpRequest("POST", "/", "", {"host": given}), service, host="minio:9000").headers["host"] == "minio:9000"
    )


@pytest.mark.parametrize(
    "path", ["@evil.example.com/", ":80@evil.example.com/", "*", "b/k", "/b k", "/b\r\nx", "/\xfc", "/\x7f"]
)
def test_a_path_names_nothing_but_a_path(path: str) -> None:
    with pytest.raises(AwsError) as raised:
        head(HttpRequest("GET", path))
    assert raised.value.code == "InvalidURI"


@pytest.mark.parametrize("query", ["a b", "a\tb", "a\r\nHost: evil", "\xfc"])
def test_a_query_has_no_spaces(query: str) -> None:
    with pytest.raises(AwsError) as raised:
        head(HttpRequest("GET", "/", query))
    assert raised.value.code == "InvalidURI"


def test_a_fragment_stays_part_of_the_key() -> None:
    """Else a request that is authorized for the key `secret#x` would read the key `secret`."""
    sent = head(HttpRequest("GET", "/b/secret#x", "prefix=a#b", {"host": "h"}))
    assert (sent.path, sent.query) == ("/b/secret%23x", "prefix=a%23b")


def test_secrets_are_not_printed() -> None:
    assert "secret" not in repr(OURS) and "token" not in repr(OURS)


@pytest.mark.parametrize("name", ["x-amz-server-side-encryption", "if-none-match", "range", "content-type"])
def test_nobody_takes_a_header_off_on_the_way(name: str) -> None:
    """The attack: a condition wants a header; Connection would keep it from the backend after it was authorized."""
    request = HttpRequest("PUT", "/b/k", "", {"host": "h", name: "v", "connection": f"close, {name.upper()}"})
    with pytest.raises(AwsError) as refused:
        head(request)
    assert refused.value.code == "InvalidRequest"
