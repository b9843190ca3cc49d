"""The storage contract: transactions are whole, durable and one at a time; reads see one state and cannot write."""

import asyncio
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import DatabaseError, IntegrityError, ResourceClosedError

from kansatsu.clock import SystemClock
from kansatsu.errors import ServiceUnavailable, Throttling
from kansatsu.identity import Store, StoreError, database, open_store, schema
from kansatsu.identity.turns import WAITING

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


def test_sixty_four_writers_in_threads_and_processes_take_turns(tmp_path: Path, url: str) -> None:
    """Each reads a number and writes the next one: no error, and none is lost."""
    open_store(tmp_path / "d", SystemClock(), url).close()

    def add(into: Store) -> None:
        with into.write() as conn:
            table = schema.setting
            value = conn.execute(select(table.c.value).where(table.c.name == "n")).scalar()
            conn.execute(table.delete().where(table.c.name == "n"))
            put(conn, "n", str(int(value or 0) + 1))

    def process() -> None:
        into = open_store(tmp_path / "d", SystemClock(), url)
        with ThreadPoolExecutor(16) as threads:
            assert list(threads.map(add, [into] * 32)) == [None] * 32
        into.close()

    processes = [multiprocessing.get_context("fork").Process(target=process) for _ in range(4)]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    assert [each.exitcode for each in processes] == [0] * 4
    store = open_store(tmp_path / "d", SystemClock(), url)
    with store.read() as conn:
        assert conn.execute(select(schema.setting.c.value).where(schema.setting.c.name == "n")).scalar() == "128"
    store.close()


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


async def test_attack_one_account_asks_for_more_than_anybody_waits_for(store: Store) -> None:
    """INVARIANT: whoever has a thousand things worked out keeps another account waiting for one of them."""
    enough, done = threading.Event(), list[str]()
    loop = asyncio.get_running_loop()
    take = store.aside.take
    turns = [loop.create_task(take("111111111111", partial(enough.wait, 60.0)))]
    turns += [loop.create_task(take("111111111111", partial(done.append, "greedy"))) for _ in range(WAITING - 1)]
    turns.append(loop.create_task(take("222222222222", partial(done.append, "other"))))
    await asyncio.sleep(0)  # each has begun
    with pytest.raises(Throttling):
        await take("111111111111", partial(done.append, "too many"))
    enough.set()
    await asyncio.gather(*turns)
    assert done == ["other", *["greedy"] * (WAITING - 1)]
    await take("111111111111", partial(done.append, "again"))
    assert done[-1] == "again"
