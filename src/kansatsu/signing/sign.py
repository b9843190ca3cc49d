"""The client's side of SigV4, for requests that we send upstream with credentials of our own."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import quote

from kansatsu.http import HttpRequest
from kansatsu.signing import canonical
from kansatsu.signing.keys import signature, signing_key
from kansatsu.signing.model import ALGORITHM, TERMINATOR, PayloadMode
from kansatsu.signing.model import stamp as stamp_of

# Headers that intermediaries change or drop; signing them would break the signature on the way.
_UNSIGNED = frozenset(
    {
        "authorization", "connection", "content-length", "expect", "keep-alive", "te", "transfer-encoding", "upgrade",
        "user-agent", "x-amzn-trace-id",
    }
)  # fmt: skip


def sign(
    request: HttpRequest,
    *,
    access_key_id: str,
    secret: str,
    session_token: str | None,
    region: str,
    service: str,
    now: datetime,
    payload_hash: str = PayloadMode.UNSIGNED.value,
) -> dict[str, str]:
    """The headers to add to a request, by lower-case name; `request` must have its Host.

    `payload_hash` is 64 hexadecimal digits or a value of PayloadMode. `now` is aware.
    """
    stamp = stamp_of(int(now.timestamp()))
    added = {"x-amz-date": stamp, "x-amz-content-sha256": payload_hash}
    if session_token:
        added["x-amz-security-token"] = session_token
    headers = {**request.headers, **added}
    signed = sorted(name for name in headers if name not in _UNSIGNED)
    scope = f"{stamp[:8]}/{region}/{service}/{TERMINATOR}"
    value = _signature(
        request, request.query, headers, signed, payload_hash=payload_hash, secret=secret, stamp=stamp, scope=scope
    )
    added["authorization"] = (
        f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={';'.join(signed)}, Signature={value}"
    )
    return added


def presign(
    request: HttpRequest,
    *,
    access_key_id: str,
    secret: str,
    session_token: str | None,
    region: str,
    service: str,
    now: datetime,
    expires: int,
) -> str:
    """The query string that makes a URL of a request, valid for `expires` seconds from `now`.

    S3's payload stays unsigned; for other services it is `request.body`.
    """
    stamp = stamp_of(int(now.timestamp()))
    scope = f"{stamp[:8]}/{region}/{service}/{TERMINATOR}"
    signed = sorted(name for name in request.headers if name not in _UNSIGNED)
    parameters = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{access_key_id}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires),
        "X-Amz-SignedHeaders": ";".join(signed),
    }
    if session_token:
        parameters["X-Amz-Security-Token"] = session_token
    query = "&".join(f"{name}={quote(value, safe='-._~')}" for name, value in parameters.items())
    if request.query:
        query = f"{request.query}&{query}"
    unsigned = service in canonical.S3_SERVICES
    payload_hash = PayloadMode.UNSIGNED.value if unsigned else hashlib.sha256(request.body).hexdigest()
    value = _signature(
        request, query, request.headers, signed, payload_hash=payload_hash, secret=secret, stamp=stamp, scope=scope
    )
    return f"{query}&X-Amz-Signature={value}"


def _signature(
    request: HttpRequest,
    query: str,
    headers: Mapping[str, str],
    signed: list[str],
    *,
    payload_hash: str,
    secret: str,
    stamp: str,
    scope: str,
) -> str:
    _, region, service, _ = scope.split("/")
    text = (
        f"{request.method}\n{canonical.path(request.path, service)}\n{canonical.query(query)}\n"
        f"{canonical.headers(headers, signed)}\n{';'.join(signed)}\n{payload_hash}"
    )
    digest = hashlib.sha256(canonical.to_bytes(text)).hexdigest()
    key = signing_key(secret, stamp[:8], region, service)
    return signature(key, f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}")
