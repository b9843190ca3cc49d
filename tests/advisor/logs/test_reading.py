"""Many files as one sum: only what is new is read, what is gone does not count, and no event counts twice."""

import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from kansatsu.advisor.logs import reading, sources
from kansatsu.advisor.logs.cache import Cache, CacheBusy
from kansatsu.advisor.logs.reading import Result
from kansatsu.advisor.logs.sources import Bucket, NoSource
from kansatsu.advisor.logs.summary import summarise

from .trail import delivered, record, role, write

HERE = Bucket()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def read(logs: Path, out: Path, processes: int = 1) -> Result:
    files = sources.listing([str(logs)], HERE, None).files
    cache = Cache(out)
    try:
        return reading.read(files, HERE, cache, processes, lambda done, size: None)
    finally:
        cache.close()


def some(luck: random.Random, number: int) -> list[dict[str, Any]]:
    return [
        record(role(id=f"AROA{luck.randrange(4)}"), name=luck.choice(["ListBuckets", "GetObject"]),
               time=f"2026-11-{luck.randint(1, 28):02}T{luck.randrange(24):02}:00:00Z")
        for _ in range(number)
    ]  # fmt: skip


def same(one: Result, records: list[dict[str, Any]]) -> bool:
    """Is it the sum of these records, each once?"""
    totals = summarise(delivered(records)).totals
    return (one.totals.rows, one.totals.events) == (totals.rows, totals.events)


def test_only_what_is_new_is_read(logs: Path, out: Path) -> None:
    luck = random.Random(1)
    records = [some(luck, 20) for _ in range(6)]
    for number in range(5):
        write(logs, number, records[number])
    first = read(logs, out)
    assert (first.read, first.known) == (5, 0)
    assert same(first, [*chain.from_iterable(records[:5])])
    assert (read(logs, out).read, read(logs, out).known) == (0, 5)
    write(logs, 5, records[5])
    later = read(logs, out)
    assert (later.read, later.known) == (1, 5)
    assert same(later, [*chain.from_iterable(records)])


@pytest.mark.parametrize(("at_once", "expected"), [(1, (1, 1)), (16, (2, 0))])
def test_what_has_changed_is_read_again_and_what_is_gone_does_not_count(
    logs: Path, out: Path, at_once: int, expected: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the files that were counted together with it."""
    monkeypatch.setattr(reading, "_AT_ONCE", at_once)
    luck = random.Random(2)
    records = [some(luck, 20) for _ in range(3)]
    paths = [write(logs, number, records[number]) for number in range(3)]
    read(logs, out)
    paths[0].unlink()
    records[1] = some(luck, 7)
    write(logs, 1, records[1])
    os.utime(paths[1], (1, 1))
    found = read(logs, out)
    assert (found.read, found.known) == expected
    assert same(found, records[1] + records[2])


@pytest.mark.parametrize("processes", [1, 2])
def test_no_event_counts_twice(logs: Path, out: Path, processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same file, in another one, in a copy, and in a file that comes later."""
    monkeypatch.setattr(reading, "_WORTH_A_POOL", 0)
    monkeypatch.setattr(reading, "_AT_ONCE", 2)
    luck = random.Random(3)
    records = some(luck, 200)
    for number in range(5):
        write(logs, number, luck.sample(records, 80))
    write(logs, 5, records)
    copy = write(logs, 6, records)
    found = read(logs, out, processes)
    assert same(found, records)
    assert found.totals.duplicates == 5 * 80 + 200
    # A copy is named with what it repeats; which of two is the copy depends on who was first.
    assert {duplicates for name, trouble, duplicates in found.troubles if not trouble} >= {200}
    copy.rename(copy.with_name(copy.name.replace("0006Z", "0007Z")))
    assert same(read(logs, out, processes), records)


def test_a_run_that_was_interrupted_goes_on(logs: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_AT_ONCE", 1)
    luck = random.Random(4)
    records = [some(luck, 20) for _ in range(4)]
    for number in range(4):
        write(logs, number, records[number])

    def stop(done: int, size: int) -> None:
        raise KeyboardInterrupt

    files = sources.listing([str(logs)], HERE, None).files
    cache = Cache(out)
    with pytest.raises(KeyboardInterrupt):
        reading.read(files, HERE, cache, 1, stop)
    cache.close()
    found = read(logs, out)
    assert (found.read, found.known) == (3, 1)
    assert same(found, [*chain.from_iterable(records)])


_KILLED = """
import os, signal, sys
from kansatsu.advisor.logs import reading, sources
from kansatsu.advisor.logs.cache import Cache
from pathlib import Path
reading._WORTH_A_POOL, reading._AT_ONCE = 0, 1
files = sources.listing([sys.argv[1]], sources.Bucket(), None).files
def killed(done, size):
    print(*(child.pid for child in __import__("multiprocessing").active_children()), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
reading.read(files, sources.Bucket(), Cache(Path(sys.argv[2])), 2, killed)
"""


def test_a_run_that_was_killed_goes_on_and_leaves_no_process(logs: Path, out: Path) -> None:
    luck = random.Random(5)
    records = [some(luck, 20) for _ in range(6)]
    for number in range(6):
        write(logs, number, records[number])
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, logs, out], check=False, stdout=subprocess.PIPE, text=True, timeout=120
    )
    assert done.returncode == -signal.SIGKILL
    children = [int(text) for text in done.stdout.split()]
    assert len(children) == 2
    until = time.monotonic() + 180
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < until
        time.sleep(0.02)
    found = read(logs, out)
    assert found.known > 0 and found.read + found.known == 6
    assert same(found, [*chain.from_iterable(records)])


