"""One file of a trail as a summary: a pure function from its bytes, to be run anywhere and merged in any order.

What is kept are maxima, counts and small sets, so that order does not matter; an event that is there twice is told by
its eventID and counts once.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta

import msgspec
from zlib_ng import zlib_ng

from kansatsu.advisor.logs import callers, event_ids, kinds, passing, rivals, tagged
from kansatsu.advisor.logs.callers import Caller
from kansatsu.advisor.logs.records import BAD, NOTHING, Record, read

VERSION = 8  # of what is kept: with another one everything is read again
MOST_NAMED = 25  # resources that are kept of an action of a caller; of more there is only that there are more
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
_CALLS = frozenset({"AwsApiCall", "AwsConsoleAction", None})
DENIED = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "UnauthorizedOperation"),
        *("AuthorizationError", "AuthorizationErrorException", "NotAuthorized", "UnauthorizedException"),
        *("Client.UnauthorizedAccess", "AccessDeniedFault", "KMS.AccessDeniedException"),
    }
)

Key = tuple[Caller, str, str, str | None]  # who, event source, event name, Region


class Tally(msgspec.Struct, array_like=True, gc=False):
    """What one caller did with one operation in one Region.

    `last` and `allowed` are the times of the last attempt and of the last that was not denied. `resources` are the
    members of that name in the records, as they stand there, and `many` says that there were more than MOST_NAMED;
    `unnamed` counts records without. `passed` are ARNs of roles in the parameters of what is not only reading, and
    `hinted`: there was a call with other words of roles, or without parameters; `tagged` False: none gave tags.
    """

    last: datetime
    allowed: datetime | None = None
    count: int = 0
    denied: int = 0
    unnamed: int = 0
    many: bool = False
    resources: set[bytes] | None = None
    passed: set[str] | None = None
    hinted: bool = False
    tagged: bool = True


class Totals(msgspec.Struct):
    """What was counted: of a file, of many, of all. `window` are the times of the first and the last event, 0 for none.

    `others` counts events that are no calls, by their type; `spans` are the first and last times of each of `kinds`.
    """

    rows: dict[Key, Tally] = msgspec.field(default_factory=dict)
    events: int = 0
    duplicates: int = 0
    malformed: int = 0
    others: dict[str, int] = msgspec.field(default_factory=dict)
    spans: dict[str, tuple[float, float]] = msgspec.field(default_factory=dict)
    first: float = 0.0
    last: float = 0.0

    def merge(self, other: "Totals") -> None:
        """Take in what was counted elsewhere, which must not be used any more."""
        rows, get = self.rows, self.rows.get
        for key, new in other.rows.items():  # with nothing called for a row: there are half as many as events
            old = get(key)
            if old is None:
                rows[key] = new
                continue
            if new.last > old.last:  # noqa: PLR1730 - a call
                old.last = new.last
            if new.allowed is not None and (old.allowed is None or new.allowed > old.allowed):
                old.allowed = new.allowed
            old.count += new.count
            old.denied += new.denied
            old.unnamed += new.unnamed
            if old.many or new.many:
                old.many, old.resources = True, None
            elif new.resources is not None:
                if old.resources is None:
                    old.resources = new.resources
                else:
                    old.resources |= new.resources
                    if len(old.resources) > MOST_NAMED:
                        old.many, old.resources = True, None
            if new.passed is not None:
                old.passed = new.passed | (old.passed or set())
            old.hinted = old.hinted or new.hinted
            old.tagged = old.tagged or new.tagged
        self.events += other.events
        self.duplicates += other.duplicates
        self.malformed += other.malformed
        for name, count in other.others.items():
            self.others[name] = self.others.get(name, 0) + count
        for kind, (first, last) in other.spans.items():
            self.span(kind, first, last)
        self.first = min(filter(None, (self.first, other.first)), default=0.0)
        self.last = max(self.last, other.last)

    def span(self, kind: str, first: float, last: float) -> None:
        """Events of a kind were there at these times."""
        known = self.spans.get(kind, (first, last))
        self.spans[kind] = min(first, known[0]), max(last, known[1])


Hours = dict[str, bytes]  # 2026-11-25T21 (UTC) -> digests of the eventIDs of that hour, 8 bytes each


class Summary(msgspec.Struct):
    """A file: what was counted, what is wrong with it ("": nothing), which events these are, how many others have.

    `ids` are the digests of its events, by hour.
    """

    totals: Totals
    trouble: str
    ids: dict[str, set[int]]
    elsewhere: int


Known = Mapping[str, Set[int]]  # digests of events that count elsewhere, by hour


def summarise(
    data: bytes, known: Known | None = None, into: Totals | None = None, rival: Set[int] = frozenset()
) -> Summary:
    """The summary of a file, given with all its bytes, added to those of others in `into`. Never raises.

    `rival`: digests of eventIDs that do not tell an event.
    """
    found = read(data)
    if rival and rivals.tell_apart(found.records, rival):
        found.trouble = found.trouble or rivals.TROUBLE
    totals = into if into is not None else Totals()
    totals.malformed += found.malformed
    records, ids, elsewhere = _distinct(found.records, known or {}, totals)
    _count(records, totals)
    return Summary(totals, found.trouble, ids, elsewhere)


def _count(records: Sequence[Record], totals: Totals) -> None:  # noqa: PLR0912 - calls would cost as much again
    """The hot loop: about two microseconds for an event."""
    rows, get, known = totals.rows, totals.rows.get, _callers
    calls, denials, nothing = _CALLS, DENIED, NOTHING
    events = len(records)
    for record in records:
        if record.eventType not in calls:
            _other(record, totals)
            events -= 1
            continue
        identity, time, named = bytes(record.userIdentity), record.eventTime, record.resources
        caller = known.get(identity)
        if caller is None:
            caller = _caller(identity)
        denied = record.errorCode is not None and record.errorCode in denials
        key = (caller, record.eventSource, record.eventName, record.awsRegion)
        row = get(key)
        if row is None:
            allowed = None if denied else time
            if named is nothing:
                rows[key] = row = Tally(time, allowed, 1, int(denied), 1)
            else:
                rows[key] = row = Tally(time, allowed, 1, int(denied), 0, False, {bytes(named)})
            row.tagged = not tagged.may_tell(record.eventSource, record.eventName, caller)
        else:
            if time > row.last:  # noqa: PLR1730 - a call
                row.last = time
            row.count += 1
            if denied:
                row.denied += 1
            elif row.allowed is None or time > row.allowed:
                row.allowed = time
            if named is nothing:
                row.unnamed += 1
            elif row.many:
                pass
            elif row.resources is None:
                row.resources = {bytes(named)}
            else:
                row.resources.add(bytes(named))
                if len(row.resources) > MOST_NAMED:
                    row.many, row.resources = True, None
        if not record.readOnly:
            _pass(row, record)
        if not row.tagged and tagged.perhaps(bytes(record.requestParameters)):
            row.tagged = True
    totals.events += events


class _Resource(msgspec.Struct, gc=False):
    ARN: str | None = None


_named = msgspec.json.Decoder(list[_Resource] | None)
_text = msgspec.json.Decoder()


def arns(tally: Tally) -> set[str] | None:
    """The resources that records named; None when not every one did, or when they were too many to be kept."""
    if tally.many or tally.unnamed or not tally.resources:
        return None
    found: set[str] = set()
    for raw in tally.resources:
        try:
            named = {item.ARN for item in _named.decode(raw) or () if item.ARN}
        except BAD:
            return None
        if not named:
            return None
        found |= named
    return found


def _pass(row: Tally, record: Record) -> None:
    """Keep the roles that a call passed: iam:PassRole leaves no record of its own."""
    roles, hinted = passing.passed(record.eventSource, record.eventName, bytes(record.requestParameters))
    if roles:
        row.passed = roles | (row.passed or set())
    elif hinted:
        row.hinted = True


def _other(record: Record, totals: Totals) -> None:
    name = record.eventType or ""
    totals.others[name] = totals.others.get(name, 0) + 1


_MOST_KNOWN = 50_000
_callers: dict[bytes, Caller] = {}  # a memory of what `callers.read` says: sessions come again and again
_one: dict[Caller, Caller] = {}


def _caller(identity: bytes) -> Caller:
    if len(_callers) > _MOST_KNOWN:
        _callers.clear()
        _one.clear()
    try:
        found = callers.read(identity)
    except BAD:
        found = callers.NOBODY
    found = _callers[identity] = _one.setdefault(found, found)
    return found


def _distinct(records: list[Record], known: Known, totals: Totals) -> tuple[list[Record], dict[str, set[int]], int]:
    """The records that are not known yet, each once, the digests of their events by hour, and how many were known."""
    if not records:
        return [], {}, 0
    times = [record.eventTime for record in records]
    first, last = min(times), max(times)
    if first < _EARLIEST or last > _LATEST:
        sane = [record for record in records if _EARLIEST <= record.eventTime <= _LATEST]
        totals.malformed += len(records) - len(sane)
        return _distinct(sane, known, totals)
    totals.first = min(filter(None, (totals.first, first.timestamp())))
    totals.last = max(totals.last, last.timestamp())
    for span in kinds.spans(records, first, last):
        totals.span(*span)
    digests = event_ids.digests_of(records)
    if digests is None or last - first > _MOST_AT_ONCE:
        return _filtered(records, digests or [event_ids.digest_of(record.eventID) for record in records], known, totals)
    hours: dict[str, set[int]] = {}
    begin = first.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while begin <= last:
        end = begin + _HOUR
        some = digests if begin <= first and last < end else array("Q", _between(digests, times, begin, end))
        ids = set(some)
        if len(ids) < len(some) or not known.get(_hour(begin), _NONE).isdisjoint(ids):
            return _filtered(records, digests, known, totals)
        if ids:
            hours[_hour(begin)] = ids
        begin = end
    return records, hours, 0


_NONE: frozenset[int] = frozenset()
# What else says to be of another time is no record: neither a report nor a calendar goes that far.
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_MOST_AT_ONCE = 24 * _HOUR


def _between(digests: Iterable[int], times: Iterable[datetime], begin: datetime, end: datetime) -> Iterator[int]:
    return (digest for digest, time in zip(digests, times, strict=True) if begin <= time < end)


def _filtered(
    records: list[Record],
    digests: Iterable[int | None],
    known: Known,
    totals: Totals,
) -> tuple[list[Record], dict[str, set[int]], int]:
    """A record without an eventID cannot be told from another: it counts."""
    kept: list[Record] = []
    elsewhere = 0
    by_hour: dict[str, set[int]] = {}
    for record, digest in zip(records, digests, strict=True):
        if digest is not None:
            hour = _hour(record.eventTime)
            seen = by_hour.setdefault(hour, set())
            if (is_known := digest in known.get(hour, _NONE)) or digest in seen:
                totals.duplicates += 1
                elsewhere += is_known
                continue
            seen.add(digest)
        kept.append(record)
    return kept, {hour: seen for hour, seen in by_hour.items() if seen}, elsewhere


def _hour(time: datetime) -> str:
    return time.astimezone(UTC).isoformat()[:13]


class File(msgspec.Struct, frozen=True):
    """One of the files of a batch: what is wrong with it, and how many of its events others have."""

    name: str
    trouble: str
    duplicates: int


class Batch(msgspec.Struct, frozen=True):
    """Files that were counted together, each event once; totals are bytes: to be kept, or sent to another process."""

    files: list[File]
    totals: bytes
    hours: Hours


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(
    tuple[list[Caller], list[str | None], list[tuple[int, int, int, int, Tally]], Totals]
)


def pack(totals: Totals) -> bytes:
    """Totals as bytes, small: callers and names stand in them once."""
    who: dict[Caller, int] = {}
    names: dict[str | None, int] = {}
    rows = [
        (
            who.setdefault(caller, len(who)),
            names.setdefault(source, len(names)),
            names.setdefault(name, len(names)),
            names.setdefault(region, len(names)),
            tally,
        )
        for (caller, source, name, region), tally in totals.rows.items()
    ]
    rest = msgspec.structs.replace(totals, rows={})
    return zlib_ng.compress(_encoder.encode((list(who), list(names), rows, rest)), 1)


def unpack(packed: bytes) -> Totals:
    """What `pack` was given."""
    found, names, rows, totals = _decoder.decode(zlib_ng.decompress(packed))
    who = [_one.setdefault(caller, caller) for caller in found]
    totals.rows = {
        (who[caller], names[source] or "", names[name] or "", names[region]): tally
        for caller, source, name, region, tally in rows
    }
    return totals
