"""Who may write a file among the logs hides no event: a forged one with the eventID of another counts beside it."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kansatsu.advisor.logs import reading, sources
from kansatsu.advisor.logs.cache import Cache
from kansatsu.advisor.logs.reading import Result
from kansatsu.advisor.logs.sources import Bucket

from .trail import delivered, record, role, user

ID = "01234567-89ab-cdef-fedc-ba9876543210"
SWAPPED = "fedcba98-7654-3210-0123-456789abcdef"  # its halves the other way round: what is kept of the two is the same
REAL = record(role(), "rds", "DeleteDBInstance", eventID=ID, readOnly=False)
FORGED: dict[str, dict[str, Any]] = {
    "who": record(user(), "rds", "DeleteDBInstance", eventID=ID, readOnly=False),
    "what": record(role(), "rds", "DescribeDBInstances", eventID=ID, readOnly=False),
    "denied": {**REAL, "errorCode": "AccessDenied"},
    "region": {**REAL, "awsRegion": "eu-north-1"},
    "parameters": {**REAL, "requestParameters": {"roleArn": "arn:aws:iam::123456789012:role/other"}},
    "resources": {**REAL, "resources": [{"ARN": "arn:aws:rds:us-east-1:123456789012:db:other"}]},
    "id": record(user(), eventID=SWAPPED),
    "no call": {**REAL, "eventType": "AwsServiceEvent"},
}


def run(tmp_path: Path, **files: bytes) -> Result:
    (tmp_path / "logs").mkdir(exist_ok=True)
    (tmp_path / "out").mkdir(exist_ok=True)
    for name, data in files.items():
        (tmp_path / "logs" / f"{name}.json.gz").write_bytes(data)
    with closing(Cache(tmp_path / "out")) as cache:
        found = sources.listing([str(tmp_path / "logs")], Bucket(), None).files
        return reading.read(found, Bucket(), cache, 1, lambda done, size: None)


def counted(result: Result) -> int:
    return result.totals.events + sum(result.totals.others.values())


@pytest.mark.parametrize("at_once", [1, 16])
@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_event_hides_none(tmp_path: Path, forged: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", at_once)
    monkeypatch.setattr(reading, "_MOST_AT_ONCE", at_once)
    both = run(tmp_path, a=delivered([FORGED[forged]]), b=delivered([REAL, record()]))
    assert (counted(both), both.totals.duplicates) == (3, 0)
    assert any(source == "rds.amazonaws.com" and name == "DeleteDBInstance" and caller.id == "AROAORDERS000000000A"
               for caller, source, name, _ in both.totals.rows)  # fmt: skip
    assert "rival" in {trouble for _, trouble, _ in both.troubles}


@pytest.mark.parametrize("first", [FORGED["who"], REAL], ids=["forged", "real"])
def test_nor_in_a_later_run_or_in_one_file(tmp_path: Path, first: dict[str, Any]) -> None:
    second = REAL if first is FORGED["who"] else FORGED["who"]
    assert counted(run(tmp_path, a=delivered([first]))) == 1
    assert counted(run(tmp_path, b=delivered([second]))) == 2
    assert counted(run(tmp_path, c=delivered([second]))) == 3  # each copy of what is in conflict counts: never less
    (tmp_path / "one").mkdir()
    assert counted(run(tmp_path / "one", a=delivered([first, second, first]))) == 2


@pytest.mark.parametrize("at_once", [1, 16])
def test_the_same_event_written_otherwise_is_there_twice(
    tmp_path: Path, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", at_once)
    turned = json.dumps({"Records": [dict(reversed(REAL.items()))]}, indent=2).encode()
    looked = json.dumps({"Events": [{"EventId": ID, "CloudTrailEvent": json.dumps(REAL)}]}).encode()
    both = run(tmp_path, a=delivered([REAL]), b=turned, c=looked)
    assert (counted(both), both.totals.duplicates) == (1, 2)
    assert "rival" not in {trouble for _, trouble, _ in both.troubles}


def test_when_the_forged_file_is_gone_nothing_is_told_of_it(tmp_path: Path) -> None:
    run(tmp_path, a=delivered([FORGED["who"]]))
    assert run(tmp_path, b=delivered([REAL])).troubles
    (tmp_path / "logs" / "a.json.gz").unlink()
    left = run(tmp_path)
    assert (counted(left), left.troubles) == (1, [])
