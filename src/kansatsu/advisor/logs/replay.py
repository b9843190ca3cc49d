"""A change of policies held against what logs say was done, in the shape of the control API's ReplayPolicyChange. Pure.

Logs are sums here: who did what on what, not single requests; they have no condition keys and often no resource. So the
answer is certain where no policy could allow an action any more, or where one allows it without any condition; nobody
can tell the rest.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec

from kansatsu.advisor import granting
from kansatsu.advisor.account import Account, Entity, is_policy, named
from kansatsu.advisor.inline import not_as_asked
from kansatsu.advisor.logs.evidence import Evidence, Seen
from kansatsu.advisor.logs.gaps import gaps
from kansatsu.advisor.logs.suggest import OF_NOW, NoSubject, suggestion
from kansatsu.policy import UNRESOLVED, Policy, PolicySet, PolicyType, Source, Verdict, compile_policy, is_free, parse


@dataclass(frozen=True, slots=True)
class Asked:
    """A change: exactly one of a new document, a managed policy detached, an inline one deleted, the suggested one."""

    arn: str
    document: str | None = None
    name: str | None = None
    detach: str | None = None
    delete: str | None = None
    suggested: bool = False
    new: bool = False  # `name` is of a policy that is not there yet


class NoChange(NoSubject):
    """What is asked for is no change of that subject; the message is a sentence."""


class _Outcome(Enum):
    ALLOWED = "allowed"
    REFUSED = "refused"
    ALREADY = "refused already"
    UNKNOWN = "cannot tell"


_NO_KEYS = "Conditions decide it, and CloudTrail's records have no condition keys."
_NO_RESOURCE = "The records do not name the resource, and not all resources are allowed."
_NO_ACTION = "The records do not say which actions it took, and not all that it may have are allowed any more."


def replayed(evidence: Evidence, account: Account, asked: Asked, listed: int) -> dict[str, Any]:
    """What the change would have refused. Raises NoSubject, errors.MalformedPolicyDocument."""
    made = suggestion(evidence, account, asked.arn) if asked.suggested else None
    document = made["Document"] if made else asked.document or ""
    changed, people = _changed(account, asked, document)
    counts: Counter[_Outcome] = Counter()
    unknown: Counter[str] = Counter()
    refused: list[Seen] = []
    denied = 0
    for entity in people:
        before = account.held(entity)
        after = changed.held(changed.entities[entity.who.arn])
        for items in _events(evidence, entity):
            for item, outcome, reason in _outcomes(before, after, items):
                denied += item.denied
                if item.count == item.denied:
                    continue
                counts[outcome] += item.count - item.denied
                if outcome is _Outcome.REFUSED:
                    refused.append(item)
                elif outcome is _Outcome.UNKNOWN:
                    unknown[reason] += item.count - item.denied
    refused.sort(key=lambda item: -item.allowed)
    arns = {entity.who.id: entity.who.arn for entity in people}
    return {
        "Arn": asked.arn,
        "Document": document,
        "Since": _time(max(evidence.since, evidence.first) or evidence.made),
        "Until": _time(evidence.last or evidence.made),
        "PrincipalArns": sorted(arns.values()),
        "Requests": counts.total() + denied,
        "Allowed": counts[_Outcome.ALLOWED],
        "Refused": counts[_Outcome.REFUSED],
        "RefusedAlready": counts[_Outcome.ALREADY],
        "NewlyAllowed": 0,
        "Denied": denied,
        "CannotTell": counts[_Outcome.UNKNOWN],
        "RefusedRequests": [_refused(item, arns[item.id]) for item in refused[:listed]],
        "Unknown": [{"Reason": reason, "Count": count, "RequestIds": []} for reason, count in unknown.items()],
        "Gaps": [],
        "Notes": made["Notes"] if made else [OF_NOW, *gaps(evidence, account)],
    }


def _events(evidence: Evidence, entity: Entity) -> Iterable[list[Seen]]:
    """What one entity did, in events with all the actions that these were, or may have been."""
    found: defaultdict[tuple[str, str, str], list[Seen]] = defaultdict(list)
    for item in evidence.seen:
        if item.id == entity.who.id:
            found[item.event, item.region, item.via].append(item)
    return found.values()


def _outcomes(before: PolicySet, after: PolicySet, items: list[Seen]) -> Iterator[tuple[Seen, _Outcome, str]]:
    """INVARIANT: an event that may have needed what goes is not told to be allowed, whatever else it needed."""
    sure = [item for item in items if item.action and not item.perhaps]
    doubtful = [item for item in items if item.perhaps] or [item for item in items if not item.action]
    doubt = _doubt(before, after, doubtful) if doubtful else _Outcome.ALLOWED
    for item in sure:
        outcome, reason = _outcome(before, after, item)
        in_doubt = outcome is _Outcome.ALLOWED and doubt is _Outcome.UNKNOWN
        yield (item, doubt, _NO_ACTION) if in_doubt else (item, outcome, reason)
    if not sure:
        yield doubtful[0], doubt, _NO_ACTION


def _doubt(before: PolicySet, after: PolicySet, items: Iterable[Seen]) -> _Outcome:
    """The outcome for actions that it may have been; of an event that is like none these are all of its service."""
    may = (
        _outcome(before, after, msgspec.structs.replace(item, action=name))[0]
        for item in items
        for name in ((item.action,) if item.action else granting.granted(before, item.service))
    )
    found = {outcome for outcome in may if outcome is not _Outcome.ALREADY}
    if not found:
        return _Outcome.ALREADY
    return _Outcome.ALLOWED if found == {_Outcome.ALLOWED} else _Outcome.UNKNOWN


def _outcome(before: PolicySet, after: PolicySet, item: Seen) -> tuple[_Outcome, str]:
    """INVARIANT: allowed is said only where a policy allows it whatever the request's conditions and resource were."""
    action = f"{item.service}:{item.action}"
    if is_free(action):
        return _Outcome.ALLOWED, ""
    if not before.may_allow(action):
        return _Outcome.ALREADY, ""
    if after == before:
        return _Outcome.ALLOWED, ""
    if not after.may_allow(action):
        return _Outcome.REFUSED, ""
    if after.keys(action):
        return _Outcome.UNKNOWN, _NO_KEYS
    if item.resources is None:
        certain = after.verdict(action, UNRESOLVED, {}) is Verdict.ALLOW
        return (_Outcome.ALLOWED, "") if certain else (_Outcome.UNKNOWN, _NO_RESOURCE)
    lost = [resource for resource in item.resources if after.verdict(action, resource, {}) is not Verdict.ALLOW]
    if not lost:
        return _Outcome.ALLOWED, ""
    if before.keys(action):
        return _Outcome.UNKNOWN, _NO_KEYS
    gone = any(before.verdict(action, resource, {}) is Verdict.ALLOW for resource in lost)
    return (_Outcome.REFUSED if gone else _Outcome.ALREADY), ""


