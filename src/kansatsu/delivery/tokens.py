"""Session tokens of the metadata service: nothing is stored, and a token is worth nothing on another instance.

42 bytes, 56 characters of base64url: version, expiry (epoch seconds), 9 random bytes, and 28 bytes of an HMAC-SHA256
over these and the instance id.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct
from datetime import datetime

MIN_TTL, MAX_TTL = 1, 21600  # seconds
_VERSION = 1
_HEAD = struct.Struct(">BI9s")
_MAC_BYTES = 28


def issue(key: bytes, instance_id: str, now: datetime, ttl: int) -> str:
    """A token for one instance, valid for `ttl` seconds (1 to 21600)."""
    head = _HEAD.pack(_VERSION, int(now.timestamp()) + ttl, secrets.token_bytes(9))
    return base64.urlsafe_b64encode(head + _mac(key, instance_id, head)).decode()


def remaining(key: bytes, instance_id: str, now: datetime, token: str) -> int | None:
    """Seconds that the token still lives (at least 1); None when it is not a valid token of this instance."""
    if "+" in token or "/" in token:
        return None  # the decoder would take them for - and _: one token has one spelling
    try:
        raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _HEAD.size + _MAC_BYTES:
        return None
    head, mac = raw[: _HEAD.size], raw[_HEAD.size :]
    # INVARIANT: bound to the instance, compared in constant time, before anything in it is believed.
    if not hmac.compare_digest(mac, _mac(key, instance_id, head)):
        return None
    version, expiry, _ = _HEAD.unpack(head)
    left = int(expiry - now.timestamp())
    return left if version == _VERSION and left >= 1 else None


def _mac(key: bytes, instance_id: str, head: bytes) -> bytes:
    message = b"kansatsu metadata token\0" + head + instance_id.encode()
    return hmac.new(key, message, hashlib.sha256).digest()[:_MAC_BYTES]
