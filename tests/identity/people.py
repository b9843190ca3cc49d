"""Rows for tests of the storage core, written straight into the tables with the touches that changes.py asks for."""

import json

from sqlalchemy import Connection, delete, insert, update

from kansatsu.identity import EntityPolicies, Store, ids, schema, touch
from kansatsu.policy import Policies, Principal, Request, evaluate

ACCOUNT = "123456789012"
ASSUME = "sts:AssumeRole"


def document(action: str, effect: str = "Allow", **more: object) -> str:
    statement = {"Effect": effect, "Action": action, **(more or {"Resource": "*"})}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str) -> str:
    return document(ASSUME, Principal={"Service": service})


def add(conn: Connection, kind: str, name: str, account: str = ACCOUNT, **more: object) -> str:
    prefix = {"user": "AIDA", "group": "AGPA", "role": "AROA"}[kind]
    row = {"id": ids.new_id(prefix), "account": account, "kind": kind, "name": name, "name_key": name.lower()}
    conn.execute(insert(schema.entity).values(row | {"path": "/", "created": 1.0} | more))
    touch(conn, account, "entity", row["id"])
    return row["id"]


def change(conn: Connection, id: str, **values: object) -> None:
    conn.execute(update(schema.entity).where(schema.entity.c.id == id).values(values))
    touch(conn, ACCOUNT, "entity", id)


def remove(conn: Connection, id: str) -> None:
    for table, column in (
        (schema.inline_policy, "entity_id"),
        (schema.attachment, "entity_id"),
        (schema.membership, "user_id"),
        (schema.access_key, "user_id"),
        (schema.entity, "id"),
    ):
        conn.execute(delete(table).where(table.c[column] == id))
    touch(conn, ACCOUNT, "entity", id)


def put_inline(conn: Connection, id: str, name: str, text: str) -> None:
    drop_inline(conn, id, name)
    conn.execute(insert(schema.inline_policy), {"entity_id": id, "name": name, "document": text})


def drop_inline(conn: Connection, id: str, name: str) -> None:
    table = schema.inline_policy
    conn.execute(delete(table).where(table.c.entity_id == id, table.c.name == name))
    touch(conn, ACCOUNT, "entity", id)


def attach(conn: Connection, id: str, arn: str) -> None:
    conn.execute(insert(schema.attachment), {"entity_id": id, "policy_arn": arn, "attached": 1.0})
    touch(conn, ACCOUNT, "entity", id)


def detach(conn: Connection, id: str, arn: str) -> None:
    table = schema.attachment
    conn.execute(delete(table).where(table.c.entity_id == id, table.c.policy_arn == arn))
    touch(conn, ACCOUNT, "entity", id)


def join(conn: Connection, user: str, group: str) -> None:
    conn.execute(insert(schema.membership), {"group_id": group, "user_id": user})
    touch(conn, ACCOUNT, "entity", user)


def leave(conn: Connection, user: str, group: str) -> None:
    table = schema.membership
    conn.execute(delete(table).where(table.c.group_id == group, table.c.user_id == user))
    touch(conn, ACCOUNT, "entity", user)


def managed(conn: Connection, name: str, *texts: str) -> str:
    """A customer's policy with these versions, the first of which is the default."""
    policy, arn = ids.new_id("ANPA"), f"arn:aws:iam::{ACCOUNT}:policy/{name}"
    row = {"id": policy, "account": ACCOUNT, "name": name, "name_key": name.lower(), "path": "/", "arn": arn}
    times = {"created": 1.0, "updated": 1.0, "default_version": 1, "next_version": len(texts) + 1}
    conn.execute(insert(schema.policy), row | times)
    for version, text in enumerate(texts, 1):
        values = {"policy_id": policy, "version": version, "document": text, "created": 1.0}
        conn.execute(insert(schema.policy_version), values)
    touch(conn, ACCOUNT, "policy", arn)
    return arn


def set_default(conn: Connection, arn: str, version: int) -> None:
    conn.execute(update(schema.policy).where(schema.policy.c.arn == arn).values(default_version=version))
    touch(conn, ACCOUNT, "policy", arn)


def add_key(conn: Connection, store: Store, user: str) -> tuple[str, str]:
    key, secret = ids.access_key_id(ACCOUNT, "AKIA"), ids.secret_key()
    row = {"id": key, "account": ACCOUNT, "user_id": user, "status": "Active", "created": 1.0}
    conn.execute(insert(schema.access_key), row | {"secret": store.sealer.seal_secret(secret, key)})
    touch(conn, ACCOUNT, "access_key", key)
    return key, secret


def set_key(conn: Connection, key: str, status: str) -> None:
    conn.execute(update(schema.access_key).where(schema.access_key.c.id == key).values(status=status))
    touch(conn, ACCOUNT, "access_key", key)


def drop_key(conn: Connection, key: str) -> None:
    conn.execute(delete(schema.access_key).where(schema.access_key.c.id == key))
    touch(conn, ACCOUNT, "access_key", key)


def allows(policies: EntityPolicies, action: str) -> bool:
    principal = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/somebody", "user")
    request = Request(principal, action, "arn:aws:s3:::bucket/key", {})
    return evaluate(request, Policies(identity=policies.identity, boundary=policies.boundary)).allowed
