"""Recorded requests read again: a clock that was wrong for a while hides none of them, and makes no record longer."""

from collections.abc import Iterator
from typing import Any, cast

import pytest

from kansatsu.advisor.calls import Asking, CallRecord
from kansatsu.advisor.chain import Chain
from kansatsu.advisor.events import encode
from kansatsu.advisor.history import Found, everything

DAY = 86400.0
NOW = 20_000 * DAY + 3600
ARN = "arn:aws:iam::123456789012:user/ana"


def call(time: float, name: str = "a") -> CallRecord:
    return CallRecord(
        name, time, "123456789012", "user", "AIDA", "ana", ARN, ARN, "AKIA", "s3", "ListBuckets", "us-east-1", "",
        True, {}, (Asking("s3:ListAllMyBuckets", "*", True),),
    )  # fmt: skip


class Segments:
    """A chain of one segment, read from memory."""

    def __init__(self, calls: list[CallRecord]) -> None:
        self._calls = calls

    def files(self, since: float = 0.0) -> list[str]:
        return ["w0-1.jsonl"]

    def lines(self, name: str) -> Iterator[bytes]:
        return map(encode, self._calls)

    def begins(self, name: str) -> float:
        return min(one.time for one in self._calls)

    def gaps(self, since: float, until: float) -> list[Any]:
        return []


def read(calls: list[CallRecord], since: float = 0.0) -> Found:
    return everything(cast(Chain, Segments(calls)), since, NOW, lambda record: True)


def test_what_a_clock_ahead_wrote_was_used() -> None:
    """The wrong cut that looks safe: the server's clock was a year ahead for a minute, and set right."""
    found = read([call(NOW + 365 * DAY, "ahead"), call(NOW - 1, "now")])
    assert [one.call for one in found.calls] == ["now", "ahead"]
    assert [one.call for one in read([call(NOW - 2 * DAY)], since=NOW - DAY).calls] == []


SPANS: list[tuple[str, list[float], float, float]] = [
    ("ninety days in a row", [NOW - day * DAY for day in range(91)], 0.0, 90.0),
    ("one of every week", [NOW - day * DAY for day in range(0, 92, 7)], 0.0, 91.0),
    ("of a minute, and a clock that began in 1971", [400 * DAY, NOW - 60], 0.0, 1.0),
    ("a server that was off for months", [NOW - 100 * DAY, NOW - 99 * DAY, NOW - DAY], 0.0, 3.0),
    ("a clock ahead", [NOW - 2 * DAY, NOW + 400 * DAY], 0.0, 2.0),
    ("no more than is asked for", [NOW - day * DAY for day in range(91)], NOW - 10 * DAY, 10.0),
    ("of a minute", [NOW - 60], 0.0, 60 / DAY),
]


@pytest.mark.parametrize(("times", "since", "days"), [row[1:] for row in SPANS], ids=[row[0] for row in SPANS])
def test_a_record_is_as_long_as_somebody_was_there(times: list[float], since: float, days: float) -> None:
    assert read([call(time) for time in times], since).covered(since, NOW) == pytest.approx(days)


def test_nothing_is_no_record() -> None:
    assert Found().covered(0.0, NOW) == 0.0
