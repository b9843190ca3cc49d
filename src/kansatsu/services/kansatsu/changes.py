"""What a change of policies would do: recorded requests decided again, and the smaller policy that they suggest.

ReplayPolicyChange and SuggestPolicyChange only look; CommitPolicyChange (commits.py) makes the change on that evidence.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from kansatsu import arn as arns
from kansatsu.advisor import fitting, history, shown
from kansatsu.advisor.altered import Altered, Change
from kansatsu.advisor.calls import SIGN_IN, Bearer, CallRecord
from kansatsu.advisor.events import DENIALS, Gap
from kansatsu.advisor.inline import not_as_asked, those
from kansatsu.advisor.narrow import Line, Use, smaller
from kansatsu.advisor.replay import Held, Outcome, Replay, Replayed, Unknowable
from kansatsu.errors import AwsError, InvalidParameterCombination, NoSuchEntity
from kansatsu.identity import EntityPolicies, EntityRecord, attachments, groups, managed
from kansatsu.policy import Policies, Policy, PolicySet
from kansatsu.resources import looked_up
from kansatsu.services.callers import limits_of, task_policies
from kansatsu.services.iam import _resources
from kansatsu.services.iam.simulate import record_of
from kansatsu.services.kansatsu import notes
from kansatsu.services.registry import Call, Params, operation

Shown = dict[str, Any]
LISTED = 100  # requests that are listed one by one, unless the call says otherwise
_EXAMPLES = 5
_CHANGES = ("Document", "DetachPolicyArn", "DeletePolicyName", "Suggested")
_BEGINS = "the record begins"


@dataclass(frozen=True, slots=True)
class Asked:
    """A change as it is asked for: one of `document`, `detach`, `delete` and `suggested`."""

    arn: str
    document: str | None = None
    name: str | None = None
    detach: str | None = None
    delete: str | None = None
    suggested: bool = False
    since: datetime | None = None
    new: bool = False  # `name` is of an inline policy that is not there yet


@dataclass(slots=True)
class Subject:
    """What a change is about: a managed policy, or a user, group or role; and whose requests it concerns."""

    arn: str
    record: EntityRecord | None  # None: a managed policy
    policies: tuple[Policy, ...]  # that hang on it, itself for a managed policy
    people: dict[str, str] = field(default_factory=dict)  # unique id -> ARN
    attached: tuple[str, ...] = ()  # ARNs of whom a managed policy is attached to
    bounds: tuple[str, ...] = ()  # and of whom it is the boundary


@dataclass(slots=True)
class Proposed:
    """A change, the record of its time, and what to say about how it came to be."""

    subject: Subject
    change: Change
    found: history.Found
    since: float
    lines: tuple[tuple[Policy, Line], ...] = ()
    notes: list[str] = field(default_factory=list)


def subject_arn(_call: Call, params: Params) -> str:
    """The ARN that the call is about."""
    return str(params["Arn"])


@operation("kansatsu", "SuggestPolicyChange", resource=subject_arn)
async def suggest_policy_change(call: Call, arn: str, since: datetime | None = None) -> Shown:
    """The smaller policy by what is on record, with the evidence for each line."""
    return await asyncio.to_thread(_suggested, call, arn, since)


def proposed(call: Call, asked: Asked) -> Proposed:
    """The change that was asked for. Raises InvalidParameterCombination and NoSuchEntity."""
    if sum(map(bool, (asked.document, asked.detach, asked.delete, asked.suggested))) != 1:
        raise InvalidParameterCombination(f"Give one of {', '.join(_CHANGES)}.")
    subject = _subject(call, asked.arn)
    since = _since(asked.since)
    found = recorded(call, subject, since)
    if asked.suggested:
        return _suggestion(call, subject, found, since)
    return Proposed(subject, _change(call, subject, asked), found, since)


def replayed(call: Call, made: Proposed, listed: int = LISTED) -> Shown:
    """The answer of a replay."""
    altered = Altered(call.snapshot, made.change)
    replay, before = again(call, made.found)
    after = _held(replay, altered.policies, altered.session_policy)
    return answered(call, made, replay.all(made.found.calls, before, after), listed)


def again(call: Call, found: history.Found) -> tuple[Replay, Held]:
    """What decides these requests again, and what those who made them have now."""
    replay = Replay(found.texts, lambda role: _trust(call, role), call.snapshot.limited, looked_up)
    return replay, _held(replay, call.snapshot.policies, call.snapshot.session_policy)


def answered(call: Call, made: Proposed, ones: Iterable[Replayed], listed: int) -> Shown:
    """What became of each of the requests, as the answer of a replay."""
    counts: Counter[Outcome] = Counter()
    refused: dict[tuple[str, ...], Shown] = {}
    unknown: dict[str, list[str]] = {}
    for one in ones:
        counts[one.outcome] += 1
        if one.outcome is Outcome.REFUSED:
            _same_once(refused, _refused(one))
        elif one.outcome is Outcome.UNKNOWN:
            unknown.setdefault(one.reason, []).append(one.record.call)
    return {
        "Arn": made.subject.arn,
        "Document": made.change.document or "",
        "Since": _time(made.since or made.found.oldest or call.now.timestamp()),
        "Until": call.now,
        "PrincipalArns": sorted(made.subject.people.values()),
        "Requests": len(made.found.calls),
        "Allowed": counts[Outcome.ALLOWED],
        "Refused": counts[Outcome.REFUSED],
        "RefusedAlready": counts[Outcome.ALREADY],
        "NewlyAllowed": counts[Outcome.GAINED],
        "Denied": counts[Outcome.DENIED] + counts[Outcome.UNDECIDED],
        "CannotTell": counts[Outcome.UNKNOWN],
        "Confidence": _confidence(call, made),
        "RefusedRequests": list(reversed(refused.values()))[:listed],
        "Unknown": [
            {"Reason": reason, "Count": len(ids), "RequestIds": ids[-_EXAMPLES:]} for reason, ids in unknown.items()
        ],
        "Gaps": _gaps(made),
        "Notes": [*made.notes, *notes.of(call, made.subject.arn, made.subject.people, made.found.calls)],
    }


def recorded(call: Call, subject: Subject, since: float) -> history.Found:
    """The requests that a change of the subject concerns."""

    def wanted(record: CallRecord) -> bool:
        # INVARIANT: nobody replays requests of another account.
        if record.account != call.account or record.service == SIGN_IN:
            return False
        passed = record.session is not None and subject.arn in record.session.policy_arns
        return record.principal_id in subject.people or (subject.record is None and passed)

    return history.everything(call.recorder.evidence(), since, call.now.timestamp(), wanted)


def _subject(call: Call, arn: str) -> Subject:
    with call.store.read() as conn:
        if _resources.is_policy(arn):
            managed.get(conn, call.account, arn)
            policy = call.snapshot.managed(arn)
            held = attachments.holders(conn, call.account, arn)
            attached, bounded = (
                attachments.users_of(conn, call.account, arn, attached=not bounds, bounds=bounds)
                for bounds in (False, True)
            )
            people = {item.id: item.arn for item in (*held, *bounded)}
            subject = Subject(arn, None, (policy,) if policy is not None else (), people)
            subject.attached, subject.bounds = (tuple(sorted(one.arn for one in some)) for some in (attached, bounded))
            return subject
        record = record_of(call, arn)
        members = groups.everybody(conn, record.id) if record.kind == "group" else (record,)
        people = {item.id: item.arn for item in members}
    return Subject(record.arn, record, tuple(_own(call, record)), people)


def _own(call: Call, record: EntityRecord) -> Iterator[Policy]:
    own = call.snapshot.own_policies(record.id)
    if own is not None:
        yield from own.inline
        yield from (policy for policy in map(call.snapshot.managed, own.attached) if policy is not None)


def _change(call: Call, subject: Subject, asked: Asked) -> Change:
    if subject.record is None:
        if asked.detach or asked.delete or asked.name:
            raise InvalidParameterCombination("Of a managed policy only Document and Suggested are changes.")
        return Change(policy_arn=subject.arn, document=asked.document)
    holder = subject.record.id
    own = call.snapshot.own_policies(holder)
    inline = [policy.source.name for policy in own.inline] if own is not None else []
    if asked.document:
        if not asked.name:
            raise InvalidParameterCombination("Document needs a PolicyName: the inline policy that it is to be.")
        if (asked.name in inline) is asked.new:
            raise InvalidParameterCombination(not_as_asked(subject.arn, asked.name, inline, "NewPolicy"))
        return Change(holder=holder, name=asked.name, document=asked.document)
    if asked.detach:
        if own is None or asked.detach not in own.attached:
            has = those(own.attached if own is not None else ())
            raise NoSuchEntity(f"Policy {asked.detach} was not found: {subject.arn} has {has}.")
        return Change(policy_arn=asked.detach, holder=holder)
    gone = asked.delete or ""
    if gone not in inline:
        raise NoSuchEntity(
            f"The {subject.record.kind} policy with name {gone} cannot be found: {subject.arn} has {those(inline)}."
        )
    return Change(holder=holder, name=gone)


# ---- suggestions ----------------------------------------------------------------------------------------------------


def _suggested(call: Call, arn: str, since: datetime | None) -> Shown:
    subject, moment = _subject(call, arn), _since(since)
    made = _suggestion(call, subject, recorded(call, subject, moment), moment)
    answer = replayed(call, made)
    kept = (
        "Arn",
        "Document",
        "Since",
        "Until",
        "PrincipalArns",
        "Requests",
        "CannotTell",
        "Confidence",
        "Gaps",
        "Notes",
    )
    lines = [shown.line(policy, line, answer["Confidence"]) for policy, line in made.lines]
    who = {"AttachedTo": list(subject.attached), "Bounds": list(subject.bounds)}
    return {key: answer[key] for key in kept} | who | {"Policies": _sources(subject), "Lines": lines}


def _suggestion(call: Call, subject: Subject, found: history.Found, since: float) -> Proposed:
    uses, tried = list(_uses(found.calls)), list(_tried(found.calls))
    made = smaller(subject.policies, uses, tried, fitting.quota_of(subject.arn))
    text, lines, told = made.text, made.lines, shown.hidden(line for _, line in made.lines)
    if subject.record is not None:
        return Proposed(subject, Change(holder=subject.record.id, document=text or None), found, since, lines, told)
    if not text:
        raise AwsError(
            f"Nothing on record was allowed by {subject.arn}: detach it instead of narrowing it "
            "(a managed policy cannot be empty).",
            code="NothingOnRecord",
            status=409,
        )
    return Proposed(subject, Change(policy_arn=subject.arn, document=text), found, since, lines, told)


def _uses(records: Iterable[CallRecord]) -> Iterator[Use]:
    for record in records:
        learning = record.session is not None and record.session.learning
        if record.allowed and not record.observed and not learning:
            yield from _asked(record)


def _tried(records: Iterable[CallRecord]) -> Iterator[Use]:
    """What was denied, of which only the part that was is on record."""
    return (use for record in records if record.error in DENIALS and record.whole for use in _asked(record))


def _asked(record: CallRecord) -> Iterator[Use]:
    """INVARIANT: a record that was cut shows no resource and no condition key, but that its actions are used; nor is
    a pattern, of what a service will do, taken for the name of a resource.
    """
    for item in record.asked:
        if not record.whole or (record.delivers and set("*?") & set(item.resource)):
            yield Use(item.action, "*", False, None, record.time, record.entity, request=record.call)
            continue
        context = {**record.context, **item.context}
        made = record.time, record.entity
        yield Use(item.action, item.resource, item.resolved, context, *made, request=record.call)


def _confidence(call: Call, made: Proposed) -> str:
    """How far silence may be taken for "unused": how long the record is, and whether it is whole."""
    days = made.found.covered(made.since, call.now.timestamp())
    if made.found.gaps or days < 7:
        return "low"
    return "high" if days >= 90 else "medium"


def _sources(subject: Subject) -> list[Shown]:
    return [
        {"PolicyArn": policy.source.arn, "PolicyName": policy.source.name, "Document": policy.document.text}
        for policy in subject.policies
    ]


# ---- deciding again -------------------------------------------------------------------------------------------------


def _held(replay: Replay, policies: Any, session_policy: Any) -> Held:
    """What a principal has, by where its policies come from: the snapshot, or the snapshot with a change."""
    known: dict[tuple[str, Bearer | None], Policies] = {}

    def held(record: CallRecord) -> Policies:
        session = record.session
        key = record.principal_id, session and msgspec.structs.replace(session, name="", issued=0.0)
        found = known.get(key)
        if found is None:
            own: EntityPolicies = policies(record.principal_id)
            found = Policies(own.identity, own.boundary)
            if session is not None:
                found = _bounded(found, session, replay, session_policy)
            known[key] = found
        return found

    return held


def _bounded(own: Policies, session: Bearer, replay: Replay, session_policy: Any) -> Policies:
    """What a session could do of what its principal may."""
    if session.kind == "root":
        return Policies(task_policies(session.policy_arns, session_policy))
    passed: list[Policy] = []
    for named in session.policy_arns:
        policy = session_policy(named)
        if policy is None:
            raise Unknowable(f"The session policy {named} is gone.")
        passed.append(policy)
    if session.policy:
        passed.append(replay.session_policy(session.policy))
    limits = limits_of(session.kind, as_itself=session.console or session.delegated)
    scoped = tuple(PolicySet([replay.session_policy(each)]) for each in session.scoped)
    return replace(own, session=PolicySet(passed) if passed else None, limits=limits, scoped=scoped)


def _trust(call: Call, role_arn: str) -> Policy | None:
    parsed = arns.Arn.parse(role_arn)
    if parsed is None or not parsed.resource.startswith("role/"):
        return None
    role = call.snapshot.find(parsed.account, "role", parsed.resource.rpartition("/")[2])
    return role.trust if role is not None else None


def _refused(one: Replayed) -> Shown:
    record, decision = one.record, one.decision
    action = decision.request.action if decision is not None else ""
    return {
        "RequestId": record.call,
        "Time": _time(record.time),
        "PrincipalArn": record.arn,
        "Operation": f"{record.service}:{record.operation}",
        "Action": action,
        "Resource": str(decision.request.resource) if decision is not None else "",
        "SourceIp": record.source_ip,
        "Reason": decision.reason(action) if decision is not None else "",
    }


_ALIKE = ("PrincipalArn", "Operation", "Action", "Resource", "Reason")


def _same_once(found: dict[tuple[str, ...], Shown], refused: Shown) -> None:
    """Requests that are alike are one line, that of the last of them, with their number."""
    key = tuple(refused[name] for name in _ALIKE)
    before = found.pop(key, None)  # the newest come last
    found[key] = refused | {"Count": before["Count"] + 1 if before else 1}


def _gaps(made: Proposed) -> list[Shown]:
    """Where evidence is missing within the time that was asked about."""
    found: list[Gap] = list(made.found.gaps)
    if made.since and (not made.found.oldest or made.found.oldest > made.since):
        found.insert(0, Gap(_BEGINS, made.since, made.found.oldest or made.since))
    return [
        {"Why": gap.gap, "After": _time(gap.after), "Until": _time(gap.until), "Lost": gap.lost, "Segment": gap.segment}
        for gap in found
    ]


def _since(moment: datetime | None) -> float:
    return moment.timestamp() if moment is not None else 0.0


def _time(epoch: float) -> datetime:
    return datetime.fromtimestamp(epoch, UTC)


def kept(answer: Shown) -> str:
    """A replay as the evidence that a commit keeps."""
    return json.dumps(answer, default=lambda value: value.isoformat(), sort_keys=True)
