"""A snapshot is fast because it remembers, and safe because it never remembers what is no longer true."""
# ruff: noqa: E501 - the cases are a table

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, insert

from kansatsu.errors import InternalFailure
from kansatsu.identity import Snapshot, Store, aws_managed, revoke, schema, sessions, touch
from kansatsu.identity.cache import Cache
from kansatsu.identity.snapshot import MANY_CHANGES
from kansatsu.identity.upkeep import KEPT_CHANGES

from . import people
from .people import ACCOUNT, allows, document

READ, WRITE = "s3:GetObject", "s3:PutObject"
S3_READ = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


class World:
    """One of each thing, and a user who may read by way of the one thing that a case names."""

    def __init__(self, store: Store):
        with store.write() as conn:
            self.user = people.add(conn, "user", "Ann")
            self.group = people.add(conn, "group", "Team")
            self.role = people.add(conn, "role", "Job", trust_document=people.trust("ec2.amazonaws.com"))
            self.key, self.secret = people.add_key(conn, store, self.user)
            self.policy = people.managed(conn, "P", document(READ), document(WRITE), document("*", "Deny"))
            self.limit = people.managed(conn, "Limit", document(WRITE), document("*"))


Act = Callable[[Connection, World], object]
See = Callable[[Snapshot, World], object]


def may(action: str) -> See:
    return lambda snapshot, w: allows(snapshot.policies(w.user), action)


def named(name: str) -> See:
    return lambda snapshot, w: (found := snapshot.find(ACCOUNT, "user", name)) and found.id == w.user


def key_status(snapshot: Snapshot, w: World) -> object:
    return (found := snapshot.access_key(w.key)) and found.status


def by_inline(conn: Connection, w: World) -> None:
    people.put_inline(conn, w.user, "in", document(READ))


def by_policy(conn: Connection, w: World) -> None:
    people.attach(conn, w.user, w.policy)


def by_aws(conn: Connection, w: World) -> None:
    people.attach(conn, w.user, S3_READ)


def by_group(conn: Connection, w: World) -> None:
    people.join(conn, w.user, w.group)
    people.attach(conn, w.group, w.policy)


def by_group_inline(conn: Connection, w: World) -> None:
    people.join(conn, w.user, w.group)
    people.put_inline(conn, w.group, "in", document(READ))


def nothing(conn: Connection, w: World) -> None:
    pass


