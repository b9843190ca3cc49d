"""The attacks: whatever is changed after signing, or left unsigned, is refused, and for its own reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.http import HttpRequest
from kansatsu.signing import AuthFailure, Signature, SigningError, parse_signature, require_scope, sign, verify

from .signed import KEY, SECRET, by_header, by_query, check

Change = Callable[[HttpRequest], HttpRequest]
S3_URL = "https://s3.example.com/bucket/key?versionId=1&acl"
S3_HEADERS = [
    ("Content-Type", "text/plain"),
    ("x-amz-acl", "private"),
    ("x-amz-meta-a", "1"),
    ("Range", "bytes=0-9"),
]


def header(name: str, value: str | None) -> Change:
    def change(request: HttpRequest) -> HttpRequest:
        headers = {k: v for k, v in request.headers.items() if k != name}
        return replace(request, headers=headers if value is None else {**headers, name: value})

    return change


def authorization(old: str, new: str) -> Change:
    def change(request: HttpRequest) -> HttpRequest:
        value = request.headers["authorization"]
        assert old in value
        return header("authorization", value.replace(old, new))(request)

    return change


def query(old: str, new: str) -> Change:
    def change(request: HttpRequest) -> HttpRequest:
        assert old in request.query
        return replace(request, query=request.query.replace(old, new, 1))

    return change


def day() -> str:
    return datetime.now(UTC).strftime("%Y%m%d")


YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y%m%d")
F = AuthFailure

BY_HEADER: dict[str, tuple[Change, AuthFailure]] = {
    "method": (lambda r: replace(r, method="DELETE"), F.MISMATCH),
    "path": (lambda r: replace(r, path="/bucket/other"), F.MISMATCH),
    "path with an encoded slash": (lambda r: replace(r, path="/bucket%2Fkey"), F.MISMATCH),
    "path with dot segments": (lambda r: replace(r, path="/bucket/x/../key"), F.MISMATCH),
    "query value": (query("versionId=1", "versionId=2"), F.MISMATCH),
    "query parameter more": (lambda r: replace(r, query=r.query + "&tagging"), F.MISMATCH),
    "query parameter less": (query("&acl", ""), F.MISMATCH),
    "host": (header("host", "other.example.com"), F.MISMATCH),
    "content-type": (header("content-type", "text/html"), F.MISMATCH),
    "content-type gone": (header("content-type", None), F.MISMATCH),
    "range": (header("range", "bytes=0-"), F.MISMATCH),
    "acl": (header("x-amz-acl", "public-read"), F.MISMATCH),
    "acl gone": (header("x-amz-acl", None), F.MISMATCH),
    "metadata twice": (header("x-amz-meta-a", "1,2"), F.MISMATCH),
    "token": (header("x-amz-security-token", "other"), F.MISMATCH),
    "token gone": (header("x-amz-security-token", None), F.MISMATCH),
    "payload hash": (header("x-amz-content-sha256", "0" * 64), F.MISMATCH),
    "payload hash to unsigned": (header("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), F.MISMATCH),
    "payload hash to streaming": (
        header("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        F.MISMATCH,
    ),
    "payload hash gone": (header("x-amz-content-sha256", None), F.MISSING_PAYLOAD_HASH),
    "payload hash nonsense": (header("x-amz-content-sha256", "none"), F.INVALID_PAYLOAD_HASH),
    "x-amz- header more": (header("x-amz-copy-source", "/secret/key"), F.UNSIGNED_HEADER),
    "x-amz- header signed no more": (authorization("x-amz-acl;", ""), F.UNSIGNED_HEADER),
    "x-amz-date signed no more": (authorization(";x-amz-date", ""), F.UNSIGNED_HEADER),
    "content-type signed no more": (authorization("content-type;", ""), F.MISMATCH),
    "host signed no more": (authorization("host;", ""), F.UNSIGNED_HOST),
    "range signed no more": (authorization("range;", ""), F.MISMATCH),
    "signed headers in another order": (authorization("content-type;host", "host;content-type"), F.MISMATCH),
    "date of the day before": (header("x-amz-date", YESTERDAY + "T000000Z"), F.WRONG_SCOPE),
    "scope of the day before": (authorization(f"/{day()}/", f"/{YESTERDAY}/"), F.WRONG_SCOPE),
    "region": (authorization("/eu-west-1/", "/us-east-1/"), F.MISMATCH),
    "service": (authorization("/s3/", "/s3-outposts/"), F.MISMATCH),
    "terminator": (authorization("/aws4_request", "/aws5_request"), F.WRONG_SCOPE),
    "signature in capitals": (
        lambda r: header("authorization", _upper(r.headers["authorization"]))(r),
        F.MISMATCH,
    ),
    "signature empty": (
        lambda r: header("authorization", r.headers["authorization"].rpartition("=")[0] + "=")(r),
        F.INCOMPLETE,
    ),
    "signature not ASCII": (
        lambda r: header("authorization", r.headers["authorization"].rpartition("=")[0] + "=\xe9")(r),
        F.MISMATCH,
    ),
    "algorithm": (authorization("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), F.UNSUPPORTED_ALGORITHM),
    "SigV4A": (authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), F.UNSUPPORTED_ALGORITHM),
    "SigV2": (header("authorization", f"AWS {KEY}:frJIUN8DYpKDtOLCwo//yllqDzg="), F.UNSUPPORTED_VERSION),
    "Bearer": (header("authorization", "Bearer abc"), F.UNSUPPORTED_TYPE),
    "empty": (header("authorization", ""), F.UNSUPPORTED_TYPE),
    "two headers": (lambda r: header("authorization", ",".join([r.headers["authorization"]] * 2))(r), F.INCOMPLETE),
    "a URL's parameters as well": (
        lambda r: replace(r, query=r.query + "&X-Amz-Signature=" + "0" * 64),
        F.MULTIPLE,
    ),
    "no date": (header("x-amz-date", None), F.INCOMPLETE),
    "a date that is none": (header("x-amz-date", f"{day()}T250000Z"), F.MALFORMED_DATE),
    "Date in place of x-amz-date": (
        lambda r: header("date", "Fri, 24 May 2013 00:00:00 GMT")(header("x-amz-date", None)(r)),
        F.WRONG_SCOPE,
    ),
}


def _upper(value: str) -> str:
    head, _, signature = value.rpartition("=")
    return f"{head}={signature.upper()}"


def refused(request: HttpRequest, now: datetime | None = None) -> SigningError:
    with pytest.raises(SigningError) as raised:
        check(request, now=now)
    return raised.value


@pytest.mark.parametrize(("change", "failure"), BY_HEADER.values(), ids=BY_HEADER.keys())
def test_header(change: Change, failure: AuthFailure) -> None:
    request = by_header("s3", "PUT", S3_URL, S3_HEADERS, b"body", token="token")
    check(request)
    assert refused(change(request)).failure is failure


BY_QUERY: dict[str, tuple[Change, AuthFailure]] = {
    "path": (lambda r: replace(r, path="/bucket/other"), F.MISMATCH),
    "query value": (query("versionId=1", "versionId=2"), F.MISMATCH),
    "host": (header("host", "other.example.com"), F.MISMATCH),
    "x-amz- header more": (header("x-amz-acl", "public-read"), F.UNSIGNED_HEADER),
    "payload hash more": (header("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), F.UNSIGNED_HEADER),
    "expiry": (query("X-Amz-Expires=3600", "X-Amz-Expires=7200"), F.MISMATCH),
    "expiry over a week": (query("X-Amz-Expires=3600", "X-Amz-Expires=604801"), F.INVALID_EXPIRES),
    "expiry of nothing": (query("X-Amz-Expires=3600", "X-Amz-Expires=0"), F.INVALID_EXPIRES),
    "expiry below nothing": (query("X-Amz-Expires=3600", "X-Amz-Expires=-1"), F.INVALID_EXPIRES),
    "expiry no number": (query("X-Amz-Expires=3600", "X-Amz-Expires=%C2%B2"), F.INVALID_EXPIRES),
    "expiry endless": (query("X-Amz-Expires=3600", "X-Amz-Expires=" + "9" * 5000), F.INVALID_EXPIRES),
    "expiry gone": (query("&X-Amz-Expires=3600", ""), F.MALFORMED_QUERY),
    "expiry twice": (query("&X-Amz-Expires=3600", "&X-Amz-Expires=3600&X-Amz-Expires=9"), F.MALFORMED_QUERY),
    "algorithm": (query("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), F.UNSUPPORTED_ALGORITHM),
    "algorithm gone": (query("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), F.MALFORMED_QUERY),
    "token": (query("X-Amz-Security-Token=t", "X-Amz-Security-Token=u"), F.MISMATCH),
    "token gone": (query("&X-Amz-Security-Token=token", ""), F.MISMATCH),
    "signed headers": (query("SignedHeaders=host", "SignedHeaders=host%3Brange"), F.MISMATCH),
    "a line feed in signed headers": (query("SignedHeaders=host", "SignedHeaders=host%0A"), F.INCOMPLETE),
    "scope": (query("%2Feu-west-1%2F", "%2Fus-east-1%2F"), F.MISMATCH),
    "scope too short": (query("%2Feu-west-1%2F", "%2F"), F.MALFORMED_CREDENTIAL),
    "SigV2": (lambda r: replace(r, query="AWSAccessKeyId=A&Expires=1&Signature=x"), F.UNSUPPORTED_VERSION),
}


@pytest.mark.parametrize(("change", "failure"), BY_QUERY.values(), ids=BY_QUERY.keys())
def test_presigned(change: Change, failure: AuthFailure) -> None:
    request = by_query("s3", "GET", S3_URL, token="token")
    check(header("content-type", "text/plain")(request))  # what browsers add by themselves
    assert refused(change(request)).failure is failure


@pytest.mark.parametrize("service", ["iam", "lambda", "dynamodb"])
@pytest.mark.parametrize("name", ["x-amz-content-sha256", None])
def test_body_of_other_services(service: str, name: str | None) -> None:
    headers = [(name, "UNSIGNED-PAYLOAD")] if name else []
    request = by_header(service, "POST", "https://x.example.com/", headers, b"Action=GetUser")
    if name:
        assert refused(request).failure is F.INVALID_PAYLOAD_HASH
        return
    signature = parse_signature(request)
    assert signature is not None and signature.needs_body
    assert refused(replace(request, body=b"Action=DeleteUser")).failure is F.MISMATCH


def test_payload_hash_that_does_not_fit() -> None:
    verified = check(by_header("s3", "PUT", S3_URL, S3_HEADERS, b"body"))
    for body in (b"", b"bod", b"bodY", b"body "):
        verifier = verified.body()
        assert verifier.feed(body) == b""  # the last piece is held back
        with pytest.raises(SigningError) as raised:
            verifier.finish()
        assert raised.value.failure is F.PAYLOAD_MISMATCH
    empty = check(by_header("s3", "PUT", S3_URL)).body()
    assert empty.feed(b"") == b"" and empty.finish() == b""


SECOND = timedelta(seconds=1)
QUARTER = timedelta(minutes=15)


@pytest.mark.parametrize(
    ("offset", "failure"),
    [
        (QUARTER, None),
        (-QUARTER, None),
        (QUARTER + SECOND, F.SKEWED),
        (-QUARTER - SECOND, F.NOT_YET),
        (timedelta(days=400), F.SKEWED),
    ],
)
def test_clock(offset: timedelta, failure: AuthFailure | None) -> None:
    request = by_header("iam", "POST", "https://iam.amazonaws.com/", body=b"Action=ListUsers")
    signature = parse_signature(request)
    assert signature is not None
    if failure is None:
        check(request, now=signature.time + offset)
    else:
        assert refused(request, signature.time + offset).failure is failure


def test_presigned_clock() -> None:
    request = by_query("s3", "GET", S3_URL, expires=60)
    signature = parse_signature(request)
    assert signature is not None
    check(request, now=signature.time + 60 * SECOND)
    assert refused(request, signature.time + 61 * SECOND).failure is F.EXPIRED_URL
    assert refused(request, signature.time - QUARTER - SECOND).failure is F.NOT_YET


def test_presigned_without_expiry_lives_as_long_as_a_header() -> None:
    text = "%Y%m%dT%H%M%SZ"
    now = datetime(2024, 5, 1, 12, tzinfo=UTC)
    request = by_query("sts", "GET", "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15")
    shorter = replace(request, query=request.query.replace("&X-Amz-Expires=3600", ""))
    signature = parse_signature(shorter)
    assert signature is not None and signature.expires is None
    assert refused(shorter, signature.time + QUARTER + SECOND).failure is F.SKEWED
    assert signature.time.strftime(text) in str(refused(shorter, signature.time + QUARTER + SECOND))
    assert refused(shorter, now).failure is F.NOT_YET


def test_scope() -> None:
    signature = check(by_header("iam", "POST", "https://iam.amazonaws.com/")).signature
    require_scope(signature, service="iam", region="eu-west-1")
    for wanted, failure in (({"service": "sts"}, F.WRONG_SERVICE), ({"region": "us-east-1"}, F.WRONG_REGION)):
        with pytest.raises(SigningError) as raised:
            require_scope(signature, **wanted)
        assert raised.value.failure is failure and raised.value.detail


def test_keys_are_not_confused() -> None:
    """A remembered signing key serves only its own secret, day, region and service."""
    request = by_header("iam", "POST", "https://iam.amazonaws.com/")
    check(request)
    with pytest.raises(SigningError) as raised:
        check(request, secret=SECRET[:-1])
    assert raised.value.failure is F.MISMATCH
    check(request)
    other = authorization(KEY, "AKIAOTHER")(request)
    assert parse_signature(other).access_key_id == "AKIAOTHER"  # whose secret is another one
    with pytest.raises(SigningError):
        check(other, secret="another secret")


def test_anonymous() -> None:
    for text in ("", "list-type=2", "X-Amz-Date=1", "signature=1", "Signature=1"):
        assert parse_signature(HttpRequest("GET", "/bucket", text, {"host": "h"})) is None


def test_details_are_sentences_of_aws() -> None:
    request = by_header("iam", "POST", "https://iam.amazonaws.com/")
    bare = {"host": "h", "authorization": "AWS4-HMAC-SHA256 a=b"}
    detail = refused(HttpRequest("GET", "/", "", bare)).detail
    assert detail.startswith(
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a "
        "'X-Amz-Date' or a 'Date' header."
    )
    now = datetime(2015, 8, 30, 12, 56, tzinfo=UTC)
    old = sign(
        HttpRequest("GET", "/", "", {"host": "h"}),
        access_key_id=KEY,
        secret=SECRET,
        session_token=None,
        region="us-east-1",
        service="iam",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
        payload_hash="0" * 64,
    )
    assert refused(HttpRequest("GET", "/", "", {"host": "h", **old}), now).detail == (
        "Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z (20150830T125600Z - 15 min.)"
    )
    assert refused(authorization("host;", "")(request)).detail == (
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
    )
    extra = refused(header("x-amz-acl", "x")(header("x-amz-a", "y")(request)))
    assert extra.fields["HeadersNotSigned"] == "x-amz-a, x-amz-acl"


JUNK = st.text(st.characters(max_codepoint=255), max_size=60)
PIECES = st.lists(
    st.one_of(
        JUNK,
        st.sampled_from(
            [
                "AWS4-HMAC-SHA256 ", "Credential=", "SignedHeaders=", "Signature=", ",", ", ", "=", "/", "host",
                f"{KEY}/20240101/us-east-1/s3/aws4_request", "20240101T000000Z", "%", "&", "X-Amz-Algorithm=",
                "X-Amz-Credential=", "X-Amz-Date=", "X-Amz-Signature=", "X-Amz-SignedHeaders=", "X-Amz-Expires=",
            ]
        ),
    ),
    max_size=12,
).map("".join)  # fmt: skip


@given(PIECES, PIECES, PIECES, PIECES, st.booleans())
def test_nonsense_is_refused_or_anonymous(
    credentials: str, date: str, query_string: str, path: str, given_: bool
) -> None:
    headers = {"host": "h", "x-amz-date": date, "date": date, "x-amz-content-sha256": "0" * 64}
    if given_:
        headers["authorization"] = credentials
    request = HttpRequest("GET", path, query_string, headers)
    try:
        signature = parse_signature(request)
        if signature is not None:
            check(request)
    except SigningError:
        return
    assert signature is None


@given(st.text(), JUNK, JUNK)
def test_any_signature_of_nonsense_is_a_mismatch(text: str, path: str, query_string: str) -> None:
    good = check(by_header("s3", "GET", S3_URL)).signature
    forged: Signature = replace(good, signature=text, region=text or "x")
    request = HttpRequest("GET", path, query_string, {"host": "h"})
    with pytest.raises(SigningError) as raised:
        verify(request, forged, SECRET, good.time)
    assert raised.value.failure is F.MISMATCH
