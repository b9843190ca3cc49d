"""The first administrator, and the way back to it."""

import sys
from pathlib import Path

import pytest
from sqlalchemy import Table, func, insert, select

from kansatsu.identity import AdminKey, Store, bootstrap, entities, reset, revoke, schema
from kansatsu.identity.organization_tables import TABLES

from . import people
from .people import ACCOUNT, allows, document

OTHER = "210987654321"


def first(store: Store, account: str = ACCOUNT) -> AdminKey:
    made = bootstrap(store, account)
    assert made is not None
    return made


def test_the_administrator_may_do_everything(store: Store) -> None:
    made = first(store)
    key = store.snapshot().access_key(made.access_key_id)
    assert made.created
    assert key is not None and (key.secret.value, key.status, key.account) == (made.secret.value, "Active", ACCOUNT)
    user = store.snapshot().find(ACCOUNT, "user", "admin")
    assert user is not None and user.id == key.user_id
    assert allows(store.snapshot().policies(user.id), "iam:CreateUser")


def test_a_second_start_returns_the_same_key(store: Store, other: Store) -> None:
    """A first start that died before it wrote the key down has not locked anybody out."""
    made = first(store)
    again = first(other)
    assert (again.access_key_id, again.secret.value, again.created) == (made.access_key_id, made.secret.value, False)
    assert first(store, OTHER).access_key_id != made.access_key_id


# INVARIANT: an administrator who was removed does not come back by a restart.
def test_a_deleted_administrator_is_not_made_again(store: Store) -> None:
    made = first(store)
    with store.write() as conn:
        people.drop_key(conn, made.access_key_id)
    assert bootstrap(store, ACCOUNT) is None


def filled(store: Store, account: str) -> None:
    with store.write() as conn:
        user = people.add(conn, "user", "u", account)
        group = people.add(conn, "group", "g", account)
        role = people.add(conn, "role", "r", account, trust_document=people.trust("ec2.amazonaws.com"))
        people.join(conn, user, group)
        people.put_inline(conn, group, "in", document("*"))
        people.attach(conn, role, "arn:aws:iam::aws:policy/ReadOnlyAccess")
        if account == ACCOUNT:
            people.add_key(conn, store, user)
            people.managed(conn, "p", document("*"), document("s3:*"))
        conn.execute(insert(schema.tag), {"resource_id": role, "key_lower": "a", "key": "a", "value": "b"})
        profile = {"id": "AIPA" + role, "account": account, "name": "p", "name_key": "p", "path": "/", "created": 1.0}
        conn.execute(insert(schema.instance_profile), profile | {"role_id": role})
        ids = {"id": "i-" + account, "account": account, "region": "us-east-1", "provider": "process"}
        state = {"reference": "x", "adopted": 0, "state": "running", "launched": 1.0, "details": "{}"}
        conn.execute(insert(schema.instance), ids | state)
        association = {"id": "iip-" + account, "account": account, "instance_id": "i-" + account, "profile_id": "x"}
        conn.execute(
            insert(schema.association), association | {"profile_arn": "x", "state": "associated", "changed": 1.0}
        )
        use = {"account": account, "principal_id": role, "access_key_id": "", "service": "s3", "action": "GetObject"}
        conn.execute(insert(schema.last_access), use | {"region": "us-east-1", "last": 1.0, "allowed": 1, "count": 1})
        ecs = (
            schema.cluster,
            schema.task_definition,
            schema.task,
            schema.service,
            schema.container_instance,
            schema.account_setting,
        )
        for table in (
            *ecs,
            schema.access_report,
            schema.policy_commit,
            schema.delivery,
            schema.log_query,
            schema.credential,
            *TABLES,
        ):
            any_values = {column.name: column.type.python_type() for column in table.columns if not column.nullable}
            first_column = table.columns.keys()[0]
            conn.execute(insert(table), {**any_values, first_column: account, "account": account})
        revoke(conn, account, "role", role, store.clock.now())


def sizes(store: Store) -> dict[str, int]:
    tables: list[Table] = [table for table in schema.metadata.sorted_tables if table.name not in ("change", "setting")]
    with store.read() as conn:
        return {table.name: conn.execute(select(func.count()).select_from(table)).scalar() or 0 for table in tables}


def test_reset_leaves_the_administrator_and_other_accounts(store: Store, other: Store) -> None:
    made = first(store)
    clean = sizes(store)
    filled(store, ACCOUNT)
    assert all(size > clean[name] for name, size in sizes(store).items() if name != "sealing_key")
    assert other.snapshot().find(ACCOUNT, "role", "r") is not None
    reset(store, ACCOUNT)
    assert sizes(store) == clean
    assert other.snapshot().find(ACCOUNT, "role", "r") is None
    assert first(store).access_key_id == made.access_key_id
    filled(store, OTHER)
    before = sizes(store)
    reset(store, ACCOUNT)
    assert sizes(store) == before


def test_reset_gives_the_administrator_its_first_day_back(store: Store) -> None:
    made = first(store)
    key = store.snapshot().access_key(made.access_key_id)
    assert key is not None
    with store.write() as conn:
        people.detach(conn, key.user_id, "arn:aws:iam::aws:policy/AdministratorAccess")
        people.put_inline(conn, key.user_id, "no", document("*", "Deny"))
        people.change(conn, key.user_id, name="root", name_key="root", boundary_arn="arn:aws:iam::aws:policy/Gone")
        people.set_key(conn, key.id, "Inactive")
        entities.create(conn, ACCOUNT, "user", "admin", path="/", now=0)  # the name that it gets back
    reset(store, ACCOUNT)
    again = store.snapshot().access_key(key.id)
    assert again is not None and again.status == "Active"
    user = store.snapshot().find(ACCOUNT, "user", "admin")
    assert user is not None and user.id == key.user_id
    assert allows(store.snapshot().policies(user.id), "iam:CreateUser")


def test_reset_without_an_administrator_makes_room_for_a_new_one(store: Store) -> None:
    made = first(store)
    with store.write() as conn:
        people.drop_key(conn, made.access_key_id)
    reset(store, ACCOUNT)
    assert first(store).created


@pytest.mark.parametrize("fail_at", ["entity", "tag"])
def test_a_reset_that_fails_has_done_nothing(store: Store, fail_at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first(store)
    filled(store, ACCOUNT)
    before = sizes(store)
    module = sys.modules["kansatsu.identity.administrators"]
    real = module._doomed

    def broken(account: str, keep: dict[str, str]):  # type: ignore[no-untyped-def]
        for table, where in real(account, keep):
            if table.name == fail_at:
                raise OSError("disk")
            yield table, where

    monkeypatch.setattr(module, "_doomed", broken)
    with pytest.raises(OSError, match="disk"):
        reset(store, ACCOUNT)
    assert sizes(store) == before


def test_nothing_of_the_key_is_printed(store: Store, tmp_path: Path) -> None:
    made = first(store)
    assert made.secret.value not in repr(made) + str(made) + f"{made.secret}"
