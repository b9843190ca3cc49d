"""Uploads from browsers by POST form: what whoever got a form cannot do with it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from . import raw
from .conftest import Gateway
from .posting import BODY, BOUNDARY, Field, exists, held, multipart, part, post, signed
from .raw import MIB, Keys, statement
from .test_bucket_policies import objects


@pytest.fixture(scope="module")
def bucket(gateway: Gateway) -> str:
    return gateway.bucket()


@pytest.fixture(scope="module")
def uploader(gateway: Gateway, bucket: str) -> Keys:
    return gateway.user(statement("Allow", "s3:PutObject", objects(bucket)))


MALFORMED = (400, "MalformedPOSTRequest")
DENIED = (403, "AccessDenied")


def changed(fields: dict[str, str], **change: str) -> list[Field]:
    return list({**fields, **{name.replace("_", "-"): value for name, value in change.items()}}.items())


def loosened(encoded: str) -> str:
    document = json.loads(base64.b64decode(encoded))
    return base64.b64encode(json.dumps({**document, "conditions": []}).encode()).decode()


# name -> (what is done to the fields of a form for the key "safe/a", the answer, a part of its message)
FIELD_ATTACKS: dict[str, tuple[Any, tuple[int, str], str]] = {
    "policy loosened": (lambda f: changed(f, policy=loosened(f["policy"])), (403, "SignatureDoesNotMatch"), ""),
    "signature of another": (
        lambda f: changed(f, x_amz_signature=raw.tampered(f["x-amz-signature"])),
        (403, "SignatureDoesNotMatch"),
        "",
    ),
    "another day": (
        lambda f: changed(f, x_amz_date="20200101T000000Z"),
        (400, "AuthorizationHeaderMalformed"),
        "",
    ),
    "another key": (lambda f: changed(f, key="b"), DENIED, 'Policy Condition failed: ["eq", "$key", "safe/a"]'),
    "no key": (lambda f: [one for one in f.items() if one[0] != "key"], (400, "InvalidArgument"), "'key'"),
    "two keys": (lambda f: [*f.items(), ("key", "b")], MALFORMED, ""),
    "two keys in two spellings": (lambda f: [("KEY", "b"), *f.items()], MALFORMED, ""),
    "a field more": (lambda f: changed(f, x_amz_meta_a="b"), DENIED, "Extra input fields: x-amz-meta-a"),
    "an ACL more": (lambda f: changed(f, acl="public-read"), DENIED, "Extra input fields: acl"),
    "a redirect more": (lambda f: changed(f, redirect="https://evil.example"), DENIED, "Extra input fields: redirect"),
    "a copy source": (lambda f: changed(f, x_amz_copy_source="other/secret"), (501, "NotImplemented"), ""),
    "a token of nobody": (lambda f: changed(f, x_amz_security_token="x"), (400, "InvalidToken"), ""),
    "no signature": (lambda f: [one for one in f.items() if one[0] != "x-amz-signature"], (400, "InvalidArgument"), ""),
    "no policy": (lambda f: [one for one in f.items() if one[0] != "policy"], (400, "InvalidArgument"), "'policy'"),
    "signature version 2": (
        lambda f: [("key", "safe/a"), ("AWSAccessKeyId", "AKIA"), ("signature", "x")],
        (400, "InvalidRequest"),
        "not supported",
    ),
    "too much before the file": (
        lambda f: [*f.items(), ("x-ignore-me", "x" * 20480)],
        (400, "MaxPostPreDataLengthExceededError"),
        "",
    ),
}


@pytest.mark.parametrize("attack", FIELD_ATTACKS)
def test_a_form_is_what_was_signed(gateway: Gateway, bucket: str, uploader: Keys, attack: str) -> None:
    change, answer, text = FIELD_ATTACKS[attack]
    before = len(gateway.events(uploader))
    got = post(gateway, bucket, multipart(change(signed(uploader, bucket, {"key": "safe/a"}))))
    assert (got.status, got.code) == answer, got.body
    assert text in got.message
    assert not exists(gateway, bucket, "safe/a")
    assert not exists(gateway, bucket, "b")
    assert len(gateway.events(uploader)) == before, "no evidence of a principal who did not ask"


# name -> (how it is signed, with key "safe/a", the answer)
POLICIES: dict[str, tuple[dict[str, Any], tuple[int, str]]] = {
    "expired": ({"expires": -1}, DENIED),
    "signed more than a week ago": (
        {"stamp": (datetime.now(UTC) - timedelta(days=8)).strftime("%Y%m%dT%H%M%SZ")},
        DENIED,
    ),
    "for another bucket": ({"policy": {"conditions": [{"bucket": "another"}, {"key": "safe/a"}]}}, DENIED),
    "for any bucket": ({"policy": {"conditions": [["starts-with", "$key", "safe/"]]}}, DENIED),
    "another prefix": ({"conditions": [["starts-with", "$key", "other/"]]}, DENIED),
    "a field that is wanting": ({"conditions": [{"key": "safe/a"}, {"acl": "private"}]}, DENIED),
    "a type that is wanting": ({"conditions": [{"key": "safe/a"}, ["starts-with", "$Content-Type", ""]]}, DENIED),
    "of another service": ({"service": "sns"}, (400, "AuthorizationHeaderMalformed")),
    "of no Region": ({"region": "mars-1"}, (400, "AuthorizationHeaderMalformed")),
    "no JSON": ({"policy": "{"}, (400, "InvalidPolicyDocument")),
    "no document": ({"policy": "[]"}, (400, "InvalidPolicyDocument")),
    "no expiration": ({"policy": {"expiration": None}}, (400, "InvalidPolicyDocument")),
    "an expiration that is no time": ({"policy": {"expiration": "tomorrow"}}, (400, "InvalidPolicyDocument")),
    "no conditions": ({"policy": {"conditions": None}}, (400, "InvalidPolicyDocument")),
    "a condition of two": ({"conditions": [{"key": "safe/a", "acl": "x"}]}, (400, "InvalidPolicyDocument")),
    "an operator that is none": ({"conditions": [["ends-with", "$key", "a"]]}, (400, "InvalidPolicyDocument")),
    "a range of words": (
        {"conditions": [{"key": "safe/a"}, ["content-length-range", "few", "many"]]},
        (400, "InvalidPolicyDocument"),
    ),
    "too large": (
        {"conditions": [{"key": "safe/a"}, ["content-length-range", 1, len(BODY) - 1]]},
        (400, "EntityTooLarge"),
    ),
    "too small": (
        {"conditions": [{"key": "safe/a"}, ["content-length-range", len(BODY) + 1, 10**9]]},
        (400, "EntityTooSmall"),
    ),
}


@pytest.mark.parametrize("case", POLICIES)
def test_what_a_policy_does_not_allow(gateway: Gateway, bucket: str, uploader: Keys, case: str) -> None:
    how, answer = POLICIES[case]
    got = post(gateway, bucket, multipart(signed(uploader, bucket, {"key": "safe/a"}, **how).items()))
    assert (got.status, got.code) == answer, got.body
    assert not exists(gateway, bucket, "safe/a")


def test_what_cannot_fit_is_not_read(gateway: Gateway, bucket: str, uploader: Keys) -> None:
    conditions = [{"key": "safe/a"}, ["content-length-range", 0, 10]]
    fields = signed(uploader, bucket, {"key": "safe/a"}, conditions=conditions)
    got = post(gateway, bucket, multipart(fields.items(), body=bytes(8 * MIB)))
    assert got.code == "EntityTooLarge"
    exact = signed(uploader, bucket, {"key": "ten"}, conditions=[{"key": "ten"}, ["content-length-range", 10, 10]])
    assert post(gateway, bucket, multipart(exact.items(), body=b"0123456789")).status == 204


def test_a_token_of_another_session(gateway: Gateway, bucket: str) -> None:
    role = gateway.role(statement("Allow", "s3:PutObject", objects(bucket)))
    one, other = gateway.assume(role), gateway.assume(role, RoleSessionName="other")
    mixed = signed(Keys(one.id, one.secret, other.token), bucket, {"key": "safe/a"})
    assert post(gateway, bucket, multipart(mixed.items())).code == "InvalidToken"
    bare = signed(Keys(one.id, one.secret), bucket, {"key": "safe/a"})
    assert post(gateway, bucket, multipart(bare.items())).code == "InvalidAccessKeyId"
    assert not exists(gateway, bucket, "safe/a")


DISPOSITION = "Content-Disposition: form-data; "
# name -> (the body made of the fields as parts, the answer)
SHAPES: dict[str, tuple[Any, tuple[int, str]]] = {
    "file before the policy": (
        lambda head: part("key", b"safe/a") + part("file", BODY, "a") + head,
        DENIED,  # what comes after the file is not read, so that nobody signed
    ),
    "no file": (lambda head: head, (400, "InvalidArgument")),
    "file cut off": (lambda head: head + part("file", BODY, "a"), MALFORMED),
    "a boundary that goes on": (
        lambda head: head + part("file", f"x\r\n--{BOUNDARY}more".encode(), "a"),
        MALFORMED,
    ),
    "text before the form": (lambda head: b"preamble\r\n" + head + part("file", BODY), MALFORMED),
    "a part of two names": (lambda head: part("key", b"b", more='; name="x"') + head + part("file", BODY), MALFORMED),
    "a part of no name": (
        lambda head: f"--{BOUNDARY}\r\n{DISPOSITION}\r\n\r\nx\r\n".encode() + head + part("file", BODY),
        MALFORMED,
    ),
    "a part of two dispositions": (
        lambda head: (
            f'--{BOUNDARY}\r\n{DISPOSITION}name="a"\r\n{DISPOSITION}name="key"\r\n\r\nb\r\n'.encode()
            + head
            + part("file", BODY)
        ),
        MALFORMED,
    ),
    "octets that are no UTF-8": (lambda head: part("x-ignore-a", b"\xff") + head + part("file", BODY), MALFORMED),
    "in another encoding": (
        lambda head: head + part("file", BODY, more="\r\nContent-Transfer-Encoding: base64"),
        MALFORMED,
    ),
    "a line end in a file name": (lambda head: head + part("file", BODY, "a\r\nx-amz-acl: public-read"), MALFORMED),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_octets_of_a_form_have_one_reading(gateway: Gateway, bucket: str, uploader: Keys, shape: str) -> None:
    make, answer = SHAPES[shape]
    fields = signed(uploader, bucket, {"key": "safe/a"})
    head = b"".join(part(name, value.encode()) for name, value in fields.items())
    end = b"" if shape == "file cut off" else f"--{BOUNDARY}--\r\n".encode()
    got = post(gateway, bucket, make(head) + end)
    assert (got.status, got.code) == answer, got.body
    assert not exists(gateway, bucket, "safe/a")


@pytest.mark.parametrize(
    "filename", ["a\tb", "../../etc/passwd", "C:\\dir\\passwd", "é", "x-amz-acl: public-read", "%0d%0a"]
)
def test_a_file_name_is_a_word_and_nothing_else(gateway: Gateway, bucket: str, uploader: Keys, filename: str) -> None:
    """ "If the browser or client provides a full or partial path to the file, only the text following the last slash
    (/) or backslash is used"."""
    conditions = [["starts-with", "$key", "named/"], ["starts-with", "$x-amz-meta-name", ""]]
    given = {"key": "named/${filename}", "x-amz-meta-name": "n ${filename}"}
    fields = signed(uploader, bucket, given, conditions=conditions)
    assert post(gateway, bucket, multipart(fields.items(), filename=filename)).status == 204
    last = re.split(r"[/\\]", filename)[-1]
    assert exists(gateway, bucket, f"named/{last}")


