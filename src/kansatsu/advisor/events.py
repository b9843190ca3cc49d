"""The records of a segment file: one JSON object per line: events, calls, policies, gaps, the end of the segment."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from kansatsu.advisor.calls import Asking, CallRecord, PolicyText

# Codes of answers that say that policies did not allow it.
# The codes of all services (gateway/refusals.py) for what policies do not allow.
DENIALS = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})


class AccessEvent(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One authorization of one request by a known principal. `time` is epoch seconds; `exact` is False when the
    action is only assumed to be named like the operation. `access_key_id` is the one that signed, long-term or not.
    `context` has the condition keys of the resource, in lower case, in a learning session alone.
    `would_deny` is why policy denied what the observe mode let through; then `allowed` is False as for every denial.
    """

    time: float
    request_id: str
    account: str
    principal_id: str
    principal_arn: str
    access_key_id: str
    service: str
    action: str
    resource: str
    region: str
    allowed: bool
    error: str
    exact: bool
    source_ip: str
    user_agent: str = ""  # where it is not that of a CallRecord: see `whole`
    context: dict[str, str | tuple[str, ...]] = {}
    would_deny: str = ""

    @property
    def denied(self) -> bool:
        """Did policies not allow it, whether or not it was refused then?"""
        return not self.allowed and (self.error in DENIALS or bool(self.would_deny))


class Gap(msgspec.Struct, frozen=True):
    """Evidence that is missing, or may be: nobody may take silence for "unused" between `after` and `until`.

    `lost` counts what is known to be lost, 0 when that is unknown. Times are epoch seconds.
    """

    gap: str  # why: see GAPS
    after: float
    until: float
    lost: int = 0
    segment: str = ""


class End(msgspec.Struct, frozen=True):
    """The last record of a segment that was ended on purpose."""

    end: float


_LONGEST_CALL = 256 << 10  # bytes
_LONGEST_TEXT = 4096
_MOST_ASKED = 16
_SHORT = frozenset({int, float, bool, type(None)})
# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
_OMITTED = {"omitted": True, "reason": "too long or not representable"}

UNCLEAN_END = "unclean end"  # the process died: what the kernel had is here, what a power cut took is not
TORN_RECORD = "torn record"  # bytes that are no record
WRITE_FAILED = "write failed"  # no space, or an I/O error
MISSING_SEGMENT = "missing segment"  # a whole file that should be there
CUT_SEGMENT = "segment cut off"  # a file is shorter than it was
ALTERED_SEGMENT = "segment altered"  # a file has other bytes than were written
UNKNOWN_SEGMENT = "unknown segment"  # a file that nobody wrote here
OTHER_NODE = "recorded on another node"  # whose files are not here
GAPS = frozenset({UNCLEAN_END, TORN_RECORD, WRITE_FAILED, MISSING_SEGMENT})
NAMED_GAPS = frozenset({CUT_SEGMENT, ALTERED_SEGMENT, UNKNOWN_SEGMENT, OTHER_NODE})

Record = AccessEvent | CallRecord | PolicyText | Gap | End
_encoder = msgspec.json.Encoder()
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines
_KINDS: tuple[tuple[bytes, msgspec.json.Decoder[Record]], ...] = (
    (b'{"time":', msgspec.json.Decoder(AccessEvent)),
    (b'{"call":', msgspec.json.Decoder(CallRecord)),
    (b'{"policy":', msgspec.json.Decoder(PolicyText)),
    (b'{"gap":', msgspec.json.Decoder(Gap)),
    (b'{"end":', msgspec.json.Decoder(End)),
)


def encode(record: Record) -> bytes:
    """One line, with its line feed."""
    return _encode(record) + b"\n"


def encoded(events: Sequence[AccessEvent], records: Sequence[CallRecord]) -> bytes:
    """The lines of calls and then of events, at once where together they are no longer than one call may be."""
    if all(map(_may_fit, records)):
        try:
            lines = _encode_lines([*records, *events])
        except (UnicodeError, TypeError, ValueError, RecursionError):
            pass
        else:
            if len(lines) <= _LONGEST_CALL:
                return lines
    return b"".join(map(bounded, records)) + b"".join(map(encode, events))


