"""Lines out of the frames of an engine: each once, whole, in order, wherever a reader begins and however it arrives."""

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.workload.providers import Line, ProviderError
from kansatsu.workload.written import LONGEST, Frames, Reader

LATER = "2027-01-01T00:00:00"
BEGIN = datetime(2026, 1, 31, 12, tzinfo=UTC)
Frame = tuple[int, bytes]

# (stream, text, seconds later): what programs write at once to standard output (1) and standard error (2).
TEXTS = st.text(st.characters(exclude_characters="\n\r"), max_size=6).map(str.encode)
SPLIT = st.sampled_from([b"caf\xc3", b"\xa9", b"\xe3\x81", b"\x82", b"\xff"])
LONG = st.sampled_from([b"x" * (LONGEST // 2 + 1), b"y" * (LONGEST // 3), "é".encode() * (LONGEST // 4)])
PARTS = st.tuples(TEXTS | SPLIT, st.sampled_from([b"", b"", b"\n", b"\r\n"])).map(b"".join) | LONG
WRITES = st.lists(st.tuples(st.sampled_from([1, 2]), PARTS, st.sampled_from([0, 0, 0, 1, 2])), max_size=25)


def framed(writes: Sequence[tuple[int, bytes, int]]) -> list[Frame]:
    """As podman gives them: every write with a time of its own, in whole seconds."""
    moment, frames = BEGIN, []
    for stream, text, later in writes:
        moment += timedelta(seconds=later)
        frames.append((stream, f"{moment:%Y-%m-%dT%H:%M:%SZ} ".encode() + text))
    return frames


def read(frames: Sequence[Frame], after: str = "", *, now: str = LATER, most: int = 0) -> list[Line]:
    """From an engine that leaves out what came before the second that is asked for."""
    reader = Reader(after, most)
    for stream, frame in frames:
        if frame[:19].decode() >= reader.since[:19]:
            reader.add(stream, frame)
    return reader.end(now)


def expected(writes: Sequence[tuple[int, bytes, int]], stream: int) -> bytes:
    return b"".join(text for where, text, _ in writes if where == stream)


@given(WRITES)
def test_no_word_is_lost_or_said_twice(writes: list[tuple[int, bytes, int]]) -> None:
    """Every stream's lines, put together again, are what was written to it; and no two have the same time."""
    found = read(framed(writes))
    assert all(a.stamp < b.stamp for a, b in itertools.pairwise(found))
    wanted = sorted(
        piece
        for stream in (1, 2)
        for piece in expected(writes, stream).replace(b"\r\n", b"\n").decode(errors="replace").split("\n")
    )
    if all(len(text) < 100 for _, text, _ in writes):
        assert sorted(filter(None, (line.text for line in found))) == [each for each in wanted if each]
    assert sum(len(line.text) for line in found) == sum(map(len, wanted))


@given(WRITES, st.data())
def test_whoever_goes_on_reads_the_rest(writes: list[tuple[int, bytes, int]], data: st.DataObject) -> None:
    """Again and again, while it is written: together it is what one read of everything says. Where lines of both
    streams overlap, too, and where a line is so long that it comes in pieces."""
    frames, after, said = framed(writes), "", list[Line]()
    cuts = data.draw(st.lists(st.integers(0, len(frames)), max_size=5).map(sorted))
    for cut in cuts:
        new = [line for line in read(frames[:cut], after) if line.ended]
        new = new[: data.draw(st.integers(0, len(new)))]
        said += new
        after = new[-1].place if new else after
    assert [*said, *read(frames, after)] == read(frames)


@given(WRITES, st.integers(1, 5))
def test_the_last_lines(writes: list[tuple[int, bytes, int]], most: int) -> None:
    assert read(framed(writes), most=most) == read(framed(writes))[-most:]


@given(WRITES, st.data(), st.booleans())
def test_frames_are_the_same_however_they_arrive(
    writes: list[tuple[int, bytes, int]], data: st.DataObject, terminal: bool
) -> None:
    frames, arriving = framed(writes), Frames()
    if terminal:  # no headers: a chunk of HTTP is a frame
        pieces = [(piece, end) for _, frame in frames for piece, end in _halved(frame, data)]
        frames = [(1, frame) for _, frame in frames]
    else:
        sent = b"".join(bytes([stream, 0, 0, 0]) + len(frame).to_bytes(4) + frame for stream, frame in frames)
        pieces = [(piece, data.draw(st.booleans())) for piece in _cut(sent, data)]
    assert [each for piece, end in pieces for each in arriving.feed(piece, chunk_ended=end)] == frames


def _cut(sent: bytes, data: st.DataObject) -> Iterator[bytes]:
    cuts = data.draw(st.lists(st.integers(0, min(len(sent), 200)), max_size=8).map(sorted))
    yield from (sent[a:b] for a, b in itertools.pairwise([0, *cuts, len(sent)]))


def _halved(frame: bytes, data: st.DataObject) -> Iterator[tuple[bytes, bool]]:
    where = data.draw(st.integers(0, min(len(frame), 40)))
    yield frame[:where], False
    yield frame[where:], True


@pytest.mark.parametrize(
    ("written", "stamp"),
    [
        (b"2026-01-31T12:00:00Z x y\n", "2026-01-31T12:00:00.000000000Z"),
        (b"2026-01-31T12:00:00.5+01:00 x y\n", "2026-01-31T11:00:00.500000000Z"),
        (b"2026-01-31T12:00:00.123456789-05:30 x y\r\n", "2026-01-31T17:30:00.123456789Z"),
    ],
)
def test_times_as_engines_write_them(written: bytes, stamp: str) -> None:
    assert read([(1, written)]) == [Line(stamp, "x y")]


def test_a_frame_without_a_time() -> None:
    with pytest.raises(ProviderError, match="no time"):
        Reader().add(1, b"yesterday x\n")


def test_what_is_being_written_down_is_waited_for() -> None:
    """A read may meet the engine in the middle of a line: the last one of this very second does not count as ended."""
    frames = framed([(1, b"first\n", 0), (1, b"sec", 0)])
    torn = [*frames[:1], (1, frames[1][1] + b"\n")]
    assert [line.ended for line in read(torn, now="2026-01-31T12:00:00")] == [True, False]
    assert [line.ended for line in read(torn, now="2026-01-31T12:00:01")] == [True, True]
