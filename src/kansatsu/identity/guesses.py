"""Guesses at a credential, remembered with it, so that every node counts all of them and a start forgets none."""

from collections.abc import Mapping
from typing import Any

_FREE, _LONGEST = 5, 300  # so many wrong ones cost no wait; seconds
NONE: Mapping[str, Any] = {"wrong": 0, "wait": 0}  # once it was right


def must_wait(details: Mapping[str, Any], now: float) -> bool:
    """Is it too soon after a wrong one? `details` of the credential, `now` in epoch seconds."""
    return bool(now < details.get("wait", 0))


def another(details: Mapping[str, Any], now: float) -> Mapping[str, Any]:
    """The details after one more that is wrong, which doubles the wait."""
    wrong = details.get("wrong", 0) + 1
    more = min(wrong - _FREE, 32)  # a power of many more is no number
    return {"wrong": wrong, "wait": now + min(2.0**more, _LONGEST) if more > 0 else 0}
