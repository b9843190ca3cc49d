"""What the evidence cannot show, as sentences: nobody may take silence for "unused" where one of them applies."""

from collections import Counter
from collections.abc import Iterator

from kansatsu.advisor.account import Account
from kansatsu.advisor.logs import blind
from kansatsu.advisor.logs.evidence import Evidence, Stranger, day
from kansatsu.catalog import cloudtrail

_DAY = 86400.0
_NAMED = 3
_TROUBLES = {
    "truncated": "{} cut off before the end; what was after that is unknown",
    "corrupt": "{} not to be read",
    "no log": "{} without records of CloudTrail",
    "missing": "{} missing, which CloudTrail's digests name; what was in it is unknown",
    "altered": "{} not what CloudTrail delivered, as its digests say",
    "rival": "{} in conflict with others: events of one eventID differ; one may be forged, and all count",
    "too large": "{} larger than 256 MB unpacked and left out, so that what is in it is unknown; split it",
}


def gaps(evidence: Evidence, account: Account) -> list[str]:
    """All of them; the most general first."""
    return [
        *_window(evidence),
        *_files(evidence),
        *blind.sentences(evidence),
        *_data(evidence),
        *_others(evidence, account),
    ]


def _window(evidence: Evidence) -> Iterator[str]:
    if not evidence.events:
        yield "There is no call in the logs: they show nothing at all."
        return
    begin = evidence.first
    if not evidence.since or begin - evidence.since > _DAY:
        text = f"The logs begin on {day(begin)}: what was used before is not in them."
        yield text + ("" if evidence.told else " AWS's own reports would tell of 400 days (--last-accessed).")
    else:
        yield f"What was used before {day(evidence.since)} was not asked for."
    if evidence.made - evidence.last > _DAY:
        yield f"The logs end on {day(evidence.last)}: what was used since is not in them."
    for first, last in evidence.holes:
        yield f"No event at all from {first} to {last}: a hole in the trail, or files that are missing."


def _files(evidence: Evidence) -> Iterator[str]:
    by_trouble: dict[str, list[str]] = {}
    for name, trouble, _ in evidence.troubles:
        if trouble:
            by_trouble.setdefault(trouble, []).append(name.rpartition("/")[2])
    for trouble, names in sorted(by_trouble.items()):
        files = f"{len(names)} {'file is' if len(names) == 1 else 'files are'}"
        shown = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        yield _TROUBLES.get(trouble, "{} not to be read: " + trouble).format(files) + f": {shown}."
    if evidence.malformed:
        yield f"{_number(evidence.malformed, 'record')} could not be understood."
    if evidence.future:
        yield f"{_number(evidence.future, 'sum')} of calls lie in the future: they count as of now."


def _data(evidence: Evidence) -> Iterator[str]:
    off = sorted(cloudtrail.data_actions().keys() - set(evidence.data))
    if off:
        names = ", ".join(off)
        yield f"No data events are on record of {names}: use of their objects, items and messages is unknown."
    if evidence.data:
        names = ", ".join(evidence.data)
        yield f"Data events of {names} are on record; a trail may leave out some of the resources."


def _others(evidence: Evidence, account: Account) -> Iterator[str]:
    for name, why in sorted(account.unread.items()):
        yield f"What {name} grants is unknown: {why}."
    lost = [item for item in evidence.strangers if item.kind in {"user", "role"}]
    if lost:
        calls = sum(item.count for item in lost)
        yield (
            f"{_number(calls, 'call')} of {_number(len(lost), 'user or role', 'users and roles')} that "
            f"{'is' if len(lost) == 1 else 'are'} not in the account (any more): {', '.join(_names(lost))}."
        )
    strange = [item for item in evidence.unmapped if item[0].removesuffix(".amazonaws.com") not in {"signin"}]
    nobody: Counter[str] = Counter()
    for source, name, count in strange:
        if not cloudtrail.is_service(source, name):
            nobody[source] += count
    if nobody:
        shown = ", ".join(source or '""' for source, _ in nobody.most_common(_NAMED))
        more = f" and {len(nobody) - _NAMED} more" if len(nobody) > _NAMED else ""
        yield (
            f"{_number(nobody.total(), 'call')} of event sources that are no service of IAM that is known "
            f"({shown}{more}): of who made them, services that they may be of are unknown."
        )
    strange = [item for item in strange if item[0] not in nobody]
    if strange:
        shown = ", ".join(f"{source.removesuffix('.amazonaws.com')}.{name}" for source, name, _ in strange[:_NAMED])
        more = f" and {len(strange) - _NAMED} more" if len(strange) > _NAMED else ""
        yield f"No IAM action is known for {shown}{more}: such calls count for their service alone."


def _names(lost: list[Stranger]) -> list[str]:
    named = [item.arn.rpartition("/")[2] or item.id for item in lost]
    return named[:_NAMED] + ([f"{len(named) - _NAMED} more"] if len(named) > _NAMED else [])


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
