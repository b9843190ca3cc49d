"""Segments of workers that are no more: they are deleted for their age as well, and keep their links until then."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import stores
from kansatsu.advisor import AccessEvent, Recorder, RecorderSettings
from kansatsu.advisor.history import everything
from kansatsu.identity import Store

SETTINGS = RecorderSettings(segment_bytes=2500, retention_days=90)


class Clock:
    """Stands still until a test moves it."""

    time = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


class Place:
    """A data directory in which w0 recorded in several segments, before the server was one of several nodes."""

    def __init__(self, path: Path) -> None:
        self.path, self.clock, self.events = path, Clock(), path / "events"
        self.store: Store = stores.opened(path, self.clock)
        self.former = Recorder(self.store, path, self.clock, settings=SETTINGS)
        for _ in range(25):
            self.append(self.former)
        self.former.flush()

    def append(self, recorder: Recorder) -> None:
        who = {"account": "123456789012", "principal_id": "AIDA", "principal_arn": "arn", "access_key_id": "AKIA"}
        what = {"service": "s3", "action": "GetObject", "resource": "*", "region": "us-east-1", "error": ""}
        how = {"request_id": "r", "allowed": True, "exact": True, "source_ip": ""}
        recorder.append([AccessEvent(time=self.clock.time.timestamp(), **who, **what, **how)])  # type: ignore[arg-type]

    def begin(self) -> Recorder:
        """The server under its new name."""
        return Recorder(self.store, self.path, self.clock, worker="ab12", settings=SETTINGS)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.events.glob("w0-*.jsonl"))

    def gaps(self, recorder: Recorder) -> list[tuple[str, str]]:
        found = everything(recorder.evidence(), 0.0, self.clock.time.timestamp(), lambda _: True)
        return sorted((gap.gap, gap.segment) for gap in found.gaps)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "data")
    yield made
    made.store.close()


# INVARIANT: what is in no register yet waits for the next start of its worker.
@pytest.mark.parametrize("ends", ["running", "killed", "closed"])
def test_retention_of_a_worker_that_is_no_more(place: Place, ends: str) -> None:
    if ends == "closed":
        place.former.close()
    elif ends == "killed":
        place.append(place.former)
        os.close(place.former._claim)
    files = place.files()
    assert len(files) > 2
    kept = {"running": files, "killed": files[-1:], "closed": []}[ends]
    now = place.begin()
    place.append(now)
    assert now.prune() == 0
    place.clock.time += timedelta(days=91)
    assert now.prune() == len(files) - len(kept)
    assert place.files() == kept
    assert place.gaps(now) == []
    now.close()


# INVARIANT: a new name in the same directory makes no link of what somebody wrote there, nor takes one away.
def test_links_of_a_worker_that_is_no_more_stay(place: Place) -> None:
    place.former.close()
    first, second, *_ = place.files()
    path = place.events / second
    path.write_bytes(path.read_bytes().replace(b"GetObject", b"PutObject", 1))
    shutil.copy(place.events / first, place.events / "w0-000000000099.jsonl")
    now = place.begin()
    assert place.gaps(now) == [("segment altered", second), ("unknown segment", "w0-000000000099.jsonl")]
    now.close()
