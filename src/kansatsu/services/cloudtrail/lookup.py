"""LookupEvents: management events of the caller's account in one Region within 90 days, from the evidence itself.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec

from kansatsu.advisor import CallRecord, history, trail
from kansatsu.errors import AwsError
from kansatsu.services.registry import Call, operation

DAYS = 90
PAGE = 50
Cursor = tuple[float, str]  # time and request id of the last event that was given
_END: Cursor = (float("inf"), "")
_encode = msgspec.json.Encoder(enc_hook=str).encode


def _named(record: CallRecord, value: str) -> bool:
    return any(value in (name, named) for _, name, named in trail.resources(record))


_MATCHES: Mapping[str, Callable[[CallRecord, str, str], bool]] = {
    "EventId": lambda record, value, account: trail.event_id(record, account) == value,
    "EventName": lambda record, value, account: trail.name(record) == value,
    "ReadOnly": lambda record, value, account: str(trail.reads(record)).lower() == value,
    "Username": lambda record, value, account: _user(record, account) == value,
    "ResourceType": lambda record, value, account: any(kind == value for kind, *_ in trail.resources(record)),
    "ResourceName": lambda record, value, account: _named(record, value),
    "EventSource": lambda record, value, account: trail.source(record) == value,
    "AccessKeyId": lambda record, value, account: record.account == account and record.access_key_id == value,
}
# What must then stand in the record literally, so that others need not be read.
_LITERAL: Mapping[str, Callable[[str], bytes]] = {
    "AccessKeyId": _encode,
    "Username": lambda value: _encode(value) if value != "root" else b"",
}


@operation("cloudtrail", "LookupEvents")
async def lookup_events(
    call: Call,
    lookup_attributes: Sequence[Mapping[str, str]] = (),
    start_time: datetime | None = None,
    end_time: datetime | None = None,
    event_category: str | None = None,
    max_results: int = PAGE,
    next_token: str | None = None,
) -> dict[str, Any]:
    """Newest first. There are no Insights events here: nothing analyses for them."""
    if event_category is not None and event_category != "insight":
        raise AwsError("The event category is invalid.", code="InvalidEventCategoryException")
    if not 1 <= max_results <= PAGE:
        raise AwsError(f"MaxResults must be between 1 and {PAGE}.", code="InvalidMaxResultsException")
    if len(lookup_attributes) > 1:
        text = "You can specify only one lookup attribute."
        raise AwsError(text, code="InvalidLookupAttributesException")
    since, until = _range(call.now, start_time, end_time)
    key, value = _attribute(lookup_attributes)
    asked = f"{call.account} {call.region} {key} {value} {start_time} {end_time} {event_category}"
    cursor = _opened(next_token, asked) if next_token is not None else _END
    if event_category is not None:
        return {"Events": []}
    matches = _MATCHES.get(key)

    def wanted(record: CallRecord) -> bool:
        return (
            record.region == call.region
            and call.account in trail.accounts(record)
            and (record.time, record.call) < cursor
            and trail.is_management(record)
            and (matches is None or matches(record, value, call.account))
        )

    # INVARIANT: nobody looks up events of another account.
    needles = [call.account.encode(), _encode(call.region), *([_LITERAL[key](value)] if key in _LITERAL else [])]
    found = await asyncio.to_thread(
        history.newest, call.recorder.directory, since, until, needles, wanted, max_results + 1
    )
    answer: dict[str, Any] = {"Events": [_shown(record, call.account) for record in found[:max_results]]}
    if len(found) > max_results:
        answer["NextToken"] = _token(found[max_results - 1], asked)
    return answer


def _range(now: datetime, start: datetime | None, end: datetime | None) -> tuple[float, float]:
    """In epoch seconds, the last second included."""
    if start is not None and end is not None and start > end:
        raise AwsError("The start time must not be after the end time.", code="InvalidTimeRangeException")
    oldest = now - timedelta(days=DAYS)
    since = max(oldest, start) if start is not None else oldest
    until = end.timestamp() + 1 if end is not None else float("inf")
    return since.timestamp(), until


def _attribute(attributes: Sequence[Mapping[str, str]]) -> tuple[str, str]:
    if not attributes:
        return "", ""
    key, value = attributes[0].get("AttributeKey", ""), attributes[0].get("AttributeValue", "")
    if key not in _MATCHES or not value:
        text = f"The lookup attribute {key or 'without a key'} is invalid."
        raise AwsError(text, code="InvalidLookupAttributesException")
    return key, value


def _user(record: CallRecord, account: str) -> str:
    """INVARIANT: of a principal of another account nobody learns the name."""
    return trail.user_name(record) if record.account == account else ""


def _shown(record: CallRecord, account: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "EventId": trail.event_id(record, account),
        "EventName": trail.name(record),
        "ReadOnly": str(trail.reads(record)).lower(),
        "EventTime": datetime.fromtimestamp(int(record.time), UTC),
        "EventSource": trail.source(record),
        "Resources": [{"ResourceType": kind, "ResourceName": name} for kind, name, _ in trail.resources(record)],
        "CloudTrailEvent": _encode(trail.event(record, account)).decode(),
    }
    if record.account == account:
        named = {"AccessKeyId": record.access_key_id, "Username": trail.user_name(record)}
        found |= {key: value for key, value in named.items() if value}
    return found


def _digest(asked: str) -> str:
    return sha256(asked.encode()).hexdigest()[:16]


def _token(last: CallRecord, asked: str) -> str:
    return urlsafe_b64encode(json.dumps([last.time, last.call, _digest(asked)]).encode()).decode()


def _opened(token: str, asked: str) -> Cursor:
    try:
        time, call, said = json.loads(urlsafe_b64decode(token.encode("ascii")))
        if said == _digest(asked) and isinstance(time, float) and isinstance(call, str):
            return time, call
    except (ValueError, TypeError):
        pass
    text = "The token is invalid, or was given for a request with other parameters."
    raise AwsError(text, code="InvalidNextTokenException")
