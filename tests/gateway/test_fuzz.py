"""Whatever is sent, what comes back is an answer of AWS's kind: never a 500, never a traceback, never silence."""

import json
import logging
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kansatsu.wire import load_service

from . import raw
from .asks import FORM, IAM
from .conftest import Gateway
from .raw import Ask, Keys

fuzz = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in "#?")
paths = st.text(st.sampled_from("/ab.%2F0AE~+&=;*!'()[]{}|\\^\"<>@:," + "-_"), max_size=30).map(lambda text: "/" + text)
queries = st.lists(
    st.sampled_from(
        [
            "acl", "uploads", "delete", "tagging", "versioning", "list-type=2", "prefix=%ff", "versionId=%00", "=",
            "uploadId=x", "partNumber=x", "max-keys=-1", "max-keys=x", "encoding-type=url", "x-id=PutObject", "policy",
            "X-Amz-Expires=9", "X-Amz-Signature=x", "X-Amz-Credential=a%2Fb", "x-amz-acl=public-read", "a=%", "%zz=1",
            "Action=ListUsers", "Action=GetObject&Version=1", "Version=2010-05-08", "retention", "legal-hold", "cors",
            "partNumber=1", "a=b=c", "&&",
        ]
    ),
    max_size=4,
).map("&".join)  # fmt: skip
methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE"])
headers = st.dictionaries(
    st.sampled_from(
        [
            "x-amz-copy-source", "x-amz-acl", "x-amz-tagging", "range", "content-type", "x-amz-target", "x-amz-meta-a",
            "if-none-match", "x-amz-decoded-content-length", "x-amz-trailer", "content-md5", "x-amz-date", "date",
            "x-amz-security-token", "x-amz-object-lock-retain-until-date", "accept", "smithy-protocol", "user-agent",
        ]
    ),
    st.text(st.sampled_from("ab/%2F0?=&;:,\"'\xe9\xff-"), max_size=20).map(str.strip),
    max_size=3,
)  # fmt: skip
texts = st.text(max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def nobody(gateway: Gateway) -> Keys:
    return gateway.user()


@pytest.fixture(autouse=True)
def no_traceback(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    with caplog.at_level(logging.WARNING):
        yield
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def answered(gateway: Gateway, ask: Ask, keys: Keys, service: str) -> int:
    signed = raw.sign(ask, keys, service, host=gateway.host)
    got = gateway.send(signed)
    assert got.status < 500 or got.status == 501, got
    assert gateway.send(Ask(ask.method, ask.path, ask.query, ask.headers, ask.body)).status < 500
    return got.status


@fuzz
@given(methods, paths, queries, headers, st.binary(max_size=20))
def test_s3(
    gateway: Gateway, nobody: Keys, method: str, path: str, query: str, given_headers: dict[str, str], body: bytes
) -> None:
    answered(gateway, Ask(method, path, query, given_headers, body), nobody, "s3")


@fuzz
@given(st.sampled_from(sorted(load_service("dynamodb").operation_names)), values | st.binary(max_size=20))
def test_json(gateway: Gateway, nobody: Keys, operation: str, content: Any) -> None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    ask = Ask(
        "POST",
        headers={"content-type": "application/x-amz-json-1.0", "x-amz-target": f"DynamoDB_20120810.{operation}"},
        body=body,
    )
    assert answered(gateway, ask, nobody, "dynamodb") != 200


members = st.sampled_from(
    [
        "UserName", "RoleName", "PolicyArn", "Tags.member.1.Key", "Tags.member.x.Key", "Tags.member.0.Key", "Tags.Key",
        "PolicyDocument", "MaxItems", "Marker", "Path", "InstanceId.1", "Filter.1.Name", "Filter.1.Value.1", "DryRun",
        "Filter.99999999999.Name", "AssumeRolePolicyDocument", "RoleArn", "DurationSeconds", "InstanceId", "",
    ]
)  # fmt: skip


@pytest.mark.parametrize(("service", "who"), [("iam", "nobody"), ("iam", "admin"), ("sts", "admin"), ("ec2", "nobody")])
def test_forms(gateway: Gateway, nobody: Keys, service: str, who: str) -> None:
    model = load_service(service)
    names = [name for name in model.operation_names if "AccessKey" not in name]
    keys = nobody if who == "nobody" else gateway.admin

    @fuzz
    @given(st.sampled_from(names), st.dictionaries(members, texts, max_size=4))
    def check(operation: str, parameters: dict[str, str]) -> None:
        pairs = {"Action": operation, "Version": model.api_version, **parameters}
        body = "&".join(f"{raw.quote(name)}={raw.quote(value, safe='')}" for name, value in pairs.items())
        answered(gateway, Ask("POST", headers=FORM, body=body.encode()), keys, service)

    check()


@fuzz
@given(st.binary(max_size=120))
def test_a_body_that_is_no_form(gateway: Gateway, body: bytes) -> None:
    answered(gateway, Ask("POST", headers=FORM, body=body), gateway.admin, "iam")


@fuzz
@given(
    st.text(
        st.sampled_from("AWS4-HMAC-SHA256 Credential=/,SignedHeaders;Signature=aws4_request20260101\xe9"), max_size=120
    )
)
def test_an_authorization_header_of_any_kind(gateway: Gateway, text: str) -> None:
    got = gateway.send(IAM.having(authorization=text.strip()))
    assert 400 <= got.status < 500


# ---- below HTTP -----------------------------------------------------------------------------------------------------

BROKEN = {
    "length and chunked": b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n"
    b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
    "a negative length": b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: -1\r\n\r\n",
    "a bad chunk": b"POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "an obsolete fold": b"GET / HTTP/1.1\r\nhost: h\r\nx-a: b\r\n c\r\n\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\nhost: h\r\n: b\r\n\r\n",
    "a nul": b"GET / HTTP/1.1\r\nhost: h\r\nx-a: \x00\r\n\r\n",
    "a space in the name": b"GET / HTTP/1.1\r\nhost: h\r\ncontent-length : 4\r\n\r\nabcd",
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "an unknown method": b"HACK / HTTP/1.1\r\nhost: h\r\n\r\n",
    "CONNECT": b"CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: h\r\n\r\n",
    "another origin": b"GET http://169.254.169.254/latest/meta-data HTTP/1.1\r\nhost: h\r\n\r\n",
    "an asterisk": b"OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\n",
    "an upgrade": b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\nhost: h\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a large header": b"GET / HTTP/1.1\r\nhost: h\r\nx-a: " + b"a" * 100_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_http(gateway: Gateway, case: str) -> None:
    with closing(socket.create_connection(gateway.address, 30)) as connection:
        connection.sendall(BROKEN[case])
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except ConnectionResetError:
            pass
    # One request is at most one answer, and none of these is more than a refusal.
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert gateway.ask(IAM, gateway.admin, "iam").status == 200
