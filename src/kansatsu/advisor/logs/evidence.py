"""What logs, AWS's own reports and the authorization details say together: the evidence that answers are made from.

It is kept in one file of the report, so that questions are answered later without the logs.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec

from kansatsu.advisor import account as accounts
from kansatsu.advisor.account import Account, Entity
from kansatsu.advisor.last_access import Attempts
from kansatsu.advisor.logs.callers import Caller
from kansatsu.advisor.logs.reading import Result
from kansatsu.advisor.logs.summary import Tally, arns
from kansatsu.arn import Arn
from kansatsu.catalog import cloudtrail, tracking

NAME = "evidence.bin"
VERSION = 1
_ENTITIES = {"user", "role"}


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What one user or role did with one action in one Region.

    `action` is "" where no IAM action is like the event. `perhaps`: the record does not say that it was this action.
    `last` and `allowed` are epoch seconds, the latter 0 for never. `via`: the service that called in its place.
    `event` is CloudTrail's name, "s3.ListBuckets"; what AWS's report says has none. `resources` None: not all recorded.
    """

    id: str
    service: str
    action: str
    perhaps: bool
    region: str
    last: float
    allowed: float
    count: int
    denied: int
    via: str
    event: str
    resources: tuple[str, ...] | None = None


class Stranger(msgspec.Struct, frozen=True, array_like=True):
    """A caller that is no user or role of the authorization details."""

    kind: str
    arn: str
    id: str
    last: float
    count: int


class Told(msgspec.Struct, frozen=True):
    """What AWS's GetServiceLastAccessedDetails says of one user or role: when in epoch seconds, 0 for not accessed.

    `actions` has what AWS tracks, by service.
    """

    arn: str
    file: str
    made: float
    services: dict[str, float]
    actions: dict[str, dict[str, float]]


class Evidence(msgspec.Struct):
    """All of it. Times are epoch seconds; `since` is the begin of the window that was asked for, 0 for all."""

    made: float
    since: float
    first: float
    last: float
    files: int
    events: int
    duplicates: int
    malformed: int
    others: dict[str, int]
    troubles: list[tuple[str, str, int]]
    older: int  # files that were left out
    holes: list[tuple[str, str]]  # first and last day (ISO) of each time without an event
    data: list[str]  # prefixes with data events on record
    seen: list[Seen]
    strangers: list[Stranger]
    unmapped: list[tuple[str, str, int]]  # event source, name, count
    future: int  # rows whose time had not come yet
    told: list[Told]
    details: bytes
    beside: dict[str, int] = msgspec.field(default_factory=dict)  # files that are no logs of events, by kind

    @property
    def account(self) -> Account:
        """The authorization details, read again."""
        return accounts.read(self.details)


def of(result: Result, details: bytes, told: Sequence[Told], now: datetime, since: datetime | None) -> Evidence:
    """The evidence in what was read. Raises account.NoAccount."""
    totals = result.totals
    maker = _Maker(accounts.read(details), now.timestamp(), since.timestamp() if since else 0.0)
    for (caller, source, name, region), tally in totals.rows.items():
        maker.add(caller, source, name, region or "", tally)
    return Evidence(
        made=now.timestamp(),
        since=maker.since,
        first=totals.first,
        last=totals.last,
        files=result.read + result.known,
        events=totals.events,
        duplicates=totals.duplicates,
        malformed=totals.malformed,
        others=totals.others,
        troubles=result.troubles,
        older=result.older,
        holes=list(_holes(result.days, since)),
        data=sorted({cloudtrail.meaning(source, "").service for source in totals.data}),
        seen=maker.seen,
        strangers=sorted(maker.strangers.values(), key=lambda item: (-item.count, item.arn)),
        unmapped=sorted(((*key, count) for key, count in maker.unmapped.items()), key=lambda item: (-item[2], item)),
        future=maker.future,
        told=list(told),
        details=details,
        beside=result.beside,
    )


