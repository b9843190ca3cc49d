"""Who can do what: one principal and one action explained, and everybody who may do it, with the conditions."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from kansatsu import arn as arns
from kansatsu.arn import Arn
from kansatsu.errors import InvalidParameterValue, NoSuchEntity
from kansatsu.identity import EntityRecord, entities
from kansatsu.identity.pages import Cursor
from kansatsu.policy import Policies
from kansatsu.services.iam import simulated
from kansatsu.services.kansatsu import asking, explain
from kansatsu.services.kansatsu.asking import Question
from kansatsu.services.kansatsu.conditional import Grant, grants
from kansatsu.services.kansatsu.outsiders import outside
from kansatsu.services.registry import Call, operation

Keys = Sequence[Mapping[str, Any]]

_ACTION = re.compile(r"[A-Za-z0-9-]+:[A-Za-z0-9_-]+", re.ASCII)
_SESSION = re.compile(r"arn:aws[a-z-]*:sts::([0-9]{12}):assumed-role/([^/]+)/[^/]+", re.ASCII)
_SHORT = re.compile(r"(user|role)/([^/]+)", re.ASCII)
_KINDS = ("role", "user")
PAGE = 100  # principals looked at for one answer, unless the request says otherwise


@operation("kansatsu", "SimulateAccess")
async def simulate_access(call: Call, principal: str, action: str, resource: str, context: Keys = ()) -> dict[str, Any]:
    """May this user or role do that, and what would let it? By the policies of now, shown as ExplainRequest does.

    `Undecided`: the resource is another account's, whose policy decides as well and is not asked.
    """
    record = _find(call, principal)
    given = _checked(action, resource, context)
    (own,) = asking.own(call, [record])
    question = await asking.question(call, action, resource, given, [own])
    return await asyncio.to_thread(_simulated, call, record, principal, question, own)


def _simulated(call: Call, record: EntityRecord, wanted: str, question: Question, own: Policies) -> dict[str, Any]:
    session = wanted if _SESSION.fullmatch(wanted) else ""
    decision = question.decide(call, *asking.as_caller(call, record, session), own)
    missing = [key for key in decision.missing_keys if not any(decision.request.context.get(key.lower(), ()))]
    changes, notes = ([], []) if decision.allowed else explain.what_allows(call, [decision], record.id)
    return {
        "PrincipalArn": session or record.arn,
        "Evaluation": explain.decided(decision) | {"MissingKeys": missing},
        "Undecided": question.undecided(decision),
        "Changes": changes,
        "Notes": notes,
    }


@operation("kansatsu", "ListPrincipalsWithAccess")
async def list_principals_with_access(
    call: Call,
    action: str,
    resource: str,
    context: Keys = (),
    max_results: int | None = None,
    next_token: str | None = None,
) -> dict[str, Any]:
    """Who is not of the account, then roles, then users, by name.

    A page may be empty and yet not the last: MaxResults counts the roles and users looked at.
    """
    given = _checked(action, resource, context)
    kind, _, marker = (next_token or _KINDS[0] + ":").partition(":")
    if kind not in _KINDS:
        raise InvalidParameterValue("Invalid NextToken.")
    cursor = Cursor.of(f"ListPrincipalsWithAccess {kind}", marker or None, max_results or PAGE)
    with call.store.read() as conn:
        page = entities.listing(conn, call.account, kind, "/", cursor)
    records = [record for item in page.items if (record := call.snapshot.entity(item.id)) is not None]
    people = asking.own(call, records)
    question = await asking.question(call, action, resource, given, people)
    found = [] if next_token else await asyncio.to_thread(_outside, call, question)
    found += await asyncio.to_thread(_inside, call, question, records, people)
    answer: dict[str, Any] = {"Principals": found}
    if page.marker is not None:
        answer["NextToken"] = f"{kind}:{page.marker}"
    elif kind != _KINDS[-1]:
        answer["NextToken"] = f"{_KINDS[-1]}:"
    return answer


def _outside(call: Call, question: Question) -> list[dict[str, Any]]:
    return [_shown(name, grant, grant.match.policy.owner) for name, grant in outside(call, question)]


def _inside(
    call: Call, question: Question, records: Sequence[EntityRecord], people: Sequence[Policies]
) -> list[dict[str, Any]]:
    found = []
    for record, own in zip(records, people, strict=True) if not question.of_none else ():
        for grant in grants(*question.asked(call, *asking.as_caller(call, record), own)):
            source = grant.match.policy
            found.append(_shown(record.arn, grant, _through(call, record, source.arn, source.owner)))
    return found


def _find(call: Call, wanted: str) -> EntityRecord:
    """INVARIANT: only principals of the caller's account are found."""
    if re.fullmatch(r"[\w+=,.@-]+", wanted, re.ASCII):
        alike = [item for kind in _KINDS if (item := call.snapshot.find(call.account, kind, wanted)) is not None]
        if len(alike) > 1:
            several = " or ".join(f"{kind}/{wanted}" for kind in _KINDS)
            raise InvalidParameterValue(f"{wanted} is the name of several: type {several}.")
        record = alike[0] if alike else None
    elif short := _SHORT.fullmatch(wanted):
        record = call.snapshot.find(call.account, short[1], short[2])
    elif session := _SESSION.fullmatch(wanted):
        record = call.snapshot.find(session[1], "role", session[2])
    elif re.fullmatch(r"arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/.+", wanted, re.ASCII):
        record = simulated.entity_of(call.snapshot, wanted)
    else:
        raise InvalidParameterValue(
            f"{wanted} is neither the ARN of a user, a role or a role session nor NAME, user/NAME or role/NAME, such "
            "as user/admin."
        )
    if record is None or record.account != call.account:
        raise NoSuchEntity(
            f"There is no {wanted if '/' in wanted else 'user or role ' + wanted} in account {call.account}."
        )
    return record


