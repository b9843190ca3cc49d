"""Managed policies at users, groups and roles: attached, detached, listed from either side; boundaries too."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, union

from kansatsu.errors import InvalidInput, NoSuchEntity, PolicyNotAttachable
from kansatsu.identity import entities, managed
from kansatsu.identity.changes import touch
from kansatsu.identity.entities import Entity
from kansatsu.identity.quotas import AWS, Quotas
from kansatsu.identity.schema import attachment, entity, membership


@dataclass(frozen=True, slots=True)
class Attached:
    """A managed policy as an entity's list shows it."""

    name: str
    arn: str
    path: str


def attachable(conn: Connection, account: str, policy_arn: str) -> managed.Managed:
    """The policy to attach. Raises InvalidInput, NoSuchEntity, PolicyNotAttachable."""
    try:
        found = managed.get(conn, account, policy_arn)
    except NoSuchEntity:
        raise NoSuchEntity(f"Policy {policy_arn} does not exist or is not attachable.") from None
    _check_whose(found)
    return found


def _check_whose(found: managed.Managed) -> None:
    if found.account == "aws" and found.path.startswith("/aws-service-role/"):
        raise PolicyNotAttachable("Cannot attach a Service Role Policy to a Customer Role.")


def attach(conn: Connection, owner: Entity, policy_arn: str, now: float, quotas: Quotas = AWS) -> None:
    """Attach a policy; once more is no error. Raises also LimitExceeded."""
    attachable(conn, owner.account, policy_arn)
    held = arns(conn, owner)
    if policy_arn in held:
        return
    quotas.check(f"PoliciesPer{owner.kind.capitalize()}", len(held) + 1)
    link(conn, owner, policy_arn, now)


def link(conn: Connection, owner: Entity, policy_arn: str, now: float) -> None:
    """Attach a policy without a question: that of a service-linked role, which nobody else can attach."""
    conn.execute(insert(attachment).values(entity_id=owner.id, policy_arn=policy_arn, attached=now))
    touch(conn, owner.account, "entity", owner.id)


def unlink(conn: Connection, owner: Entity) -> None:
    """Detach all policies."""
    conn.execute(delete(attachment).where(attachment.c.entity_id == owner.id))
    touch(conn, owner.account, "entity", owner.id)


def detach(conn: Connection, owner: Entity, policy_arn: str) -> None:
    """Detach a policy. Raises NoSuchEntity when it is not attached, InvalidInput."""
    managed.owner_of(policy_arn)
    held = (attachment.c.entity_id == owner.id) & (attachment.c.policy_arn == policy_arn)
    if not conn.execute(delete(attachment).where(held)).rowcount:
        raise managed.missing(policy_arn)
    touch(conn, owner.account, "entity", owner.id)


def arns(conn: Connection, owner: Entity) -> list[str]:
    """The ARNs of all policies attached to an entity."""
    rows = conn.execute(select(attachment.c.policy_arn).where(attachment.c.entity_id == owner.id))
    return [policy_arn for (policy_arn,) in rows]


def of(conn: Connection, owner: Entity) -> list[Attached]:
    """All policies attached to an entity, in no order."""
    return [_attached(policy_arn) for policy_arn in arns(conn, owner)]


def users_of(conn: Connection, account: str, policy_arn: str, *, attached: bool, bounds: bool) -> list[Entity]:
    """The entities of an account that a policy is attached to, or bounds, or either."""
    parts = []
    if attached:
        parts.append(select(attachment.c.entity_id).where(attachment.c.policy_arn == policy_arn))
    if bounds:
        parts.append(select(entity.c.id).where(entity.c.account == account, entity.c.boundary_arn == policy_arn))
    found = entities.among(conn, union(*parts).subquery().select())
    return [item for item in found if item.account == account]


def holders(conn: Connection, account: str, policy_arn: str) -> list[Entity]:
    """The users and roles of an account that have a policy, directly or through a group."""
    direct = select(attachment.c.entity_id).where(attachment.c.policy_arn == policy_arn)
    through = select(membership.c.user_id).where(membership.c.group_id.in_(direct))
    found = entities.among(conn, direct.union(through).subquery().select())
    return [item for item in found if item.account == account and item.kind != "group"]


def bound(conn: Connection, owner: Entity, policy_arn: str | None) -> None:
    """Set the permissions boundary of a user or role, or remove it; none to remove is NoSuchEntity."""
    if policy_arn is None and owner.boundary_arn is None:
        raise NoSuchEntity(f"The permissions boundary of {owner.kind} with name {owner.name} cannot be found.")
    if policy_arn is not None:
        check_boundary(conn, owner.account, policy_arn)
    entities.change(conn, owner, boundary_arn=policy_arn)


def check_boundary(conn: Connection, account: str, policy_arn: str) -> None:
    """Raise NoSuchEntity, InvalidInput or PolicyNotAttachable for what cannot be a boundary."""
    try:
        _check_whose(managed.get(conn, account, policy_arn))
    except NoSuchEntity:
        raise NoSuchEntity(f"Scope ARN: {policy_arn} does not exist or is not attachable.") from None
    except InvalidInput:
        raise InvalidInput(f"ARN {policy_arn} is not valid.") from None


def _attached(policy_arn: str) -> Attached:
    path, name = policy_arn.split(":policy", 1)[1].rsplit("/", 1)
    return Attached(name, policy_arn, f"{path}/")
