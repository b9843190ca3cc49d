"""Managed policies: the customer's own with their versions, and AWS's through the same names."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from kansatsu import arn
from kansatsu.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    InvalidInput,
    LimitExceeded,
    NoSuchEntity,
)
from kansatsu.identity import aws_managed, ids
from kansatsu.identity.changes import touch
from kansatsu.identity.inline import size
from kansatsu.identity.pages import Cursor, Page
from kansatsu.identity.schema import attachment, entity, policy, policy_version, tag

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
SIZE = 6144  # characters without white space
KIND = "policy"  # as which they are counted, see tally.py
VERSIONS = 5


@dataclass(frozen=True, slots=True)
class Managed:
    """A managed policy; `account` is "aws" for those of AWS. Versions are numbers, times epoch seconds."""

    id: str
    account: str
    name: str
    path: str
    arn: str
    description: str | None
    created: float
    updated: float
    default_version: int
    next_version: int = 0


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a managed policy."""

    number: int
    document: str
    created: float
    is_default: bool


@dataclass(frozen=True, slots=True)
class Usage:
    """How many entities a policy is attached to, and how many it bounds."""

    attached: int = 0
    bounds: int = 0


_COLUMNS = (
    policy.c.id,
    policy.c.account,
    policy.c.name,
    policy.c.path,
    policy.c.arn,
    policy.c.description,
    policy.c.created,
    policy.c.updated,
    policy.c.default_version,
    policy.c.next_version,
)
_BY_ARN = select(*_COLUMNS).where(policy.c.arn == bindparam("arn"))


def find(conn: Connection, policy_arn: str) -> Managed | None:
    """The policy with that ARN, AWS's or a customer's, or None."""
    if aws_managed.is_aws(policy_arn):
        known = aws_managed.info(policy_arn)
        return _aws(known) if known is not None else None
    row = conn.execute(_BY_ARN, {"arn": policy_arn}).first()
    return _of(row) if row is not None else None


def get(conn: Connection, account: str, policy_arn: str) -> Managed:
    """A policy that the account can see: its own, or AWS's. Raises InvalidInput, NoSuchEntity."""
    owner = owner_of(policy_arn)
    # INVARIANT: a policy of another account is as if it did not exist.
    found = find(conn, policy_arn) if owner in (account, "aws") else None
    if found is None:
        raise missing(policy_arn)
    return found