# What is prepared, what is seen, what is then written, what must be seen at once.
CASES: dict[str, tuple[Act, See, object, Act, object]] = {
    "key deleted": (nothing, key_status, "Active", lambda c, w: people.drop_key(c, w.key), None),
    "key deactivated": (nothing, key_status, "Active", lambda c, w: people.set_key(c, w.key, "Inactive"), "Inactive"),
    "user deleted": (nothing, lambda s, w: s.entity(w.user) is None, False, lambda c, w: people.remove(c, w.user), True),
    "user deleted, by name": (nothing, named("Ann"), True, lambda c, w: people.remove(c, w.user), None),
    "user deleted, its policies": (by_inline, may(READ), True, lambda c, w: people.remove(c, w.user), False),
    "role deleted": (nothing, lambda s, w: s.entity(w.role) is None, False, lambda c, w: people.remove(c, w.role), True),
    "inline deleted": (by_inline, may(READ), True, lambda c, w: people.drop_inline(c, w.user, "in"), False),
    "inline put": (nothing, may(READ), False, by_inline, True),
    "inline put on top": (by_inline, may(READ), True, lambda c, w: people.put_inline(c, w.user, "in", document(WRITE)), False),
    "detached": (by_policy, may(READ), True, lambda c, w: people.detach(c, w.user, w.policy), False),
    "attached": (nothing, may(READ), False, by_policy, True),
    "AWS's detached": (by_aws, may(READ), True, lambda c, w: people.detach(c, w.user, S3_READ), False),
    "default version": (by_policy, may(READ), True, lambda c, w: people.set_default(c, w.policy, 2), False),
    "default version denies": (by_policy, may(READ), True, lambda c, w: people.set_default(c, w.policy, 3), False),
    "left the group": (by_group, may(READ), True, lambda c, w: people.leave(c, w.user, w.group), False),
    "joined the group": (lambda c, w: people.attach(c, w.group, w.policy), may(READ), False, lambda c, w: people.join(c, w.user, w.group), True),
    "detached from the group": (by_group, may(READ), True, lambda c, w: people.detach(c, w.group, w.policy), False),
    "group's inline deleted": (by_group_inline, may(READ), True, lambda c, w: people.drop_inline(c, w.group, "in"), False),
    "group's policy changed": (by_group, may(READ), True, lambda c, w: people.set_default(c, w.policy, 2), False),
    "boundary put": (by_policy, may(READ), True, lambda c, w: people.change(c, w.user, boundary_arn=w.limit), False),
    "boundary changed": (
        lambda c, w: (by_policy(c, w), people.change(c, w.user, boundary_arn=w.limit)),
        may(READ), False, lambda c, w: people.set_default(c, w.limit, 2), True,
    ),
    "trust changed": (
        nothing, lambda s, w: repr(getattr(s.entity(w.role), "trust", None)).count("lambda.amazonaws.com") > 0, False,
        lambda c, w: people.change(c, w.role, trust_document=people.trust("lambda.amazonaws.com")), True,
    ),
    "renamed, old name": (nothing, named("Ann"), True, lambda c, w: people.change(c, w.user, name="Bea", name_key="bea"), None),
    "renamed, new name": (nothing, named("Bea"), None, lambda c, w: people.change(c, w.user, name="Bea", name_key="bea"), True),
    "tagged": (
        nothing, lambda s, w: dict(getattr(s.entity(w.user), "tags", {})), {},
        lambda c, w: (
            c.execute(insert(schema.tag), {"resource_id": w.user, "key_lower": "a", "key": "A", "value": "b"}),
            touch(c, ACCOUNT, "entity", w.user),
        ), {"A": "b"},
    ),
    "created": (nothing, lambda s, w: s.find(ACCOUNT, "role", "New") is None, True, lambda c, w: people.add(c, "role", "New"), False),
    "policy created": (
        nothing, lambda s, w: s.managed(f"arn:aws:iam::{ACCOUNT}:policy/Q") is None, True,
        lambda c, w: people.managed(c, "Q", document(READ)), False,
    ),
    "reset": (by_policy, may(READ), True, lambda c, w: (
        c.execute(schema.attachment.delete()), touch(c, ACCOUNT, "reset", ACCOUNT)), False),
}  # fmt: skip


# INVARIANT: what was deleted, deactivated, detached or changed is so for the very next snapshot of every process.
@pytest.mark.parametrize("writer", ["same process", "another process"])
@pytest.mark.parametrize("case", CASES)
def test_a_write_is_seen_at_once(case: str, writer: str, store: Store, other: Store) -> None:
    before, see, first, act, then = CASES[case]
    world = World(store)
    with store.write() as conn:
        before(conn, world)
    for _ in range(2):  # the second time from memory
        assert see(store.snapshot(), world) == first
    with (store if writer == "same process" else other).write() as conn:
        act(conn, world)
    for reader in (store, other):
        assert see(reader.snapshot(), world) == then


