"""Uploads from browsers by POST form: what they store and answer.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-UsingHTTPPOST.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any, cast

import pytest

from kansatsu.errors import ServiceUnavailable, SlowDown
from kansatsu.gateway import forms
from kansatsu.gateway.spool import Spool
from kansatsu.http import HttpRequest

from . import raw
from .conftest import Gateway
from .posting import BODY, BOUNDARY, exists, held, multipart, part, post, signed
from .raw import MIB, Ask, Keys, statement
from .test_bucket_policies import objects, put, says


@pytest.fixture(scope="module")
def bucket(gateway: Gateway) -> str:
    return gateway.bucket()


@pytest.fixture(scope="module")
def uploader(gateway: Gateway, bucket: str) -> Keys:
    return gateway.user(statement("Allow", "s3:PutObject", objects(bucket)))


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
        async with form.spooled(Spool()) as (made, file):
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


def test_strangers_do_not_fill_the_disk() -> None:
    """The attack: uploads to a public bucket that never end, so that all of them wait at once."""
    spool = Spool(limit=10)

    async def upload(size: int, signed: bool, stays: asyncio.Event) -> None:
        data = multipart([("key", "k")]).replace(BODY, b"x" * size)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": data, "more_body": False}

        request = HttpRequest("POST", "/bucket", "", {"content-type": f"multipart/form-data; boundary={BOUNDARY}"})
        form = await forms.opened(request, receive)
        assert form is not None
        form.signature = cast(Any, "somebody") if signed else None
        async with form.spooled(spool):
            await stays.wait()

    async def together(*uploads: tuple[int, bool]) -> list[int]:
        stays = asyncio.Event()
        tasks = [asyncio.create_task(upload(*one, stays)) for one in uploads]
        for _ in range(200):
            await asyncio.sleep(0)
        stays.set()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        return [place for place, result in enumerate(done) if isinstance(result, SlowDown) and result.status == 503]

    for uploads, refused in (
        ([(5, False), (1, False), (5, True)], [1]),  # strangers have half; who signs has the rest
        ([(6, False)], [0]),
        ([(6, True), (4, True), (1, True)], [2]),
        ([(10, True)], []),  # all was given back
    ):
        assert asyncio.run(together(*uploads)) == refused


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
