"""Services that may work in an organization, and the members that stand for it with a service.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_delegated_admin.html
"""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from kansatsu.identity.organization_tables import organization_service
from kansatsu.identity.organizations.errors import error
from kansatsu.identity.organizations.tree import Member, Organization

_NOBODY = ""  # a row with no member says that the service may work here


@dataclass(frozen=True, slots=True)
class Delegated:
    """`member` stands for the organization with `service` since `created` (epoch seconds)."""

    service: str
    member: str
    created: float


def enabled(conn: Connection, org: Organization) -> list[Delegated]:
    """The services that may work in the organization, by name."""
    return [item for item in _all(conn, org) if item.member == _NOBODY]


def delegated(conn: Connection, org: Organization) -> list[Delegated]:
    """Who stands for it with which service."""
    return [item for item in _all(conn, org) if item.member != _NOBODY]


def is_delegated(conn: Connection, org: Organization, member: str, service: str | None = None) -> bool:
    """Whether an account stands for the organization with a service, or with any."""
    return any(item.member == member and service in (None, item.service) for item in delegated(conn, org))


def enable(conn: Connection, org: Organization, service: str, now: float) -> None:
    """Once more is no error."""
    if not any(item.service == service for item in enabled(conn, org)):
        _add(conn, org, Delegated(service, _NOBODY, now))


def disable(conn: Connection, org: Organization, service: str) -> None:
    """Whoever stood for the organization with the service does so no longer."""
    conn.execute(delete(organization_service).where(*_where(org, service)))


def register(conn: Connection, org: Organization, member: Member, service: str, now: float) -> None:
    """Raises AccountAlreadyRegisteredException."""
    if is_delegated(conn, org, member.id, service):
        raise error("AccountAlreadyRegisteredException")
    _add(conn, org, Delegated(service, member.id, now))


def deregister(conn: Connection, org: Organization, member: Member, service: str) -> None:
    """Raises AccountNotRegisteredException."""
    if not is_delegated(conn, org, member.id, service):
        raise error("AccountNotRegisteredException")
    where = *_where(org, service), organization_service.c.member == member.id
    conn.execute(delete(organization_service).where(*where))


def _add(conn: Connection, org: Organization, item: Delegated) -> None:
    row = {"account": org.account, "service": item.service, "member": item.member, "created": item.created}
    conn.execute(insert(organization_service).values(**row))


def _where(org: Organization, service: str):  # type: ignore[no-untyped-def]  # SQLAlchemy's expressions
    return organization_service.c.account == org.account, organization_service.c.service == service


def _all(conn: Connection, org: Organization) -> list[Delegated]:
    columns = organization_service.c.service, organization_service.c.member, organization_service.c.created
    where = organization_service.c.account == org.account
    query = select(*columns).where(where).order_by(organization_service.c.service, organization_service.c.member)
    return [Delegated(*row) for row in conn.execute(query)]
