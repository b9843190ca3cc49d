"""The organization of an account, its root, its units and the accounts in them.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_getting-started_concepts.html
"""

import json
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from kansatsu import arn
from kansatsu.identity import accounts
from kansatsu.identity.changes import touch
from kansatsu.identity.organization_tables import (
    TABLES,
    organization,
    organization_member,
    organization_policy,
    organization_unit,
)
from kansatsu.identity.organizations.errors import error, violation
from kansatsu.identity.schema import tag

# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html; that of accounts is what AWS
# raises it to at most.
ACCOUNTS, UNITS, DEPTH = 50_000, 2_000, 5
SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
ALL_FEATURES = "ALL"
ACTIVE, SUSPENDED = "ACTIVE", "SUSPENDED"
_LETTERS = string.ascii_lowercase + string.digits


@dataclass(frozen=True, slots=True)
class Organization:
    """`account` is the management account; `types` are the enabled policy types, `features` IAM's for root users."""

    account: str
    id: str
    root: str
    feature_set: str
    created: float
    types: tuple[str, ...]
    features: tuple[str, ...]

    def arn(self, kind: str, *rest: str, owner: str = "") -> str:
        """The ARN of the organization or of something in it: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_permissions_overview.html"""
        path = "/".join((kind, self.id, *rest))
        return f"arn:{arn.PARTITION}:organizations::{owner or self.account}:{path}"


@dataclass(frozen=True, slots=True)
class Unit:
    id: str
    parent: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """An account in an organization; `joined` in epoch seconds."""

    id: str
    account: str
    parent: str
    name: str
    email: str
    status: str
    method: str
    joined: float


def make_id(head: str, length: int) -> str:
    return head + "".join(secrets.choice(_LETTERS) for _ in range(length))


def default_email(account: str) -> str:
    """The address of an account that was made without one; nobody has it (RFC 2606)."""
    return f"root@{account}.invalid"


def find(conn: Connection, account: str) -> Organization | None:
    """The organization that an account is in."""
    joined = organization_member.c.account == organization.c.account
    query = select(organization).join(organization_member, joined).where(organization_member.c.member == account)
    row = conn.execute(query).first()
    if row is None:
        return None
    held = json.loads(row.types), json.loads(row.features)
    return Organization(row.account, row.id, row.root, row.feature_set, row.created, *map(tuple, held))


def get(conn: Connection, account: str) -> Organization:
    """The same. Raises AWSOrganizationsNotInUseException."""
    found = find(conn, account)
    if found is None:
        raise error("AWSOrganizationsNotInUseException")
    return found


def create(conn: Connection, account: str, feature_set: str, now: float) -> Organization:
    """A new organization of which `account` is the management account. Raises AlreadyInOrganizationException."""
    if find(conn, account) is not None:
        raise error("AlreadyInOrganizationException")
    types = (SCP,) if feature_set == ALL_FEATURES else ()
    made = Organization(account, make_id("o-", 10), _free_root(conn), feature_set, now, types, ())
    conn.execute(
        insert(organization).values(
            account=account,
            id=made.id,
            root=made.root,
            feature_set=feature_set,
            created=now,
            types=json.dumps(types),
            features="[]",
        )
    )
    join(conn, made, account, method="INVITED", now=now)
    return made


def _free_root(conn: Connection) -> str:
    while True:
        made = make_id("r-", 4)
        if conn.execute(select(organization.c.id).where(organization.c.root == made)).first() is None:
            return made


def dissolve(conn: Connection, org: Organization) -> None:
    """Delete the organization. Raises OrganizationNotEmptyException.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganization.html
    """
    others = [member for member in members(conn, org) if member.id != org.account]
    policies = conn.execute(select(organization_policy.c.id).where(organization_policy.c.account == org.account))
    if others or units(conn, org) or policies.first() is not None:
        raise error("OrganizationNotEmptyException")
    for table in TABLES:
        conn.execute(delete(table).where(table.c.account == org.account))
    forget_tags(conn, org.root)
    touch(conn, org.account, "organization", org.account)
    touch(conn, org.account, "organization", org.id)


