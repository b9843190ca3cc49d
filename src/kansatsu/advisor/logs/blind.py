"""What logs are blind to: a trail records what its owner asks it to, and silence about the rest is never "unused".

Nothing in a log says how its trail was set up, so that it is told from what is on record: a trail that records reading
has reading on record from its beginning to its end, whoever did it. What is on record only for a part of the time, or
never, may have been left out. AWS's own reports stand in, as far as they reach.
https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from kansatsu.advisor.account import Entity
from kansatsu.advisor.logs.evidence import Evidence, Told, day
from kansatsu.advisor.logs.kinds import READ, WRITE
from kansatsu.catalog import cloudtrail, reference, tracking

_DAY = 86400.0
_SETTLED = 2 * _DAY  # a time this short without an event says nothing, as with holes
_TRACKED = 400 * _DAY  # AWS's tracking period
_LATE = 4 * 3600.0  # what AWS's reports do not have yet
# Sources that a trail can leave out of its management events, and what their actions are called in policies.
# https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
EXCLUDABLE = {"kms": "kms.amazonaws.com", "rds-data": "rdsdata.amazonaws.com"}
# Words that begin the names of what only reads, and of what only writes: where the access level agrees with them, so
# does the readOnly of records. Of the rest (sts:AssumeRole writes by its level and reads by its record) either may be.
_READS = ("Get", "List", "Describe", "Head", "Search", "BatchGet")
_WRITES = (
    *("Add", "Associate", "Attach", "Create", "Delete", "Deregister", "Detach", "Disable", "Disassociate", "Enable"),
    *("Modify", "Pass", "Put", "Reboot", "Register", "Remove", "Run", "Set", "Start", "Stop", "Tag", "Terminate"),
    *("Untag", "Update", "Upload"),
)
PASS_ROLE = ("iam", "PassRole")


@lru_cache(maxsize=65536)
def _kinds(service: str, action: str) -> tuple[str, ...]:
    """Which kinds of events a use of the action may be."""
    level = reference.level(f"{service}:{action}")
    if level in {"Read", "List"} and action.startswith(_READS):
        return (READ,)
    if level not in {"Read", "List", ""} and action.startswith(_WRITES):
        return (WRITE,)
    return READ, WRITE


class Blind:
    """What of one report's evidence is unknown."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._known: dict[tuple[str, str], bool] = {}
        self._hidden: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}
        self._latest: dict[tuple[str, str], float] = {}
        self._told: dict[str, list[Told]] = {}
        for report in evidence.told:
            self._told.setdefault(report.arn, []).append(report)
        # Who used, or may have used, which service in a way that is like no action of IAM.
        self._vague: set[tuple[str, str]] = set()
        for item in evidence.seen:
            key = item.id, item.service
            self._latest[key] = max(item.last, self._latest.get(key, 0.0))
            if not item.action and item.allowed:
                self._vague.add(key)
            if item.event and item.allowed:
                source, _, name = item.event.rpartition(".")
                self._vague.update((item.id, service) for service in cloudtrail.suspects(source, name))

    def unknown(self, entity: Entity, service: str, action: str) -> bool:
        """May this user or role have used an action that can be seen at all, without a record of it?"""
        if (service, action) == PASS_ROLE and entity.who.id in self._evidence.passing:
            return True
        if self._missed(entity, service, action):
            return True
        return self.hidden(service, action) and not self._unused_by_aws(entity, service, action)

    def among(self, entity: Entity, service: str, names: tuple[str, ...]) -> frozenset[str]:
        """Which of these actions are unknown; of all who differ in nothing that counts it is found once."""
        id_ = entity.who.id
        if (id_, service) in self._vague:
            return frozenset(names)
        if self._told.get(entity.who.arn) or (service == PASS_ROLE[0] and id_ in self._evidence.passing):
            return frozenset(name for name in names if self.unknown(entity, service, name))
        key = service, names
        if key not in self._hidden:
            self._hidden[key] = frozenset(name for name in names if self.hidden(service, name))
        return self._hidden[key]

    def visible(self, service: str, action: str) -> bool:
        """Could these logs show every use of the action? What they could not is unknown and never "unused"."""
        return not self.hidden(service, action) and tracking.is_tracked(service, action)

    def hidden(self, service: str, action: str) -> bool:
        """May a use that CloudTrail knows of be missing, for how the trail was set up?

        INVARIANT: data events are never whole for certain: a trail has those of the resources that it was told of.
        """
        key = service, action
        if key not in self._known:
            kinds = [*_kinds(service, action), *filter(None, [EXCLUDABLE.get(service)])]
            self._known[key] = cloudtrail.is_data_event(service, action) or not all(
                covered(self._evidence, kind) for kind in kinds
            )
        return self._known[key]

    def _unused_by_aws(self, entity: Entity, service: str, action: str) -> bool:
        """Does AWS say that the action was not used, for all the time of the logs? Of iam:PassRole it never tells."""
        return (service, action) != PASS_ROLE and any(
            item.services.get(service) == 0.0 or item.actions.get(service, {}).get(action) == 0.0
            for item in self._told.get(entity.who.arn, ())
            if reaches(self._evidence, item)
        )

    def _missed(self, entity: Entity, service: str, action: str) -> bool:
        """Was the service used in a way that is not on record, so that it may have been this action?

        AWS knows of a use that the logs do not have; or they have one that is like no action of IAM.
        """
        key = entity.who.id, service
        if key in self._vague:
            return True
        for item in self._told.get(entity.who.arn, ()):
            last = item.services.get(service, 0.0)
            early = 0.0 < last < self._evidence.begin
            if (early or last > self._latest.get(key, 0.0) + _LATE) and action not in item.actions.get(service, {}):
                return True
        return False


