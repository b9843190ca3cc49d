"""Codes of MFA devices, judged in one place: whoever asks for one, a code counts once and guessing gets slower."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from kansatsu.identity import credentials, guesses, totp
from kansatsu.identity.credentials import Credential
from kansatsu.identity.sealer import Sealer

KIND = "mfa"


def proves(conn: Connection, sealer: Sealer, device: Credential, code: str, now: float) -> bool:
    """Is that a code of the device at `now` (epoch seconds)? What it was is remembered with the device.

    INVARIANT: a code that counted once never counts again, and whoever guesses waits ever longer between two guesses.
    """
    proved, details = _judge(device, credentials.secret(conn, sealer, device).value, code, now)
    credentials.change(conn, sealer, device, details=details)
    return proved


def fits(conn: Connection, sealer: Sealer, device: Credential, code: str, now: float) -> bool:
    """Would it prove as much now? Nothing is remembered."""
    return _judge(device, credentials.secret(conn, sealer, device).value, code, now)[0]


def _judge(device: Credential, seed: str, code: str, now: float) -> tuple[bool, Mapping[str, Any]]:
    if not guesses.must_wait(device.details, now):
        used = totp.step_of(seed, code, now, device.details["off"], device.details["used"])
        if used is not None:
            return True, {"used": used, **guesses.NONE}
    return False, guesses.another(device.details, now)
