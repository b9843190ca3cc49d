"""`kansatsu logs --would-deny`: what the mode observe let through: who, what, where, and the missing statement."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kansatsu.cli import daemon
from kansatsu.cli.output import Exit, Failure, again, emit, hint, say
from kansatsu.cli.times import moment

if TYPE_CHECKING:
    from kansatsu.advisor import AccessEvent

COLUMNS = ("principal", "action", "resource", "count", "first", "last", "reason", "statement")
_SESSION = re.compile(r"(arn:[^:]*:sts::[0-9]*:assumed-role/[^/]+/).+")
# The one reason that a statement of one's own mends; the others are a Deny, a boundary or somebody else's policy.
_MENDED = "because no identity-based policy allows "


@dataclass(slots=True)
class _Seen:
    first: float
    last: float
    count: int = 0


def report(data_dir: Path, since: str | None, form: str) -> None:
    """Print it: one row for each principal (sessions of a role are one), action, resource and reason; most first."""
    rows = list(rows_of(_events(data_dir, _oldest(since))))
    emit(rows, COLUMNS, form)
    if rows:
        hint(again("why --last"), form)
    elif form == "table":
        say("Nothing is recorded that policies would have refused.")


def rows_of(events: Iterable["AccessEvent"]) -> Iterator[Mapping[str, Any]]:
    seen: dict[tuple[str, str, str, str], _Seen] = {}
    for event in events:
        if event.would_deny:
            who = _SESSION.sub(r"\1*", event.principal_arn)
            key = who, f"{event.service}:{event.action}", event.resource, event.would_deny
            found = seen.setdefault(key, _Seen(event.time, event.time))
            found.count += 1
            found.first, found.last = min(found.first, event.time), max(found.last, event.time)
    for key, found in sorted(seen.items(), key=lambda item: (-item[1].count, item[0])):
        who, action, resource, reason = key
        lacks = {"Effect": "Allow", "Action": action, "Resource": resource}
        yield {
            "principal": who,
            "action": action,
            "resource": resource,
            "count": found.count,
            "first": _moment(found.first),
            "last": _moment(found.last),
            "reason": reason,
            "statement": json.dumps(lacks) if reason.startswith(_MENDED) else "",
        }


def _events(data_dir: Path, oldest: float) -> Iterator["AccessEvent"]:
    from kansatsu.advisor import AccessEvent, segments

    directory = data_dir / "events"
    try:
        paths = sorted(path for path in directory.iterdir() if segments.NAME.fullmatch(path.name))
        for path in paths:
            with suppress(FileNotFoundError):  # deleted for its age meanwhile
                if path.stat().st_mtime >= oldest:
                    records = (line.record for line in segments.read(path))
                    yield from (event for event in records if isinstance(event, AccessEvent) and event.time >= oldest)
    except FileNotFoundError:
        raise Failure(f"Nothing is recorded in {directory}; start with `{again('up -d')}`.", Exit.NOT_RUNNING) from None
    except PermissionError:
        raise daemon.not_yours(data_dir) from None


def _oldest(since: str | None) -> float:
    return moment(since).timestamp() if since is not None else 0.0


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
