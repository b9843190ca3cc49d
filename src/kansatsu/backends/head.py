"""The head of a request as the backend gets it: without the client's authentication, with ours."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kansatsu.errors import AwsError
from kansatsu.http import HttpRequest
from kansatsu.signing import PayloadMode, sign

# https://www.rfc-editor.org/rfc/rfc9110#name-message-forwarding; and what this hop decides by itself.
HOP_BY_HOP = frozenset(
    {
        "connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te",
        "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip

# The client's authentication and framing, which end here: the body goes on decoded.
_OURS = HOP_BY_HOP | {
    "authorization", "content-length", "cookie", "forwarded", "host", "x-amz-content-sha256", "x-amz-date",
    "x-amz-decoded-content-length", "x-amz-security-token", "x-amz-trailer", "x-forwarded-for", "x-forwarded-host",
    "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-proto", "x-original-url", "x-rewrite-url",
    "x-http-method-override", "x-amz-s3session-token",
}  # fmt: skip
_END_TO_END = ("x-amz", "if-", "content-", "range", "cache-control", "expires")
_PRESIGN = re.compile(
    r"X-Amz-(Algorithm|Credential|Date|Expires|SignedHeaders|Signature|Security-Token|Content-Sha256)(=|$)"
)
_TARGET = re.compile(r"/[!-~]*")
# Services whose answers hold URLs made of the Host that the client used.
_ECHO_HOST = frozenset({"sqs"})
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
# Hosts by which the embedded server would answer as something other than the service that was authorized.
_FOREIGN_HOST = re.compile(r"^\[|169\.254\.|motoapi|moto-api|metadata", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a backend lets us in with."""

    access_key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def build(
    request: HttpRequest,
    *,
    region: str,
    service: str,
    length: int,
    credentials: Credentials,
    now: datetime,
    host: str | None = None,
    extra: Mapping[str, str] | None = None,
    streamed: bool = False,
) -> HttpRequest:
    """The request to send upstream, signed, without its body; `length` is the body's number of bytes.

    `host` is the backend's own, None for AWS's name of the service. `extra` headers are added after ours.
    """
    path, query = _target(request)
    headers = _kept(request.headers)
    headers["host"] = host or _host(request, region, service)
    headers.update(extra or {})
    bare = HttpRequest(request.method, path, query, headers)
    payload_hash = PayloadMode.UNSIGNED.value if streamed else hashlib.sha256(request.body).hexdigest()
    headers |= sign(
        bare,
        access_key_id=credentials.access_key_id,
        secret=credentials.secret,
        session_token=credentials.session_token,
        region=region,
        service=service,
        now=now,
        payload_hash=payload_hash,
    )
    if length or request.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = str(length)
    return bare


def _target(request: HttpRequest) -> tuple[str, str]:
    """Path and query as they go on, without what made a presigned URL of them."""
    query = "&".join(part for part in request.query.split("&") if part and not _PRESIGN.match(part))
    path = request.path or "/"
    # INVARIANT: the backend reads the path that was authorized: it names no other host, no part of it is a fragment.
    if not _TARGET.fullmatch(path) or not _TARGET.fullmatch(f"/{query}"):
        raise AwsError("Couldn't parse the specified URI.", code="InvalidURI", status=400)
    return path.replace("#", "%23").replace("?", "%3F"), query.replace("#", "%23")


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    named = {name.strip().lower() for name in headers.get("connection", "").split(",")}
    # INVARIANT: a header that was authorized (a condition on encryption, on If-None-Match) arrives: nobody takes it
    # off on the way by calling it hop-by-hop.
    if any(name.startswith(_END_TO_END) for name in named & headers.keys()):
        raise AwsError("Connection names a header that is not of the connection.", code="InvalidRequest", status=400)
    # INVARIANT: a client cannot say to the backend who it is or for which account it speaks.
    kept = {
        name: value
        for name, value in headers.items()
        if name not in _OURS and name not in named and not name.replace("_", "-").startswith("x-moto-")
    }
    if "aws-chunked" in (coding := kept.get("content-encoding", "")):
        rest = [part.strip() for part in coding.split(",") if part.strip() != "aws-chunked"]
        kept["content-encoding"] = ", ".join(rest)
        if not rest:
            del kept["content-encoding"]
    return kept


def _host(request: HttpRequest, region: str, service: str) -> str:
    given = request.headers.get("host", "")
    # INVARIANT: the Host never decides which service answers; only queue URLs echo it, and only a harmless one.
    if service in _ECHO_HOST and _HOST.fullmatch(given) and not _FOREIGN_HOST.search(given):
        return given
    return f"{service}.{region}.amazonaws.com"