def owner_of(policy_arn: str) -> str:
    """The account in the ARN of a managed policy, "aws" of AWS's own. Raises InvalidInput for what is no such ARN."""
    parsed = arn.Arn.parse(policy_arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith("policy/"):
        raise InvalidInput(f"ARN {policy_arn} is not valid.")
    return parsed.account


def missing(policy_arn: str) -> NoSuchEntity:
    return NoSuchEntity(f"Policy {policy_arn} was not found.")


def own(conn: Connection, account: str, policy_arn: str) -> Managed:
    """A policy of the account itself, to be changed. Raises AccessDenied for one of AWS."""
    if aws_managed.is_aws(policy_arn):
        raise AccessDenied("Policy is outside your own account.")
    return get(conn, account, policy_arn)


def create(
    conn: Connection, account: str, name: str, document: str, *, path: str, description: str | None, now: float
) -> Managed:
    """A new policy with version 1. Raises EntityAlreadyExists, LimitExceeded."""
    taken = select(policy.c.id).where(policy.c.account == account, policy.c.name_key == name.lower())
    if conn.execute(taken).first() is not None:
        raise EntityAlreadyExists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    policy_arn = arn.entity(account, "policy", path, name)
    new = Managed(ids.new_id("ANPA"), account, name, path, policy_arn, description, now, now, 1, 2)
    values = {column.name: getattr(new, column.name) for column in _COLUMNS}
    conn.execute(insert(policy).values(name_key=name.lower(), **values))
    _add_version(conn, new, 1, document, now)
    touch(conn, account, "policy", new.arn)
    return new


def remove(conn: Connection, subject: Managed) -> None:
    """Delete a policy that has one version and is used nowhere. Raises DeleteConflict."""
    if usage(conn, subject.account, subject.arn) != Usage():
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if len(versions(conn, subject)) > 1:
        raise DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    conn.execute(delete(policy_version).where(policy_version.c.policy_id == subject.id))
    conn.execute(delete(tag).where(tag.c.resource_id == subject.id))
    conn.execute(delete(policy).where(policy.c.id == subject.id))
    touch(conn, subject.account, "policy", subject.arn)


def listing(conn: Connection, account: str, path_prefix: str) -> list[Managed]:
    """The account's own policies below a path, by name."""
    rows = conn.execute(select(*_COLUMNS).where(policy.c.account == account).order_by(policy.c.name_key))
    return [found for found in map(_of, rows) if found.path.startswith(path_prefix)]


def listing_aws(path_prefix: str) -> list[Managed]:
    """AWS's policies below a path, by name."""
    return [found for found in map(_aws, aws_managed.all()) if found.path.startswith(path_prefix)]


def versions(conn: Connection, subject: Managed) -> list[Version]:
    """All versions, the newest first."""
    if subject.account == "aws":
        # Of AWS's policies the version in force is at hand, not its predecessors.
        document = aws_managed.document(subject.arn) or ""
        return [Version(subject.default_version, document, subject.updated, True)]
    rows = conn.execute(
        select(policy_version.c.version, policy_version.c.document, policy_version.c.created)
        .where(policy_version.c.policy_id == subject.id)
        .order_by(policy_version.c.version.desc())
    )
    return [Version(*row, row.version == subject.default_version) for row in rows]


def version(conn: Connection, subject: Managed, version_id: str) -> Version:
    """The version called "v<number>". Raises NoSuchEntity."""
    for found in versions(conn, subject):
        if f"v{found.number}" == version_id:
            return found
    raise NoSuchEntity(f"Policy {subject.arn} version {version_id} does not exist or is not attachable.")


def add_version(conn: Connection, subject: Managed, document: str, *, default: bool, now: float) -> Version:
    """Another version of a policy. Raises LimitExceeded."""
    if len(versions(conn, subject)) >= VERSIONS:
        raise LimitExceeded(
            f"A managed policy can have up to {VERSIONS} versions. Before you create a new version, you must delete an "
            "existing version."
        )
    number = subject.next_version
    _add_version(conn, subject, number, document, now)
    _write(conn, subject, next_version=number + 1, updated=now)
    if default:
        set_default(conn, subject, number, now)
    return Version(number, document, now, default)


def set_default(conn: Connection, subject: Managed, number: int, now: float) -> None:
    """Make an existing version the one that is in force."""
    _write(conn, subject, default_version=number, updated=now)
    touch(conn, subject.account, "policy", subject.arn)


def remove_version(conn: Connection, subject: Managed, number: int) -> None:
    """Delete a version. Raises DeleteConflict for the default one."""
    if number == subject.default_version:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    conn.execute(
        delete(policy_version).where(policy_version.c.policy_id == subject.id, policy_version.c.version == number)
    )


def usage(conn: Connection, account: str, policy_arn: str) -> Usage:
    """Who uses a policy in an account, counted."""
    return usages(conn, account, policy_arn).get(policy_arn, Usage())


def usages(conn: Connection, account: str, policy_arn: str | None = None) -> dict[str, Usage]:
    """The use of all policies of an account by ARN, or of one; those without any use are left out."""
    attached = (
        select(attachment.c.policy_arn, func.count())
        .join(entity, entity.c.id == attachment.c.entity_id)
        .where(entity.c.account == account)
        .group_by(attachment.c.policy_arn)
    )
    bounds = (
        select(entity.c.boundary_arn, func.count())
        .where(entity.c.account == account, entity.c.boundary_arn.is_not(None))
        .group_by(entity.c.boundary_arn)
    )
    if policy_arn is not None:
        attached = attached.where(attachment.c.policy_arn == policy_arn)
        bounds = bounds.where(entity.c.boundary_arn == policy_arn)
    found = {used: Usage(number) for used, number in conn.execute(attached)}
    for used, number in conn.execute(bounds):
        found[used] = replace(found.get(used, Usage()), bounds=number)
    return found


def check_size(document: str) -> None:
    """Raise LimitExceeded for a document that no managed policy can hold."""
    if size(document) > SIZE:
        raise LimitExceeded(f"Cannot exceed quota for PolicySize: {SIZE}")


def page_of_versions(conn: Connection, subject: Managed, cursor: Cursor) -> Page[Version]:
    """A page of versions, the newest first."""
    return cursor.cut([(f"{10**6 - found.number:07}", found) for found in versions(conn, subject)])


def _add_version(conn: Connection, subject: Managed, number: int, document: str, now: float) -> None:
    check_size(document)
    conn.execute(insert(policy_version).values(policy_id=subject.id, version=number, document=document, created=now))


def _write(conn: Connection, subject: Managed, **values: Any) -> None:
    conn.execute(update(policy).where(policy.c.id == subject.id).values(**values))


def _of(row: Any) -> Managed:
    return Managed(*row)


def _aws(known: aws_managed.ManagedPolicyInfo) -> Managed:
    number = int(known.version.removeprefix("v"))
    return Managed(
        known.id, "aws", known.name, known.path, known.arn, None, known.created, known.updated, number, number + 1
    )
