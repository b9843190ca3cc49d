"""Why a request was denied or allowed: what policies said then, and the smallest change that would allow it."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from kansatsu.advisor import AccessEvent, Denial, policies_in, smallest_change, smallest_changes, spelt, thaw
from kansatsu.catalog import Authorization
from kansatsu.errors import (
    AwsError,
    InvalidParameterCombination,
    MalformedPolicyDocument,
    ServiceUnavailable,
    Unimplemented,
)
from kansatsu.identity import EntityRecord, credentials, messages
from kansatsu.policy import (
    UNRESOLVED,
    Decision,
    Match,
    Policies,
    PolicySet,
    PolicyType,
    Principal,
    Source,
    Verdict,
)
from kansatsu.resources import Guard
from kansatsu.services.deciding import NOBODY, OF_NOBODY, Context, owner_of
from kansatsu.services.iam import simulated
from kansatsu.services.kansatsu import asking, proposals
from kansatsu.services.kansatsu.asking import Question
from kansatsu.services.registry import Call, operation

_RECENT = 100_000  # events looked through for a request id
_NOTHING = Policies(PolicySet())  # what nobody holds


@operation("kansatsu", "ExplainRequest")
async def explain_request(
    call: Call,
    request_id: str | None = None,
    authorization_id: str | None = None,
    encoded_message: str | None = None,
) -> dict[str, Any]:
    """Of the caller's account alone. Without a parameter: the last denial."""
    given = [value for value in (request_id, authorization_id, encoded_message) if value is not None]
    if len(given) > 1:
        raise InvalidParameterCombination("Give one of RequestId, AuthorizationId and EncodedMessage.")
    if encoded_message is not None:
        authorization_id = _sealed_id(call, encoded_message)
    found = await asyncio.to_thread(_found, call, request_id, authorization_id)
    if isinstance(found, Denial):
        return await asyncio.to_thread(_of_denial, call, found)
    return await _of_events(call, found)


def _found(call: Call, request_id: str | None, authorization_id: str | None) -> Denial | list[AccessEvent]:
    denials = call.recorder.denials
    if authorization_id is not None:
        denial = denials.find(authorization_id)
    elif request_id is not None:
        denial = denials.of_request(call.account, request_id)
    else:
        denial = denials.newest(call.account)
    # INVARIANT: nobody reads of another account's requests, nor learns that there was one.
    if denial is not None and denial.account == call.account:
        return denial
    if request_id is not None:
        events = [event for event in call.recorder.recent(_RECENT) if event.request_id == request_id]
        if mine := [event for event in reversed(events) if event.account == call.account]:
            return mine
    what = request_id or authorization_id or "any denial"
    message = f"Nothing is known of {what}, or no longer: details are kept for a day."
    raise AwsError(message, code="NoSuchRequest", status=404)


def _sealed_id(call: Call, encoded: str) -> str:
    try:
        text = messages.decode(call.store.sealer, call.account, encoded, call.now)
    except messages.InvalidMessage:
        raise AwsError(
            "The message is invalid or was not issued for this account.", code="InvalidAuthorizationMessageException"
        ) from None
    return text.partition("\n")[2] or "the request of that message"


def _of_denial(call: Call, denial: Denial) -> dict[str, Any]:
    """INVARIANT: a change is proposed only where the engine, asked again, says what it said then."""
    notes = ["It was only observed and went on: Kansatsu ran in the mode observe."] if denial.passed else []
    texts = [call.recorder.denials.text(denial, held) for held in denial.held]
    sources = [Source(PolicyType(held.type), held.arn, held.owner, held.name) for held in denial.held]
    evaluations = []
    for item in denial.asked:
        matches = [
            (Match(sources[m.policy], m.index, m.sid, m.effect, (m.start, m.end), m.line), texts[m.policy])
            for m in item.matched
        ]
        said = {"allowed": item.allowed, "explicit": item.explicit, "type": item.type}
        shown = _evaluation(item.action, item.resource, said, item.verdicts.items(), matches, item.missing)
        evaluations.append(shown | {"Context": _context({**denial.context, **item.context})})
    decisions = _again(denial, texts)
    changes, more = what_allows(call, decisions, denial.user_id)
    notes += more
    if not decisions:
        notes.append("No change is proposed: the request cannot be evaluated again exactly as it was.")
    return {
        "AuthorizationId": denial.id,
        "RequestId": denial.request_id,
        "Time": datetime.fromtimestamp(denial.time, UTC),
        "Basis": "recorded",
        "Account": denial.account,
        "Region": denial.region,
        "Operation": denial.operation,
        "UserId": denial.user_id,
        "PrincipalArn": denial.principal["arn"],
        "Allowed": False,
        "Evaluations": evaluations,
        "Changes": changes,
        "Notes": notes,
    }


