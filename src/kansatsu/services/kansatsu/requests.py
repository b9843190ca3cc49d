"""What was asked lately, by whom, and what was denied: the requests of the caller's account from the evidence itself.

Unlike CloudTrail's LookupEvents it has data events (s3:GetObject) too, and those of every Region.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kansatsu.advisor import DENIALS, CallRecord, history, trail
from kansatsu.errors import InvalidParameterValue
from kansatsu.services.registry import Call, operation

DAYS = 90
PAGE = 50
_ITSELF = ("kansatsu", "ListRequests")
# What must stand in a record literally, so that others need not be read.
_OUTCOMES: Mapping[str, bytes] = {"ALLOWED": b'"allowed":true', "DENIED": b'"allowed":false'}
Cursor = tuple[float, str]  # time and request id of the last request that was given


@operation("kansatsu", "ListRequests")
async def list_requests(
    call: Call,
    outcome: str | None = None,
    principal: str | None = None,
    without_console: bool = False,
    start_time: datetime | None = None,
    max_results: int = PAGE,
    next_token: str | None = None,
) -> dict[str, Any]:
    """Newest first, within 90 days; its own calls are left out, or who watches would see only that.

    `principal`: the ARN of a user, a role, or a session of one. `without_console`: not what consoles read. What they
    changed, and what they were denied, is never left out.
    """
    before = _opened(next_token)
    hidden: list[Cursor] = []

    def wanted(record: CallRecord) -> bool:
        shown = asked_for(record)
        if shown and without_console and _reading(record):
            hidden.append((record.time, record.call))
            return False
        return shown

    def asked_for(record: CallRecord) -> bool:
        return (
            record.account == call.account
            and record.kind != "service"  # which gave a role: nobody asked, and there is no decision to explain
            and (record.time, record.call) < before
            and (outcome is None or (_denied(record) if outcome == "DENIED" else record.allowed))
            and (principal is None or principal in (record.arn, record.entity))
            and not (record.allowed and (record.service, record.operation) == _ITSELF)
        )

    # INVARIANT: nobody reads of another account's requests.
    needles = [call.account.encode(), *([_OUTCOMES[outcome]] if outcome else [])]
    oldest = call.now - timedelta(days=DAYS)
    since = max(oldest, start_time or oldest).timestamp()
    found = await asyncio.to_thread(
        history.newest, call.recorder.directory, since, float("inf"), needles, wanted, max_results + 1
    )
    answer: dict[str, Any] = {"Requests": [_shown(record) for record in found[:max_results]]}
    first, last = [(one.time, one.call) for one in (*found[:1], *found[:max_results][-1:])] or [before, (0.0, "")]
    if len(found) > max_results:
        answer["NextToken"] = f"{last[0]!r} {last[1]}"
    else:
        last = 0.0, ""
    if without_console:
        answer["Hidden"] = sum(one > last for one in hidden)
        answer["HiddenSince"] = sum(one > first for one in hidden) if found else len(hidden)
    return answer


def _reading(record: CallRecord) -> bool:
    """Did a console read something, and may it?"""
    of_console = record.session is not None and record.session.console
    return of_console and record.allowed and bool(record.asked) and trail.reads(record)


def _opened(token: str | None) -> Cursor:
    if token is None:
        return float("inf"), ""
    time, _, call = token.partition(" ")
    try:
        return float(time), call
    except ValueError:
        raise InvalidParameterValue("Invalid NextToken.") from None


def _denied(record: CallRecord) -> bool:
    """Did policies not allow it? Others that were not allowed failed before any policy was asked."""
    return not record.allowed and record.error in DENIALS


def _shown(record: CallRecord) -> dict[str, Any]:
    found = {
        "RequestId": record.call,
        "Time": datetime.fromtimestamp(record.time, UTC),
        "PrincipalArn": record.arn,
        "Service": record.service,
        "Operation": record.operation,
        "Region": record.region,
        "Allowed": record.allowed,
        "Denied": _denied(record),
        "Observed": record.observed,
        "Asked": [{"Action": item.action, "Resource": item.resource} for item in record.asked],
        "SourceIp": record.source_ip,
        "UserAgent": record.agent,
        "Console": record.session is not None and record.session.console,
    }
    optional = {"EntityArn": record.entity, "Error": record.error, "Message": record.message, "Via": record.via}
    return found | {name: text for name, text in optional.items() if text}
