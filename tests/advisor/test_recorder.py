"""No event that was acknowledged is lost or counted twice, and what is lost is known to be."""

import errno
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from kansatsu.advisor import AccessEvent, EvidenceLost, LastUse, Recorder, RecorderSettings
from kansatsu.advisor import segments as segment_files
from kansatsu.advisor.events import decode
from kansatsu.identity import Store, open_store
from kansatsu.identity.schema import last_access

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
ROLE = "AROAEXAMPLEEXAMPLE234"


class StillClock:
    time = NOW

    def now(self) -> datetime:
        return self.time


def an_event(number: int = 0, **fields: object) -> AccessEvent:
    values = {
        "time": NOW.timestamp() + number,
        "request_id": f"r{number}",
        "account": "123456789012",
        "principal_id": ROLE,
        "principal_arn": "arn:aws:sts::123456789012:assumed-role/Job/one",
        "access_key_id": "ASIAEXAMPLE",
        "service": "s3",
        "action": f"Action{number % 3}",
        "resource": "arn:aws:s3:::bucket/" + "k\n\u00e9\u2028" * 3,
        "region": "us-east-1",
        "allowed": True,
        "error": "",
        "exact": True,
        "source_ip": "127.0.0.1",
        "user_agent": 'x"\\',
    }
    return AccessEvent(**values | fields)  # type: ignore[arg-type]


class Place:
    """A data directory that is opened and left as a process would."""

    def __init__(self, path: Path):
        self.path = path
        self.clock = StillClock()
        self.store: Store = open_store(path, self.clock)

    @property
    def events(self) -> Path:
        return self.path / "events"

    def recorder(self, **settings: float) -> Recorder:
        return Recorder(self.store, self.path, self.clock, settings=RecorderSettings(**settings))  # type: ignore[arg-type]

    def counts(self) -> dict[str, int]:
        with self.store.read() as conn:
            return Counter({row.action: row.count for row in conn.execute(select(last_access))})

    def lines(self) -> list[dict[str, object]]:
        found = []
        for path in sorted(self.events.glob("*.jsonl")):
            found += [decode(line) for line in path.read_bytes().split(b"\n")]
        return [msgspec.to_builtins(record) for record in found if record is not None]

    def gaps(self) -> list[str]:
        return [str(line["gap"]) for line in self.lines() if "gap" in line]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "data")
    yield made
    made.store.close()


def die(recorder: Recorder) -> None:
    """What kill -9 does to the files of a recorder: nothing more is written, and the kernel drops its lock."""
    os.close(recorder._claim)
    recorder._writer.close()


def test_last_use_is_known_at_once_and_after_a_flush(place: Place) -> None:
    recorder = place.recorder()
    assert recorder.last_used(ROLE) is None
    for step in (lambda: None, recorder.flush):
        recorder.append([an_event(5, access_key_id="AKIAONE", principal_id="AIDAONE")])
        recorder.append([an_event(3, access_key_id="AKIAONE", principal_id="AIDAONE", service="ec2", allowed=False)])
        step()
        use = LastUse(NOW.timestamp() + 5, "s3", "us-east-1")
        assert recorder.last_used("AIDAONE") == recorder.key_last_used("AKIAONE") == use
    recorder.append([an_event(9, principal_id="AIDAONE", service="sts", region="eu-west-1")])
    assert recorder.last_used("AIDAONE") == LastUse(NOW.timestamp() + 9, "sts", "eu-west-1")
    assert recorder.key_last_used("AKIAONE") == LastUse(NOW.timestamp() + 5, "s3", "us-east-1")
    assert recorder.key_last_used("ASIAEXAMPLE") is None is recorder.last_used("AIDATWO")
    assert recorder.key_last_used("") is None
    recorder.close()


def test_use_before_the_tracking_period_is_not_reported(place: Place) -> None:
    recorder = place.recorder(tracking_days=400)
    recorder.append([an_event()])
    place.clock.time = NOW + timedelta(days=400)
    assert recorder.last_used(ROLE) is not None
    place.clock.time += timedelta(seconds=1)
    assert recorder.last_used(ROLE) is None
    recorder.close()


