"""The storage contract: transactions are whole, durable and one at a time; reads see one state and cannot write."""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import DatabaseError, IntegrityError, ResourceClosedError

from kansatsu.clock import SystemClock
from kansatsu.errors import ServiceUnavailable
from kansatsu.identity import Store, StoreError, database, open_store, schema

from . import people

ENTITIES = select(func.count()).select_from(schema.entity)


def put(conn: Connection, name: str, value: str = "") -> str:
    conn.execute(insert(schema.setting), {"name": name, "value": value})
    return name


def names(store: Store) -> set[str]:
    with store.read() as conn:
        return set(conn.execute(select(schema.setting.c.name)).scalars())


def test_a_block_that_raises_leaves_nothing(store: Store) -> None:
    before = names(store)

    def fail() -> None:
        with store.write() as conn:
            put(conn, "a")
            raise KeyError("a")

    with pytest.raises(KeyError):
        fail()
    assert names(store) == before
    with store.write() as conn:
        put(conn, "b")
    assert names(store) == before | {"b"}


def test_a_read_sees_one_state(store: Store) -> None:
    with store.read() as conn:
        first = conn.execute(ENTITIES).scalar()
        with store.write() as writing:
            people.add(writing, "user", "x")
        assert conn.execute(ENTITIES).scalar() == first
    with store.read() as conn:
        assert conn.execute(ENTITIES).scalar() == first + 1


@pytest.mark.parametrize("writing", [False, True])
def test_a_result_that_is_not_read_to_its_end_keeps_nobody_at_an_old_state(store: Store, writing: bool) -> None:
    with store.write() as conn:
        for number in range(1000):
            put(conn, f"{number}")
    # What a generator over rows is, when it is given back and read later, or never.
    with store.write() if writing else store.read() as conn:
        rows = conn.execute(select(schema.setting.c.name))
        next(rows)
    with store.write() as conn:
        put(conn, "new")
    assert "new" in names(store)
    with pytest.raises(ResourceClosedError):
        next(rows)


def test_a_read_cannot_write(store: Store) -> None:
    with store.read() as conn, pytest.raises(DatabaseError, match=r"read-?only"):
        put(conn, "a")


def test_what_hangs_on_nothing_is_refused(store: Store) -> None:
    """A key, membership or attachment without its owner is a bug of ours and must not be stored."""
    with pytest.raises(IntegrityError), store.write() as conn:
        people.attach(conn, "AIDANOBODY", "arn:aws:iam::aws:policy/AdministratorAccess")
    with store.write() as conn:
        user = people.add(conn, "user", "u")
        people.add_key(conn, store, user)
    with pytest.raises(IntegrityError), store.write() as conn:
        conn.execute(schema.entity.delete().where(schema.entity.c.id == user))


def test_a_transaction_inside_a_transaction_is_an_error(store: Store) -> None:
    def nested() -> None:
        with store.write(), store.write():
            pytest.fail("two at once")

    with pytest.raises(RuntimeError, match="already open"):
        nested()
    with store.write() as conn:
        put(conn, "later")


async def test_transact_runs_off_the_loop_and_returns_what_the_function_does(store: Store) -> None:
    def work(conn: Connection, name: str, *, value: str) -> tuple[str, int]:
        return put(conn, name, value), threading.get_ident()

    results = await asyncio.gather(*(store.transact(work, f"n{number}", value="v") for number in range(20)))
    assert {name for name, _ in results} == {f"n{number}" for number in range(20)} <= names(store)
    assert threading.get_ident() not in {thread for _, thread in results}
    with pytest.raises(IntegrityError):
        await store.transact(work, "n1", value="again")


def test_writers_of_several_threads_and_processes_take_turns(store: Store, other: Store) -> None:
    def count(into: Store) -> None:
        for _ in range(25):
            with into.write() as conn:
                table = schema.setting
                value = conn.execute(select(table.c.value).where(table.c.name == "n")).scalar()
                conn.execute(table.update().where(table.c.name == "n").values(value=str(int(value or 0) + 1)))

    with store.write() as conn:
        put(conn, "n", "0")
    threads = [threading.Thread(target=count, args=(into,)) for into in (store, store, other, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as conn:
        assert conn.execute(select(schema.setting.c.value).where(schema.setting.c.name == "n")).scalar() == "100"


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.01)
    one, two = (open_store(tmp_path / "d", SystemClock(), url) for _ in range(2))
    with one.write() as conn:
        put(conn, "a")
        with pytest.raises(ServiceUnavailable), two.write():
            pytest.fail("two writers at once")
        with pytest.raises(StoreError, match=r"cannot be (opened|used): Another process"):
            open_store(tmp_path / "d", SystemClock(), url)
    with two.write() as conn:
        put(conn, "b")
    one.close()
    two.close()


CHILD = """
import sys
from pathlib import Path
from sqlalchemy import insert
from kansatsu.clock import SystemClock
from kansatsu.identity import open_store, schema
store = open_store(Path(sys.argv[1]), SystemClock(), sys.argv[3])
number = int(sys.argv[2])
while True:
    with store.write() as conn:
        for half in "ab":
            conn.execute(insert(schema.setting), {"name": f"{half}{number}", "value": "x" * 3000})
    print(number, flush=True)
    number += 1
"""


# INVARIANT: an acknowledged write survives kill -9, and nothing is ever half written.
def test_kill_9_takes_nothing_that_was_acknowledged(tmp_path: Path, url: str) -> None:
    chance = random.Random(int.from_bytes(os.urandom(4), "big"))
    acknowledged = set[int]()
    for _ in range(6):
        start = max(acknowledged, default=0) + 100
        command = [sys.executable, "-c", CHILD, str(tmp_path / "d"), str(start), url]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            for _ in range(chance.randint(1, 60)):
                acknowledged.add(int(child.stdout.readline()))
            child.send_signal(signal.SIGKILL)
            acknowledged |= {int(line) for line in child.stdout.read().split(b"\n")[:-1]}
        store = open_store(tmp_path / "d", SystemClock(), url)
        found = names(store)
        if not url:
            with store.read() as conn:
                assert conn.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        store.close()
        halves = [{int(name[1:]) for name in found if name[0] == half and name[1:].isdigit()} for half in "ab"]
        assert halves[0] == halves[1]
        assert acknowledged <= halves[0]
