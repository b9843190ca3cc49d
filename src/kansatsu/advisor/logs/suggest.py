"""The smaller policies by the evidence of logs, in the shape of the control API's SuggestPolicyChange. Pure.

Records of CloudTrail have neither condition keys nor, often, resources: what is not on record cuts nothing away.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kansatsu.advisor import fitting, granting, shown
from kansatsu.advisor.account import Account, Entity, is_policy, named
from kansatsu.advisor.logs import evidence as evidences
from kansatsu.advisor.logs.blind import Blind
from kansatsu.advisor.logs.evidence import Evidence, Seen
from kansatsu.advisor.logs.gaps import gaps
from kansatsu.advisor.narrow import Use, smaller
from kansatsu.catalog import tracking
from kansatsu.policy import Policy, PolicySet

_DAY = 86400.0
_MANAGED_BY_AWS = ":iam::aws:policy/"
OF_NOW = (
    "By the identity policies of the authorization details, as they were when those were fetched; boundaries, policies "
    "of resources, and SCPs and RCPs, of then and of now, are not in the logs: none of them is asked here."
)


class NoSubject(ValueError):
    """Nothing can be suggested; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a suggestion is about: its policies, and whose use counts."""

    arn: str
    policies: tuple[Policy, ...]
    people: tuple[Entity, ...]
    entity: Entity | None


def suggestion(evidence: Evidence, account: Account, text: str) -> dict[str, Any]:
    """The smaller policy in place of those of an ARN. Raises NoSubject."""
    subject = _subject(account, text)
    uses = [*_uses(evidence, subject.people), *_unseen(evidence, subject)]
    tried = list(_tried(evidence, subject.people))
    made = smaller(subject.policies, uses, tried, fitting.quota_of(subject.arn))
    confidence, told = _confidence(evidence), shown.hidden(line for _, line in made.lines)
    return {
        "Arn": subject.arn,
        "Document": made.text,
        "Since": _time(max(evidence.since, evidence.first) or evidence.made),
        "Until": _time(evidence.last or evidence.made),
        "PrincipalArns": sorted(item.who.arn for item in subject.people),
        "AttachedTo": [arn for arn, item in account.entities.items() if _has(item, subject)],
        "Bounds": [arn for arn, item in account.entities.items() if item.boundary == subject.arn],
        "Requests": sum(item.count for item in _of(evidence, subject.people) if not item.perhaps),
        "Confidence": confidence,
        "CannotTell": 0,
        "Gaps": [],
        "Notes": [OF_NOW, *gaps(evidence, account), *_notes(evidence, subject), *told],
        "Policies": [
            {"PolicyArn": item.source.arn, "PolicyName": item.source.name, "Document": item.document.text}
            for item in subject.policies
        ],
        "Lines": [shown.line(policy, line, confidence) for policy, line in made.lines],
    }


def _subject(account: Account, text: str) -> Subject:
    if is_policy(text):
        policy = account.managed.get(text)
        if policy is None:
            why = account.unread.get(text, "it is not in the account's authorization details")
            raise NoSubject(f"NoSuchEntity: Policy {text}: {why}.")
        return Subject(text, (policy,), tuple(account.holders(text)), None)
    entity = named(account, text)
    if entity is None:
        raise NoSubject(f"NoSuchEntity: {text} is not in the account's authorization details.")
    people = account.members(entity.who.arn) if entity.who.kind == "group" else [entity]
    return Subject(entity.who.arn, entity.policies, tuple(people), entity)


def _has(entity: Entity, subject: Subject) -> bool:
    """Is the managed policy, if the subject is one, attached to it itself?"""
    return any(policy.source.arn == subject.arn for policy in entity.policies)


def _of(evidence: Evidence, people: Iterable[Entity]) -> Iterator[Seen]:
    ids = {item.who.id for item in people}
    return (item for item in evidence.seen if item.id in ids)


def _uses(evidence: Evidence, people: Sequence[Entity]) -> Iterator[Use]:
    """What was allowed, by the logs and by AWS's reports."""
    arns = {item.who.id: item.who.arn for item in people}
    for item in _of(evidence, people):
        if not item.allowed or not item.action:
            continue
        action = f"{item.service}:{item.action}"
        resolved, who = item.resources is not None and not item.perhaps, arns[item.id]
        for resource, count in _shares(item.resources, item.count - item.denied):
            yield Use(action, resource, resolved, None, item.allowed, who, count, seen=not item.perhaps)
    for entity in people:
        for told in evidences.told_of(evidence, entity):
            for service, actions in told.actions.items():
                for name, last in actions.items():
                    if last:
                        yield Use(f"{service}:{name}", "*", False, None, last, entity.who.arn)


