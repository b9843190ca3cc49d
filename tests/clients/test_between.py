"""Between client and backend: no secret passes either way, nobody is sent elsewhere, and nothing is kept whole."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from gateway import raw
from gateway.raw import Ask, Got, Keys

from .recording import Recording, recording
from .world import ACCOUNT, BACKEND_ENV, BACKEND_KEY, BACKEND_SECRET, REGION, document, resident

GIB, MIB = 1 << 30, 1 << 20
TOKEN = "THE-BACKENDS-OWN-SESSION-TOKEN"


@dataclass(frozen=True)
class Between:
    server: Any
    backend: Recording
    keys: Keys  # of a role's session

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.server.endpoint.removeprefix("http://").partition(":")
        return host, int(port)

    @property
    def host(self) -> str:
        return "{}:{}".format(*self.address)

    def ask(self, ask: Ask, service: str = "s3") -> Got:
        return raw.send(self.address, raw.sign(ask, self.keys, service, host=self.host))


@pytest.fixture(scope="module")
def between(start_server: Callable[..., Any]) -> Iterator[Between]:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kansatsu-")))
        backend = stack.enter_context(recording())
        source = str(Path(__file__).parents[2] / "src")
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "KANSATSU_"))}
        environ = {**clean, "PYTHONPATH": source, "AWS_EC2_METADATA_DISABLED": "true", **BACKEND_ENV}
        environ["AWS_SESSION_TOKEN"] = TOKEN
        flags = ["--engine", "none"]
        for service in ("s3", "dynamodb", "lambda"):
            flags += ["--backend", f"{service}={backend.url}"]
        server = stack.enter_context(start_server(place / "data", *flags, environ=environ))
        iam = server.client("iam")
        trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        arn = iam.create_role(RoleName="r", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
        everything = document({"Effect": "Allow", "Action": "*", "Resource": "*"})
        iam.put_role_policy(RoleName="r", PolicyName="own", PolicyDocument=everything)
        got = server.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        keys = Keys(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"])
        yield Between(server, backend, keys)


@pytest.fixture(autouse=True)
def nothing_yet(between: Between) -> None:
    between.backend.lines.clear()
    between.backend.headers.clear()
    between.backend.answer = (200, [], b"")


DYNAMODB = Ask(
    "POST",
    headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": "DynamoDB_20120810.ListTables"},
    body=b"{}",
)
COOKIES = {"cookie": "session=A-COOKIE", "x-amz-s3session-token": "A-COOKIE", "proxy-authorization": "Basic A-COOKIE"}


def presigned(between: Between) -> Got:
    return raw.send(between.address, raw.presign(Ask("GET", "/bucket/key"), between.keys, host=between.host))


# how the client authenticates -> a request that gets through
WAYS: dict[str, Callable[[Between], Got]] = {
    "header": lambda b: b.ask(Ask("GET", "/bucket/key")),
    "presigned": presigned,
    "with a body": lambda b: b.ask(Ask("PUT", "/bucket/key", body=b"x" * 100_000)),
    "cookies": lambda b: b.ask(Ask("GET", "/bucket/key", headers=COOKIES)),
    "json": lambda b: b.ask(DYNAMODB, "dynamodb"),
    "rest-json": lambda b: b.ask(Ask("GET", "/2015-03-31/functions"), "lambda"),
}


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_the_clients_authentication_reaches_the_backend(between: Between, way: str) -> None:
    """The attack: a backend that collects credentials, or a proxy before it that logs heads."""
    assert WAYS[way](between).status == 200
    assert between.backend.lines
    for line, headers in zip(between.backend.lines, between.backend.headers, strict=True):
        seen = line + repr(headers)
        for secret in (between.keys.id, between.keys.secret, between.keys.token, "A-COOKIE"):
            assert secret not in seen, seen
        assert "X-Amz-" not in line
        sent = dict(headers)
        assert f"Credential={BACKEND_KEY}/" in sent["authorization"]
        assert sent["x-amz-security-token"] == TOKEN


GOSSIP = [
    ("Set-Cookie", "a=b"), ("Server", "them/1.0"), ("WWW-Authenticate", "Negotiate"), ("Alt-Svc", 'h2="evil:443"'),
    ("Via", "1.1 them"), ("Strict-Transport-Security", "max-age=99999999"), ("X-Amz-Security-Token", TOKEN),
    ("Authorization", f"AWS4-HMAC-SHA256 Credential={BACKEND_KEY}"), ("X-Kansatsu-Request-Id", "forged"),
    ("X-Kansatsu-Would-Deny", "forged"), ("Proxy-Authenticate", "Basic"),
]  # fmt: skip


def test_what_a_backend_says_of_itself_stays_here(between: Between) -> None:
    between.backend.answer = (200, [*GOSSIP, ("X-Amz-Request-Id", "theirs"), ("ETag", '"e"')], b"hello")
    got = between.ask(Ask("GET", "/bucket/key"))
    assert (got.status, got.body, got.headers["etag"]) == (200, b"hello", '"e"')
    # What SDKs show is ours, and both ends can be searched for it.
    assert got.headers["x-amz-request-id"] == got.headers["x-kansatsu-request-id"]
    assert got.headers["x-kansatsu-backend-request-id"] == "theirs"
    assert got.headers["server"] == "Kansatsu"
    kept = {name.lower() for name, _ in GOSSIP} & got.headers.keys()
    assert kept == {"server", "x-kansatsu-request-id"}
    assert got.headers["x-kansatsu-request-id"] != "forged"


QUOTING = (
    f"<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>{BACKEND_KEY}</AWSAccessKeyId>"
    f"<CanonicalRequest>GET x-amz-security-token:{TOKEN}</CanonicalRequest></Error>"
).encode()


def test_a_backend_that_refuses_us_quotes_us_to_nobody(between: Between) -> None:
    between.backend.answer = (403, [("Content-Type", "application/xml")], QUOTING)
    got = between.ask(Ask("GET", "/bucket/key"))
    assert (got.status, got.code) == (503, "ServiceUnavailable")
    said = repr(got)
    assert BACKEND_KEY not in said and TOKEN not in said and BACKEND_SECRET not in said


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_nobody_is_sent_elsewhere(between: Between, status: int, method: str) -> None:
    """The attack: a redirect to a host that wants the signature and the session token, or the body."""
    place = [("Location", "http://evil.example/bucket/key"), ("X-Amz-Bucket-Region", "eu-west-1")]
    between.backend.answer = (status, place, b"<Error><Endpoint>evil.example</Endpoint></Error>")
    got = between.ask(Ask(method, "/bucket/key", body=b"secret" if method == "PUT" else b""))
    assert (got.status, got.code) == (501, "NotImplemented")
    assert "redirect" in got.message
    assert "evil.example" not in repr(got)
    assert len([line for line in between.backend.lines if "policy" not in line.lower()]) <= 2


PAGES = {
    (503, "text/html"): (503, "ServiceUnavailable"),
    (502, "text/html"): (503, "ServiceUnavailable"),
    (504, "text/plain"): (503, "ServiceUnavailable"),
    (503, ""): (503, "ServiceUnavailable"),
    (429, "text/plain"): (503, "SlowDown"),
    (429, ""): (503, "SlowDown"),
    (500, "text/plain"): (500, "InternalError"),
    (405, "text/html"): (501, "NotImplemented"),
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_in_between_becomes_an_error_of_the_service(between: Between, page: tuple[int, str]) -> None:
    status, kind = page
    between.backend.answer = (status, [("Content-Type", kind)] if kind else [], b"<html>nginx/1.22</html>")
    got = between.ask(Ask("PUT", "/bucket/key", body=b"x"))
    assert (got.status, got.code) == PAGES[page]
    assert "nginx" not in got.body.decode()


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (503, "ServiceUnavailable"), (500, "InternalError")])
def test_an_error_of_the_service_is_passed_on(between: Between, status: int, code: str) -> None:
    body = f"<Error><Code>{code}</Code><Message>theirs</Message></Error>".encode()
    between.backend.answer = (status, [("Content-Type", "application/xml")], body)
    got = between.ask(Ask("PUT", "/bucket/key", body=b"x"))
    assert (got.status, got.body) == (status, body)


def test_1_gib_in_parts_without_growing(between: Between, tmp_path: Path) -> None:
    source = tmp_path / "source"
    with source.open("wb") as file:
        file.truncate(GIB)
    given = between.keys.boto
    s3 = boto3.client(
        "s3",
        endpoint_url=between.server.endpoint,
        region_name=REGION,
        config=Config(request_checksum_calculation="when_required", s3={"addressing_style": "path"}),
        **given,
    )
    parts = TransferConfig(multipart_threshold=64 * MIB, multipart_chunksize=64 * MIB, max_concurrency=4)
    warm = tmp_path / "warm"
    warm.write_bytes(bytes(MIB))
    s3.upload_file(str(warm), "bucket", "warm", Config=parts)
    before, sent = resident(between.server.process.pid), between.backend.bytes
    s3.upload_file(str(source), "bucket", "large", Config=parts)
    grown = resident(between.server.process.pid) - before
    assert between.backend.bytes - sent >= GIB
    assert len([line for line in between.backend.lines if "partNumber" in line]) == 16
    assert grown < 48 * MIB, f"{grown / MIB:.0f} MiB"
