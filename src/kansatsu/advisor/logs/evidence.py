"""What logs, AWS's own reports and the authorization details say together: the evidence that answers are made from.

It is kept in one file of the report, so that questions are answered later without the logs.
"""

import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec

from kansatsu.advisor import account as accounts
from kansatsu.advisor.account import Account, Entity
from kansatsu.advisor.last_access import Attempts
from kansatsu.advisor.logs.callers import Caller
from kansatsu.advisor.logs.kinds import DATA
from kansatsu.advisor.logs.reading import Result
from kansatsu.advisor.logs.summary import Tally, arns
from kansatsu.arn import Arn
from kansatsu.catalog import cloudtrail

NAME = "evidence.bin"
VERSION = 3
_ENTITIES = {"user", "role"}
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_Operations.html
_TRAILS = "cloudtrail.amazonaws.com"
_SESSIONS = "sts.amazonaws.com"
_SETTINGS = frozenset({"CreateTrail", "DeleteTrail", "PutEventSelectors", "StartLogging", "StopLogging", "UpdateTrail"})


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
    """All of it. Times are epoch seconds; `since` is the begin of the window that was asked for, 0 for all.

    `spans` as in Totals; `settings` are changes of trails and their times; `passing` are the ids of who may have passed
    roles that no record names; `assumed` says of roles when their sessions were made last, and for whom.
    """

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
    spans: dict[str, tuple[float, float]]
    regions: list[str]
    settings: list[tuple[str, float]]
    passing: set[str]
    assumed: dict[str, tuple[float, str]]  # by the role's ARN without its path
    beside: dict[str, int] = msgspec.field(default_factory=dict)  # files that are no logs of events, by kind

    @property
    def begin(self) -> float:
        """Since when there are calls, within the window that was asked for."""
        return max(self.first, self.since) or self.made

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
    days = _days(result.days, maker.since, now)
    return Evidence(
        made=now.timestamp(),
        since=maker.since,
        first=_first(totals.first, maker.since, days),
        last=min(totals.last, now.timestamp()),
        files=result.read + result.known,
        events=totals.events,
        duplicates=totals.duplicates,
        malformed=totals.malformed,
        others=totals.others,
        troubles=result.troubles,
        older=result.older,
        holes=list(_holes(days)),
        data=sorted(
            {cloudtrail.meaning(kind.removeprefix(DATA), "").service for kind in totals.spans if kind.startswith(DATA)}
        ),
        seen=maker.seen,
        strangers=sorted(maker.strangers.values(), key=lambda item: (-item.count, item.arn)),
        unmapped=sorted(((*key, count) for key, count in maker.unmapped.items()), key=lambda item: (-item[2], item)),
        future=maker.future,
        told=list(told),
        details=details,
        spans={kind: (first, min(last, now.timestamp())) for kind, (first, last) in totals.spans.items()},
        regions=sorted(maker.regions),
        settings=sorted(maker.settings.items(), key=lambda item: (item[1], item[0])),
        passing=maker.passing,
        assumed=maker.assumed,
        beside=result.beside,
    )


