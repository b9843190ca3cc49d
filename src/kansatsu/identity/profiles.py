"""Instance profiles: the hull in which a role is passed to an instance."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, true, update

from kansatsu import arn
from kansatsu.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from kansatsu.identity import ids
from kansatsu.identity.changes import touch
from kansatsu.identity.entities import Entity, missing
from kansatsu.identity.pages import Cursor, Page
from kansatsu.identity.revocations import revoke
from kansatsu.identity.schema import association, instance_profile, tag

KIND = "instance-profile"  # as which they are counted, see tally.py


@dataclass(frozen=True, slots=True)
class Profile:
    """An instance profile with its role, if it has one. `created` in epoch seconds."""

    id: str
    account: str
    name: str
    path: str
    created: float
    role_id: str | None = None

    @property
    def arn(self) -> str:
        return arn.entity(self.account, "instance-profile", self.path, self.name)


_COLUMNS = (
    instance_profile.c.id,
    instance_profile.c.account,
    instance_profile.c.name,
    instance_profile.c.path,
    instance_profile.c.created,
    instance_profile.c.role_id,
)


def find(conn: Connection, account: str, name: str) -> Profile | None:
    row = _by_key(conn, account, name)
    return _of(row) if row is not None and row.name == name else None


def get(conn: Connection, account: str, name: str) -> Profile:
    """The profile of that name. Raises NoSuchEntity."""
    found = find(conn, account, name)
    if found is None:
        raise NoSuchEntity(f"Instance Profile {name} cannot be found.")
    return found


def by_id(conn: Connection, id: str) -> Profile | None:
    row = conn.execute(select(*_COLUMNS).where(instance_profile.c.id == id)).first()
    return _of(row) if row is not None else None


def create(conn: Connection, account: str, name: str, *, path: str, now: float) -> Profile:
    """A new profile without a role. Raises EntityAlreadyExists."""
    if _by_key(conn, account, name) is not None:
        raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
    new = Profile(ids.new_id("AIPA"), account, name, path, now)
    values = {column.name: getattr(new, column.name) for column in _COLUMNS}
    conn.execute(insert(instance_profile).values(name_key=name.lower(), **values))
    touch(conn, account, "instance_profile", new.id)
    return new


def remove(conn: Connection, subject: Profile, now: datetime) -> None:
    """Delete a profile that holds no role. Raises DeleteConflict.

    Sessions that instances got through it end with it:
    https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteInstanceProfile.html
    """
    if subject.role_id is not None:
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    through = select(association.c.id).where(association.c.profile_id == subject.id)
    for association_id in conn.execute(through).scalars().all():
        revoke(conn, subject.account, "association", association_id, now)
    conn.execute(delete(tag).where(tag.c.resource_id == subject.id))
    conn.execute(delete(instance_profile).where(instance_profile.c.id == subject.id))
    touch(conn, subject.account, "instance_profile", subject.id)


def add_role(conn: Connection, subject: Profile, role: Entity) -> Profile:
    """Put the one role in. Raises LimitExceeded when there is one already."""
    if subject.role_id is not None:
        raise LimitExceeded("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1")
    return _set_role(conn, subject, role.id)


def remove_role(conn: Connection, subject: Profile, role: Entity) -> Profile:
    """Take the role out. Raises NoSuchEntity when it is not in there."""
    if subject.role_id != role.id:
        raise missing("role", role.name)
    return _set_role(conn, subject, None)


def listing(conn: Connection, account: str, path_prefix: str, cursor: Cursor) -> Page[Profile]:
    """Profiles below a path, by name."""
    below = instance_profile.c.path.startswith(path_prefix, autoescape=True) if path_prefix != "/" else true()
    return _page(conn, cursor, instance_profile.c.account == account, below)


def of_role(conn: Connection, role: Entity, cursor: Cursor) -> Page[Profile]:
    """Profiles that hold a role, by name."""
    return _page(conn, cursor, instance_profile.c.role_id == role.id)


def _page(conn: Connection, cursor: Cursor, *where: Any) -> Page[Profile]:
    rows = conn.execute(
        select(*_COLUMNS)
        .where(instance_profile.c.name_key > cursor.after, *where)
        .order_by(instance_profile.c.name_key)
        .limit(cursor.size + 1)
    )
    return cursor.page([(row.name.lower(), _of(row)) for row in rows])


def _by_key(conn: Connection, account: str, name: str) -> Any:
    return conn.execute(
        select(*_COLUMNS).where(instance_profile.c.account == account, instance_profile.c.name_key == name.lower())
    ).first()


def _set_role(conn: Connection, subject: Profile, role_id: str | None) -> Profile:
    conn.execute(update(instance_profile).where(instance_profile.c.id == subject.id).values(role_id=role_id))
    touch(conn, subject.account, "instance_profile", subject.id)
    return replace(subject, role_id=role_id)


def _of(row: Any) -> Profile:
    return Profile(*row)
