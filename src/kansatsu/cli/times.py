"""One rule for every `--since`."""

import re
from datetime import UTC, datetime, timedelta

from kansatsu.cli.output import Exit, Failure

_AGE = re.compile(r"(\d{1,5}(?:\.\d{1,9})?)(ms|s|m|h|d|w)", re.ASCII)
_UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str) -> datetime:
    """90d ago, or 2026-11-05T12:00:00, in UTC unless it says otherwise. Ends the command with exit 2."""
    try:
        if found := _AGE.fullmatch(text):
            return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: float(found[1])})
        date = datetime.fromisoformat(text)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Failure(
            f"{text} is neither a time like 90d, 12h or 3w, nor a date like 2026-11-05.", Exit.USAGE
        ) from None
