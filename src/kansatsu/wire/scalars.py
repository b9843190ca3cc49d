"""Text to values and back for the simple types, in the forms that the AWS protocols give them."""

import base64
import binascii
import math
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

from kansatsu.wire.model import Malformed

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?", re.ASCII)
_LIMITS = {"integer": 2**31, "long": 2**63}
_SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def parse_integer(text: str, type: str = "integer") -> int:
    """A whole number that fits its type (32 bits, or 64 for long)."""
    if not _INTEGER.fullmatch(text):
        raise Malformed(f"'{text}' is not a valid integer.")
    return within(int(text), type)


def within(number: int, type: str) -> int:
    """The number, if its type can hold it."""
    limit = _LIMITS.get(type, 2**63)
    if not -limit <= number < limit:
        raise Malformed(f"{number} is out of the range of {type}.")
    return number


def parse_float(text: str) -> float:
    """A decimal number, or NaN, Infinity, -Infinity."""
    if text in _SPECIAL:
        return _SPECIAL[text]
    if not _NUMBER.fullmatch(text):
        raise Malformed(f"'{text}' is not a valid number.")
    return float(text)


def parse_boolean(text: str) -> bool:
    """true or false, in any case."""
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise Malformed(f"'{text}' is not a valid boolean.")
    return lowered == "true"


def parse_blob(text: str) -> bytes:
    """Base64 to bytes."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("The blob is not valid base64.") from error


def parse_timestamp(text: str) -> datetime:
    """An ISO 8601 date, an RFC 822 date or seconds since 1970, as an aware datetime in UTC."""
    try:
        if _NUMBER.fullmatch(text):
            return from_epoch(float(text))
        found = parsedate_to_datetime(text) if text[:3].isalpha() else datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError) as error:
        raise Malformed(f"'{text}' is not a valid timestamp.") from error


def from_epoch(seconds: float) -> datetime:
    """Seconds since 1970 as a datetime."""
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{seconds} is not a valid timestamp.") from error


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def iso8601(value: datetime) -> str:
    """2026-01-31T12:00:00Z; milliseconds only where there are some."""
    moment = _utc(value)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + (f".{moment.microsecond // 1000:03d}Z" if moment.microsecond else "Z")


def iso8601_millis(value: datetime) -> str:
    """2026-01-31T12:00:00.000Z, the form of EC2 and S3 bodies."""
    moment = _utc(value)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def unix(value: datetime) -> int | float:
    """Seconds since 1970, with milliseconds only where there are some."""
    passed = _utc(value) - _EPOCH
    whole = passed.days * 86400 + passed.seconds
    return whole + passed.microseconds // 1000 / 1000 if passed.microseconds else whole


def rfc822(value: datetime) -> str:
    """Sat, 31 Jan 2026 12:00:00 GMT, the form of HTTP headers."""
    return format_datetime(_utc(value).replace(microsecond=0), usegmt=True)


def unix_text(value: datetime) -> str:
    """Seconds since 1970 as text."""
    return str(unix(value))


TIMESTAMPS = {"iso8601": iso8601, "rfc822": rfc822, "unixTimestamp": unix_text}


def number(value: float) -> str:
    """A float as XML and headers carry it."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value) if isinstance(value, float) else str(value)


def blob(value: bytes | str) -> str:
    """Bytes as base64 text."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()