def what_allows(call: Call, decisions: Sequence[Decision], user_id: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The smallest change that allows all parts of a call by this user id, and what there is to say of it."""
    notes = [*_unmet(decisions), *_two_sides(decisions)]
    return _changes(decisions, notes, _devices(call, user_id)), notes


def _devices(call: Call, user_id: str) -> list[str]:
    """The serial numbers of the user's devices for multi-factor authentication."""
    with call.store.read() as conn:
        return [device.name for device in credentials.owned(conn, user_id.partition(":")[0], "mfa")]


def _again(denial: Denial, texts: Sequence[str]) -> list[Decision]:
    """The decisions by evaluation; none when that is not what was decided then."""
    if not denial.whole:
        return []
    try:
        decisions = thaw(denial, texts)
    except (MalformedPolicyDocument, TypeError, ValueError):
        return []
    again = []
    for item, decision in zip(denial.asked, decisions, strict=True):
        # The policy of another account's resource is not kept: what it allowed needs nothing, and in what was denied
        # its side is one of the two that have to allow it.
        hidden = decision.policies.guard is None and item.resource_account not in ("", denial.account)
        if hidden and item.allowed:
            continue
        then = item.allowed, item.explicit, "" if hidden else item.type
        if then != (decision.allowed, decision.explicit, "" if hidden else str(decision.type or "")):
            return []
        again.append(decision)
    return again


def _unmet(decisions: Iterable[Decision]) -> list[str]:
    """The Allow statements that came near: all fits but their conditions."""
    found = [
        f"The Allow of {proposals.place(match)} is about {decision.request.action} on {decision.request.resource}, "
        f"but was not met: {'; '.join(proposals.condition(each, decision.request) for each in conditions)}."
        for decision in decisions
        if not decision.allowed and not decision.explicit
        for match, conditions in decision.unmet
        if match.effect == "Allow"
    ]
    return list(dict.fromkeys(found))


def _two_sides(decisions: Iterable[Decision]) -> list[str]:
    """What another account owns takes an Allow on both sides, and its own side that account alone is shown.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
    """
    notes = []
    for decision in decisions:
        request = decision.request
        owner = request.resource_account
        if decision.allowed or owner in ("", request.principal.account) or request.principal.kind == "service":
            continue
        identity = decision.verdicts.get(PolicyType.IDENTITY)
        side = "is there" if identity is Verdict.ALLOW else "is missing"
        guard = "trust policy" if ":role/" in request.resource else "policy"
        notes.append(
            f"{request.resource} belongs to account {owner}: the caller's own policies and the {guard} of the resource "
            f"both have to allow {request.action}. The Allow on the caller's side {side}."
        )
        if decision.policies.guard is None:
            notes.append(
                f"The side of account {owner} has no policy that allows it, or one that only that account is shown: "
                "there its owner has to add what stands above for it, unless it is there already."
            )
    return list(dict.fromkeys(notes))


def _changes(decisions: Sequence[Decision], notes: list[str], serials: Sequence[str]) -> list[dict[str, Any]]:
    """What allows all parts of the call at once."""
    changes = smallest_changes(decisions)
    if changes is None:
        refused = [decision for decision in decisions if not decision.allowed]
        request = next((each for each in refused if smallest_change(each) is None), refused[0]).request
        notes.append(f"No change of policies or of the request allows {request.action} on {request.resource}.")
        return []
    found: dict[str, dict[str, Any]] = {}
    for decision, own in zip(decisions, changes, strict=True):
        for change in own:
            shown = proposals.shown(change, decision.request, serials)
            found[json.dumps(shown, sort_keys=True)] = shown
    return list(found.values())


async def _of_events(call: Call, events: Sequence[AccessEvent]) -> dict[str, Any]:
    """A request of which no details were kept: by the policies of now, with what the evidence has of its context."""
    first = events[0]
    notes = [
        "Explained by the policies of now: of a request that was not denied only who, what, where and when is kept.",
    ]
    if first.access_key_id.startswith("ASIA"):
        notes.append("Its session policy is not known; it could only have allowed less.")
    found = [(event, *await _now(call, event)) for event in events]
    decisions = [decision for _, decision, _ in found if decision is not None]
    if not decisions:
        notes.append(f"The principal {first.principal_arn} does not exist any more.")
    notes += dict.fromkeys(note for *_, more in found for note in more)
    if not any(event.allowed or event.denied for event in events):
        notes.append(f"It failed with {first.error} before any policy was asked.")
    elif any(decision.allowed != event.allowed for event, decision, more in found if decision is not None and not more):
        notes.append("The policies of now decide otherwise than was decided then.")
    if first.error and all(event.allowed for event in events):
        notes.append(f"Policy allowed it; it failed with {first.error}.")
    return {
        "RequestId": first.request_id,
        "Time": datetime.fromtimestamp(first.time, UTC),
        "Basis": "current",
        "Account": first.account,
        "Region": first.region,
        "PrincipalArn": first.principal_arn,
        "UserId": first.principal_id,
        "Allowed": all(event.allowed for event in events),
        "Evaluations": [decided(decision) for decision in decisions],
        "Changes": [],
        "Notes": notes,
    }


async def _now(call: Call, event: AccessEvent) -> tuple[Decision | None, Sequence[str]]:
    """The decision as the gateway would make it now, and what of it nobody knows here; None on who is gone.

    With what guards the resource, but for what belongs to another account: see `asking`.
    """
    record = call.snapshot.entity(event.principal_id)
    if event.principal_id and record is None:
        return None, ()
    principal, context, own = _caller(call, event, record) if record is not None else (NOBODY, OF_NOBODY, _NOTHING)
    resource = event.resource if event.exact or event.resource != "*" else UNRESOLVED
    action = f"{event.service}:{event.action}"
    notes = []
    try:
        question = await asking.question(call, action, resource, event.context, [own])
    except (ServiceUnavailable, Unimplemented) as error:
        question = Question(Authorization(action, resource, event.context), Guard(owner_of(resource, event.account)))
        notes.append(f"The policy of {resource} is left out: {error}")
    decision = question.decide(call, principal, context | _circumstances(event), own)
    if question.undecided(decision):
        notes += _two_sides([decision])[:1]
    return decision, notes


def _caller(call: Call, event: AccessEvent, record: EntityRecord) -> tuple[Principal, Context, Policies]:
    """Who signed, as policies see him: of a session of a user, a role or the root nothing but its name is on record."""
    kind = "federated" if ":federated-user/" in event.principal_arn else record.kind
    name = event.principal_arn.rpartition("/")[2]
    names = {"role": f"{record.id}:{name}", "federated": f"{event.account}:{name}"}
    role_arn = record.arn if kind in names else ""
    principal = Principal(event.account, event.principal_arn, kind, role_arn, record.id)
    context = simulated.context_of(Principal(record.account, record.arn, record.kind), record)
    context |= {"aws:principalarn": record.arn, "aws:principalaccount": event.account}
    context |= {"aws:userid": names.get(kind, record.id)}
    (own,) = asking.own(call, [record])
    return principal, context | call.snapshot.organization_keys("principal", event.account), own


def _circumstances(event: AccessEvent) -> Context:
    """The keys that follow from where and when the request was made."""
    return {
        "aws:sourceip": event.source_ip,
        "aws:useragent": event.user_agent,
        "aws:requestedregion": event.region,
        "aws:currenttime": datetime.fromtimestamp(event.time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:epochtime": str(int(event.time)),
    }


def decided(decision: Decision) -> dict[str, Any]:
    """A decision of now as ExplainRequest answers it."""
    texts = {policy.source: policy.document.text for policy in policies_in(decision.policies)}
    matches = [(match, texts[match.policy]) for match in decision.matched]
    request = decision.request
    said = {"allowed": decision.allowed, "explicit": decision.explicit, "type": str(decision.type or "")}
    shown = _evaluation(
        request.action, request.resource, said, decision.verdicts.items(), matches, decision.missing_keys
    )
    return shown | {"Context": _context(request.context)}


def _evaluation(
    action: str,
    resource: str,
    said: dict[str, Any],
    verdicts: Iterable[tuple[str, str]],
    matches: Iterable[tuple[Match, str]],
    missing: Sequence[str],
) -> dict[str, Any]:
    return {
        "Action": action,
        "Resource": str(resource),
        "Allowed": said["allowed"],
        "Explicit": said["explicit"],
        "PolicyType": said["type"],
        "Reason": proposals.reason(action, said),
        "Verdicts": [{"PolicyType": str(kind), "Verdict": str(verdict)} for kind, verdict in verdicts],
        "Statements": [_statement(match, text, said) for match, text in matches],
        "MissingKeys": list(missing),
    }


def _statement(match: Match, text: str, said: dict[str, Any]) -> dict[str, Any]:
    source = match.policy
    effect = "Allow" if said["allowed"] else "Deny"
    return {
        "PolicyType": str(source.type),
        "PolicyArn": source.arn,
        "PolicyName": source.name,
        "Owner": source.owner,
        "Index": match.index,
        "Sid": match.sid,
        "Effect": match.effect,
        "Line": match.line,
        "Text": text[slice(*match.span)],
        "Deciding": match.effect == effect and str(source.type) == said["type"],
    }


def _context(context: Any) -> list[dict[str, Any]]:
    return [
        {"Key": spelt(key), "Values": [value] if isinstance(value, str) else list(value)}
        for key, value in sorted(context.items())
    ]
