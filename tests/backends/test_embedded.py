"""The real moto child through the port: services, accounts, bodies that go wrong, and its own doors, shut."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from kansatsu.backends import EmbeddedBackend, ask, verified
from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.signing import AuthFailure, BodyVerifier, PayloadMode, SigningError, parse_signature, sign, verify

from .calls import ACCOUNT, OTHER, pieces, s3
from .test_reachable import ATTACKS

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)
TARGET = "x-amz-target"


async def test_s3(backend: EmbeddedBackend) -> None:
    assert (await s3(backend, "PUT", "/plain"))[0] == 200
    for key in ("a", "a%20b", "%C3%BC", "a+b", "a/b//c", "a%25b", "..%2Fx", "a%3Fb%23"):
        body = b"hello " + key.encode()
        assert (await s3(backend, "PUT", f"/plain/{key}", body=body))[0] == 200
        assert await s3(backend, "GET", f"/plain/{key}") == (200, body)
    status, listing = await s3(backend, "GET", "/plain", "list-type=2&prefix=a")
    assert status == 200 and listing.count(b"<Key>") == 6
    assert b"<Key>a b</Key>" in listing and b"<Key>a+b</Key>" in listing
    assert (await s3(backend, "GET", "/plain/none"))[0] == 404
    assert (await s3(backend, "HEAD", "/plain/a"))[1] == b""


async def test_a_fragment_is_no_way_to_another_key(backend: EmbeddedBackend) -> None:
    await s3(backend, "PUT", "/fragments")
    await s3(backend, "PUT", "/fragments/secret", body=b"secret")
    assert (await s3(backend, "GET", "/fragments/secret#public"))[0] == 404


async def test_what_sdks_send_with_a_trailer(backend: EmbeddedBackend) -> None:
    """The body goes on decoded, and the object's encoding is the object's own."""
    await s3(backend, "PUT", "/encoded")
    headers = {
        "host": "h",
        "content-encoding": "aws-chunked",
        "x-amz-sdk-checksum-algorithm": "CRC32",
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-decoded-content-length": "7",
        "content-length": "49",
    }
    request = HttpRequest("PUT", "/encoded/key", "", headers)
    response = await backend.call(ACCOUNT, "us-east-1", "s3", request, pieces([b"pay", b"load"]))
    assert (response.status, await response.read()) == (200, b"")
    response = await backend.call(ACCOUNT, "us-east-1", "s3", HttpRequest("GET", "/encoded/key"))
    assert await response.read() == b"payload"
    assert "content-encoding" not in {name.lower() for name, _ in response.headers}


async def test_streamed_both_ways(backend: EmbeddedBackend) -> None:
    await s3(backend, "PUT", "/streams")
    parts = [bytes([n]) * 300_000 for n in range(10)]
    request = HttpRequest("PUT", "/streams/big", "", {"host": "h"})
    response = await backend.call(ACCOUNT, "us-east-1", "s3", request, pieces(parts), 3_000_000)
    assert response.status == 200 and not await response.read()
    response = await backend.call(ACCOUNT, "us-east-1", "s3", HttpRequest("GET", "/streams/big"))
    sizes, digest = [], hashlib.sha256()
    async for piece in response.body:
        sizes.append(len(piece))
        digest.update(piece)
    assert digest.digest() == hashlib.sha256(b"".join(parts)).digest()
    assert max(sizes) <= 262144  # one read from a socket


async def test_other_services(backend: EmbeddedBackend) -> None:
    made = await ask(
        backend,
        ACCOUNT,
        "eu-west-1",
        "dynamodb",
        "CreateTable",
        {
            "TableName": "t",
            "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    assert made["TableDescription"]["TableArn"] == f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/t"
    assert (await ask(backend, ACCOUNT, "us-east-1", "dynamodb", "ListTables", {}))["TableNames"] == []
    assert (await ask(backend, ACCOUNT, "eu-west-1", "ec2", "DescribeVpcs", {}))["Vpcs"]
    with pytest.raises(AwsError) as raised:
        await ask(backend, ACCOUNT, "eu-west-1", "ec2", "DescribeVpcs", {"VpcIds": ["vpc-00000000"]})
    assert raised.value.code == "InvalidVpcID.NotFound"


@pytest.mark.parametrize("host", ["localhost:4566", "127.0.0.1:4566", "kansatsu.example.com"])
async def test_queue_urls_echo_the_clients_host(backend: EmbeddedBackend, host: str) -> None:
    headers = {"host": host, TARGET: "AmazonSQS.CreateQueue", "content-type": "application/x-amz-json-1.0"}
    request = HttpRequest("POST", "/", "", headers, b'{"QueueName":"q"}')
    response = await backend.call(ACCOUNT, "us-east-1", "sqs", request)
    assert f"http://{host}/{ACCOUNT}/q" in (await response.read()).decode()


async def test_accounts_are_separate_and_not_the_clients_to_choose(backend: EmbeddedBackend) -> None:
    await s3(backend, "PUT", "/of-one")
    for name in ("x-moto-account-id", "x_moto_account_id", "x-moto_account-id"):
        _, listing = await s3(backend, "GET", "/", headers={name: ACCOUNT}, account=OTHER)
        assert b"of-one" not in listing
    assert b"of-one" in (await s3(backend, "GET", "/"))[1]


def broken(payload: bytes, announced: bytes) -> tuple[HttpRequest, BodyVerifier]:
    """A verified PUT whose payload hash is that of `announced`, and the verifier that `payload` will disappoint."""
    bare = HttpRequest("PUT", "/safe/key", "", {"host": "h", "content-length": str(len(payload))})
    added = sign(
        bare,
        access_key_id="AKIA",
        secret="s",
        session_token=None,
        region="us-east-1",
        service="s3",
        now=NOW,
        payload_hash=hashlib.sha256(announced).hexdigest(),
    )
    request = HttpRequest("PUT", "/safe/key", "", {**bare.headers, **added})
    signature = parse_signature(request)
    assert signature is not None
    return request, verify(request, signature, "s", NOW).body()


@pytest.mark.parametrize("before", [b"", b"what was there before"], ids=["new", "existing"])
@pytest.mark.parametrize("size", [0, 1, 100, 3_000_000])
async def test_a_wrong_hash_commits_nothing(backend: EmbeddedBackend, before: bytes, size: int) -> None:
    await s3(backend, "PUT", "/safe")
    await s3(backend, "DELETE", "/safe/key")
    if before:
        await s3(backend, "PUT", "/safe/key", body=before)
    payload = b"x" * size
    request, verifier = broken(payload, b"other")
    cut = [payload[at : at + 65536] for at in range(0, size, 65536)]
    with pytest.raises(SigningError) as raised:
        await backend.call(ACCOUNT, "us-east-1", "s3", request, verified(pieces(cut), verifier))
    assert raised.value.failure is AuthFailure.PAYLOAD_MISMATCH
    status, body = await s3(backend, "GET", "/safe/key")
    assert (status, body) == (200, before) if before else status == 404


async def test_a_wrong_last_chunk_commits_nothing(backend: EmbeddedBackend) -> None:
    await s3(backend, "PUT", "/chunks")
    payload = b"y" * 200_000
    headers = {"host": "h", "x-amz-decoded-content-length": "200000", "x-amz-trailer": "x-amz-checksum-crc32"}
    bare = HttpRequest("PUT", "/chunks/key", "", headers)
    mode = PayloadMode.CHUNKED_UNSIGNED_TRAILER.value
    ours = {"access_key_id": "A", "secret": "s", "session_token": None, "region": "us-east-1", "service": "s3"}
    request = HttpRequest("PUT", "/chunks/key", "", {**headers, **sign(bare, now=NOW, payload_hash=mode, **ours)})
    signature = parse_signature(request)
    assert signature is not None
    wire = b"30d40\r\n" + payload + b"\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    verifier = verify(request, signature, "s", NOW).body()
    with pytest.raises(SigningError) as raised:
        await backend.call(ACCOUNT, "us-east-1", "s3", request, verified(pieces([wire]), verifier))
    assert raised.value.failure is AuthFailure.CHECKSUM_MISMATCH
    assert (await s3(backend, "GET", "/chunks/key"))[0] == 404


@pytest.mark.parametrize(("length", "code"), [(11, "IncompleteBody"), (9, "IncompleteBody")])
async def test_a_wrong_length_commits_nothing(backend: EmbeddedBackend, length: int, code: str) -> None:
    await s3(backend, "PUT", "/lengths")
    request = HttpRequest("PUT", "/lengths/key", "", {"host": "h"})
    with pytest.raises(AwsError) as raised:
        await backend.call(ACCOUNT, "us-east-1", "s3", request, pieces([b"12345", b"67890"]), length)
    assert raised.value.code == code
    assert (await s3(backend, "GET", "/lengths/key"))[0] == 404


async def test_no_length_is_refused(backend: EmbeddedBackend) -> None:
    request = HttpRequest("PUT", "/lengths/key", "", {"host": "h", "transfer-encoding": "chunked"})
    with pytest.raises(AwsError) as raised:
        await backend.call(ACCOUNT, "us-east-1", "s3", request, pieces([b"1"]))
    assert (raised.value.code, raised.value.status) == ("MissingContentLength", 411)


async def test_a_client_that_goes_away_commits_nothing(backend: EmbeddedBackend) -> None:
    await s3(backend, "PUT", "/gone")
    waiting, never = asyncio.Event(), asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield b"a" * 100_000
        waiting.set()
        await never.wait()
        yield b"never"

    request = HttpRequest("PUT", "/gone/key", "", {"host": "h"})
    call = asyncio.create_task(backend.call(ACCOUNT, "us-east-1", "s3", request, stalled(), 100_005))
    await waiting.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await s3(backend, "GET", "/gone/key"))[0] == 404


@pytest.mark.parametrize("path", ATTACKS)
@pytest.mark.parametrize("service", ["s3", "sqs"])
async def test_the_control_interface_is_unreachable(backend: EmbeddedBackend, path: str, service: str) -> None:
    await s3(backend, "PUT", "/witness")
    with pytest.raises(AwsError) as raised:
        await backend.call(
            ACCOUNT, "us-east-1", service, HttpRequest("POST", path, "", {"host": "motoapi.amazonaws.com"})
        )
    assert raised.value.code == "InvalidBucketName"
    assert (await s3(backend, "HEAD", "/witness"))[0] == 200


@pytest.mark.parametrize("path", [path for path in ATTACKS if path.startswith("/") and "\\" not in path])
async def test_not_even_on_the_socket(backend: EmbeddedBackend, path: str) -> None:
    """A process of the same user that opens the socket itself: the child refuses its own control paths."""
    await s3(backend, "PUT", "/witness")
    reader, writer = await asyncio.open_unix_connection(str(backend.supervisor.socket))
    writer.write(f"POST {path} HTTP/1.1\r\nHost: motoapi.amazonaws.com\r\nContent-Length: 0\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert answer.split(b"\r\n")[0] == b"HTTP/1.1 400 Bad Request"
    assert (await s3(backend, "HEAD", "/witness"))[0] == 200


async def test_chunked_bodies_are_refused_on_the_socket(backend: EmbeddedBackend) -> None:
    """The child takes bodies of a stated length only, so that a broken-off one cannot look whole."""
    reader, writer = await asyncio.open_unix_connection(str(backend.supervisor.socket))
    writer.write(b"PUT /witness/k HTTP/1.1\r\nHost: s3.amazonaws.com\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
    answer = await reader.read()
    writer.close()
    assert b" 411 " in answer.split(b"\r\n")[0]


async def test_a_bucket_that_only_looks_alike(backend: EmbeddedBackend) -> None:
    assert (await s3(backend, "PUT", "/my-moto-api"))[0] == 200
    assert (await s3(backend, "PUT", "/my-moto-api/moto-api", body=b"1"))[0] == 200
    assert await s3(backend, "GET", "/my-moto-api/moto-api") == (200, b"1")