def _checked(action: str, resource: str, context: Keys) -> simulated.Context:
    if not _ACTION.fullmatch(action):
        raise InvalidParameterValue(f"{action} is not the name of one action, such as s3:GetObject.")
    if resource != "*" and Arn.parse(resource) is None:
        meant = (
            "arn:aws:s3:::" + resource.removeprefix("s3://")
            if resource.startswith("s3://")
            else "arn:aws:s3:::bucket/key"
        )
        raise InvalidParameterValue(f'{resource} is neither an ARN, such as {meant}, nor "*".')
    given: simulated.Context = {}
    for entry in context:
        key, values = entry.get("Key", ""), entry.get("Values", [])
        if ":" not in key or not values or key.lower() in given:
            raise InvalidParameterValue(f"The context key {key!r} must have a prefix and values, and be given once.")
        given[key.lower()] = values[0] if len(values) == 1 else tuple(values)
    return given


def _shown(principal: str, grant: Grant, through: str) -> dict[str, Any]:
    source = grant.match.policy
    return {
        "PrincipalArn": principal,
        "PolicyArn": source.arn,
        "PolicyName": source.name or ("" if source.arn else str(source.type)),
        "Through": through,
        "Index": grant.match.index,
        "Sid": grant.match.sid,
        "Line": grant.match.line,
        "Conditions": list(grant.conditions),
    }


def _through(call: Call, record: EntityRecord, policy_arn: str, owner: str) -> str:
    """The ARN of what holds the policy: the principal, or one of its groups."""
    if not policy_arn:
        return owner or record.arn
    own = call.snapshot.own_policies(record.id)
    if own is None or policy_arn in own.attached:
        return record.arn
    for group in own.groups:
        held = call.snapshot.own_policies(group)
        named = call.snapshot.entity(group)
        if held is not None and named is not None and policy_arn in held.attached:
            return arns.entity(named.account, "group", named.path, named.name)
    return record.arn
