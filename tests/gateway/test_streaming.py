"""Bodies on their way through: what is signed wrong never becomes an object, and nothing is kept whole in memory."""

import hashlib
import io
import logging
import os
import re
import socket
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from kansatsu.backends import BackendResponse
from kansatsu.errors import ServiceUnavailable
from kansatsu.gateway import asgi

from . import raw
from .conftest import WAIT, Gateway
from .raw import MIB, Ask, Keys, head_bytes, read_all, read_head

STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


@pytest.fixture(scope="module")
def bucket(gateway: Gateway) -> str:
    return gateway.bucket()


def exists(gateway: Gateway, bucket: str, key: str) -> bool:
    return key in [found["Key"] for found in gateway.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


# ---- aws-chunked ----------------------------------------------------------------------------------------------------


def upload(gateway: Gateway, bucket: str, key: str, payload: bytes, length: int = -1) -> tuple[Ask, list[bytes]]:
    """A signed chunked PutObject: its head, and its body by chunks."""
    head = Ask("PUT", f"/{bucket}/{key}").having(
        x_amz_decoded_content_length=str(len(payload) if length < 0 else length), content_encoding="aws-chunked"
    )
    head = raw.sign(head, gateway.admin, "s3", host=gateway.host, payload=STREAMING)
    return head, raw.chunked(payload, gateway.admin, head)


PAYLOAD = os.urandom(200_000)


def test_a_chunked_body_arrives_decoded(gateway: Gateway, bucket: str) -> None:
    head, chunks = upload(gateway, bucket, "chunked", PAYLOAD)
    assert gateway.send(replace(head, body=b"".join(chunks))).status == 200
    got = gateway.client("s3").get_object(Bucket=bucket, Key="chunked")
    assert got["Body"].read() == PAYLOAD
    assert "aws-chunked" not in got.get("ContentEncoding", "")


def flipped(chunk: bytes) -> bytes:
    """A chunk with another byte in its data, at the same length."""
    at = chunk.index(b"\r\n") + 3
    return chunk[:at] + bytes([chunk[at] ^ 1]) + chunk[at + 1 :]


def forged(chunk: bytes) -> bytes:
    return re.sub(rb"signature=([0-9a-f]{64})", lambda m: b"signature=" + m[1][::-1], chunk, count=1)


# what is done to the chunks of three and a bit and the empty one -> code
CHUNK_ATTACKS: dict[str, tuple[Any, str]] = {
    "first chunk altered": (lambda c: [flipped(c[0]), *c[1:]], "SignatureDoesNotMatch"),
    "last chunk altered": (lambda c: [*c[:-2], flipped(c[-2]), c[-1]], "SignatureDoesNotMatch"),
    "last chunk forged": (lambda c: [*c[:-2], forged(c[-2]), c[-1]], "SignatureDoesNotMatch"),
    "empty chunk forged": (lambda c: [*c[:-1], forged(c[-1])], "SignatureDoesNotMatch"),
    "empty chunk left out": (lambda c: c[:-1], "IncompleteBody"),
    "a chunk left out": (lambda c: [c[0], *c[2:]], "SignatureDoesNotMatch"),
    "chunks exchanged": (lambda c: [c[1], c[0], *c[2:]], "SignatureDoesNotMatch"),
    "a chunk twice": (lambda c: [c[0], c[0], *c[1:]], "SignatureDoesNotMatch"),
    "something after the end": (lambda c: [*c, b"more"], "InvalidRequest"),
    "no chunks at all": (lambda c: [b"just text"], "InvalidRequest"),
}


@pytest.mark.parametrize("attack", CHUNK_ATTACKS)
def test_a_chunked_body_that_is_not_what_was_signed(gateway: Gateway, bucket: str, attack: str) -> None:
    bend, code = CHUNK_ATTACKS[attack]
    key = re.sub(r"\W", "-", attack)
    head, chunks = upload(gateway, bucket, key, PAYLOAD)
    got = gateway.send(replace(head, body=b"".join(bend(chunks))))
    # A body without its end breaks off before a line of it is complete, or after.
    assert got.code in (code, "IncompleteBody"), got.body
    assert not exists(gateway, bucket, key)


def test_a_chunked_body_of_another_length(gateway: Gateway, bucket: str) -> None:
    for length in (len(PAYLOAD) - 1, len(PAYLOAD) + 1):
        head, chunks = upload(gateway, bucket, "length", PAYLOAD, length)
        assert gateway.send(replace(head, body=b"".join(chunks))).code in ("IncompleteBody", "InvalidRequest")
    assert not exists(gateway, bucket, "length")


def test_the_sdks_default_checksum_in_a_trailer(gateway: Gateway, bucket: str) -> None:
    sent: list[str] = []
    client = gateway.client("s3", request_checksum_calculation="when_supported")
    client.meta.events.register("before-send.s3.PutObject", lambda request, **_: sent.append(str(request.headers)))
    client.put_object(Bucket=bucket, Key="trailer", Body=io.BytesIO(PAYLOAD), ChecksumAlgorithm="CRC32")
    assert client.get_object(Bucket=bucket, Key="trailer")["Body"].read() == PAYLOAD
    assert "x-amz-checksum-crc32" in sent[0].lower()


def test_a_wrong_checksum_in_a_trailer(gateway: Gateway, bucket: str) -> None:
    head = Ask("PUT", f"/{bucket}/crc").having(
        x_amz_decoded_content_length="5", content_encoding="aws-chunked", x_amz_trailer="x-amz-checksum-crc32"
    )
    head = raw.sign(head, gateway.admin, "s3", host=gateway.host, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n"
    assert gateway.send(replace(head, body=body % b"AAAAAA==")).code == "BadDigest"
    assert not exists(gateway, bucket, "crc")
    assert gateway.send(replace(head, body=body % b"NhCmhg==")).status == 200
    assert exists(gateway, bucket, "crc")


# ---- hashed ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 * MIB])
def test_a_body_that_its_hash_does_not_fit(gateway: Gateway, bucket: str, size: int) -> None:
    key, body = f"hash-{size}", os.urandom(size)
    signed = raw.sign(
        Ask("PUT", f"/{bucket}/{key}", body=body), gateway.admin, "s3", host=gateway.host, payload="a" * 64
    )
    got = gateway.send(signed)
    assert (got.status, got.code) == (400, "XAmzContentSHA256Mismatch")
    assert f"<S3ComputedContentSHA256>{hashlib.sha256(body).hexdigest()}<".encode() in got.body
    assert not exists(gateway, bucket, key)
    # The evidence says that it was authorized, and that it failed.
    event = gateway.events(gateway.admin)
    assert any((e.action, e.error) == ("PutObject", "XAmzContentSHA256Mismatch") for e in event)


# ---- the wire -------------------------------------------------------------------------------------------------------


def put(gateway: Gateway, bucket: str, key: str, keys: Keys, body: bytes, **headers: str) -> Ask:
    ask = Ask("PUT", f"/{bucket}/{key}").having(**headers)
    hashed = hashlib.sha256(body).hexdigest()
    return raw.sign(ask, keys, "s3", host=gateway.host, payload=hashed, unsigned=["expect", "content-length"])


def test_a_refused_body_is_never_asked_for(gateway: Gateway, bucket: str) -> None:
    nobody = gateway.user()
    ask = put(gateway, bucket, "expect", nobody, PAYLOAD, expect="100-continue")
    with closing(socket.create_connection(gateway.address, 30)) as connection:
        connection.sendall(head_bytes(ask, gateway.host, len(PAYLOAD)))
        answer = read_all(connection)  # to the end: what comes next on this connection would be taken for the body
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"100 Continue" not in answer
    assert b"<Code>AccessDenied</Code>" in answer
    assert b"connection: close" in answer.lower()


def test_an_allowed_body_is_asked_for(gateway: Gateway, bucket: str) -> None:
    ask = put(gateway, bucket, "expect", gateway.admin, PAYLOAD, expect="100-continue")
    with closing(socket.create_connection(gateway.address, 30)) as connection:
        connection.sendall(head_bytes(ask, gateway.host, len(PAYLOAD)))
        assert read_head(connection).startswith(b"HTTP/1.1 100 Continue\r\n")
        connection.sendall(PAYLOAD)
        assert read_head(connection).startswith(b"HTTP/1.1 200 ")
    assert gateway.client("s3").get_object(Bucket=bucket, Key="expect")["Body"].read() == PAYLOAD


def test_a_refused_body_that_is_sent_anyway_does_not_block_the_connection(gateway: Gateway, bucket: str) -> None:
    nobody, body = gateway.user(), bytes(8 * MIB)
    ask = put(gateway, bucket, "refused", nobody, body)
    listing = raw.sign(Ask("GET", "/"), gateway.admin, "s3", host=gateway.host)
    with closing(socket.create_connection(gateway.address, 30)) as connection:
        connection.sendall(head_bytes(ask, gateway.host, len(body)) + body)
        assert read_head(connection).startswith(b"HTTP/1.1 403 ")
        connection.sendall(head_bytes(listing, gateway.host))
        assert b"HTTP/1.1 200 " in read_head(connection)


def test_a_request_hidden_in_a_refused_body_is_not_one(gateway: Gateway, bucket: str) -> None:
    """The attack: a body that is itself a request, on a connection that the gateway would go on reading."""
    nobody = gateway.user()
    hidden = head_bytes(put(gateway, bucket, "hidden", gateway.admin, b""), gateway.host, 0)
    for expect in ({"expect": "100-continue"}, {}):
        ask = put(gateway, bucket, "outer", nobody, hidden, **expect)
        with closing(socket.create_connection(gateway.address, 30)) as connection:
            connection.sendall(head_bytes(ask, gateway.host, len(hidden)) + hidden)
            answer = connection.recv(1)  # who says no more before the answer begins may be taken for gone
            connection.shutdown(socket.SHUT_WR)
            assert (answer + read_all(connection)).count(b"HTTP/1.1 ") == 1
    assert not exists(gateway, bucket, "hidden")


def test_attack_a_body_that_does_not_go_on(gateway: Gateway, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It held its connection for ever, and there are only so many."""
    monkeypatch.setattr(asgi, "_PAUSE", 0.1)
    ask = put(gateway, bucket, "never", gateway.admin, b"x" * 100)
    with socket.create_connection(gateway.address) as connection:
        connection.settimeout(WAIT)
        connection.sendall(raw.head_bytes(ask, gateway.host, 100) + b"x" * 99)
        got = raw.read_all(connection)
    assert got.startswith(b"HTTP/1.1 400 ") and b"<Code>RequestTimeout</Code>" in got
    assert not exists(gateway, bucket, "never")


def test_a_client_that_goes_away_leaves_nothing(
    gateway: Gateway, bucket: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for sent in (0, 10, 100_000):
            ask = put(gateway, bucket, f"gone-{sent}", gateway.admin, PAYLOAD)
            with closing(socket.create_connection(gateway.address, 30)) as connection:
                connection.sendall(head_bytes(ask, gateway.host, len(PAYLOAD)) + PAYLOAD[:sent])
            until(lambda key=f"gone-{sent}": any(key in e.resource for e in gateway.events(gateway.admin)))
    assert not any(exists(gateway, bucket, f"gone-{sent}") for sent in (0, 10, 100_000))
    assert [record for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR] == []


def until(condition: Any) -> None:
    """Wait for what happens in another thread."""
    limit = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


@pytest.mark.parametrize("announced", [True, False])
def test_a_large_body_elsewhere_is_refused(gateway: Gateway, announced: bool) -> None:
    ask = Ask(
        "POST",
        headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.PutItem"},
    )
    signed = raw.sign(ask, gateway.admin, "dynamodb", host=gateway.host, payload="a" * 64)
    with closing(socket.create_connection(gateway.address, 30)) as connection:
        if announced:
            connection.sendall(head_bytes(signed, gateway.host, 16 * MIB + 1))
        else:
            connection.sendall(head_bytes(signed.having(transfer_encoding="chunked"), gateway.host))
            for _ in range(17):
                connection.sendall(b"100000\r\n" + bytes(MIB) + b"\r\n")
        answer = read_head(connection)
    assert answer.startswith(b"HTTP/1.1 413 ")
    # In the shape of the service, so that an SDK can read it.
    assert b"content-type: application/x-amz-json-1.0" in answer


@pytest.mark.parametrize("authorization", ["", "AWS a:b", "AWS4-HMAC-SHA256 Credential=x", "Bearer x"])
def test_a_large_body_of_nobody_is_not_even_read(gateway: Gateway, authorization: str) -> None:
    """The attack: many connections that each make the server keep megabytes, without a key."""
    ask = Ask(
        "POST", headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.PutItem"}
    )
    if authorization:
        ask = ask.having(authorization=authorization)
    with closing(socket.create_connection(gateway.address, 30)) as connection:
        connection.sendall(head_bytes(ask, gateway.host, 1 * MIB + 1))
        assert read_head(connection).startswith(b"HTTP/1.1 413 ")


# ---- answers --------------------------------------------------------------------------------------------------------


def test_head_answers_have_no_body(gateway: Gateway, bucket: str) -> None:
    client = gateway.client("s3")
    client.put_object(Bucket=bucket, Key="head", Body=b"hello")
    nobody = gateway.user()
    for keys, path, status in (
        (gateway.admin, f"/{bucket}/head", 200),
        (gateway.admin, f"/{bucket}/no-such-key", 404),
        (gateway.admin, f"/{gateway.name('no-such-bucket')}", 404),
        (nobody, f"/{bucket}/head", 403),
        (Keys("test", "test"), f"/{bucket}/head", 403),
    ):
        signed = raw.sign(Ask("HEAD", path), keys, "s3", host=gateway.host)
        with closing(socket.create_connection(gateway.address, 30)) as connection:
            connection.sendall(head_bytes(signed, gateway.host))
            # A second request on the same connection shows that nothing of a body follows the first answer.
            first = read_head(connection)
            assert first.startswith(b"HTTP/1.1 %d " % status), first
            assert first.endswith(b"\r\n\r\n")
            connection.sendall(head_bytes(signed, gateway.host))
            assert read_head(connection).startswith(b"HTTP/1.1 %d " % status)


def test_ranges_and_conditions(gateway: Gateway, bucket: str) -> None:
    client = gateway.client("s3")
    etag = client.put_object(Bucket=bucket, Key="range", Body=b"0123456789")["ETag"]
    got = client.get_object(Bucket=bucket, Key="range", Range="bytes=2-4")
    assert (got["Body"].read(), got["ContentRange"]) == (b"234", "bytes 2-4/10")
    with pytest.raises(ClientError) as invalid:
        client.get_object(Bucket=bucket, Key="range", Range="bytes=20-30")
    assert invalid.value.response["Error"]["Code"] == "InvalidRange"
    with pytest.raises(ClientError) as unchanged:
        client.get_object(Bucket=bucket, Key="range", IfNoneMatch=etag)
    assert unchanged.value.response["ResponseMetadata"]["HTTPStatusCode"] == 304


def test_a_page_of_html_is_an_object_like_any_other(gateway: Gateway, bucket: str) -> None:
    client = gateway.client("s3")
    client.put_object(Bucket=bucket, Key="page", Body=b"<html>404</html>", ContentType="text/html")
    assert client.get_object(Bucket=bucket, Key="page")["ContentType"] == "text/html"


TOPICS = (
    b"<ListTopicsResponse><ListTopicsResult><Topics><member><TopicArn>t</TopicArn></member></Topics>"
    b"</ListTopicsResult></ListTopicsResponse>"
)


@pytest.mark.parametrize(
    ("service", "call", "body", "code"),
    [
        ("sns", "list_topics", b"<html><body>It works!</body></html>", "NotImplemented"),
        ("s3", "list_buckets", b"\n<!DOCTYPE html>\n<html></html>", "NotImplemented"),
        ("sns", "list_topics", TOPICS, ""),
    ],
)
def test_a_web_site_in_the_place_of_a_backend_is_named(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, service: str, call: str, body: bytes, code: str
) -> None:
    """And not passed on as a success that no SDK can read; what only says that it were one is none."""
    ended = []

    async def answered(*_: Any, **__: Any) -> BackendResponse:
        async def pieces() -> AsyncIterator[bytes]:
            yield body[:20]
            yield body[20:]

        async def close() -> None:
            ended.append(True)

        return BackendResponse(200, [("content-type", "text/html")], pieces(), close)

    monkeypatch.setattr(gateway.backend, "call", answered)
    if not code:
        assert getattr(gateway.client(service), call)()["Topics"] == [{"TopicArn": "t"}]
        return
    with pytest.raises(ClientError, match="its URL in the settings must be that of an AWS service") as refused:
        getattr(gateway.client(service), call)()
    assert refused.value.response["Error"]["Code"] == code and ended


@pytest.mark.parametrize("announced", [True, False])
def test_an_answer_that_breaks_off_does_not_look_whole(
    gateway: Gateway, bucket: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, announced: bool
) -> None:
    closed = []

    async def broken(*_: Any, **__: Any) -> BackendResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"x" * 1000
            raise ServiceUnavailable("The backend broke off its answer.")

        async def close() -> None:
            closed.append(True)

        return BackendResponse(200, [("content-length", "2000")] if announced else [], body(), close)

    monkeypatch.setattr(gateway.backend, "call", broken)
    signed = raw.sign(Ask("GET", f"/{bucket}/x"), gateway.admin, "s3", host=gateway.host)
    with closing(socket.create_connection(gateway.address, 30)) as connection:
        connection.sendall(head_bytes(signed, gateway.host))
        answer = read_all(connection)
    assert b"x" * 1000 in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert closed == [True]
    assert not any(record.exc_info for record in caplog.records)


def test_64_mib_up_and_down(gateway: Gateway, bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    block = os.urandom(MIB)
    source.write_bytes(b"".join(block[at:] + block[:at] for at in range(64)))
    client = gateway.client("s3")
    settings = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=16 * MIB, max_concurrency=4)
    client.upload_file(str(source), bucket, "large", Config=settings)
    assert "-4" in client.head_object(Bucket=bucket, Key="large")["ETag"]
    client.download_file(bucket, "large", str(target), Config=settings)
    assert target.read_bytes() == source.read_bytes()
    client.delete_object(Bucket=bucket, Key="large")
