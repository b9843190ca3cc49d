"""Identifiers in AWS's own forms, because tools recognise what a thing is, and whose it is, by its id alone.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
"""

import base64
import secrets

BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
UNIQUE_ID_PREFIXES = frozenset({"AIDA", "AROA", "AGPA", "ANPA", "AIPA", "APKA", "ASCA", "ACCA"})
ACCESS_KEY_PREFIXES = frozenset({"AKIA", "ASIA"})
_MARK = 1 << 47  # ids that carry their account begin above "Q": the topmost bit is set
_ACCOUNT_SHIFT = 7  # bits under the account in the first 48; these and 32 more are random


def new_id(prefix: str) -> str:
    """A unique id of 21 characters: user AIDA, role AROA, group AGPA, policy ANPA, instance profile AIPA..."""
    if prefix not in UNIQUE_ID_PREFIXES:
        raise ValueError(f"unknown prefix of a unique id: {prefix}")
    return prefix + "".join(secrets.choice(BASE32) for _ in range(17))


def certificate_id() -> str:
    """The id of a signing certificate: 32 characters, which AWS gives no prefix."""
    return "".join(secrets.choice(BASE32) for _ in range(32))


def access_key_id(account: str, prefix: str) -> str:
    """An access key id of 20 characters (AKIA long-term, ASIA temporary) from which the account can be read back."""
    if prefix not in ACCESS_KEY_PREFIXES:
        raise ValueError(f"unknown prefix of an access key id: {prefix}")
    head = _MARK | int(account) << _ACCOUNT_SHIFT | secrets.randbits(_ACCOUNT_SHIFT)
    return prefix + base64.b32encode(head.to_bytes(6, "big") + secrets.token_bytes(4)).decode()


def account_of(key_id: str) -> str | None:
    """The 12-digit account of an access key id, or None when the text is not such an id.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html
    """
    if len(key_id) != 20 or key_id[:4] not in ACCESS_KEY_PREFIXES:
        return None
    try:
        head = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    except ValueError:
        return None
    account = (head & (_MARK - 1)) >> _ACCOUNT_SHIFT
    return f"{account:012d}" if head & _MARK and account < 10**12 else None


def secret_key() -> str:
    """A secret access key: 40 characters of A-Z, a-z, 0-9, + and /."""
    return base64.b64encode(secrets.token_bytes(30)).decode()