def covered(evidence: Evidence, kind: str) -> bool:
    """Is the kind on record from the begin of the logs to their end?"""
    first, last = evidence.spans.get(kind, (0.0, 0.0))
    return bool(last) and first - evidence.begin <= _SETTLED and evidence.last - last <= _SETTLED


def reaches(evidence: Evidence, told: Told) -> bool:
    """Is the report about all the time that the logs are about?"""
    return told.made >= evidence.last - _SETTLED and told.made - _TRACKED <= evidence.begin + _SETTLED


# ---- in words -------------------------------------------------------------------------------------------------------


def sentences(evidence: Evidence) -> Iterator[str]:
    """What the trail may have left out, most general first."""
    if not evidence.events:
        return
    for kind, what in ((READ, "only reads"), (WRITE, "writes")):
        yield from _lacking(evidence, kind, f"call that {what}")
    for source in EXCLUDABLE.values():
        yield from _lacking(evidence, source, f"call of {source.removesuffix('.amazonaws.com')}")
    if len(evidence.regions) == 1:
        yield f"Only calls in {evidence.regions[0]} are on record: of a trail of one Region, use elsewhere is unknown."
    if evidence.settings:
        changes = ", ".join(f"{name} on {day(time)}" for name, time in evidence.settings)
        yield f"The trail's settings were changed ({changes}): what it recorded before and after may differ."
    old = sorted({item.arn for item in evidence.told if not reaches(evidence, item)})
    if old:
        yield f"AWS's report of {_some(old)} is not about all the time of the logs: it proves nothing unused."


def _lacking(evidence: Evidence, kind: str, what: str) -> Iterator[str]:
    if covered(evidence, kind):
        return
    first, last = evidence.spans.get(kind, (0.0, 0.0))
    if not last or last < evidence.begin:
        yield f"No {what} is on record: the trail may leave them out, so that their use is unknown."
    else:
        yield f"A {what} is on record only from {day(first)} to {day(last)}: use before and after is unknown."


def _some(names: Iterable[str]) -> str:
    first, *others = names
    return first + (f" and {len(others)} more" if others else "")