def _changed(account: Account, asked: Asked, document: str) -> tuple[Account, tuple[Entity, ...]]:
    """The account with the change, and whom it concerns."""
    if is_policy(asked.arn):
        return _of_managed(account, asked, document)
    entity = named(account, asked.arn)
    if entity is None:
        raise NoSubject(f"NoSuchEntity: {asked.arn} is not in the account's authorization details.")
    policies = tuple(_own(entity, asked, document))
    people = account.members(entity.who.arn) if entity.who.kind == "group" else [entity]
    entities = account.entities | {entity.who.arn: replace(entity, policies=policies)}
    return replace(account, entities=entities), tuple(people)


def _of_managed(account: Account, asked: Asked, document: str) -> tuple[Account, tuple[Entity, ...]]:
    if asked.detach or asked.delete or asked.name:
        raise NoChange("Of a managed policy only a new document and the suggested one are changes.")
    policy = account.managed.get(asked.arn)
    if policy is None:
        raise NoSubject(f"NoSuchEntity: {asked.arn} is not in the account's authorization details.")
    new = tuple(_compiled(document, policy.source))

    def altered(held: Iterable[Policy]) -> Iterator[Policy]:
        for one in held:
            yield from new if one.source.arn == asked.arn else (one,)

    entities: Mapping[str, Entity] = {
        arn: replace(entity, policies=tuple(altered(entity.policies))) for arn, entity in account.entities.items()
    }
    return replace(account, entities=dict(entities)), tuple(account.holders(asked.arn))


def _own(entity: Entity, asked: Asked, document: str) -> Iterator[Policy]:
    """The entity's own policies with the change."""
    source = Source(PolicyType.IDENTITY, owner=entity.who.arn, name=asked.name or "suggested")
    if asked.suggested:
        yield from _compiled(document, source)
        return
    if document and not asked.name:
        raise NoChange("A document needs a name: the inline policy that it is to be.")
    goes = asked.detach or asked.delete or asked.name
    kept = [one for one in entity.policies if (one.source.arn or one.source.name) != goes]
    missing = len(kept) == len(entity.policies)
    if missing and not document:
        raise NoSubject(f"NoSuchEntity: {entity.who.arn} has no policy {goes}.")
    if document and missing is not asked.new:
        raise NoChange(not_as_asked(entity.who.arn, goes or "", _inline(entity), "--new"))
    yield from kept
    yield from _compiled(document, source)


def _inline(entity: Entity) -> list[str]:
    return [one.source.name for one in entity.policies if not one.source.arn]


def _compiled(document: str, source: Source) -> Iterator[Policy]:
    if document:
        yield compile_policy(parse(document), source)


def _refused(item: Seen, arn: str) -> dict[str, Any]:
    action = f"{item.service}:{item.action}"
    return {
        "RequestId": "",
        "Time": _time(item.allowed),
        "PrincipalArn": arn,
        "Operation": item.event,
        "Action": action,
        "Resource": ", ".join(item.resources) if item.resources else "*",
        "SourceIp": "",
        "Reason": f"because no identity-based policy allows the {action} action",
        "Count": item.count - item.denied,
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