def change(conn: Connection, org: Organization, **fields: Iterable[str]) -> Organization:
    """Set `types` or `features`."""
    values = {name: tuple(value) for name, value in fields.items()}
    stored: dict[str, Any] = {name: json.dumps(value) for name, value in values.items()}
    conn.execute(update(organization).where(organization.c.account == org.account).values(**stored))
    touch(conn, org.account, "organization", org.id)
    return replace(org, **values)  # type: ignore[arg-type]  # names and types are those of Organization


def enable_all_features(conn: Connection, org: Organization) -> None:
    """For good. Types of policies are still to be enabled, each by itself."""
    conn.execute(update(organization).where(organization.c.account == org.account).values(feature_set=ALL_FEATURES))
    touch(conn, org.account, "organization", org.id)


def forget_tags(conn: Connection, id: str) -> None:
    conn.execute(delete(tag).where(tag.c.resource_id == id))


# ---- accounts -------------------------------------------------------------------------------------------------------


def join(
    conn: Connection, org: Organization, member: str, *, method: str, now: float, name: str = "", email: str = ""
) -> Member:
    """Put an account below the root. Raises ConstraintViolationException, AlreadyInOrganizationException."""
    check_room(conn, org)
    if find(conn, member) is not None:
        raise error("AlreadyInOrganizationException")
    known = next((item.name for item in accounts.listing(conn) if item.id == member), member)
    email = email or default_email(member)
    made = Member(member, org.account, org.root, name or known, email, ACTIVE, method, now)
    conn.execute(
        insert(organization_member).values(
            member=member,
            account=org.account,
            parent=org.root,
            name=made.name,
            email=email,
            email_key=email.lower(),
            status=ACTIVE,
            method=method,
            joined=now,
        )
    )
    touch(conn, org.account, "organization", member)
    return made


def check_room(conn: Connection, org: Organization) -> None:
    query = select(func.count()).select_from(organization_member).where(organization_member.c.account == org.account)
    if conn.execute(query).scalar_one() >= ACCOUNTS:
        raise violation(
            "ACCOUNT_NUMBER_LIMIT_EXCEEDED", "You have exceeded the allowed number of AWS accounts in an organization."
        )


def email_taken(conn: Connection, email: str) -> bool:
    """Whether an account of any organization has that address."""
    query = select(organization_member.c.member).where(organization_member.c.email_key == email.lower())
    return conn.execute(query).first() is not None


_MEMBER = (
    organization_member.c.member,
    organization_member.c.account,
    organization_member.c.parent,
    organization_member.c.name,
    organization_member.c.email,
    organization_member.c.status,
    organization_member.c.method,
    organization_member.c.joined,
)


def members(conn: Connection, org: Organization, parent: str | None = None) -> list[Member]:
    """All accounts, or those right below `parent`, by id."""
    query = select(*_MEMBER).where(organization_member.c.account == org.account)
    if parent is not None:
        query = query.where(organization_member.c.parent == parent)
    return [Member(*row) for row in conn.execute(query.order_by(organization_member.c.member))]


def member(conn: Connection, org: Organization, id: str) -> Member | None:
    where = organization_member.c.member == id, organization_member.c.account == org.account
    row = conn.execute(select(*_MEMBER).where(*where)).first()
    return None if row is None else Member(*row)


def known_member(conn: Connection, org: Organization, id: str) -> Member:
    """The account. Raises AccountNotFoundException."""
    found = member(conn, org, id)
    if found is None:
        raise error("AccountNotFoundException")
    return found


def set_member(conn: Connection, found: Member, **fields: str) -> None:
    """Set `parent` or `status` of an account."""
    conn.execute(update(organization_member).where(organization_member.c.member == found.id).values(**fields))
    touch(conn, found.account, "organization", found.id)


