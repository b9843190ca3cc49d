"""Time-based one-time passwords of virtual MFA devices: RFC 6238 with SHA-1, six digits and steps of thirty seconds.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html
"""

import base64
import hmac
import secrets

STEP = 30  # seconds
_DIGITS = 6
_SEED_BYTES = 40
_AROUND = 1  # steps that a clock may be off at every use
_LOST = 2880  # steps, a day: how far off a device may be that is enabled or resynchronized with two codes


def seed() -> str:
    """A new seed in Base32."""
    return base64.b32encode(secrets.token_bytes(_SEED_BYTES)).decode()


def code(seed: str, step: int) -> str:
    """The code of a step (epoch seconds divided by 30): https://www.rfc-editor.org/rfc/rfc4226#section-5.3"""
    digest = hmac.digest(base64.b32decode(seed), step.to_bytes(8, "big"), "sha1")
    at = digest[-1] & 0xF
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFFFFFF
    return str(number % 10**_DIGITS).zfill(_DIGITS)


def consecutive(seed: str, first: str, second: str, now: float) -> int | None:
    """How many steps the device is ahead when it showed the first code before and shows the second now, or None."""
    here = int(now) // STEP
    for off in sorted(range(-_LOST, _LOST + 1), key=abs):
        if _same(code(seed, here + off), second) and _same(code(seed, here + off - 1), first):
            return off
    return None


def step_of(seed: str, shown: str, now: float, off: int, after: int) -> int | None:
    """The step of a code that is valid now on a device `off` steps ahead, None when it is not.

    INVARIANT: a code is good once: none of a step up to `after`, the last one used, is taken.
    https://www.rfc-editor.org/rfc/rfc6238#section-5.2
    """
    here = int(now) // STEP + off
    for step in range(here - _AROUND, here + _AROUND + 1):
        if step > after and _same(code(seed, step), shown):
            return step
    return None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
