"""Requests signed by botocore, as our edge would hand them to us."""

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kansatsu.http import HttpRequest
from kansatsu.signing import Verified, parse_signature, verify

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
KEY = "AKIAIOSFODNN7EXAMPLE"

_HEADER_SIGNERS = {"s3": S3SigV4Auth}
_QUERY_SIGNERS = {"s3": S3SigV4QueryAuth}


def received(request: AWSRequest) -> HttpRequest:
    """What an HTTP server reads of a request: names in lower case, values stripped, repeated ones joined."""
    url = urlsplit(request.url)
    headers = {"host": url.netloc}
    for given, value in request.headers.items():
        plain = (value.decode() if isinstance(value, bytes) else value).strip(" \t")
        name = given.lower()
        headers[name] = f"{headers[name]},{plain}" if name in headers and name != "host" else plain
    body = request.data if isinstance(request.data, bytes) else b""
    return HttpRequest(request.method, url.path, url.query, headers, body)


def by_header(
    service: str,
    method: str,
    url: str,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes = b"",
    *,
    token: str | None = None,
    context: dict[str, object] | None = None,
    region: str = "eu-west-1",
) -> HttpRequest:
    """A request signed in its Authorization header, now."""
    request = AWSRequest(method, url, data=body)
    for name, value in headers:
        request.headers[name] = value
    request.context.update(context or {})
    _HEADER_SIGNERS.get(service, SigV4Auth)(Credentials(KEY, SECRET, token), service, region).add_auth(request)
    return received(request)


def by_query(service: str, method: str, url: str, *, token: str | None = None, expires: int = 3600) -> HttpRequest:
    """A request signed in its query string, now."""
    request = AWSRequest(method, url)
    signer = _QUERY_SIGNERS.get(service, SigV4QueryAuth)
    signer(Credentials(KEY, SECRET, token), service, "eu-west-1", expires=expires).add_auth(request)
    return received(request)


def check(request: HttpRequest, secret: str = SECRET, now: datetime | None = None) -> Verified:
    """Parse and verify the head. Raises SigningError."""
    signature = parse_signature(request)
    assert signature is not None
    return verify(request, signature, secret, now or datetime.now(UTC))