def test_trouble_is_named_and_remembered(logs: Path, out: Path) -> None:
    good, bad = write(logs, 1, [record()]), write(logs, 2, [record()])
    bad.write_bytes(b"\x1f\x8b nothing")
    (logs / "note.json").write_text("{}")
    (logs / "AWSLogs/123456789012/CloudTrail-Digest/us-east-1").mkdir(parents=True)
    (logs / "AWSLogs/123456789012/CloudTrail-Digest/us-east-1/digest.json.gz").write_bytes(b"")
    (logs / "notes.txt").write_text("not looked at")
    for _ in range(2):
        found = read(logs, out)
        assert [(Path(name).name, trouble) for name, trouble, _ in found.troubles] == [
            (bad.name, "corrupt"),
            ("note.json", "no log"),
        ]
        assert found.totals.events == 1
    good.chmod(0)
    if os.getuid():
        good.rename(good.with_name("other.json.gz"))
        assert read(logs, out).troubles[0][1] == "Permission denied"


def test_one_run_at_a_time(out: Path) -> None:
    cache = Cache(out)
    with pytest.raises(CacheBusy):
        Cache(out)
    cache.close()
    (out / "summaries.sqlite").write_bytes(b"no database, but twenty bytes and more of something else")
    Cache(out).close()


def test_files_older_than_the_window_are_not_opened(logs: Path) -> None:
    write(logs, 1, [record()], "20251120")
    late = write(logs, 2, [record()], "20261120")
    loose = logs / "loose.json"
    loose.write_bytes(delivered([record()]))
    found = sources.listing([str(logs)], HERE, datetime(2026, 1, 1, tzinfo=UTC))
    assert (sorted(file.name for file in found.files), found.older) == (sorted([str(late), str(loose)]), 1)


@pytest.mark.parametrize("name", ["/nowhere/at/all", "a\0b"])
def test_logs_that_are_not_there(name: str) -> None:
    with pytest.raises(NoSource):
        sources.listing([name], HERE, None)


def test_what_is_no_file_ends_no_run(logs: Path, out: Path) -> None:
    """The attack: a pipe, a device or a link among the logs, which would be read forever, or stop everything."""
    write(logs, 0, [record()])
    os.mkfifo(logs / "pipe.json")
    (logs / "zeros.json").symlink_to("/dev/zero")
    (logs / "circle").symlink_to(logs)
    (logs / "circle.json").symlink_to(logs / "circle.json")
    (logs / "gone.json").symlink_to(logs / "nothing")
    found = read(logs, out)
    assert found.totals.events == 1
    assert sorted(Path(name).name for name, trouble, _ in found.troubles if trouble) == ["circle.json", "gone.json"]


def test_of_a_file_that_is_too_large_only_a_beginning_is_read(logs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack: a file of more bytes than there is memory."""
    with (logs / "large.json").open("wb") as file:
        file.truncate(1 << 40)
    monkeypatch.setattr(sources, "MOST_BYTES", 100)
    assert len(sources.content(str(logs / "large.json"), HERE)) == 101
