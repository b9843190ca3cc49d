"""Uploads from browsers by POST form: what they store and answer, and what whoever got a form cannot do with it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import asyncio
import base64
import json
import os
import re
import shutil
import socket
import subprocess
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kansatsu.errors import ServiceUnavailable
from kansatsu.gateway import forms
from kansatsu.http import HttpRequest

from . import raw
from .conftest import Gateway
from .raw import MIB, REGION, Ask, Got, Keys, statement
from .test_bucket_policies import objects, put, says

BOUNDARY = "a-boundary"
BODY = b"what the browser sends"
Field = tuple[str, str]


@pytest.fixture(scope="module")
def bucket(gateway: Gateway) -> str:
    return gateway.bucket()


@pytest.fixture(scope="module")
def uploader(gateway: Gateway, bucket: str) -> Keys:
    return gateway.user(statement("Allow", "s3:PutObject", objects(bucket)))


def part(name: str, value: bytes, filename: str = "", more: str = "") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}{more}\r\n\r\n'.encode() + value + b"\r\n"
    )


def multipart(fields: Iterable[Field], body: bytes = BODY, filename: str = "holiday.txt", after: bytes = b"") -> bytes:
    head = b"".join(part(name, value.encode()) for name, value in fields)
    return head + part("file", body, filename) + after + f"--{BOUNDARY}--\r\n".encode()


def post(gateway: Gateway, bucket: str, data: bytes, **headers: str) -> Got:
    given = {"host": gateway.host, "content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    made = {**given, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return gateway.send(Ask("POST", f"/{bucket}", headers=made, body=data))


def signed(
    keys: Keys,
    bucket: str,
    fields: dict[str, str],
    *,
    conditions: Iterable[Any] | None = None,
    expires: int = 60,
    policy: Any = None,
    region: str = REGION,
    service: str = "s3",
    stamp: str = "",
) -> dict[str, str]:
    """The fields with their signature; without `conditions` each must be exactly as it is here."""
    stamp = stamp or raw.stamp_of(None)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    own = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{keys.id}/{scope}",
        "x-amz-date": stamp,
    } | ({"x-amz-security-token": keys.token} if keys.token else {})
    asked = [{name: value} for name, value in fields.items()] if conditions is None else list(conditions)
    until = (datetime.now(UTC) + timedelta(seconds=expires)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    document = {
        "expiration": until,
        "conditions": [{"bucket": bucket}, *({name: value} for name, value in own.items()), *asked],
    }
    text = policy if isinstance(policy, str) else json.dumps(document | (policy or {}))
    encoded = base64.b64encode(text.encode()).decode()
    return {**own, **fields, "policy": encoded, "x-amz-signature": raw.signature(keys.secret, scope, encoded)}


def held(gateway: Gateway, bucket: str, key: str) -> Any:
    return gateway.client("s3").get_object(Bucket=bucket, Key=key)


def exists(gateway: Gateway, bucket: str, key: str) -> bool:
    return key in [one["Key"] for one in gateway.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


# ---- what they are for ----------------------------------------------------------------------------------------------


def test_boto3s_form_uploads_through_curl(gateway: Gateway, bucket: str, uploader: Keys, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    assert curl, "scripts/test-machine.sh installs it"
    role = gateway.role(statement("Allow", "s3:PutObject", objects(bucket)))
    large = os.urandom(3 * MIB + 17)
    (tmp_path / "large.bin").write_bytes(large)
    for number, keys in enumerate((uploader, gateway.assume(role))):
        made = gateway.client("s3", keys, signature_version="s3v4").generate_presigned_post(
            bucket,
            f"{number}/${{filename}}",
            Fields={"Content-Type": "image/png", "x-amz-meta-who": "é"},
            Conditions=[["starts-with", "$Content-Type", "image/"], {"x-amz-meta-who": "é"}],
        )
        fields = [word for pair in made["fields"].items() for word in ("--form-string", "=".join(pair))]
        asked = [curl, "-sS", "-w", "%{http_code}", *fields, "-F", f"file=@{tmp_path / 'large.bin'}", made["url"]]
        done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "204"
        got = held(gateway, bucket, f"{number}/large.bin")
        assert got["Body"].read() == large
        assert got["ContentType"] == "image/png"
        event = gateway.events(keys)[0]
        assert (event.action, event.resource, event.allowed) == (
            "PutObject",
            f"arn:aws:s3:::{bucket}/{number}/large.bin",
            True,
        )


def test_what_a_form_asks_to_be_told(gateway: Gateway, bucket: str, uploader: Keys) -> None:
    key = "told & kept"
    for asked, status in (("200", 200), ("201", 201), ("204", 204), ("418", 204), ("", 204)):
        fields = {"key": key} | ({"success_action_status": asked} if asked else {})
        got = post(gateway, bucket, multipart(signed(uploader, bucket, fields).items()))
        assert got.status == status
        location = f"http://{gateway.host}/{bucket}/told%20%26%20kept"
        assert got.headers["location"] == location
        etag = got.headers["etag"]
        if status == 201:
            assert re.findall("<(Location|Bucket|Key|ETag)>(.*?)</", got.body.decode()) == [
                ("Location", location),
                ("Bucket", bucket),
                ("Key", "told &amp; kept"),
                ("ETag", etag.replace('"', "&quot;")),
            ]
        else:
            assert got.body == b""
    for url, target in (
        ("https://example.org/done", "https://example.org/done?"),
        ("https://example.org/done?a=b", "https://example.org/done?a=b&"),
        ("javascript:alert(1)", ""),
        ("/relative", ""),
    ):
        fields = {"key": key, "success_action_redirect": url}
        got = post(gateway, bucket, multipart(signed(uploader, bucket, fields).items()))
        if target:
            expected = f"{target}bucket={bucket}&key=told%20%26%20kept&etag=%22{etag[1:-1]}%22"
            assert (got.status, got.headers["location"]) == (303, expected)
        else:
            assert got.status == 204


def test_fields_become_headers_tags_and_condition_keys(gateway: Gateway, bucket: str) -> None:
    tags = "<Tagging><TagSet><Tag><Key>team</Key><Value>a b</Value></Tag></TagSet></Tagging>"
    fields = {"Key": "tagged", "tagging": tags, "Cache-Control": "no-store", "x-amz-meta-a": "1", "submit": "Go"}
    by_form = statement("Allow", "s3:PutObject", objects(bucket), {"StringEquals": {"s3:authType": "POST"}})
    only = gateway.user(by_form)
    refused = post(gateway, bucket, multipart(signed(only, bucket, fields).items()))
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert "s3:PutObjectTagging" in refused.message
    condition = {"StringEquals": {"s3:RequestObjectTag/team": "a b"}}
    both = gateway.user(by_form, statement("Allow", "s3:PutObjectTagging", objects(bucket), condition))
    assert post(gateway, bucket, multipart(signed(both, bucket, fields).items())).status == 204
    got = held(gateway, bucket, "tagged")
    assert (got["CacheControl"], got["Metadata"], got["TagCount"]) == ("no-store", {"a": "1"}, 1)
    # The condition on the kind of authentication is one: a PutObject by header is refused.
    assert gateway.ask(Ask("PUT", f"/{bucket}/tagged"), only, "s3").code == "AccessDenied"


def test_a_button_after_the_file_and_a_virtual_host(gateway: Gateway, bucket: str, uploader: Keys) -> None:
    fields = signed(uploader, bucket, {"key": "button"})
    data = multipart(fields.items(), after=part("submit", b"Upload") + part("key", b"another"))
    ask = Ask(
        "POST",
        "/",
        headers={
            "host": f"{bucket}.s3.amazonaws.com",
            "content-type": f'multipart/form-data; boundary="{BOUNDARY}"; charset=utf-8',
        },
        body=data,
    )
    got = gateway.send(ask)
    assert (got.status, got.headers["location"]) == (204, f"http://{bucket}.s3.amazonaws.com/button")
    assert held(gateway, bucket, "button")["Body"].read() == BODY
    assert not exists(gateway, bucket, "another")


def test_who_signed_must_be_allowed_the_key(gateway: Gateway, bucket: str) -> None:
    keys = gateway.user(statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/mine/*"))
    for key, status in (("mine/a", 204), ("theirs/a", 403), ("mine", 403)):
        assert post(gateway, bucket, multipart(signed(keys, bucket, {"key": key}).items())).status == status
        assert exists(gateway, bucket, key) == (status == 204)
    public = signed(gateway.admin, bucket, {"key": "public", "acl": "public-read"})
    assert post(gateway, bucket, multipart(public.items())).status == 501
    assert not exists(gateway, bucket, "public")


def test_nobodys_form_needs_a_policy_of_the_bucket(gateway: Gateway) -> None:
    own = gateway.bucket()
    data = multipart([("key", "theirs/${filename}"), ("success_action_status", "200")])
    assert post(gateway, own, data).code == "AccessDenied"
    put(gateway, own, says("Allow", "*", "s3:PutObject", f"arn:aws:s3:::{own}/theirs/*"))
    assert post(gateway, own, data).status == 200
    assert held(gateway, own, "theirs/holiday.txt")["Body"].read() == BODY
    assert post(gateway, own, multipart([("key", "mine")])).code == "AccessDenied"


def test_a_large_file_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    count, size = 96, 256 * 1024
    start = multipart([("key", "large")]).partition(BODY)[0]
    messages = iter([start, *(bytes(size) for _ in range(count)), f"\r\n--{BOUNDARY}--".encode()])

    async def receive() -> dict[str, Any]:
        piece = next(messages)
        return {"type": "http.request", "body": piece, "more_body": not piece.endswith(b"--")}

    async def upload() -> int:
        request = HttpRequest("POST", "/bucket", "", {"content-type": f"multipart/form-data; boundary={BOUNDARY}"})
        form = await forms.opened(request, receive)
        assert form is not None
        async with form.spooled() as (made, file):
            passed = sum([len(piece) async for piece in file])
            assert made.headers["content-length"] == str(passed)
        return passed

    tracemalloc.start()
    try:
        assert asyncio.run(upload()) == count * size
        assert tracemalloc.get_traced_memory()[1] < 8 * MIB
    finally:
        tracemalloc.stop()
    # And where there is no place for it, that is said.
    messages = iter([start, *(bytes(size) for _ in range(count)), f"\r\n--{BOUNDARY}--".encode()])
    monkeypatch.setattr(forms, "_PLACE", "/nowhere")
    with pytest.raises(ServiceUnavailable, match="no room"):
        asyncio.run(upload())


def test_tags_that_are_no_document(gateway: Gateway, bucket: str, uploader: Keys) -> None:
    got = post(gateway, bucket, multipart(signed(uploader, bucket, {"key": "safe/a", "tagging": "<Tagging"}).items()))
    assert (got.status, got.code) == (400, "MalformedXML")


def test_octets_one_by_one(gateway: Gateway, bucket: str, uploader: Keys) -> None:
    data = multipart(signed(uploader, bucket, {"key": "slow"}).items())
    ask = Ask(
        "POST",
        f"/{bucket}",
        headers={"content-type": f"multipart/form-data; boundary={BOUNDARY}", "connection": "close"},
    )
    with socket.create_connection(gateway.address, 30) as connection:
        connection.sendall(raw.head_bytes(ask, gateway.host, len(data)))
        for place in range(0, len(data), 7):
            connection.sendall(data[place : place + 7])
        assert raw.read_all(connection).startswith(b"HTTP/1.1 204")
    assert held(gateway, bucket, "slow")["Body"].read() == BODY


# ---- attacks --------------------------------------------------------------------------------------------------------

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