def test_events_are_on_file_before_append_returns(place: Place) -> None:
    recorder = place.recorder()
    sent = [an_event(number) for number in range(3)]
    recorder.append(sent)
    assert [line["request_id"] for line in place.lines()] == ["r0", "r1", "r2"]
    assert recorder.recent(2) == sent[:0:-1]
    recorder.close()
    assert {path.stat().st_mode & 0o777 for path in place.events.iterdir()} == {0o600}


@pytest.mark.parametrize("flushed", range(5))
def test_a_restart_takes_in_exactly_the_rest(place: Place, flushed: int) -> None:
    recorder = place.recorder()
    for number in range(4):
        if number == flushed:
            recorder.flush()
        recorder.append([an_event(number)])
    die(recorder)
    for _ in range(3):
        recorder = place.recorder()
        assert sum(place.counts().values()) == 4
        assert recorder.last_used(ROLE) == LastUse(NOW.timestamp() + 3, "s3", "us-east-1")
        die(recorder)


def test_a_clean_end_is_no_gap_and_any_other_is(place: Place) -> None:
    for _ in range(2):
        recorder = place.recorder()
        recorder.append([an_event()])
        recorder.close()
        assert place.gaps() == []
    recorder = place.recorder()
    die(recorder)
    assert place.recorder().gaps == 1
    assert place.gaps() == ["unclean end"]


@pytest.mark.parametrize("junk", [b'{"time":1,', b"\0" * 4096, b"x" * 3_000_000, b'{"time":"no"}\n{"gap":1}\n'])
def test_a_torn_record_is_a_gap_and_costs_nothing_else(place: Place, junk: bytes) -> None:
    recorder = place.recorder()
    recorder.append([an_event(1)])
    with recorder._writer.path.open("ab") as file:
        file.write(junk)
    die(recorder)
    recorder = place.recorder()
    recorder.append([an_event(2)])
    recorder.close()
    recorder = place.recorder()
    assert sum(place.counts().values()) == 2
    assert place.gaps()[:2] == ["torn record", "unclean end"]
    assert [line["request_id"] for line in place.lines() if "request_id" in line] == ["r1", "r2"]
    recorder.close()


def test_a_segment_that_vanished_is_a_gap(place: Place) -> None:
    recorder = place.recorder(segment_bytes=1)
    for number in range(3):
        recorder.append([an_event(number)])
    die(recorder)
    (place.events / "w0-000000000002.jsonl").unlink()
    place.recorder().close()
    assert place.gaps() == ["missing segment", "unclean end"]
    assert sum(place.counts().values()) == 2


def test_all_segments_vanished(place: Place) -> None:
    """New events must not go into a segment that counts as read already."""
    recorder = place.recorder(segment_bytes=1)
    for number in range(3):
        recorder.append([an_event(number)])
    recorder.close()
    for path in place.events.glob("*.jsonl"):
        path.unlink()
    recorder = place.recorder()
    assert place.gaps() == ["missing segment"]
    assert [path.name for path in place.events.glob("*.jsonl")] == ["w0-000000000005.jsonl"]
    recorder.append([an_event()])
    die(recorder)
    place.recorder().close()
    assert sum(place.counts().values()) == 4


def test_segments_rotate_and_old_ones_are_deleted_once_they_are_counted(place: Place) -> None:
    recorder = place.recorder(segment_bytes=2000, retention_days=90)
    for number in range(40):
        recorder.append([an_event(number)])
    files = sorted(place.events.glob("*.jsonl"))
    assert len(files) > 5
    for path in files:
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    place.clock.time = NOW + timedelta(days=91)
    assert recorder.prune() == 0
    recorder.flush()
    recorder.sync()
    assert recorder.prune() == len(files) - 1
    assert recorder.prune() == 0
    recorder.append([an_event(40)])
    recorder.close()
    assert sum(place.counts().values()) == 41
    assert place.gaps() == []
    place.recorder().close()
    assert sum(place.counts().values()) == 41


