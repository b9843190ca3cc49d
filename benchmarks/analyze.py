"""Reading a trail: CPU seconds and MB/s of `kansatsu analyze` against gunzip alone, DuckDB, polars and chdb.

    .venv/bin/python benchmarks/cloudtrail.py DIR --events 1000000
    .venv/bin/python benchmarks/analyze.py DIR [--peers 100] [--rounds 3]

Peers answer the same question (the last time and the number of calls of each principal, source, name and Region) on the
first `--peers` files; each side runs in a process of its own, with one thread, and CPU is that of the process and its
children. The machine's load is printed, since other work on it makes all of it slower.
"""

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path

from zlib_ng import gzip_ng, zlib_ng

from kansatsu.advisor.logs import reading, sources
from kansatsu.advisor.logs.cache import Cache
from kansatsu.advisor.logs.sources import Bucket

PEERS = {
    "polars": """
import polars as pl, gzip, glob, sys, json
frames = []
for path in FILES:
    text = gzip.open(path).read()
    frame = pl.read_json(text, schema={"Records": pl.List(pl.Struct({
        "userIdentity": pl.Struct({"principalId": pl.String}), "eventTime": pl.String, "eventSource": pl.String,
        "eventName": pl.String, "awsRegion": pl.String}))}).explode("Records").unnest("Records").unnest("userIdentity")
    frames.append(frame.group_by("principalId", "eventSource", "eventName", "awsRegion").agg(
        pl.col("eventTime").max(), pl.len()))
print(len(pl.concat(frames).group_by("principalId", "eventSource", "eventName", "awsRegion").agg(
    pl.col("eventTime").max(), pl.col("len").sum())))
""",
    "duckdb": """
import duckdb
con = duckdb.connect()
con.execute("SET threads = 1")
rows = con.execute('''
    SELECT r.userIdentity.principalId, r.eventSource, r.eventName, r.awsRegion, max(r.eventTime), count(*)
    FROM (SELECT unnest(Records) AS r FROM read_json(?, maximum_object_size = 1000000000, columns = {
        Records: 'STRUCT(userIdentity STRUCT(principalId VARCHAR), eventTime VARCHAR, eventSource VARCHAR,
        eventName VARCHAR, awsRegion VARCHAR)[]'})) GROUP BY ALL''', [FILES]).fetchall()
print(len(rows))
""",
    "chdb": """
import chdb, os
rows = chdb.query('''
    SELECT JSONExtractString(r, 'userIdentity', 'principalId') AS p, JSONExtractString(r, 'eventSource') AS s,
        JSONExtractString(r, 'eventName') AS n, JSONExtractString(r, 'awsRegion') AS g,
        max(JSONExtractString(r, 'eventTime')), count()
    FROM (SELECT arrayJoin(JSONExtractArrayRaw(line, 'Records')) AS r
          FROM file('%s', 'LineAsString', 'line String', 'gzip')) GROUP BY p, s, n, g
    SETTINGS max_threads = 1''' % GLOB, "CSV")
print(str(rows).count(chr(10)))
""",
}


