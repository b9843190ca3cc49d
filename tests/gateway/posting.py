"""Forms as browsers post them, signed or not, and what they have stored."""

import base64
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from . import raw
from .conftest import Gateway
from .raw import REGION, Ask, Got, Keys

BOUNDARY = "a-boundary"
BODY = b"what the browser sends"
Field = tuple[str, str]


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
