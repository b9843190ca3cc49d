"""Whoever can write the segment files alone hides nothing: each attack on them is a named gap, and nothing else is."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import stores
from kansatsu.advisor import AccessEvent, CallRecord, Recorder, RecorderSettings, history
from kansatsu.advisor import chain as chains
from kansatsu.advisor.events import Gap, encode
from kansatsu.advisor.history import everything, newest, of_principal
from kansatsu.advisor.segments import Position
from kansatsu.identity import Store

NOW = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
ROLE = "AROAEXAMPLEEXAMPLE234"
HOUR = timedelta(hours=1)
FIRST, SECOND, THIRD, LAST = (f"w0-{number:012d}.jsonl" for number in range(1, 5))


class Clock:
    time = NOW

    def now(self) -> datetime:
        return self.time


def event(clock: Clock) -> AccessEvent:
    arn = "arn:aws:sts::123456789012:assumed-role/Job/one"
    who = ("123456789012", ROLE, arn, "ASIAEXAMPLE")
    what = ("s3", "GetObject", "arn:aws:s3:::bucket/k", "us-east-1", True, "", True, "127.0.0.1", "x")
    return AccessEvent(clock.time.timestamp(), "r", *who, *what)


class Place:
    """A data directory with three segments that were ended and one that is written to, an hour each, all linked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.store: Store = stores.opened(path, self.clock)
        self.events = path / "events"
        self.recorder = self.start()
        self.written = 0
        for number in range(1, 5):
            self.write(number)
        assert sorted(path.name for path in self.events.glob("*.jsonl")) == [FIRST, SECOND, THIRD, LAST]

    def start(self) -> Recorder:
        settings = RecorderSettings(segment_bytes=2500, retention_days=90)
        self.recorder = Recorder(self.store, self.path, self.clock, settings=settings)
        return self.recorder

    def write(self, number: int) -> None:
        """Fill a segment of this number; the last one has room left."""
        while self.recorder._writer.number == number and self.recorder._writer.offset < 2000 * (1 + (number < 4)):
            self.append()
        self.recorder.flush()
        if number < 4:
            self.clock.time += HOUR

    def append(self) -> None:
        self.recorder.append([event(self.clock)])
        self.written += 1

    def read(self) -> int:
        return len(of_principal(self.recorder.evidence(), ROLE)[0])

    def die(self) -> None:
        """What kill -9 does: nothing more is written, and the kernel drops the lock."""
        os.close(self.recorder._claim)
        self.recorder._writer.close()

    def gaps(self, since: datetime | None = None) -> list[tuple[str, str]]:
        return [(gap.gap, gap.segment) for gap in self.found(since).gaps]

    def found(self, since: datetime | None = None) -> history.Found:
        begin = since.timestamp() if since else 0.0
        return everything(self.recorder.evidence(), begin, self.clock.time.timestamp(), lambda _: True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "data")
    yield made
    made.store.close()


def cut(path: Path) -> None:
    """At the end of a line, as if nothing had come after it."""
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))


def without_a_line(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))


def one_byte(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data.replace(b"GetObject", b"PutObject", 1))


def another(path: Path) -> None:
    """The evidence of another hour."""
    path.write_bytes(path.with_name(FIRST).read_bytes())


def added(path: Path) -> None:
    """A use that nobody made."""
    with path.open("ab") as file:
        file.write(path.read_bytes().splitlines(keepends=True)[0])


def hidden(path: Path) -> None:
    """Altered, and dated before the time that anybody asks about."""
    one_byte(path)
    os.utime(path, (0, 0))


ATTACKS: list[tuple[Callable[[Path], None], str]] = [
    (Path.unlink, "missing segment"),
    (cut, "segment cut off"),
    (lambda path: path.write_bytes(b""), "segment cut off"),
    (without_a_line, "segment cut off"),
    (one_byte, "segment altered"),
    (another, "segment altered"),
    (added, "segment altered"),
    (hidden, "segment altered"),
]  # type: ignore[list-item]


# INVARIANT: evidence that somebody has altered, cut, exchanged or taken away is never taken for all that there was.
@pytest.mark.parametrize(("attack", "gap"), ATTACKS)
@pytest.mark.parametrize("name", [FIRST, SECOND, THIRD])
def test_an_attack_on_a_segment_is_named(
    place: Place, attack: Callable[[Path], None], gap: str, name: str, tmp_path: Path
) -> None:
    if attack is another and name == FIRST:
        shutil.copy(place.events / SECOND, place.events / FIRST)
    else:
        attack(place.events / name)
    number = int(name[3:-6])
    begin, end = NOW + HOUR * (number - 1), NOW + HOUR * (number - 1)
    [found] = place.found(begin).gaps
    assert (found.gap, found.segment) == (gap, name)
    assert (found.after, found.until) == (begin.timestamp(), end.timestamp())
    assert place.gaps(end + HOUR) == []  # who asks about later times does not need it
    assert of_principal(place.recorder.evidence(), ROLE, begin.timestamp())[1] == 1
    # A restart blesses nothing.
    place.recorder.close()
    place.start()
    assert place.gaps() == [(gap, name)]


