"""Reports of last access in the store: they outlive a restart, belong to who asked, and are forgotten in time."""

import uuid
import zlib
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, delete, insert, select

from kansatsu.advisor.last_access import Report, ServiceUse, Who
from kansatsu.advisor.organization_report import Detail
from kansatsu.identity.schema import access_report

KEPT_DAYS = 7
KEPT = 1000  # of an account, the newest
_ORGANIZATION = "ORGANIZATION"  # in the place of a granularity
_LEVEL = 1  # of compression: a large report is written while somebody waits
T = TypeVar("T")


class People(msgspec.Struct, frozen=True):
    """Whom a report is about, and when they used which service, as in Report: the part that one operation reads."""

    people: tuple[Who, ...]
    uses: dict[str, list[float]]

    def of(self, namespace: str) -> list[tuple[Who, float | None]]:
        """Everybody with the last attempt at a service, the newest first and who never tried last, then by ARN."""
        times = self.uses.get(namespace) or [0.0] * len(self.people)
        entries = sorted(zip(self.people, times, strict=True), key=lambda entry: (-entry[1], entry[0].arn))
        return [(who, time or None) for who, time in entries]


@dataclass(frozen=True, slots=True)
class Job:
    """A report that was made; times are epoch seconds."""

    id: str
    account: str
    owner: str
    granularity: str
    created: float
    completed: float
    services: bytes
    entities: bytes

    def of_services(self) -> tuple[ServiceUse, ...]:
        """The services, by namespace."""
        return _unpacked(self.services, tuple[ServiceUse, ...])

    def of_accounts(self) -> tuple[Detail, ...]:
        """The services of an organization's report, by namespace."""
        return _unpacked(self.services, tuple[Detail, ...])

    def of_people(self) -> People:
        """Users and roles."""
        return _unpacked(self.entities, People)


def made(account: str, owner: str, granularity: str, found: Report, *, created: float, completed: float) -> Job:
    """The job of a report, not kept yet. `owner` is the unique id of the user or role that asked for it."""
    people = People(found.people, {namespace: list(uses) for namespace, uses in found.uses.items()})
    packed = _packed(found.services), _packed(people)
    return Job(str(uuid.uuid4()), account, owner, granularity, created, completed, *packed)


def of_organization(account: str, owner: str, found: tuple[Detail, ...], *, created: float, completed: float) -> Job:
    """The job of an organization's report, not kept yet."""
    return Job(str(uuid.uuid4()), account, owner, _ORGANIZATION, created, completed, _packed(found), _packed(None))


def keep(conn: Connection, job: Job) -> None:
    """Keep a job, and forget those that are too old or too many."""
    table = access_report.c
    conn.execute(delete(access_report).where(table.created < job.created - KEPT_DAYS * 86400))
    older = select(table.id).where(table.account == job.account).order_by(table.created.desc()).offset(KEPT - 1)
    conn.execute(delete(access_report).where(table.id.in_(older.limit(KEPT))))
    conn.execute(insert(access_report), {column.name: getattr(job, column.name) for column in access_report.columns})


def find(conn: Connection, id: str, owner: str, *, organization: bool = False) -> Job | None:
    """The job of a report, or of one of an organization; None for everybody but the user or role that asked for it.

    INVARIANT: a report is told to nobody else; it says who is in the account and what they do.
    """
    row = conn.execute(select(access_report).where(access_report.c.id == id, access_report.c.owner == owner)).first()
    found = Job(*row) if row is not None else None
    return found if found is not None and (found.granularity == _ORGANIZATION) is organization else None


def _packed(value: object) -> bytes:
    return zlib.compress(msgspec.json.encode(value), _LEVEL)


def _unpacked(packed: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(zlib.decompress(packed), type=kind)