class _Maker:
    """Turns rows in CloudTrail's language into what users and roles did."""

    def __init__(self, account: Account, now: float, since: float) -> None:
        self.since = since
        self._latest = now + timedelta(days=1).total_seconds()
        self._ids = {item.who.id for item in account.people()}
        self._names = {(item.who.kind, _bare(item.who.arn)): item.who.id for item in account.people()}
        self.seen: list[Seen] = []
        self.strangers: dict[tuple[str, str, str], Stranger] = {}
        self.unmapped: dict[tuple[str, str], int] = {}
        self.future = 0

    def add(self, caller: Caller, source: str, name: str, region: str, tally: Tally) -> None:
        last = tally.last.timestamp()
        if last < self.since:
            return
        if last > self._latest:
            self.future += 1
            return
        id_ = self._id(caller)
        if not id_:
            self._stranger(caller, last, tally.count)
            return
        meaning = cloudtrail.meaning(source, name)
        allowed = tally.allowed.timestamp() if tally.allowed else 0.0
        event = f"{source.removesuffix('.amazonaws.com')}.{name}"
        named = arns(tally)
        common = (region, last, allowed, tally.count, tally.denied, caller.via, event)
        resources = tuple(sorted(named)) if named is not None else None
        sure: Iterable[str] = meaning.actions
        if not meaning.actions and not meaning.perhaps:
            self.unmapped[source, name] = self.unmapped.get((source, name), 0) + tally.count
        if not meaning.actions:
            sure = ("",)  # the service was used, whatever the action
        self.seen += [Seen(id_, meaning.service, action, False, *common, resources) for action in sure]
        self.seen += [Seen(id_, meaning.service, action, True, *common, resources) for action in meaning.perhaps]
        if tally.passed:
            self.seen.append(Seen(id_, "iam", "PassRole", False, *common, tuple(sorted(tally.passed))))

    def _id(self, caller: Caller) -> str:
        """INVARIANT: by the unique id where there is one: use by a deleted namesake is not this entity's."""
        if caller.kind not in _ENTITIES:
            return ""
        if caller.id:
            return caller.id if caller.id in self._ids else ""
        return self._names.get((caller.kind, _bare(caller.arn)), "")

    def _stranger(self, caller: Caller, last: float, count: int) -> None:
        key = (caller.kind, caller.arn, caller.id)
        known = self.strangers.get(key)
        if known is not None:
            last, count = max(last, known.last), count + known.count
        self.strangers[key] = Stranger(caller.kind, caller.arn, caller.id, last, count)


def _bare(arn: str) -> str:
    """An ARN without the path, which ARNs of sessions do not have."""
    parsed = Arn.parse(arn)
    if parsed is None:
        return arn
    kind, _, rest = parsed.resource.partition("/")
    return f"{parsed.account}:{kind}/{rest.rpartition('/')[2]}"


def _holes(days: Iterable[str], since: datetime | None) -> Iterator[tuple[str, str]]:
    """Times of two days and more without an event, between days with events."""
    begin = since.date().isoformat() if since else ""
    known = [datetime.fromisoformat(day) for day in sorted(days) if day >= begin]
    for one, following in pairwise(known):
        if following - one > timedelta(days=2):
            yield f"{one + timedelta(days=1):%Y-%m-%d}", f"{following - timedelta(days=1):%Y-%m-%d}"


def attempts(evidence: Evidence, account: Account) -> Iterator[Attempts]:
    """Last attempts as reports take them: of the logs and of AWS, whichever is later."""
    for item in evidence.seen:
        yield Attempts(item.service, "" if item.perhaps else item.action, item.region, (item.id,), (item.last,))
    for told in evidence.told:
        entity = account.entities.get(told.arn)
        if entity is None:
            continue
        for service, last in told.services.items():
            if last:
                yield Attempts(service, "", "", (entity.who.id,), (last,))
        for service, actions in told.actions.items():
            for action, last in actions.items():
                if last:
                    yield Attempts(service, action, "", (entity.who.id,), (last,))


def visible(evidence: Evidence, service: str, action: str) -> bool:
    """Could these logs show a use of the action? What they could not is unknown and never "unused"."""
    if cloudtrail.is_data_event(service, action) and service not in evidence.data:
        return False
    return tracking.is_tracked(service, action)


def told_of(evidence: Evidence, entity: Entity) -> list[Told]:
    """AWS's own reports on an entity."""
    return [item for item in evidence.told if item.arn == entity.who.arn]


_decoder = msgspec.msgpack.Decoder(tuple[int, Evidence])


def save(evidence: Evidence, directory: Path) -> None:
    """Into the report's directory: all of it or nothing."""
    packed = zlib.compress(msgspec.msgpack.encode((VERSION, evidence)), 1)
    temporary = directory / f".{NAME}"
    temporary.write_bytes(packed)
    temporary.replace(directory / NAME)


class NoEvidence(ValueError):
    """A report that cannot be read; the message is a sentence."""


def load(path: Path) -> Evidence:
    """That of a report, by its directory or the file. Raises NoEvidence."""
    file = path / NAME if path.is_dir() else path
    try:
        version, found = _decoder.decode(zlib.decompress(file.read_bytes()))
    except OSError as error:
        raise NoEvidence(
            f"{path} is no report of `kansatsu analyze`: {file} cannot be read: {error.strerror}."
        ) from None
    except (zlib.error, msgspec.MsgspecError):
        raise NoEvidence(f"{file} is not what `kansatsu analyze` of this version writes; run it again.") from None
    if version != VERSION:
        raise NoEvidence(f"{file} is of another version of Kansatsu; run `kansatsu analyze` again.")
    return found


def day(seconds: float) -> str:
    """A time as a date: 2026-11-25."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d}"
