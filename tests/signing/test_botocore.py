"""botocore signs, we verify: whatever its signers accept has the signature that we compute."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum, Sha1Checksum, Sha256Checksum
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.http import HttpRequest
from kansatsu.signing import PayloadMode, sign

from .signed import KEY, SECRET, by_header, by_query, check

SERVICES = st.sampled_from(["s3", "iam", "lambda", "dynamodb", "ec2"])
METHODS = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"])
TEXT = st.text(max_size=12)
SEGMENT = st.one_of(TEXT, st.sampled_from(["..", ".", "", "a b", "a+b", "a%2Fb", "ü", "~", "!*'()", "a=b&c", "//"]))
PATH = st.lists(SEGMENT, max_size=5).map(lambda parts: "/" + quote("/".join(parts), safe="/~", errors="replace"))
PAIR = st.tuples(st.one_of(TEXT, st.sampled_from(["a", "b", "A", "prefix"])), TEXT)
QUERY = st.lists(PAIR, max_size=6).map(
    lambda pairs: "&".join(
        f"{quote(k, safe='-._~', errors='replace')}={quote(v, safe='-._~', errors='replace')}" for k, v in pairs if k
    )
)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["x-amz-meta-a", "X-Amz-Meta-B", "Content-Type", "Range", "x-amz-acl", "My-Header"]), VALUE
    ),
    max_size=6,
)
BODY = st.binary(max_size=200)
TOKEN = st.one_of(st.none(), st.text("abcXYZ012/+=", min_size=1))


def url(path: str, query: str) -> str:
    return f"https://host.example.com:8443{path}{'?' if query else ''}{query}"


@given(SERVICES, METHODS, PATH, QUERY, HEADERS, BODY, TOKEN)
def test_header(service, method, path, query, headers, body, token) -> None:
    request = by_header(service, method, url(path, query), headers, body, token=token)
    verified = check(request)
    assert verified.signature.session_token == token
    assert verified.signature.access_key_id == KEY
    assert (verified.signature.region, verified.signature.service) == ("eu-west-1", service)
    assert verified.check_body(body) == body


@given(SERVICES, METHODS, PATH, QUERY, TOKEN)
def test_presigned(service, method, path, query, token) -> None:
    request = by_query(service, method, url(path, query), token=token)
    verified = check(request)
    assert verified.signature.presigned and verified.signature.session_token == token
    assert verified.signature.payload is (PayloadMode.UNSIGNED if service == "s3" else PayloadMode.HASHED)


@given(SERVICES, METHODS, PATH, QUERY, HEADERS, TOKEN)
def test_we_sign_as_botocore_does(service, method, path, query, headers, token) -> None:
    given_headers = {name.lower(): value.strip() for name, value in headers}
    bare = HttpRequest(method, path, query, {"host": "host.example.com", **given_headers})
    now = datetime.now(UTC)
    added = sign(
        bare, access_key_id=KEY, secret=SECRET, session_token=token, region="eu-west-1", service=service, now=now
    )
    request = AWSRequest(method, f"https://host.example.com{path}{'?' if query else ''}{query}")
    for name, value in ({**given_headers, **added}).items():
        if name != "authorization":
            request.headers[name] = value
    request.context["timestamp"] = added["x-amz-date"]
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(Credentials(KEY, SECRET), service, "eu-west-1")
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert added["authorization"].endswith(f"Signature={expected}")


@pytest.mark.parametrize("checksum", [Crc32Checksum, Sha1Checksum, Sha256Checksum])
@given(body=st.binary(max_size=40_000), chunk=st.sampled_from([8192, 16384]), step=st.integers(1, 9000))
def test_chunked_trailer(checksum: Callable, body: bytes, chunk: int, step: int) -> None:
    name = f"x-amz-checksum-{checksum.__name__.removesuffix('Checksum').lower()}"
    wire = AwsChunkedWrapper(io.BytesIO(body), checksum_cls=checksum, checksum_name=name, chunk_size=chunk).read()
    request = by_header(
        "s3",
        "PUT",
        "https://s3.example.com/bucket/key",
        [
            ("X-Amz-Trailer", name),
            ("X-Amz-Decoded-Content-Length", str(len(body))),
            ("Content-Encoding", "aws-chunked"),
            ("Transfer-Encoding", "chunked"),
        ],
        context={"checksum": {"request_algorithm": {"in": "trailer", "algorithm": "x", "name": name}}},
    )
    verified = check(request)
    assert verified.signature.payload is PayloadMode.CHUNKED_UNSIGNED_TRAILER
    verifier = verified.body()
    assert verifier.length == len(body)
    pieces = [verifier.feed(wire[at : at + step]) for at in range(0, len(wire), step)]
    if body:
        assert len(b"".join(pieces)) < len(body)  # the tail is held back until the end is right
    assert b"".join(pieces) + verifier.finish() == body
