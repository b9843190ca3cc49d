"""Last use as maxima: they merge in any order, so that events may be late, out of order and aggregated anywhere."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, Insert, Text, case, cast, func, select
from sqlalchemy.dialects import sqlite

from kansatsu.advisor.events import AccessEvent
from kansatsu.advisor.last_access import Attempts
from kansatsu.advisor.organization_report import AccountAttempt
from kansatsu.identity.schema import last_access

Key = tuple[str, str, str, str, str, str]  # account, principal id, long-term access key id, service, action, region
_AT_ONCE = 10_000  # principals in one query
_MICRO = 1_000_000.0
_texts = msgspec.json.Decoder(list[str]).decode
_integers = msgspec.json.Decoder(list[int]).decode


class LastUse(NamedTuple):
    """The latest attempt, allowed or denied: when (epoch seconds), of which service, in which Region."""

    time: float
    service: str
    region: str


class Registers:
    """The part of the registers that is not in the database yet."""

    __slots__ = ("keys", "principals", "rows")

    def __init__(self) -> None:
        self.rows: dict[Key, list[float]] = {}  # last, allowed (1 or 0), count
        self.principals: dict[str, LastUse] = {}
        self.keys: dict[str, LastUse] = {}

    def add(self, event: AccessEvent) -> None:
        """Take an event in. Denied attempts count; requests of nobody do not.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
        """
        if not event.principal_id:
            return
        access_key = event.access_key_id if event.access_key_id.startswith("AKIA") else ""
        key = (event.account, event.principal_id, access_key, event.service, event.action, event.region)
        self._merge(key, event.time, float(event.allowed), 1)

    def merge(self, other: "Registers") -> None:
        """Take in what another has."""
        for key, (last, allowed, count) in other.rows.items():
            self._merge(key, last, allowed, count)

    def _merge(self, key: Key, last: float, allowed: float, count: float) -> None:
        row = self.rows.get(key)
        if row is None:
            self.rows[key] = [last, allowed, count]
        else:
            # Of two at the same moment the allowed one wins, in whichever order they come.
            if last > row[0] or (last == row[0] and allowed > row[1]):
                row[0], row[1] = last, allowed
            row[2] += count
        _later(self.principals, key[1], last, key)
        if key[2]:
            _later(self.keys, key[2], last, key)


def _later(uses: dict[str, LastUse], subject: str, time: float, key: Key) -> None:
    known = uses.get(subject)
    # By service and Region when the moment is the same: any order gives the same.
    if known is None or time > known.time or (time == known.time and (key[3], key[5]) > known[1:]):
        uses[subject] = LastUse(time, key[3], key[5])


def save(conn: Connection, registers: Registers) -> None:
    """Merge into the table."""
    if not registers.rows:
        return
    rows = [
        {
            "account": key[0],
            "principal_id": key[1],
            "access_key_id": key[2],
            "service": key[3],
            "action": key[4],
            "region": key[5],
            "last": last,
            "allowed": int(allowed),
            "count": int(count),
        }
        for key, (last, allowed, count) in registers.rows.items()
    ]
    conn.execute(_upsert(conn.dialect.name), rows)


def _insert(dialect: str) -> Any:
    """An INSERT of the dialect, which has the conflict clause that the standard lacks."""
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # a seventh of the start-up that SQLite does not need

        return postgresql.insert(last_access)
    return sqlite.insert(last_access)


def _upsert(dialect: str) -> Insert:
    statement = _insert(dialect)
    new, old = statement.excluded, last_access.c
    allowed = case(
        (new.last > old.last, new.allowed),
        ((new.last == old.last) & (new.allowed > old.allowed), new.allowed),
        else_=old.allowed,
    )
    merged: Insert = statement.on_conflict_do_update(
        index_elements=list(last_access.primary_key.columns),
        set_={
            "last": case((new.last > old.last, new.last), else_=old.last),
            "allowed": allowed,
            "count": old.count + new.count,
        },
    )
    return merged


def stored_use(conn: Connection, column: str, subject: str) -> LastUse | None:
    """The last use in the table by `principal_id` or `access_key_id`."""
    table = last_access.c
    query = (
        select(table.last, table.service, table.region)
        .where(last_access.c[column] == subject)
        .order_by(table.last.desc(), table.service.desc(), table.region.desc())
        .limit(1)
    )
    row = conn.execute(query).first()
    return LastUse(*row) if row is not None else None


def uses_of(conn: Connection, account: str, principal_ids: Sequence[str], since: float) -> list[Attempts]:
    """What these principals of an account tried in and after `since` (epoch seconds), each with whatever key it used.

    The database puts together what belongs to one action: a report on a large account reads hundreds of thousands of
    rows, of which Python makes no values.
    """
    table = last_access.c
    array = func.json_agg if conn.dialect.name == "postgresql" else func.json_group_array
    exact = cast(func.round(table.last * _MICRO), BigInteger)  # as text, a number has 15 digits there
    place = (table.service, table.action, table.region)
    found: list[Attempts] = []
    for start in range(0, len(principal_ids), _AT_ONCE):
        some = table.principal_id.in_(principal_ids[start : start + _AT_ONCE])
        # `+ 0`: by the primary key, not by the index on times, which has none of the other columns.
        recent = table.last + 0 >= since
        query = select(*place, cast(array(table.principal_id), Text), cast(array(exact), Text))
        for service, action, region, ids, lasts in conn.execute(
            query.where(table.account == account, some, recent).group_by(*place)
        ):
            times = [last / _MICRO for last in _integers(lasts)]
            found.append(Attempts(service, action, region, _texts(ids), times))
    return found


def uses_of_accounts(conn: Connection, accounts: Sequence[str], since: float) -> list[AccountAttempt]:
    """The last attempt in and after `since` in each account, at each service in each Region."""
    table = last_access.c
    place = (table.account, table.service, table.region)
    query = select(*place, func.max(table.last)).where(table.account.in_(accounts), table.last >= since)
    return [(account, service, region, last) for account, service, region, last in conn.execute(query.group_by(*place))]


def latest(uses: Iterable[LastUse | None]) -> LastUse | None:
    """The newest of several."""
    return max((use for use in uses if use is not None), default=None)
