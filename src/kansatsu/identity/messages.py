"""Encoded authorization messages: what a denied caller may pass on but not read.

https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
"""

import base64
import zlib
from datetime import datetime

from kansatsu.identity.sealer import Sealer, Unopenable

LONGEST = 10_240  # AWS's limit of EncodedMessage
_PURPOSE = "authorization message"
_LARGEST_PLAIN = 256 * 1024


class InvalidMessage(Exception):
    """Not a message that was sealed here for this account."""


def encode(sealer: Sealer, account: str, text: str) -> str:
    """The text, sealed for `account`, as base64."""
    sealed = sealer.seal(_PURPOSE, zlib.compress(text.encode(), 9), account)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def decode(sealer: Sealer, account: str, encoded: str, now: datetime) -> str:
    """The text. Raises InvalidMessage: forged, truncated, another account's, or older than the ring remembers."""
    if len(encoded) > LONGEST:
        raise InvalidMessage
    try:
        sealed = base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        packed = sealer.open(_PURPOSE, sealed, account, now)
    except (ValueError, Unopenable):
        raise InvalidMessage from None
    return zlib.decompressobj().decompress(packed, _LARGEST_PLAIN).decode()
