"""Tags of users, roles, policies and instance profiles: keys are unique without regard to case."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, insert, select

from kansatsu.errors import InvalidInput, LimitExceeded
from kansatsu.identity.pages import Cursor, Page
from kansatsu.identity.schema import tag

LIMIT = 50  # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html#id_tags_rules

_ALL: Select[Any] = select(tag.c.key, tag.c.value).where(tag.c.resource_id == bindparam("id")).order_by(tag.c.key_lower)


def of(conn: Connection, resource_id: str) -> dict[str, str]:
    """All tags of a resource by key, in the order of their keys."""
    return {row.key: row.value for row in conn.execute(_ALL, {"id": resource_id})}


def check(tags: Sequence[tuple[str, str]]) -> None:
    """Raise InvalidInput for keys that are AWS's own or that differ by case only."""
    keys = [key.lower() for key, _ in tags]
    if len(set(keys)) != len(keys):
        raise InvalidInput("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    if any(key.startswith("aws:") for key in keys):
        raise InvalidInput("aws: prefixed tag key names are not allowed for external use.")


def put(conn: Connection, resource_id: str, tags: Sequence[tuple[str, str]]) -> None:
    """Add tags or replace those of the same key. Raises InvalidInput, LimitExceeded; the caller logs the change."""
    check(tags)
    remove(conn, resource_id, [key for key, _ in tags])
    if tags:
        rows = [{"resource_id": resource_id, "key_lower": k.lower(), "key": k, "value": v} for k, v in tags]
        conn.execute(insert(tag), rows)
    if len(of(conn, resource_id)) > LIMIT:
        raise LimitExceeded("The number of tags has reached the maximum limit.")


def remove(conn: Connection, resource_id: str, keys: Sequence[str]) -> None:
    """Remove the tags with these keys; keys that are not there are no error."""
    lowered = [key.lower() for key in keys]
    conn.execute(delete(tag).where(tag.c.resource_id == resource_id, tag.c.key_lower.in_(lowered)))


def page(tags: Mapping[str, str], cursor: Cursor) -> Page[tuple[str, str]]:
    """A page of tags, by key."""
    return cursor.cut([(key.lower(), (key, value)) for key, value in tags.items()])
