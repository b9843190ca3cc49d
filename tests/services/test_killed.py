"""Kill -9 in the middle of writes: nothing that was acknowledged is lost, and nothing half-written appears.

Each of the two databases is tried 200 times; KILLS=20 in the environment kills 20 times.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from conftest import cli_environ
from kansatsu.clock import SystemClock
from kansatsu.identity import Store, accounts, bootstrap, open_store, schema
from services import killing

KILLS = int(os.environ.get("KILLS", "200"))
LOOKS = 10


@contextmanager
def killer(path: Path, url: str) -> Iterator[Callable[[int], set[int]]]:
    """Kills so many writers; the numbers of the roles that they told of."""
    command = [sys.executable, killing.__file__, str(path), url]
    with subprocess.Popen(command, env=cli_environ(), stdin=-1, stdout=-1, text=True) as process:
        assert process.stdin and process.stdout

        def kill(times: int) -> set[int]:
            print(times, file=process.stdin, flush=True)
            answer = process.stdout.readline()  # type: ignore[union-attr]
            assert answer, "the process that forks writers has ended"
            return set(json.loads(answer))

        try:
            yield kill
        finally:
            process.kill()


def whole(store: Store) -> set[int]:
    """The roles that there are, each with all of its tags and its place in the log of changes."""
    entity, tag, change = schema.entity.c, schema.tag.c, schema.change.c
    with store.read() as conn:
        rows = conn.execute(select(entity.id, entity.name).where(entity.kind == "role")).all()
        tags = Counter(conn.execute(select(tag.resource_id)).scalars())
        changes = Counter(conn.execute(select(change.id)).scalars())
    assert tags == {row.id: len(killing.TAGS) for row in rows}
    assert {changes[row.id] for row in rows} <= {1}
    return {int(row.name[1:]) for row in rows}


# INVARIANT: an acknowledged write survives kill -9, and nothing is ever half written.
@pytest.mark.timeout(1200)
def test_kill_9_takes_nothing_that_was_acknowledged(tmp_path: Path, store_url: str) -> None:
    with closing(open_store(tmp_path / "d", SystemClock(), store_url)) as store:
        accounts.found(store, killing.ACCOUNT)
        bootstrap(store, killing.ACCOUNT)
    acknowledged, kills = set[int](), 0
    with killer(tmp_path / "d", store_url) as kill:
        while kills < KILLS:
            times = min(max(1, KILLS // LOOKS), KILLS - kills)
            acknowledged |= kill(times)
            kills += times
            with closing(open_store(tmp_path / "d", SystemClock(), store_url)) as store:
                found = whole(store)
            assert acknowledged <= found
            assert len(found - acknowledged) <= kills  # the one that was under way, committed and not told
    assert len(acknowledged) > KILLS
