"""Requests signed by hand, so that each part of one can be wrong, and answers as they came over the socket."""

import hashlib
import hmac
import http.client
import json
import re
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import quote, unquote_to_bytes

REGION = "us-east-1"
MIB = 1024 * 1024
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True)
class Keys:
    """Credentials of one principal."""

    id: str
    secret: str
    token: str = ""
    name: str = ""

    @property
    def boto(self) -> dict[str, str]:
        given = {"aws_access_key_id": self.id, "aws_secret_access_key": self.secret}
        return given | ({"aws_session_token": self.token} if self.token else {})


@dataclass(frozen=True)
class Ask:
    """One request; `path` and `query` as they go over the wire."""

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def having(self, **headers: str) -> "Ask":
        """The same request with these headers in place of its own; x_amz_date is x-amz-date."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **given})


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def _is_xml(self) -> bool:
        return "xml" in self.headers.get("content-type", "")

    @property
    def code(self) -> str:
        """The error code, whatever the protocol."""
        if self._is_xml:
            return self._element("Code")
        kind = self.headers.get("x-amzn-errortype") or json.loads(self.body).get("__type", "")
        return str(kind.rpartition("#")[2].partition(":")[0])

    @property
    def message(self) -> str:
        if self._is_xml:
            return self._element("Message")
        found = json.loads(self.body)
        return str(found.get("message", found.get("Message")))

    def _element(self, name: str) -> str:
        found = re.search(rf"<{name}>(.*?)</{name}>", self.body.decode(), re.DOTALL)
        assert found, self.body
        return unescape(found[1])


def signature(secret: str, scope: str, text: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html"""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def stamp_of(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")


def _encoded(text: str) -> str:
    """Percent-encoded in SigV4's one way, however it was written."""
    return quote(unquote_to_bytes(text.encode("latin-1")), safe="-_.~")


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        yield name, value


def sign(
    ask: Ask,
    keys: Keys,
    service: str,
    *,
    host: str,
    region: str = REGION,
    now: datetime | None = None,
    payload: str = "",
    unsigned: Iterable[str] = (),
) -> Ask:
    """The request with its Authorization header; `unsigned` names headers that are sent and not signed."""
    stamp = stamp_of(now)
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    headers = {"host": host, **ask.headers, "x-amz-date": stamp}
    hashed = payload or hashlib.sha256(ask.body).hexdigest()
    if service == "s3":
        headers["x-amz-content-sha256"] = hashed
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = sorted(set(headers) - set(unsigned))
    canonical = "\n".join(
        [
            ask.method,
            "/".join(map(_encoded, ask.path.split("/"))) if service == "s3" else quote(ask.path, safe="/-_.~"),
            "&".join("=".join(map(_encoded, pair)) for pair in sorted(_pairs(ask.query))),
            *(f"{name}:{headers[name]}" for name in names),
            "",
            ";".join(names),
            hashed,
        ]
    )
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    value = signature(keys.secret, scope, text)
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.id}/{scope}, SignedHeaders={';'.join(names)}, Signature={value}"
    )
    return replace(ask, headers=headers)


def presign(ask: Ask, keys: Keys, *, host: str, expires: int = 60, now: datetime | None = None) -> Ask:
    """An S3 request as a presigned URL."""
    stamp = stamp_of(now)
    scope = f"{stamp[:8]}/{REGION}/s3/aws4_request"
    parameters = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{keys.id}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token:
        parameters["X-Amz-Security-Token"] = keys.token
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(parameters.items()))
    canonical = f"{ask.method}\n{ask.path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return replace(ask, query=f"{query}&X-Amz-Signature={signature(keys.secret, scope, text)}", headers={"host": host})


def chunked(payload: bytes, keys: Keys, seed: Ask, size: int = 65536) -> list[bytes]:
    """The body of a STREAMING-AWS4-HMAC-SHA256-PAYLOAD request, one piece per chunk, the last one empty.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    """
    found = re.search(r"Credential=[^/]*/([^,]*), .*Signature=(.*)$", seed.headers["authorization"])
    assert found
    scope, previous = found[1], found[2]
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)]
    made = []
    for piece in [*pieces, b""]:
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256-PAYLOAD",
                seed.headers["x-amz-date"],
                scope,
                previous,
                EMPTY,
                hashlib.sha256(piece).hexdigest(),
            ]
        )
        previous = signature(keys.secret, scope, text)
        made.append(f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + b"\r\n")
    return made


def send(address: tuple[str, int], ask: Ask) -> Got:
    """Send a request as it is, on a connection of its own."""
    connection = http.client.HTTPConnection(*address, timeout=60)
    try:
        connection.putrequest(ask.method, ask.path + ("?" + ask.query if ask.query else ""), True, True)
        for name, value in {"host": f"{address[0]}:{address[1]}", **ask.headers}.items():
            connection.putheader(name, value.encode("latin-1"))
        if ask.body or ask.method in ("POST", "PUT"):
            connection.putheader("content-length", str(len(ask.body)))
        connection.endheaders(ask.body)
        answer = connection.getresponse()
        return Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def statement(effect: str, action: Any, resource: Any = "*", condition: Any = None) -> dict[str, Any]:
    made = {"Effect": effect, "Action": action, "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


# Values of tags that are more than a session has room for, however well they are packed.
LARGE = [hashlib.sha512(bytes([number])).hexdigest() for number in range(48)]


def closed(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """An SDK's answer, with its streams closed: what nobody reads would warn of its socket in some later test."""
    for member in answer.values():
        if hasattr(member, "close"):
            member.close()
    return answer


def tampered(text: str) -> str:
    """A text that differs in its middle."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1 :]


def head_bytes(ask: Ask, host: str, length: int | None = None) -> bytes:
    lines = [f"{ask.method} {ask.path}{'?' if ask.query else ''}{ask.query} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in {"host": host, **ask.headers}.items()]
    lines += [f"content-length: {length}"] if length is not None else []
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def read_head(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            break
        data += piece
    return data


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data