def test_what_nobody_touched_has_no_gap(place: Place) -> None:
    """Not while it is written, rotated, ended and begun again, nor after a crash, which is told as such."""
    assert place.gaps() == []
    for _ in range(2):
        place.recorder.close()
        place.start()
        assert place.gaps() == []
    place.append()
    place.die()
    place.start()
    assert place.gaps() == [("unclean end", "w0-000000000006.jsonl")]
    place.write(7)
    assert place.gaps() == [("unclean end", "w0-000000000006.jsonl")]
    place.recorder.close()


def test_evidence_that_was_not_flushed_survives_a_crash_unblamed(place: Place) -> None:
    """Segments that were ended and begun since the last flush, and half of a line."""
    for _ in range(12):
        place.append()
    last = place.recorder._writer.path
    assert last.name == "w0-000000000006.jsonl"
    with last.open("ab") as file:
        file.write(encode(event(place.clock))[:100])
    place.die()
    place.start()
    assert place.gaps() == [("torn record", last.name), ("unclean end", last.name)]
    assert place.read() == place.written
    one_byte(last)
    assert ("segment altered", last.name) in place.gaps()


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize(("attack", "gap"), ATTACKS)
def test_an_attack_on_a_server_that_is_down_is_named(
    place: Place, attack: Callable[[Path], None], gap: str, crash: bool
) -> None:
    """What it had flushed; what is appended to a segment that nobody ended cannot be told from what a crash left."""
    (place.die if crash else place.recorder.close)()
    attack(place.events / LAST)
    place.start()
    wanted = [(gap, LAST)] if not (crash and attack is added) else []
    assert [found for found in place.gaps() if found[0] != "unclean end"] == wanted
    place.recorder.close()


def test_an_attack_on_the_segment_that_is_written_to_is_named(place: Place) -> None:
    one_byte(place.events / LAST)
    assert place.gaps() == [("segment altered", LAST)]
    (place.events / LAST).unlink()
    assert place.gaps() == [("missing segment", LAST)]


def test_an_older_copy_is_no_evidence_of_what_came_after_it(place: Place, tmp_path: Path) -> None:
    copy = shutil.copytree(place.events, tmp_path / "copy")
    place.write(4)
    for _ in range(2):
        place.append()
    place.recorder.flush()
    shutil.copy(copy / LAST, place.events / LAST)
    assert place.gaps() == [("segment cut off", LAST)]


def test_a_file_that_nobody_wrote_here_is_named_whatever_its_date(place: Place) -> None:
    shutil.copy(place.events / SECOND, place.events / "w1-000000000001.jsonl")
    os.utime(place.events / "w1-000000000001.jsonl", (0, 0))
    assert place.gaps(NOW + 3 * HOUR) == [("unknown segment", "w1-000000000001.jsonl")]
    (place.events / SECOND).rename(place.events / "w0-000000000002.jsonl.bak")
    assert set(place.gaps()) == {("unknown segment", "w1-000000000001.jsonl"), ("missing segment", SECOND)}


def test_all_files_deleted(place: Place) -> None:
    shutil.rmtree(place.events)
    place.events.mkdir(mode=0o700)
    assert place.gaps() == [("missing segment", name) for name in (LAST, THIRD, SECOND, FIRST)]
    assert place.found().oldest == 0.0


# INVARIANT: nobody makes the server delete evidence by giving it an old date.
def test_retention_goes_by_when_it_was_written_and_not_by_what_the_file_says(place: Place) -> None:
    for path in place.events.glob("*.jsonl"):
        os.utime(path, (0, 0))
    assert place.recorder.prune() == 0
    assert place.gaps() == []
    for path in place.events.glob("*.jsonl"):
        os.utime(path, (4e9, 4e9))
    place.clock.time += timedelta(days=90) - 2 * HOUR
    assert place.recorder.prune() == 1
    assert place.gaps() == []
    assert place.found().oldest == NOW.timestamp()  # the second was begun when the first was full


@pytest.mark.parametrize("read", [0, 1, 2])
def test_retention_while_it_is_read_is_no_gap_and_no_longer_evidence(place: Place, read: int) -> None:
    """The same whether it comes before the first file is read or in the middle: nothing fails, nothing is hidden."""
    place.clock.time += timedelta(days=90) - HOUR  # two of the four are older
    chain = place.recorder.evidence()
    seen = [len(list(chain.lines(name))) for name in chain.files()[:read]]
    assert all(seen) and place.recorder.prune() == 2
    found = everything(chain, 0.0, place.clock.time.timestamp(), lambda _: True)
    assert found.gaps == []
    assert (
        found.oldest == (NOW + HOUR).timestamp()
    )  # when the third was begun, and not the time of what it did not read
    (place.events / THIRD).unlink()
    found = everything(chain, 0.0, place.clock.time.timestamp(), lambda _: True)
    assert [(gap.gap, gap.segment) for gap in found.gaps] == [("missing segment", THIRD)]


