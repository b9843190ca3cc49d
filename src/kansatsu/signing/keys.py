"""Signing keys, remembered, because four of the five HMACs of a signature are the same for a whole day.

https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html#calculate-signature
"""

import hashlib
import hmac

_REMEMBERED = 4096

_cache: dict[tuple[bytes, str, str, str], hmac.HMAC] = {}


def signing_key(secret: str, date: str, region: str, service: str) -> hmac.HMAC:
    """The key that signs for one secret, day (YYYYMMDD), region and service; to copy, not to update.

    An HMAC that has its key already: to copy it costs a fifth of setting it up.
    """
    # By digest, so that the cache does not keep secrets that were deleted in clear text.
    entry = (hashlib.sha256(secret.encode()).digest(), date, region, service)
    key = _cache.pop(entry, None)
    if key is None:
        key = hmac.new(derive(secret, date, region, service), digestmod="sha256")
        if len(_cache) >= _REMEMBERED:
            _cache.pop(next(iter(_cache)), None)
    _cache[entry] = key  # last in, last out: a dict keeps its order
    return key


def derive(secret: str, date: str, region: str, service: str) -> bytes:
    """The key derivation itself."""
    key = hmac.digest(b"AWS4" + secret.encode(), to_ascii(date), "sha256")
    for part in (region, service, "aws4_request"):
        key = hmac.digest(key, to_ascii(part), "sha256")
    return key


def to_ascii(text: str) -> bytes:
    """The octets of a part of the credential scope, whatever a client wrote there."""
    return text.encode("utf-8", "surrogatepass")


def signature(key: hmac.HMAC, string_to_sign: str) -> str:
    """The signature in lower-case hexadecimal digits."""
    mac = key.copy()
    mac.update(to_ascii(string_to_sign))
    return mac.hexdigest()