def test_a_real_other_process_is_seen_too(store: Store, tmp_path: Path, url: str) -> None:
    world = World(store)
    assert store.snapshot().access_key(world.key) is not None
    script = """
import sys
from pathlib import Path
from sqlalchemy import delete
from kansatsu.clock import SystemClock
from kansatsu.identity import open_store, schema, touch
store = open_store(Path(sys.argv[1]), SystemClock(), sys.argv[3])
with store.write() as conn:
    conn.execute(delete(schema.access_key).where(schema.access_key.c.id == sys.argv[2]))
    touch(conn, "123456789012", "access_key", sys.argv[2])
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "data"), world.key, url], check=True)
    assert store.snapshot().access_key(world.key) is None


class Queries:
    """Counts what the snapshot asks the database."""

    def __init__(self, store: Store):
        self.count = 0
        event.listen(store._database.reader, "before_cursor_execute", self._note)

    def _note(self, *_: Any) -> None:
        self.count += 1

    def of(self, action: Callable[[], object]) -> int:
        before = self.count
        action()
        return self.count - before


def test_only_what_depends_on_a_change_is_loaded_again(store: Store) -> None:
    with store.write() as conn:
        users = [people.add(conn, "user", f"u{number}") for number in range(20)]
        group = people.add(conn, "group", "g")
        for user in users[:10]:
            people.join(conn, user, group)
    queries = Queries(store)

    def ask(some: list[str]) -> int:
        return queries.of(lambda: [store.snapshot().policies(user) for user in some])

    assert ask(users) > 0
    assert ask(users) == 0
    with store.write() as conn:
        people.put_inline(conn, group, "in", document(READ))
    store.snapshot()
    assert ask(users[10:]) == 0
    assert ask(users[:10]) > 0
    assert all(allows(store.snapshot().policies(user), READ) for user in users[:10])


def test_what_is_not_there_is_asked_for_once(store: Store) -> None:
    snapshot, queries = store.snapshot(), Queries(store)
    for look in (
        lambda: snapshot.access_key("AKIAEXAMPLE"),
        lambda: snapshot.entity("AIDAEXAMPLE"),
        lambda: snapshot.find(ACCOUNT, "user", "nobody"),
        lambda: snapshot.policies("AIDAEXAMPLE"),
        lambda: snapshot.managed("arn:aws:iam::123456789012:policy/None"),
    ):
        assert queries.of(look) > 0
        assert queries.of(look) == 0


# INVARIANT: the attack: a Deny on role/Admin, and a request that spells it role/ADMIN.
def test_names_are_found_only_as_they_are_spelt(store: Store) -> None:
    world = World(store)
    assert store.snapshot().find(ACCOUNT, "user", "ANN") is None
    assert store.snapshot().find(ACCOUNT, "role", "Ann") is None
    assert store.snapshot().find("210987654321", "user", "Ann") is None
    assert store.snapshot().find(ACCOUNT, "user", "Ann") == store.snapshot().entity(world.user)


# INVARIANT: a policy that cannot be found or read might hold a Deny.
@pytest.mark.parametrize(
    "spoil",
    [
        lambda conn, w: people.put_inline(conn, w.user, "bad", '{"Version": "2012-10-17", "Statement": "?"}'),
        lambda conn, w: people.attach(conn, w.user, f"arn:aws:iam::{ACCOUNT}:policy/Missing"),
        lambda conn, w: people.attach(conn, w.user, "arn:aws:iam::aws:policy/NoSuchPolicy"),
        lambda conn, w: people.change(conn, w.user, boundary_arn=f"arn:aws:iam::{ACCOUNT}:policy/Missing"),
    ],
)
def test_policies_that_cannot_be_read_refuse_everything(store: Store, spoil: Act) -> None:
    world = World(store)
    with store.write() as conn:
        by_policy(conn, world)
        spoil(conn, world)
    for _ in range(2):
        with pytest.raises(InternalFailure):
            store.snapshot().policies(world.user)


def test_the_order_and_the_sources_of_policies(store: Store) -> None:
    world = World(store)
    with store.write() as conn:
        by_inline(conn, world)
        by_group(conn, world)
        by_aws(conn, world)
        people.put_inline(conn, world.group, "shared", document(WRITE))
        people.attach(conn, world.user, world.policy)
    found = store.snapshot().policies(world.user).identity
    sources = [(item.source.arn, item.source.owner, item.source.name) for item in found.policies]
    assert sources == [
        ("", f"arn:aws:iam::{ACCOUNT}:user/Ann", "in"),
        ("", f"arn:aws:iam::{ACCOUNT}:group/Team", "shared"),
        (world.policy, "", "P"),
        (S3_READ, "", "AmazonS3ReadOnlyAccess"),
    ]


def test_a_snapshot_far_behind_starts_afresh(store: Store, other: Store) -> None:
    world = World(store)
    assert other.snapshot().access_key(world.key) is not None
    with store.write() as conn:
        people.drop_key(conn, world.key)
        rows = [{"account": ACCOUNT, "kind": "entity", "id": f"x{number}"} for number in range(MANY_CHANGES)]
        conn.execute(insert(schema.change), rows)
    assert other.snapshot().access_key(world.key) is None


def test_a_snapshot_whose_changes_were_pruned_starts_afresh(store: Store, other: Store) -> None:
    world = World(store)
    assert other.snapshot().access_key(world.key) is not None
    with store.write() as conn:
        people.drop_key(conn, world.key)
        last = {"revision": KEPT_CHANGES + 1000, "account": ACCOUNT, "kind": "entity", "id": "x"}
        conn.execute(insert(schema.change), last)
    store.upkeep()
    with store.read() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM change WHERE kind = 'access_key'").scalar() == 0
    assert other.snapshot().access_key(world.key) is None


def test_an_unknown_kind_of_change_is_an_error(store: Store) -> None:
    with store.write() as conn, pytest.raises(ValueError, match="kind"):
        touch(conn, ACCOUNT, "user", "x")


def session_of(store: Store, world: World, **more: Any) -> sessions.Session:
    now = store.clock.now()
    fields = {"account": ACCOUNT, "principal_id": world.role, "principal_name": "Job", "kind": "role"}
    life = {"issued": now, "expires": now + sessions.LONGEST_SESSION}
    source = {"association": "iip-assoc-1"}
    return sessions.issue(store, **fields | life | {"session_name": "one", "source": source} | more)[0]


@pytest.mark.parametrize(
    ("kind", "subject", "account", "hit"),
    [
        ("role", "{role}", ACCOUNT, True),
        ("principal", "{role}:one", ACCOUNT, True),
        ("association", "iip-assoc-1", ACCOUNT, True),
        ("role", "{role}", "210987654321", False),
        ("role", "{role}:one", ACCOUNT, False),
        ("principal", "{role}:two", ACCOUNT, False),
        ("principal", "{role}", ACCOUNT, False),
        ("association", "iip-assoc-2", ACCOUNT, False),
        ("association", "", ACCOUNT, False),
    ],
)
def test_revocation_meets_its_subject_alone(  # type: ignore[no-untyped-def]
    kind: str, subject: str, account: str, hit: bool, store: Store, other: Store, clock
) -> None:
    world = World(store)
    early = session_of(store, world)
    assert not other.snapshot().revoked(early)
    clock.forward(seconds=1)
    with store.write() as conn:
        revoke(conn, account, kind, subject.format(role=world.role), clock.now())
    at_once = session_of(store, world)
    clock.forward(microseconds=1000)
    late = session_of(store, world)
    for reader in (store, other):
        assert [reader.snapshot().revoked(one) for one in (early, at_once, late)] == [hit, hit, False]


def test_an_earlier_revocation_takes_nothing_back(store: Store, clock) -> None:  # type: ignore[no-untyped-def]
    world = World(store)
    session, now = session_of(store, world), clock.now()
    with store.write() as conn:
        revoke(conn, ACCOUNT, "role", world.role, now)
        clock.forward(hours=-1)
        revoke(conn, ACCOUNT, "role", world.role, clock.now())
    assert store.snapshot().revoked(session)


def test_revocations_are_kept_as_long_as_a_session_lasts(store: Store, clock) -> None:  # type: ignore[no-untyped-def]
    world = World(store)
    with store.write() as conn:
        revoke(conn, ACCOUNT, "role", world.role, clock.now())
    for hours, left in ((36, 1), (0.001, 0)):
        clock.forward(hours=hours)
        store.upkeep()
        with store.read() as conn:
            assert len(conn.execute(schema.revocation.select()).all()) == left


def test_every_policy_of_aws_can_be_compiled(store: Store) -> None:
    snapshot = store.snapshot()
    assert all(snapshot.managed(info.arn) is not None for info in aws_managed.all()[::16])


KEYS = st.integers(0, 3)


@example([("put", 0, []), ("put", 1, []), ("put", 2, []), ("put", 0, [3]), ("drop", 3, []), ("recall", 0, [])])
@settings(max_examples=500)
@given(st.lists(st.tuples(st.sampled_from(["put", "drop", "recall"]), KEYS, st.lists(KEYS, max_size=2)), max_size=60))
def test_a_dropped_dependency_leaves_nothing_behind(steps: list[tuple[str, int, list[int]]]) -> None:
    """Against a plain dictionary: what the cache holds is never stale, however entries move between generations."""
    cache, model = Cache(4), dict[int, tuple[object, tuple[str, ...]]]()
    for number, (what, key, uses) in enumerate(steps):
        depends = tuple(f"{use}" for use in uses)
        if what == "put":
            cache.put(key, number, depends)
            assert cache.get(key) == number
            model[key] = (number, depends)
        elif what == "drop":
            cache.drop(f"{key}")
            model = {name: entry for name, entry in model.items() if f"{key}" not in entry[1]}
        else:
            found = cache.recall(key)
            assert found is None or found == model[key][0]
        assert len(cache) <= 4