def leave(conn: Connection, found: Member) -> None:
    """Take an account out; what hung on it is the caller's to remove."""
    conn.execute(delete(organization_member).where(organization_member.c.member == found.id))
    forget_tags(conn, found.id)
    touch(conn, found.account, "organization", found.id)


# ---- units ----------------------------------------------------------------------------------------------------------

_UNIT = (organization_unit.c.id, organization_unit.c.parent, organization_unit.c.name)


def units(conn: Connection, org: Organization, parent: str | None = None) -> list[Unit]:
    """All units, or those right below `parent`, by name."""
    query = select(*_UNIT).where(organization_unit.c.account == org.account)
    if parent is not None:
        query = query.where(organization_unit.c.parent == parent)
    return [Unit(*row) for row in conn.execute(query.order_by(organization_unit.c.name, organization_unit.c.id))]


def unit(conn: Connection, org: Organization, id: str) -> Unit | None:
    where = organization_unit.c.id == id, organization_unit.c.account == org.account
    row = conn.execute(select(*_UNIT).where(*where)).first()
    return None if row is None else Unit(*row)


def known_unit(conn: Connection, org: Organization, id: str) -> Unit:
    """The unit. Raises OrganizationalUnitNotFoundException."""
    found = unit(conn, org, id)
    if found is None:
        raise error("OrganizationalUnitNotFoundException")
    return found


def is_parent(conn: Connection, org: Organization, id: str) -> bool:
    """Whether accounts and units may hang on it."""
    return id == org.root or unit(conn, org, id) is not None


def levels(conn: Connection, org: Organization, id: str) -> tuple[str, ...]:
    """The ids from the root down to the root, unit or account `id`."""
    found = [id]
    if (at := member(conn, org, id)) is not None:
        found.append(at.parent)
    while found[-1] != org.root:
        found.append(known_unit(conn, org, found[-1]).parent)
    return tuple(reversed(found))


def add_unit(conn: Connection, org: Organization, parent: str, name: str, now: float) -> Unit:
    """Raises ParentNotFoundException, DuplicateOrganizationalUnitException, ConstraintViolationException."""
    if not is_parent(conn, org, parent):
        raise error("ParentNotFoundException")
    _check_name(conn, parent, name)
    if len(levels(conn, org, parent)) > DEPTH:
        raise violation("OU_DEPTH_LIMIT_EXCEEDED", f"An OU can be nested {DEPTH} levels deep at most.")
    if len(units(conn, org)) >= UNITS:
        raise violation("OU_NUMBER_LIMIT_EXCEEDED", f"An organization can have {UNITS} OUs at most.")
    made = Unit(make_id(f"ou-{org.root.removeprefix('r-')}-", 8), parent, name)
    row = {"id": made.id, "account": org.account, "parent": parent, "name": name, "created": now}
    conn.execute(insert(organization_unit).values(**row))
    return made


def rename_unit(conn: Connection, found: Unit, name: str) -> Unit:
    """Raises DuplicateOrganizationalUnitException."""
    if name != found.name:
        _check_name(conn, found.parent, name)
        conn.execute(update(organization_unit).where(organization_unit.c.id == found.id).values(name=name))
    return replace(found, name=name)


def remove_unit(conn: Connection, org: Organization, found: Unit) -> None:
    """Raises OrganizationalUnitNotEmptyException; what hung on it is the caller's to remove."""
    if units(conn, org, found.id) or members(conn, org, found.id):
        raise error("OrganizationalUnitNotEmptyException")
    conn.execute(delete(organization_unit).where(organization_unit.c.id == found.id))
    forget_tags(conn, found.id)


def _check_name(conn: Connection, parent: str, name: str) -> None:
    where = organization_unit.c.parent == parent, organization_unit.c.name == name
    if conn.execute(select(organization_unit.c.id).where(*where)).first() is not None:
        raise error("DuplicateOrganizationalUnitException")
