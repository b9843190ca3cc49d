"""The numbers of what an account holds are those that counting would give, whichever way rows come and go."""

import itertools
import threading
import time

import pytest
from sqlalchemy import delete, func, insert, select, text

from kansatsu.errors import EntityAlreadyExists, LimitExceeded
from kansatsu.identity import (
    Store,
    bootstrap,
    credentials,
    entities,
    managed,
    profiles,
    reset,
    restoring,
    schema,
    tally,
)
from kansatsu.identity.credentials import Credential
from kansatsu.identity.database import bring_up_to_date
from kansatsu.identity.quotas import Quotas

from . import people
from .conftest import MovingClock
from .people import ACCOUNT

OTHER = "210987654321"
Counts = dict[tuple[str, str], int]


def counted(store: Store) -> Counts:
    """By counting."""
    s, found = schema, Counts()
    with store.read() as conn:
        for table, kind in (
            (s.entity, s.entity.c.kind),
            (s.credential, s.credential.c.kind),
            (s.policy, text("'policy'")),
            (s.instance_profile, text("'instance-profile'")),
        ):
            rows = conn.execute(select(table.c.account, kind, func.count()).group_by(table.c.account, text("2")))
            found |= {(account, name): number for account, name, number in rows}
    return found


def told(store: Store) -> Counts:
    with store.read() as conn:
        return {(row.account, row.kind): row.held for row in conn.execute(select(schema.tally)) if row.held}


def rows(kind: str, account: str, *numbers: int) -> list[dict[str, object]]:
    common = {"account": account, "kind": kind, "path": "/", "created": 1.0}
    return [common | {"id": f"{kind}{account}{n}", "name": f"n{n}", "name_key": f"n{n}"} for n in numbers]


def credential(name: str, kind: str) -> Credential:
    return Credential(name, ACCOUNT, kind, "", name, "Active", 1.0)


def test_every_way_is_counted(store: Store, clock: MovingClock) -> None:
    def same() -> None:
        assert told(store) == counted(store)

    def fails() -> None:
        with store.write() as conn:
            entities.create(conn, ACCOUNT, "role", "fails", path="/", now=1.0)
            entities.create(conn, ACCOUNT, "role", "R", path="/", now=1.0)

    bootstrap(store, ACCOUNT)
    bootstrap(store, OTHER)
    same()
    with store.write() as conn:
        role = entities.create(conn, ACCOUNT, "role", "r", path="/", now=1.0)
        policy = managed.create(conn, ACCOUNT, "p", people.document("*"), path="/", description=None, now=1.0)
        profile = profiles.create(conn, ACCOUNT, "i", path="/", now=1.0)
        device = credentials.add(conn, store.sealer, credential("d", "mfa"), "seed")
        credentials.add(conn, store.sealer, credential("s", "saml"))
    same()
    assert {told(store)[ACCOUNT, kind] for kind in ("role", "policy", "instance-profile", "mfa", "saml")} == {1}
    with pytest.raises(EntityAlreadyExists):
        fails()
    same()
    with store.write() as conn:
        conn.execute(insert(schema.entity), rows("role", ACCOUNT, *range(50)) + rows("group", OTHER, *range(7)))
        restoring.write(conn, OTHER, {"entity": rows("user", OTHER, 1, 2, 3)})
    same()
    with store.write() as conn:
        entities.remove(conn, role)
        managed.remove(conn, policy)
        profiles.remove(conn, profile, clock.now())
        credentials.remove(conn, device)
        conn.execute(delete(schema.entity).where(schema.entity.c.name.in_(["n1", "n2", "n9"])))
    same()
    reset(store, ACCOUNT)
    same()
    assert told(store)[ACCOUNT, "user"] == 1


# INVARIANT: however many write at once, on however many nodes, there is never one more than the quota.
def test_many_writers_do_not_pass_the_quota(store: Store, other: Store) -> None:
    quotas, refused = Quotas({"RolesPerAccount": 5}), list[str]()

    def make(number: int) -> None:
        try:
            with (store, other)[number % 2].write() as conn:
                quotas.check_room("RolesPerAccount", conn, ACCOUNT, "role")
                entities.create(conn, ACCOUNT, "role", f"r{number}", path="/", now=1.0)
        except LimitExceeded as error:
            refused.append(str(error))

    threads = [threading.Thread(target=make, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["Cannot exceed quota for RolesPerAccount: 5"] * 11
    assert told(store) == counted(store) == {(ACCOUNT, "role"): 5}


def left_alone(store: Store) -> None:
    """Nobody upgrades a database that others use: those of former tests go in PostgreSQL's own time."""
    limit = time.monotonic() + 180
    while store._database.others():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_an_upgrade_counts_what_is_there(store: Store) -> None:
    left_alone(store)
    with store.write() as conn:
        conn.execute(insert(schema.entity), rows("role", ACCOUNT, 1, 2, 3) + rows("user", OTHER, 1))
        people.managed(conn, "p", people.document("*"))
        for table, event in itertools.product(tally.COUNTED, ("added", "removed")):
            conn.exec_driver_sql(f"DROP TRIGGER {table}_{event}" + f" ON {table}" * bool(store.node))
        schema.log_query.drop(conn)  # of 0014
        schema.tally.drop(conn)
        conn.execute(text("ALTER TABLE entity DROP COLUMN max_signin_duration"))  # of 0013
        conn.execute(text("UPDATE alembic_version SET version_num = '0011'"))
    bring_up_to_date(store._database)
    assert told(store) == counted(store) == {(ACCOUNT, "role"): 3, (OTHER, "user"): 1, (ACCOUNT, "policy"): 1}
    with store.write() as conn:
        people.add(conn, "role", "one")
    assert told(store)[ACCOUNT, "role"] == 4