def cpu() -> float:
    """Seconds of this process and of its children that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall seconds, in a process of its own."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        begin, before = time.perf_counter(), cpu()
        work()
        os.write(writer, f"{cpu() - before} {time.perf_counter() - begin}".encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    used, wall = map(float, text.split())
    return used, wall


def gunzip(files: list[Path]) -> None:
    for path in files:
        gzip_ng.decompress(path.read_bytes())


def gunzip_at_once(files: list[Path]) -> None:
    """The fastest that zlib-ng is: into memory of the right size from the start."""
    for path in files:
        data = path.read_bytes()
        zlib_ng.decompress(data, 31, int.from_bytes(data[-4:], "little") + 1)


def read(logs: Path, out: Path, processes: int) -> None:
    files = sources.listing([str(logs)], Bucket(), None).files
    cache = Cache(out)
    reading.read(files, Bucket(), cache, processes, lambda done, size: None)
    cache.close()


def best(rounds: int, *works: Callable[[], tuple[float, float]]) -> list[tuple[float, float]]:
    """Of each the round with the least CPU: what others on the machine did not take. They take turns: so a busy minute
    is one for all of them.
    """
    taken = [[work() for work in works] for _ in range(rounds)]
    return [min(times) for times in zip(*taken, strict=True)]


def ours(logs: Path, processes: int) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as out:
        return measured(lambda: read(logs, Path(out), processes))


def without(logs: Path, files: list[Path], out: Path) -> None:
    """A first run, to which one file in a hundred is new afterwards: those are away in it."""
    away = random.Random(1).sample(files, max(1, len(files) // 100))
    with tempfile.TemporaryDirectory() as aside:
        for path in away:
            shutil.move(path, Path(aside) / path.name)
        try:
            measured(lambda: read(logs, out, 2))  # elsewhere: nothing of it stays in this process
        finally:
            for path in away:
                shutil.move(Path(aside) / path.name, path)


def again(logs: Path, before: Path) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as out:
        shutil.copytree(before, out, dirs_exist_ok=True)
        return measured(lambda: read(logs, Path(out), 2))


def peers(files: list[Path], size: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "-q", *PEERS], check=True)
        flat = home / "flat"
        flat.mkdir()
        for path in files:
            shutil.copy(path, flat / path.name)
        begin = f"FILES = {[str(path) for path in files]!r}\nGLOB = {str(flat / '*.json.gz')!r}\n"
        environ = os.environ | {"POLARS_MAX_THREADS": "1"}
        for peer, text in PEERS.items():

            def run(text: str = text) -> None:
                subprocess.run(
                    [home / "bin" / "python", "-c", begin + text], check=True, env=environ, stdout=sys.stderr
                )

            used, wall = measured(run)
            show(peer, used, wall, size)


def show(name: str, used: float, wall: float, size: float, bound: float = 0.0) -> None:
    ratio = f"{used / bound:6.2f}x" if bound else ""
    print(f"{name:32} {used:8.2f} s CPU {wall:8.2f} s {size / used:8.0f} MB/s {ratio}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", type=Path)
    parser.add_argument("--peers", type=int, default=100, help="files that the peers read; 0: no peers")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    files = sorted(given.logs.rglob("*.json.gz"))
    packed = sum(path.stat().st_size for path in files) / 1e6
    size = sum(len(gzip_ng.decompress(path.read_bytes())) for path in files) / 1e6
    print(f"{len(files)} files, {packed:.0f} MB, {size:.0f} MB unpacked; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as before:
        without(given.logs, files, Path(before))
        alone, sized, one, two, later = best(
            given.rounds,
            lambda: measured(lambda: gunzip(files)),
            lambda: measured(lambda: gunzip_at_once(files)),
            lambda: ours(given.logs, 1),
            lambda: ours(given.logs, 2),
            lambda: again(given.logs, Path(before)),
        )
    show("gunzip alone (zlib-ng)", *alone, size)
    show("the same, size known", *sized, size, alone[0])
    show("kansatsu, 1 process", *one, size, alone[0])
    show("kansatsu, 2 processes", *two, size, alone[0])
    apart = 2 * one[0] / two[0]
    print(f"  2 processes: {one[1] / two[1]:.2f} times as fast by the clock; {apart:.2f} on cores of their own")
    show("kansatsu, 1% of the files new", *later, size / 100)
    print(f"  {later[0] / one[0]:.1%} of the first run's CPU")
    if given.peers:
        some = files[: given.peers]
        part = sum(len(gzip_ng.decompress(path.read_bytes())) for path in some) / 1e6
        print(f"the first {len(some)} files, {part:.0f} MB unpacked; load {os.getloadavg()[0]:.1f}")
        with tempfile.TemporaryDirectory() as name:
            for path in some:
                shutil.copy(path, name)
            alone, one = best(given.rounds, lambda: measured(lambda: gunzip(some)), lambda: ours(Path(name), 1))
        show("gunzip alone (zlib-ng)", *alone, part)
        show("kansatsu, 1 process", *one, part)
        peers(some, part)
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