def test_retention_while_the_newest_are_looked_up(place: Place) -> None:
    """The older segments go when the newest one was read."""
    who = {"account": "123456789012", "kind": "role", "principal_id": ROLE, "name": "Job", "arn": "a", "entity": "e"}
    what = {"service": "s3", "operation": "GetObject", "region": "us-east-1", "access_key_id": "ASIAEXAMPLE"}
    how = {"source_ip": "127.0.0.1", "user_agent": "x", "allowed": True, "context": {}, "asked": ()}
    when = place.clock.time.timestamp()
    place.recorder.append([], [CallRecord(call="c", time=when, **who, **what, **how)])  # type: ignore[arg-type]

    def wanted(_: CallRecord) -> bool:
        for name in (FIRST, SECOND):
            (place.events / name).unlink(missing_ok=True)
        return True

    assert [one.call for one in newest(place.events, 0.0, when, (), wanted, 9)] == ["c"]
    (place.events / SECOND).symlink_to(place.events / "gone")
    assert len(place.recorder.recent(10**6)) == len(place.recorder.recent(100)) > 0


def test_a_crash_in_the_middle_of_the_retention_leaves_no_gap(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.clock.time += timedelta(days=90) - 2 * HOUR
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *_, **__: os.stat("/nowhere"))
        with pytest.raises(FileNotFoundError):
            place.recorder.prune()
    os.utime(place.events / FIRST, (NOW.timestamp(), NOW.timestamp()))
    place.recorder.prune()
    assert not (place.events / FIRST).exists()
    assert place.gaps() == []


def test_segments_of_a_version_without_digests_are_read_and_are_no_gap(place: Place) -> None:
    """That one is there is known from the first start on, what it says is not."""
    place.recorder.close()
    end = (place.events / LAST).read_bytes().rindex(b'{"end":')
    with place.store.write() as conn:
        chains.keep(conn, dict.fromkeys(chains.links(conn)))
        chains.keep_position(conn, "w0", Position(4, end))
    place.start()
    assert place.gaps() == []
    assert place.read() == place.written
    one_byte(place.events / SECOND)
    assert place.gaps() == []
    cut(place.events / SECOND)
    assert place.gaps() == [("segment cut off", SECOND)]
    (place.events / SECOND).unlink()
    assert place.gaps() == [("missing segment", SECOND)]
    place.recorder.close()
    place.start()
    assert place.gaps() == [("missing segment", SECOND)]


# INVARIANT: without the master key nobody makes a link that holds, so that the chain cannot be mended in the database.
def test_a_digest_without_the_key_is_worth_nothing(place: Place) -> None:
    path = place.events / SECOND
    one_byte(path)
    with place.store.read() as conn:
        link = chains.links(conn)[SECOND]
    for key in (b"", b"\0" * 32):
        _, size, mac = chains.held(path, key, link)
        with place.store.write() as conn:
            chains.keep(conn, {SECOND: chains.Link(size, mac.hexdigest(), link.first, link.last, ended=True)})
        assert place.gaps() == [("segment altered", SECOND)]


def test_what_was_lost_before_the_end_is_said(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that failed and nothing after it but the end."""

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("kansatsu.advisor.segments.os.write", full)
        with pytest.raises(Exception, match="could not be recorded"):
            place.recorder.append([event(place.clock)])
    place.recorder.close()
    place.start()
    [gap] = place.found().gaps
    assert gap == Gap("write failed", place.clock.time.timestamp(), place.clock.time.timestamp(), 1, LAST)


def test_another_nodes_evidence_is_named_as_such(place: Place) -> None:
    """Its links are in the database, its files in a directory of its own."""
    links = {
        "0badcafe-000000000001.jsonl": chains.Link(9, "x", NOW.timestamp(), NOW.timestamp() + 60, ended=True),
        "0badcafe-000000000002.jsonl": chains.Link(9, "x", NOW.timestamp() + 70, NOW.timestamp() + 90),
        "1badcafe-000000000001.jsonl": chains.Link(0, "x", NOW.timestamp(), NOW.timestamp()),  # it did nothing
    }
    with place.store.write() as conn:
        chains.keep(conn, links)
    [gap] = place.found().gaps
    assert (gap.gap, gap.segment) == ("recorded on another node", "node 0badcafe")
    assert (gap.after, gap.until) == (NOW.timestamp(), NOW.timestamp() + 90)
    assert place.gaps(NOW + HOUR) == []
    place.recorder.close()
    place.start()
    assert place.gaps() == [("recorded on another node", "node 0badcafe")]
    with place.store.write() as conn:
        chains.keep_position(conn, "2badcafe", Position(1, 9))  # of a version that made no links
    assert place.gaps(NOW + HOUR) == [("recorded on another node", "node 2badcafe")]
