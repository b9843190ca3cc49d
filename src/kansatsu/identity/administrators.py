"""The administrator of an account with one access key, and the way back to just that for tests."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, and_, delete, insert, select, update
from sqlalchemy.sql import ColumnElement

from kansatsu.identity import aliases, ids, passwords, reports, schema, token_versions
from kansatsu.identity.changes import touch
from kansatsu.identity.organization_tables import TABLES, TAGGED
from kansatsu.identity.sealing import Secret

if TYPE_CHECKING:
    from kansatsu.identity.store import Store

ADMIN = "admin"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"


@dataclass(frozen=True, slots=True)
class AdminKey:
    """The administrator's key. `created`: this very call made it."""

    access_key_id: str
    secret: Secret
    created: bool


def bootstrap(store: "Store", account: str) -> AdminKey | None:
    """Make the administrator of `account` if this is the account's first start, and return the key.

    Later starts return the same key again, so that a start that died before it could hand the key out loses nothing;
    None when the key was deleted since. A deleted administrator is not made again.
    """
    with store.write() as conn:
        known = _known(conn, account)
        if known is None:
            return administrator(store, conn, account)
        row = conn.execute(select(schema.access_key).where(schema.access_key.c.id == known["key"])).first()
        return None if row is None else AdminKey(row.id, store.sealer.open_secret(row.secret, row.id), False)


def _setting(account: str) -> str:
    return f"admin:{account}"


def _known(conn: Connection, account: str) -> dict[str, str] | None:
    query = select(schema.setting.c.value).where(schema.setting.c.name == _setting(account))
    value = conn.execute(query).scalar()
    return json.loads(value) if value is not None else None


def administrator_id(conn: Connection, account: str) -> str:
    """The unique id of the user that was made as the account's administrator; "": none was."""
    return (_known(conn, account) or {}).get("user", "")


def administered(conn: Connection) -> list[str]:
    """The accounts that were given an administrator."""
    query = select(schema.setting.c.name).where(schema.setting.c.name.startswith(_setting("")))
    return [name.removeprefix(_setting("")) for name in conn.execute(query).scalars()]


def administrator(store: "Store", conn: Connection, account: str) -> AdminKey:
    """Make the first administrator of an account that has none, and its key."""
    now = store.clock.now().timestamp()
    user = ids.new_id("AIDA")
    key, secret = ids.access_key_id(account, "AKIA"), ids.secret_key()
    conn.execute(
        insert(schema.entity),
        {"id": user, "account": account, "kind": "user", "name": ADMIN, "name_key": ADMIN, "path": "/", "created": now},
    )
    _attach(conn, user, now)
    conn.execute(
        insert(schema.access_key),
        {
            "id": key,
            "account": account,
            "user_id": user,
            "secret": store.sealer.seal_secret(secret, key),
            "status": "Active",
            "created": now,
        },
    )
    value = json.dumps({"user": user, "key": key})
    conn.execute(insert(schema.setting), {"name": _setting(account), "value": value})
    touch(conn, account, "entity", user)
    touch(conn, account, "access_key", key)
    return AdminKey(key, Secret(secret), True)


def _attach(conn: Connection, user: str, now: float) -> None:
    row = {"entity_id": user, "policy_arn": ADMINISTRATOR_ACCESS, "attached": now}
    conn.execute(insert(schema.attachment), row)


def wipe(store: "Store", conn: Connection, account: str) -> None:
    """Wipe an account, all but the administrator and its key, who are as on the first day.

    Sessions of roles and other users die with them. When the administrator or its key was deleted, the account is left
    empty and bootstrap() makes a new one.
    """
    known = _known(conn, account)
    if known is None or not _alive(conn, known):
        remove(conn, account)
    else:
        _empty(conn, account, known)  # first, since another user may have the name that it gets back
        _restore_admin(conn, known, store.clock.now().timestamp())


def remove(conn: Connection, account: str) -> None:
    """Wipe an account and forget that it had an administrator."""
    _empty(conn, account, {"user": "", "key": ""})
    conn.execute(delete(schema.setting).where(schema.setting.c.name == _setting(account)))


def _empty(conn: Connection, account: str, keep: dict[str, str]) -> None:
    for table, where in _doomed(account, keep):
        conn.execute(delete(table).where(where))
    touch(conn, account, "reset", account)


def _alive(conn: Connection, known: dict[str, str]) -> bool:
    key = schema.access_key.c
    query = select(key.id).where(key.id == known["key"], key.user_id == known["user"])
    return conn.execute(query).scalar() is not None


def _restore_admin(conn: Connection, known: dict[str, str], now: float) -> None:
    key, entity = schema.access_key.c, schema.entity.c
    first_day = {"name": ADMIN, "name_key": ADMIN, "path": "/", "boundary_arn": None}
    conn.execute(update(schema.entity).where(entity.id == known["user"]).values(**first_day))
    conn.execute(update(schema.access_key).where(key.id == known["key"]).values(status="Active"))
    conn.execute(delete(schema.attachment).where(schema.attachment.c.entity_id == known["user"]))
    _attach(conn, known["user"], now)


def _doomed(account: str, keep: dict[str, str]) -> list[tuple[Table, ColumnElement[bool]]]:
    """What goes, children before parents."""
    s = schema
    entities = select(s.entity.c.id).where(s.entity.c.account == account)
    others = entities.where(s.entity.c.id != keep["user"])
    policies = select(s.policy.c.id).where(s.policy.c.account == account)
    profiles = select(s.instance_profile.c.id).where(s.instance_profile.c.account == account)
    instances = select(s.instance.c.id).where(s.instance.c.account == account)
    credentials = select(s.credential.c.id).where(s.credential.c.account == account)
    tagged = [s.tag.c.resource_id.in_(query) for query in (entities, policies, profiles, instances, credentials)]
    tagged += [s.tag.c.resource_id.in_(select(column).where(column.table.c.account == account)) for column in TAGGED]
    return [
        *((s.tag, where) for where in tagged),
        (s.inline_policy, s.inline_policy.c.entity_id.in_(entities)),
        (s.membership, s.membership.c.user_id.in_(entities)),
        (s.attachment, s.attachment.c.entity_id.in_(others)),
        (s.access_key, and_(s.access_key.c.account == account, s.access_key.c.id != keep["key"])),
        (s.credential, s.credential.c.account == account),
        (s.policy_version, s.policy_version.c.policy_id.in_(policies)),
        (s.policy, s.policy.c.account == account),
        (s.association, s.association.c.account == account),
        (s.instance, s.instance.c.account == account),
        *(
            (table, table.c.account == account)
            for table in (s.task, s.service, s.container_instance, s.account_setting)
        ),
        (s.cluster, s.cluster.c.account == account),
        (s.task_definition, s.task_definition.c.account == account),
        (s.instance_profile, s.instance_profile.c.account == account),
        (s.revocation, s.revocation.c.account == account),
        (s.access_report, s.access_report.c.account == account),
        (s.policy_commit, s.policy_commit.c.account == account),
        (s.delivery, s.delivery.c.account == account),
        (s.log_query, s.log_query.c.account == account),
        (
            s.setting,
            s.setting.c.name.in_([module.name_of(account) for module in (aliases, reports, passwords, token_versions)]),
        ),
        *((table, table.c.account == account) for table in TABLES),
        (s.last_access, s.last_access.c.account == account),
        (s.entity, and_(s.entity.c.account == account, s.entity.c.id != keep["user"])),
        (s.tally, and_(s.tally.c.account == account, s.tally.c.held == 0)),
    ]
