"""Upload forms: AWS's own example, every way to cut the octets of one, and nothing but a value or an AwsError."""

import base64
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.signing import FormFile, SigningError, boundary_of, head_of, parse_policy, verify

# https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-post-example.html
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
POLICY = (
    "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2"
    "NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMt"
    "cmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29t"
    "L3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4"
    "LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0s"
    "DQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZP"
    "RE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1B"
    "Qy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
)
FIELDS = {
    "key": "user/user1/${filename}",
    "acl": "public-read",
    "success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
    "Content-Type": "image/jpeg",
    "x-amz-meta-uuid": "14365123651274",
    "x-amz-server-side-encryption": "AES256",
    "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Date": "20151229T000000Z",
    "x-amz-meta-tag": "",
    "Policy": POLICY,
    "X-Amz-Signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
}
NOW = datetime(2015, 12, 29, 12, tzinfo=UTC)
BOUNDARY = b"9431149156168"


def form(fields: dict[str, str], content: bytes, name: str = "sunset.jpg") -> bytes:
    parts = [f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}'.encode() for key, value in fields.items()]
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: image/jpeg\r\n\r\n'
    made = [b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in [*parts, head.encode() + content]]
    return b"".join(made) + b"--" + BOUNDARY + b"--"


def test_the_published_example() -> None:
    head = head_of(form(FIELDS, b"jpeg"), BOUNDARY)
    assert head is not None
    signature = head.signature()
    assert signature is not None
    verify(HttpRequest("PUT", "/"), signature, SECRET, NOW)
    policy = parse_policy(POLICY)
    policy.check(head.fields, "sigv4examplebucket", NOW)
    assert head.fields["key"] == "user/user1/sunset.jpg"
    with pytest.raises(SigningError):
        verify(HttpRequest("PUT", "/"), signature, SECRET + "x", NOW)
    with pytest.raises(AwsError, match="Policy expired"):
        policy.check(head.fields, "sigv4examplebucket", datetime(2015, 12, 30, 12, tzinfo=UTC))
    for change in ({"key": "user/user2/a"}, {"content-type": "image/a, text/html"}, {"x-amz-meta-more": ""}):
        with pytest.raises(AwsError, match="Invalid according to Policy"):
            policy.check({**head.fields, **change}, "sigv4examplebucket", NOW)
    policy.check({**head.fields, "content-type": "image/a, image/b", "x-ignore-me": ""}, "sigv4examplebucket", NOW)


@given(st.binary(max_size=200) | st.just(b"\r\n--" + BOUNDARY[:-1]), st.lists(st.integers(0, 400), max_size=6))
def test_a_form_is_the_same_however_it_is_cut(content: bytes, cuts: list[int]) -> None:
    data = form({"key": "k"}, content)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    seen, head = b"", None
    file, passed = FormFile(BOUNDARY, 0, 1000), b""
    for piece in pieces:
        if head is None:
            seen += piece
            if (head := head_of(seen, BOUNDARY)) is not None:
                passed += file.feed(seen[head.length :])
        else:
            passed += file.feed(piece)
    assert head is not None
    assert passed + file.finish() == content
    assert head.fields == {"key": "k"}


SYNTAX = st.sampled_from(
    [b"--" + BOUNDARY, b"\r\n", b"\r\n--" + BOUNDARY, b"--", b'Content-Disposition: form-data; name="', b'"', b"file",
     b"key", b"; filename=", b"\\", b":", b"a", b"\xff", b"\x00"]
)  # fmt: skip


@given(st.lists(SYNTAX | st.binary(max_size=5), max_size=30).map(b"".join))
def test_any_octets_are_a_form_or_an_error(data: bytes) -> None:
    for body in (data, b"--" + BOUNDARY + b"\r\n" + data):
        try:
            head = head_of(body, BOUNDARY)
            if head is not None:
                head.signature()
                file = FormFile(BOUNDARY, 0, 20)
                file.feed(body[head.length :])
                file.finish()
        except (AwsError, SigningError):
            pass


@given(st.text(max_size=60))
def test_any_content_type_has_a_boundary_or_none(text: str) -> None:
    for kind in (text, f"multipart/form-data;{text}", f"multipart/form-data; boundary={text}"):
        try:
            boundary = boundary_of(kind)
        except AwsError:
            continue
        assert boundary is None or 1 <= len(boundary) <= 70


JSON: Any = st.recursive(
    st.none() | st.integers() | st.text(max_size=8) | st.sampled_from(["eq", "starts-with", "$key", "bucket"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)


@given(st.lists(JSON, max_size=3), st.text(max_size=5))
def test_any_policy_is_one_or_an_error_and_a_condition_more_admits_nothing(extra: list[Any], key: str) -> None:
    def admits(conditions: list[Any]) -> bool:
        document = {"expiration": "2030-01-01T00:00:00Z", "conditions": conditions}
        try:
            policy = parse_policy(base64.b64encode(json.dumps(document).encode()).decode())
            policy.check({"key": key}, "b", NOW)
        except AwsError:
            return False
        return True

    own = [{"bucket": "b"}, ["starts-with", "$key", "a"]]
    assert admits(own) == key.startswith("a")
    assert admits(own) or not admits([*own, *extra])


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"conditions": []}', "\\", '{"expiration": "2030-13-01T00:00:00Z"}']
)
def test_what_is_no_policy(text: str) -> None:
    for encoded in (base64.b64encode(text.encode()).decode(), text, "é"):
        with pytest.raises(AwsError) as error:
            parse_policy(encoded)
        assert error.value.code == "InvalidPolicyDocument"


def test_a_dollar_that_is_escaped_is_one() -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html#sigv4-HTTPPOSTEscaping"""
    text = r'{"expiration": "2030-01-01T00:00:00Z", "conditions": [{"bucket": "b"}, {"key": "\$a\\$b\n"}]}'
    parse_policy(base64.b64encode(text.encode()).decode()).check({"key": "$a\\$b\n"}, "b", NOW)