class _Maker:
    """Turns rows in CloudTrail's language into what users and roles did."""

    def __init__(self, account: Account, now: float, since: float) -> None:
        self.since = since
        self._now = now
        self._latest = now + timedelta(days=1).total_seconds()
        self._ids = {item.who.id for item in account.people()}
        self._names = {(item.who.kind, bare(item.who.arn)): item.who.id for item in account.people()}
        self.seen: list[Seen] = []
        self.strangers: dict[tuple[str, str, str], Stranger] = {}
        self.unmapped: dict[tuple[str, str], int] = {}
        self.future = 0
        self.regions: set[str] = set()
        self.settings: dict[str, float] = {}
        self.passing: set[str] = set()
        self.assumed: dict[str, tuple[float, str]] = {}

    def add(self, caller: Caller, source: str, name: str, region: str, tally: Tally) -> None:
        last = tally.last.timestamp()
        if last < self.since:
            return
        if last > self._latest:
            # INVARIANT: of a sum only the last time is known: a clock that is wrong hides no use at other times.
            self.future += 1
            last = self._now
        self.regions.add(region)
        if source == _TRAILS and name in _SETTINGS and tally.allowed:
            self.settings[name] = max(last, self.settings.get(name, 0.0))
        if source == _SESSIONS and name.startswith("AssumeRole") and tally.allowed:
            for role in map(bare, arns(tally) or ()):
                self.assumed[role] = max((last, caller.arn or caller.id), self.assumed.get(role, (0.0, "")))
        id_ = self._id(caller)
        if not id_:
            self._stranger(caller, last, tally.count)
            return
        meaning = cloudtrail.meaning(source, name)
        allowed = min(tally.allowed.timestamp(), self._now) if tally.allowed else 0.0
        if tally.hinted and allowed:
            self.passing.add(id_)
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
        never = frozenset[str]() if tally.tagged else cloudtrail.tagging(source, name)
        perhaps = (action for action in meaning.perhaps if action not in never)
        self.seen += [Seen(id_, meaning.service, action, True, *common, resources) for action in perhaps]
        if tally.passed:
            self.seen.append(Seen(id_, "iam", "PassRole", False, *common, tuple(sorted(tally.passed))))

    def _id(self, caller: Caller) -> str:
        """INVARIANT: by the unique id where there is one: use by a deleted namesake is not this entity's."""
        if caller.kind not in _ENTITIES:
            return ""
        if caller.id:
            return caller.id if caller.id in self._ids else ""
        return self._names.get((caller.kind, bare(caller.arn)), "")

    def _stranger(self, caller: Caller, last: float, count: int) -> None:
        key = (caller.kind, caller.arn, caller.id)
        known = self.strangers.get(key)
        if known is not None:
            last, count = max(last, known.last), count + known.count
        self.strangers[key] = Stranger(caller.kind, caller.arn, caller.id, last, count)


def bare(arn: str) -> str:
    """An ARN without the path, which ARNs of sessions do not have."""
    parsed = Arn.parse(arn)
    if parsed is None:
        return arn
    kind, _, rest = parsed.resource.partition("/")
    return f"{parsed.account}:{kind}/{rest.rpartition('/')[2]}"


def _days(days: Iterable[str], since: float, now: datetime) -> list[datetime]:
    """The days with events that are within the window."""
    begin = f"{datetime.fromtimestamp(since, UTC):%Y-%m-%d}"
    return [datetime.fromisoformat(day) for day in sorted(days) if begin <= day <= f"{now:%Y-%m-%d}"]


def _first(first: float, since: float, days: Sequence[datetime]) -> float:
    """When the logs begin within the window: an event of before says nothing of it."""
    if first >= since or not days:
        return first
    return max(since, days[0].replace(tzinfo=UTC).timestamp())


def _holes(days: Sequence[datetime]) -> Iterator[tuple[str, str]]:
    """Times of two days and more without an event, between days with events."""
    for one, following in pairwise(days):
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


def told_of(evidence: Evidence, entity: Entity) -> list[Told]:
    """AWS's own reports on an entity."""
    return [item for item in evidence.told if item.arn == entity.who.arn]


_decoder = msgspec.msgpack.Decoder(tuple[int, Evidence])


def save(evidence: Evidence, directory: Path) -> None:
    """Into the report's directory: all of it or nothing."""
    packed = zlib.compress(msgspec.msgpack.encode((VERSION, evidence)), 1)
    put(directory / NAME, packed)


def put(path: Path, data: bytes) -> None:
    """A file of a report, all of it or nothing."""
    put_all(path.parent, {path.name: data})


def put_all(directory: Path, files: Mapping[str, bytes]) -> None:
    """Files of a report, each all of it or nothing; none of them before all are on the disk. Raises OSError."""
    temporary = {name: directory / f".{name}.{os.getpid()}" for name in files}
    try:
        for name, data in files.items():
            temporary[name].write_bytes(data)
        for name, path in temporary.items():
            path.replace(directory / name)
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


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