def bounded(record: CallRecord) -> bytes:
    """The line of a call: what a client chose never makes it longer than readers take (1 MiB), nor unreadable."""
    if line := _line(record):
        return line
    short = msgspec.structs.replace(record, params=_OMITTED, result=None, message=_readable(record.message))
    if line := _line(short):
        return line
    # INVARIANT: a record that was cut says so, and is never taken for all that there was.
    asked = tuple(
        msgspec.structs.replace(item, resource=_readable(item.resource), context={})
        for item in record.asked[:_MOST_ASKED]
    )
    return encode(
        msgspec.structs.replace(short, asked=asked, context={}, user_agent=_readable(record.agent), whole=False)
    )


def _line(record: CallRecord) -> bytes:
    """The line, or b"" where it is too long or there is none: half a surrogate, or a value that JSON does not have."""
    if not _may_fit(record):
        return b""
    try:
        line = encode(record)
    except (UnicodeError, TypeError, ValueError, RecursionError):
        return b""
    return line if len(line) <= _LONGEST_CALL else b""


def _may_fit(record: CallRecord) -> bool:
    """False where the line is certainly too long. It is counted no further than that, and such a record never encoded:
    a client's megabytes would take the event loop a tenth of a second each.
    """
    # As most requests are: what else there is of a client comes of these, and of a head that has its limit.
    if len(record.asked) <= _MOST_ASKED and _plain(record.params) and _plain(record.result):
        longest = max(map(len, record.context.values()), default=0)
        if longest <= _LONGEST_TEXT:
            return True
    least = 0  # octets that the line has at least
    rest: list[Any] = [record.params, record.result, record.message, record.user_agent, record.context, record.asked]
    while rest and least <= _LONGEST_CALL:
        value = rest.pop()
        if isinstance(value, str | bytes):
            least += len(value)
        elif isinstance(value, Asking):
            rest += (value.resource, value.context)
        elif isinstance(value, dict):
            least += 5 * len(value)  # of each "":0,
            if least <= _LONGEST_CALL:
                rest += value
                rest += value.values()
        elif isinstance(value, list | tuple | set):
            least += 2 * len(value)  # of each 0,
            if least <= _LONGEST_CALL:
                rest += [item for item in value if type(item) not in _SHORT]
    return least <= _LONGEST_CALL


def _plain(value: Any, deep: bool = True) -> bool:
    """Nothing, or a few numbers and short texts, by name; with `deep` these may have as many of their own."""
    if type(value) is not dict or len(value) > _MOST_ASKED:
        return value is None
    for item in value.values():
        kind = type(item)
        short = len(item) <= _LONGEST_TEXT if kind is str else kind in _SHORT
        if not (short or (deep and kind is dict and _plain(item, False))):
            return False
    return True


def _readable(text: str) -> str:
    return text[:_LONGEST_TEXT].encode(errors="replace").decode()


def whole(records: Iterable[Record]) -> Iterator[AccessEvent]:
    """The events among records, with what the record of their request, which is before them, has for all of them.

    INVARIANT: a client chooses how long its user agent is, and how many keys one request is about: never both at once.
    """
    agents: dict[str, str] = {}
    for record in records:
        if isinstance(record, CallRecord):
            agents[record.call] = record.agent
        elif isinstance(record, AccessEvent):
            agent = record.user_agent or agents.get(record.request_id, "")
            yield msgspec.structs.replace(record, user_agent=agent)


def decode(line: bytes) -> Record | None:
    """The record of a line without its line feed, or None when it is none: torn, zeroed, altered."""
    for start, decoder in _KINDS:
        if line.startswith(start):
            try:
                return decoder.decode(line)
            except msgspec.MsgspecError:
                return None
    return None
