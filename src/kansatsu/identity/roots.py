"""The root user of an account: it needs no policy, SCPs limit it in members, and it has long-term keys like a user.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html
"""

from sqlalchemy import Connection

from kansatsu.identity import entities
from kansatsu.identity.entities import Entity

KIND = "root"


def find(conn: Connection, account: str) -> Entity | None:
    """The root user, if anybody has asked for it yet. Its unique id is the account's."""
    found = entities.by_id(conn, account)
    return found if found is not None and found.kind == KIND else None


def ensure(conn: Connection, account: str, now: float) -> Entity:
    """The root user, which every account has."""
    return find(conn, account) or entities.create(conn, account, KIND, KIND, path="/", now=now, id=account)