def _shares(resources: Sequence[str] | None, count: int) -> Iterator[tuple[str, int]]:
    """How many of so many calls each resource is told to have: the records together say no more than the sum."""
    first, *others = resources or ("*",)
    yield first, max(1, count - len(others))
    yield from ((one, 1) for one in others)


def _tried(evidence: Evidence, people: Sequence[Entity]) -> Iterator[Use]:
    """What was denied; of an operation that was allowed at other times the records of both are one."""
    arns = {item.who.id: item.who.arn for item in people}
    for item in _of(evidence, people):
        if item.denied and item.action and not item.perhaps:
            known, who = item.resources is not None, arns[item.id]
            for resource, count in _shares(item.resources, item.denied):
                yield Use(f"{item.service}:{item.action}", resource, known, None, item.last, who, count)


def _unseen(evidence: Evidence, subject: Subject) -> Iterator[Use]:
    """What may have been done without a record.

    INVARIANT: it is kept: what of somebody whose use counts is unknown, blind.py says.
    """
    held, blind = PolicySet(subject.policies), Blind(evidence)
    for namespace in tracking.services():
        names = granting.granted(held, namespace)
        unknown = frozenset[str]().union(*(blind.among(entity, namespace, names) for entity in subject.people))
        for name in names:
            if name in unknown:
                yield Use(f"{namespace}:{name}", "*", False, None, 0.0, "", seen=False)


def _confidence(evidence: Evidence) -> str:
    """How far silence may be taken for "unused": as for Kansatsu's own record."""
    days = (evidence.last - max(evidence.first, evidence.since)) / _DAY if evidence.events else 0.0
    broken = any(trouble and trouble != "no log" for _, trouble, _ in evidence.troubles)
    partial = evidence.settings or evidence.future or len(evidence.regions) == 1
    if broken or partial or evidence.malformed or evidence.holes or days < 7:
        return "low"
    return "high" if days >= 90 else "medium"


def _notes(evidence: Evidence, subject: Subject) -> Iterator[str]:
    if _MANAGED_BY_AWS in subject.arn:
        yield f"{subject.arn} is AWS's own: put a policy of yours in its place."
    for entity in subject.people:
        if entity.elsewhere:
            yield f"{entity.who.arn} is {entity.elsewhere}."
    seen = list(_of(evidence, subject.people))
    for service in sorted({item.via for item in seen if item.via}):
        yield f"{service} acted for them, with their permissions: that counts as their use."
    for action, what in (("PassRole", "was passed"), ("AssumeRole", "was assumed")):
        roles = sorted({role for item in seen if item.action == action for role in item.resources or ()})
        if roles:
            yield f"{', '.join(roles)} {what}: what was done with it, its own policies decide."
    chaining = {item.id for item in seen if item.action == "AssumeRole" and item.allowed}
    for entity in subject.people:
        if entity.who.kind == "role" and entity.who.id in chaining:
            yield f"{entity.who.arn} assumed further roles (role chaining): who was behind it, its own callers tell."
    yield from _unused_sessions(evidence, subject, {item.id for item in seen})
    passing = [entity.who.arn for entity in subject.people if entity.who.id in evidence.passing]
    if passing:
        yield f"{', '.join(passing)} may have passed roles that no record names: iam:PassRole is unknown."
    untold = [entity.who.arn for entity in subject.people if not evidences.told_of(evidence, entity)]
    if untold:
        yield (
            "AWS's own report (--last-accessed) is missing of "
            + ", ".join(untold[:3])
            + (f" and {len(untold) - 3} more." if len(untold) > 3 else ".")
        )


def _unused_sessions(evidence: Evidence, subject: Subject, active: set[str]) -> Iterator[str]:
    """Roles that were assumed or delivered, and did nothing that is on record."""
    for entity in subject.people:
        last, who = evidence.assumed.get(evidences.bare(entity.who.arn), (0.0, ""))
        if last and entity.who.kind == "role" and entity.who.id not in active:
            yield (
                f"{entity.who.arn} was assumed, by {who or 'nobody known'} last on {evidences.day(last)}, and no call "
                "of its sessions is on record: what they are for is unknown."
            )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