def test_no_field_is_two_headers(gateway: Gateway, bucket: str, uploader: Keys) -> None:
    for name, value in (("x-amz-meta-a", "b\r\nx-amz-acl: public-read"), ("x-amz-meta-a:b", "c"), ("expires", "a\x00")):
        fields = signed(uploader, bucket, {"key": "safe/a", name: value})
        got = post(gateway, bucket, multipart(fields.items()))
        assert (got.status, got.code) == (400, "InvalidArgument"), got.body
    assert not exists(gateway, bucket, "safe/a")


def test_a_form_is_sent_to_a_bucket_and_as_one(gateway: Gateway, bucket: str, uploader: Keys) -> None:
    data = multipart(signed(uploader, bucket, {"key": "safe/a"}).items())
    assert (post(gateway, f"{bucket}/other", data).status, post(gateway, "", data).status) == (405, 405)
    for kind, answer in (
        ("text/html", None),
        ("application/x-www-form-urlencoded", None),
        ("multipart/form-data", MALFORMED),
        (f"multipart/form-data; boundary={BOUNDARY}; boundary=other", MALFORMED),
        ("multipart/form-data; boundary=other", MALFORMED),
    ):
        got = post(gateway, bucket, data, content_type=kind)
        assert got.status >= 400
        assert answer is None or (got.status, got.code) == answer
    # Headers of the page's own making count for nothing: not one of them was signed.
    assert post(gateway, bucket, data, x_amz_copy_source="other/secret", x_amz_acl="public-read").status == 204
    assert held(gateway, bucket, "safe/a")["Body"].read() == BODY
    gateway.client("s3").delete_object(Bucket=bucket, Key="safe/a")
