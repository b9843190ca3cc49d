"""Every entity function logs what it changes, so that no snapshot keeps an old permission."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from kansatsu.identity import Store, attachments, entities, groups, inline, keys, managed, profiles
from kansatsu.identity.schema import access_key, change

ACCOUNT = "123456789012"
DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


class Stage:
    """One of each, and whatever belongs to them."""

    def __init__(self, store: Store, conn: Connection):
        self.conn = conn
        self.user = entities.create(conn, ACCOUNT, "user", "u", path="/", now=0)
        self.group = entities.create(conn, ACCOUNT, "group", "g", path="/", now=0)
        self.role = entities.create(conn, ACCOUNT, "role", "r", path="/", now=0)
        self.policy = managed.create(conn, ACCOUNT, "p", DOCUMENT, path="/", description=None, now=0)
        managed.add_version(conn, self.policy, DOCUMENT, default=False, now=0)
        self.policy = managed.get(conn, ACCOUNT, self.policy.arn)
        self.profile = profiles.create(conn, ACCOUNT, "ip", path="/", now=0)
        self.key, _secret = keys.create(conn, store.sealer, self.user, 0)


def grouped(stage: Stage) -> None:
    groups.add(stage.conn, stage.group, stage.user)


def filled(stage: Stage) -> None:
    profiles.add_role(stage.conn, stage.profile, stage.role)


def attached(stage: Stage) -> None:
    attachments.attach(stage.conn, stage.role, READ_ONLY, 0)


def with_inline(stage: Stage) -> None:
    inline.put(stage.conn, stage.group, "p", DOCUMENT)


def nothing(_stage: Stage) -> None:
    pass


# before, the write, the (kind, id) that must be in the log
Write = tuple[str, Callable[[Stage], Any], Callable[[Stage], Any], Callable[[Stage], tuple[str, str]]]
WRITES: list[Write] = [
    ("rename", nothing, lambda s: entities.rename(s.conn, s.user, "v", None), lambda s: ("entity", s.user.id)),
    ("trust", nothing, lambda s: entities.change(s.conn, s.role, trust_document=DOCUMENT),
     lambda s: ("entity", s.role.id)),
    ("delete role", nothing, lambda s: entities.remove(s.conn, s.role), lambda s: ("entity", s.role.id)),
    ("boundary", nothing, lambda s: attachments.bound(s.conn, s.user, READ_ONLY), lambda s: ("entity", s.user.id)),
    ("attach", nothing, attached, lambda s: ("entity", s.role.id)),
    ("detach", attached, lambda s: attachments.detach(s.conn, s.role, READ_ONLY), lambda s: ("entity", s.role.id)),
    ("inline put", nothing, with_inline, lambda s: ("entity", s.group.id)),
    ("inline delete", with_inline, lambda s: inline.remove(s.conn, s.group, "p"), lambda s: ("entity", s.group.id)),
    ("join", nothing, grouped, lambda s: ("entity", s.user.id)),
    ("leave", grouped, lambda s: groups.remove(s.conn, s.group, s.user), lambda s: ("entity", s.user.id)),
    ("default version", nothing, lambda s: managed.set_default(s.conn, s.policy, 2, 0),
     lambda s: ("policy", s.policy.arn)),
    ("new default", nothing, lambda s: managed.add_version(s.conn, s.policy, DOCUMENT, default=True, now=0),
     lambda s: ("policy", s.policy.arn)),
    ("key off", nothing, lambda s: keys.set_status(s.conn, s.key, "Inactive"), lambda s: ("access_key", s.key.id)),
    ("key deleted", nothing, lambda s: keys.remove(s.conn, s.key), lambda s: ("access_key", s.key.id)),
    ("role added", nothing, filled, lambda s: ("instance_profile", s.profile.id)),
    ("role removed", filled,
     lambda s: profiles.remove_role(s.conn, profiles.get(s.conn, ACCOUNT, "ip"), s.role),
     lambda s: ("instance_profile", s.profile.id)),
]  # fmt: skip


@pytest.mark.parametrize(("before", "write", "logged"), [case[1:] for case in WRITES], ids=[c[0] for c in WRITES])
def test_writes_are_logged(
    store: Store,
    before: Callable[[Stage], Any],
    write: Callable[[Stage], Any],
    logged: Callable[[Stage], tuple[str, str]],
) -> None:
    with store.write() as conn:
        stage = Stage(store, conn)
        before(stage)
        start = len(conn.execute(select(change)).all())
        write(stage)
        rows = conn.execute(select(change).order_by(change.c.revision)).all()[start:]
        assert logged(stage) in {(row.kind, row.id) for row in rows}
        assert {row.account for row in rows} == {ACCOUNT}


def test_secrets_are_not_in_the_database_in_the_clear(store: Store) -> None:
    with store.write() as conn:
        stage = Stage(store, conn)
        _key, secret = keys.create(conn, store.sealer, stage.user, 0)
        kept = conn.execute(select(access_key.c.secret)).scalars().all()
    assert all(secret.encode() not in sealed for sealed in kept)
