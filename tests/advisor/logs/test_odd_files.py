"""Files as people and tools leave them: what is in them counts, what is none is named, and nothing ends a run."""

import gzip
import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from kansatsu.advisor.logs import records
from kansatsu.advisor.logs.records import NO_LOG, TOO_LARGE
from kansatsu.advisor.logs.summary import arns, pack, summarise, unpack

RECORD: dict[str, Any] = {
    "userIdentity": {"type": "IAMUser", "principalId": "AIDA1", "arn": "arn:aws:iam::123456789012:user/ana"},
    "eventTime": "2026-11-10T00:00:00Z", "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances",
    "awsRegion": "us-east-1", "requestParameters": {"a": 1}, "eventID": "1", "readOnly": False,
}  # fmt: skip


def made(**members: Any) -> dict[str, Any]:
    return RECORD | members


def file(*records: dict[str, Any]) -> bytes:
    return json.dumps({"Records": records}).encode()


ONE, OTHER = file(made()), file(made(eventID="2"))
LINES = [json.dumps(made(eventID=str(number))).encode() for number in range(3)]
LOOKED_UP = json.dumps({"Events": [{"CloudTrailEvent": json.dumps(made())}]}).encode()
PAGE = json.dumps(json.loads(LOOKED_UP) | {"NextToken": "eyJ="}, indent=4).encode()
# (bytes, events, records that are none, trouble)
CASES: dict[str, tuple[bytes, int, int, str]] = {
    "put together": (ONE + OTHER, 2, 0, ""),
    "put together, the second broken off": (ONE + OTHER[:-20], 1, 0, "truncated"),
    "unpacked and packed again, line by line": (gzip.compress(ONE + b"\n" + OTHER + b"\n"), 2, 0, ""),
    "archives put together": (gzip.compress(ONE) + gzip.compress(OTHER), 2, 0, ""),
    "one document in two archives": (gzip.compress(ONE[:50]) + gzip.compress(ONE[50:]), 1, 0, ""),
    "by PowerShell": (ONE.decode().encode("utf-16"), 1, 0, ""),
    "by PowerShell, the other way round": (b"\xfe\xff" + ONE.decode().encode("utf-16-be"), 1, 0, ""),
    "with a byte order mark": (gzip.compress(b"\xef\xbb\xbf" + ONE), 1, 0, ""),
    "lines": (b"\r\n".join(LINES), 3, 0, ""),
    "lines whose first is torn": (b"\n".join([LINES[0][40:], *LINES]), 3, 1, ""),
    "lines whose first is none": (b"\n".join([b"{bad", *LINES]), 3, 1, ""),
    "outputs of lookup-events": (LOOKED_UP + b"\n" + LOOKED_UP.replace(b'\\"1\\"', b'\\"2\\"'), 2, 0, ""),
    "pages of lookup-events": (PAGE + b"\n" + PAGE.replace(b'\\"1\\"', b'\\"2\\"'), 2, 0, ""),
    "events of lookup-events": (json.dumps(json.loads(LOOKED_UP)["Events"], indent=4).encode(), 1, 0, ""),
    "records of lookup-events": (json.dumps([line.decode() for line in LINES]).encode(), 3, 0, ""),
    "records of lookup-events as text": (b"\t".join(LINES[:2]) + b"\n" + LINES[2] + b"\n", 3, 0, ""),
    "records of lookup-events as text, one line": (b"\t".join(LINES), 3, 0, ""),
    "an event of lookup-events without a record": (b'{"Events": [{"EventId": "1"}]}', 0, 1, "corrupt"),
    "texts that are no records": (b'["a", "b"]', 0, 2, "corrupt"),
    "a number that JSON does not have": (file(made(requestParameters={"a": float("nan")})), 1, 0, ""),
    "before there was a cloud": (file(made(eventTime="0001-01-01T00:00:00+14:00"), made(eventID="2")), 1, 1, ""),
    "after all calendars": (file(made(eventTime="9999-12-31T23:59:59-14:00"), made(eventID="2")), 1, 1, ""),
    "at no time that counts": (file(made(eventTime="9999-12-31T23:59:59Z")), 0, 1, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_in_a_file(name: str) -> None:
    data, events, malformed, trouble = CASES[name]
    found = summarise(data)
    assert (found.totals.events, found.totals.malformed, found.trouble) == (events, malformed, trouble)
    if events:
        assert datetime(2026, 11, 10, tzinfo=UTC).timestamp() == found.totals.first == found.totals.last


@pytest.mark.parametrize(
    "members",
    [
        {"requestParameters": {"role": "BYTES:role/x"}},
        {"userIdentity": {"type": "IAMUser", "principalId": "BYTES"}},
        {"resources": [{"ARN": "BYTES"}]},
    ],
)
def test_bytes_that_are_no_text(members: dict[str, Any]) -> None:
    """Where nothing is decoded before it is needed: the call counts, whoever made it."""
    found = summarise(file(made(**members), made(eventID="2")).replace(b"BYTES", b"\xff\xfe"))
    assert (found.totals.events, found.totals.malformed, found.trouble) == (2, 0, "")
    assert unpack(pack(found.totals)).rows == found.totals.rows
    assert [arns(tally) for tally in found.totals.rows.values()] == [None] * len(found.totals.rows)
    kinds = {caller.kind for caller, *_ in found.totals.rows}
    assert kinds == ({"user", "nobody"} if "userIdentity" in members else {"user"})


@pytest.mark.parametrize("frame", ["%s", '{"Records": %s}', '{"Events": %s}', '{"a": 1}\n%s'])
def test_values_of_a_large_array_are_never_objects_all_at_once(frame: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: 256 MB of texts of ten characters, of which the reader needed 2.9 GB."""
    monkeypatch.setattr(records, "_MUCH", 10_000)  # bytes
    data = (frame % ("[" + '"aaaaaaaaaa", ' * 50_000 + json.dumps(made()) + "]")).encode()
    tracemalloc.start()
    try:
        found = records.read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (len(found.records), found.malformed) == (1, 50_000 + ("\n" in frame))
    assert peak < 5 * len(data)


@pytest.mark.parametrize(
    "broken", ["[%s, x", "[%s", "[%s] [", '[%s, "\\ud800"]'], ids=["no value", "no end", "more", "no text"]
)
def test_a_large_array_that_breaks_off(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is whole in it counts, once."""
    monkeypatch.setattr(records, "_MUCH", 10)
    found = records.read((broken % ", ".join(line.decode() for line in LINES)).encode())
    assert [record.eventID for record in found.records] == ["0", "1", "2"]
    assert (found.trouble, found.malformed) == (("", 1) if broken.endswith('"]') else ("truncated", 0))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
def test_nothing_is_read_of_what_is_too_large(packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: an archive of some MB among the logs, of which each process that reads needs gigabytes."""
    text = json.dumps({"Records": [made(), made()]}).encode()
    data = gzip.compress(text) if packed else text
    monkeypatch.setattr(records, "MOST_BYTES", len(text) + 1)
    assert len(records.read(data).records) == 2
    monkeypatch.setattr(records, "MOST_BYTES", len(text) - 1)
    assert records.read(data) == records.Read(trouble=TOO_LARGE)


@pytest.mark.parametrize(
    "junk",
    [b"[" + b"{}," * 99 + b"{}]", b'{"Records": [' + b"1," * 99 + b"1]}", b"{}\n" * 99],
    ids=["array", "document", "lines"],
)
def test_small_values_of_which_each_would_be_an_object_are_no_log(junk: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MUCH", 10)  # bytes
    assert records.read(junk) == records.Read(trouble=NO_LOG)
    assert len(records.read(json.dumps([made()] * 9).encode()).records) == 9