class FullDisk:
    """os.write that takes only so many bytes of what is given, and then none."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, room: int, *, stuck: bool = False):
        self.room = room
        self._real = os.write
        monkeypatch.setattr(segment_files.os, "write", self.write)
        if stuck:
            monkeypatch.setattr(segment_files.os, "ftruncate", self.refuse)

    def write(self, fd: int, data: bytes) -> int:
        if data and not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = self._real(fd, data[: self.room])
        self.room -= written
        return written

    def refuse(self, fd: int, length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")


# INVARIANT: an access that cannot be recorded is not answered, and that it was lost is recorded later.
@pytest.mark.parametrize("room", [0, 100])
@pytest.mark.parametrize("stuck", [False, True])
def test_a_full_disk_refuses_and_leaves_a_gap(
    place: Place, room: int, stuck: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = place.recorder()
    recorder.append([an_event(1)])
    with monkeypatch.context() as patch:
        FullDisk(patch, room, stuck=stuck)
        for number in (2, 4):
            with pytest.raises(EvidenceLost, match="could not be recorded"):
                recorder.append([an_event(number), an_event(number + 1)])
    recorder.append([an_event(6)])
    recorder.close()
    lines = place.lines()
    gap = next(line for line in lines if "gap" in line)
    assert (gap["gap"], gap["lost"]) == ("write failed", 4)
    assert sum(place.counts().values()) == 2
    recorder = place.recorder()
    assert sum(place.counts().values()) == 2
    recorder.close()


def test_a_full_disk_may_be_told_to_answer(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = place.recorder(answer_without_evidence=True)
    with monkeypatch.context() as patch:
        FullDisk(patch, 0)
        recorder.append([an_event(1)])
    assert recorder.gaps == 1
    recorder.append([an_event(2)])
    recorder.close()
    assert [line.get("gap", line.get("request_id")) for line in place.lines()[:2]] == ["write failed", "r2"]


def test_a_flush_that_fails_is_done_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from kansatsu.advisor import registers

    recorder = place.recorder()
    recorder.append([an_event(1)])

    def broken(*_: object) -> None:
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr(registers, "save", broken)
        for _ in range(2):
            with pytest.raises(OSError, match="disk"):
                recorder.flush()
    assert place.counts() == {}
    recorder.append([an_event(4)])
    assert recorder.last_used(ROLE) == LastUse(NOW.timestamp() + 4, "s3", "us-east-1")
    recorder.flush()
    assert place.counts() == {"Action1": 2}
    recorder.close()


def test_a_name_is_used_once(place: Place) -> None:
    recorder = place.recorder()
    with pytest.raises(EvidenceLost, match="Another process"):
        place.recorder()
    second = Recorder(place.store, place.path, place.clock, worker="w1")
    second.append([an_event(1)])
    recorder.append([an_event(2)])
    assert [event.request_id for event in recorder.recent(5)] == ["r2", "r1"]
    second.close()
    recorder.close()
    assert sum(place.counts().values()) == 2


CHILD = """
import sys
from pathlib import Path
from kansatsu.advisor import AccessEvent, Recorder, RecorderSettings
from kansatsu.clock import SystemClock
from kansatsu.identity import open_store
path, number = Path(sys.argv[1]), int(sys.argv[2])
clock = SystemClock()
settings = RecorderSettings(flush_seconds=0.002, sync_seconds=0.01, segment_bytes=20_000)
recorder = Recorder(open_store(path, clock), path, clock, settings=settings)
recorder.start()
while True:
    at = clock.now().timestamp()
    recorder.append([AccessEvent(at, str(number), "123456789012", "AROAEXAMPLE", "", "ASIAEXAMPLE", "s3",
        f"Action{number % 7}", "*", "us-east-1", True, "", True, "", "")])
    print(number, flush=True)
    number += 1
"""


# INVARIANT: kill -9 loses no acknowledged event and none counts twice.
def test_kill_9_counts_every_acknowledged_event_once(tmp_path: Path) -> None:
    chance = random.Random(int.from_bytes(os.urandom(4), "big"))
    acknowledged: list[int] = []
    for _ in range(6):
        start = max(acknowledged, default=0) + 1000
        command = [sys.executable, "-c", CHILD, str(tmp_path / "data"), str(start)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            acknowledged += [int(child.stdout.readline()) for _ in range(chance.randint(1, 400))]
            child.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in child.stdout.read().split(b"\n")[:-1]]
    place = Place(tmp_path / "data")
    place.recorder().close()
    recorded = [int(str(line["request_id"])) for line in place.lines() if "request_id" in line]
    assert len(recorded) == len(set(recorded))
    assert set(acknowledged) <= set(recorded)
    assert place.counts() == Counter(f"Action{number % 7}" for number in recorded)
    place.store.close()
