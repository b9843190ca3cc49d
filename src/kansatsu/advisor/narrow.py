"""A smaller policy in place of one that is there: each Allow cut down to what recorded requests made of it. Pure.

Nothing is ever added: a statement keeps its conditions, and its resources are among those that it had. Denies stay.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kansatsu.advisor.fitting import fitted
from kansatsu.advisor.generalise import Patterns, literal
from kansatsu.advisor.wildcards import BREVITIES, Brevity, matches, shortened
from kansatsu.catalog import tracking
from kansatsu.policy import (
    UNRESOLVED,
    Document,
    Policy,
    PolicySet,
    PolicyType,
    Quota,
    Source,
    Statement,
    Verdict,
    compile_policy,
)

_EXAMPLES = 5  # requests that are named for a line
_CURRENT = "2012-10-17"
_WITH_VARIABLES = frozenset({"Resource", "NotResource", "Condition"})
_ACTIONS, _RESOURCES = ("Action", "NotAction"), ("Resource", "NotResource")


@dataclass(frozen=True, slots=True)
class Use:
    """Something that was allowed `count` times: by whom (an ARN), when (epoch seconds), with which condition keys.

    `context` None: they are not on record, so that any statement may have allowed it that has the action, and the
    resource if that is known. `seen` False: not known to have been done, but nobody would know if it had.
    `request` is its id, where there is one.
    """

    action: str
    resource: str
    resolved: bool
    context: Mapping[str, str | tuple[str, ...]] | None
    time: float
    who: str
    count: int = 1
    seen: bool = True
    request: str = ""


class Fate(StrEnum):
    """What becomes of an action in a statement."""

    KEPT = "kept"
    NARROWED = "narrowed"  # to some of the statement's resources
    REMOVED = "removed"
    UNSEEN = "kept, cannot be seen"  # no request here shows the use of this action


@dataclass(frozen=True, slots=True)
class Line:
    """One action of one statement (from 0), as it was written: what becomes of it, and the evidence for that.

    `requests`: ids of the newest that used it, the newest first. `denied`: attempts that were denied though the
    statement has the action, and the resource where that is known; `unmet`: condition keys of the statement, where it
    is these that kept it from applying, or may have. `hidden`: actions that go with a wildcard though no request here
    shows their use.
    """

    index: int
    action: str
    fate: Fate
    resources: tuple[str, ...] = ()
    uses: int = 0
    last: float = 0.0
    people: int = 0
    requests: tuple[str, ...] = ()
    denied: int = 0
    last_denied: float = 0.0
    unmet: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The new statements as JSON values, and what there is to say about each action of before."""

    statements: tuple[Mapping[str, Any], ...]
    lines: tuple[Line, ...]
    version: str = _CURRENT

    @property
    def text(self) -> str:
        """The document, one action or resource a line; "" where nothing is left of it."""
        return written(self.statements, self.version)

    @property
    def current(self) -> tuple[Mapping[str, Any], ...]:
        """The statements for a document of version 2012-10-17, whatever they were made of.

        INVARIANT: `${` is plain text in version 2008-10-17; beside statements of the other it becomes no variable.
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html
        """
        if self.version == _CURRENT:
            return self.statements
        return tuple(
            {key: _plain(value) if key in _WITH_VARIABLES else value for key, value in statement.items()}
            for statement in self.statements
        )


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("${", "${$}{")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


@dataclass(frozen=True, slots=True)
class Smaller:
    """One document in the place of several policies, "" where nothing is left; each line with the policy it is of."""

    text: str
    lines: tuple[tuple[Policy, Line], ...]


def smaller(policies: Sequence[Policy], uses: Sequence[Use], tried: Sequence[Use], quota: Quota) -> Smaller:
    """These policies cut down to these uses, in one document; as short as it takes for the quota, if it fits at all."""
    return fitted(lambda brevity: _smaller(policies, uses, tried, brevity), lambda made: made.text, quota)


def _smaller(policies: Sequence[Policy], uses: Sequence[Use], tried: Sequence[Use], brevity: Brevity) -> Smaller:
    made = [(policy, narrow(policy.document, uses, tried, brevity)) for policy in policies]
    lines = tuple((policy, line) for policy, one in made for line in one.lines)
    if len(made) == 1:
        return Smaller(made[0][1].text, lines)
    return Smaller(written(statement for _, one in made for statement in one.current), lines)


def written(statements: Iterable[Mapping[str, Any]], version: str = _CURRENT) -> str:
    """A document of these statements, no Sid twice; "" of none."""
    found = _unique(statements)
    return json.dumps({"Version": version, "Statement": found}, indent=2) if found else ""


def narrow(
    document: Document, uses: Sequence[Use], tried: Sequence[Use] = (), brevity: Brevity = BREVITIES[0]
) -> Narrowed:
    """The document, cut down to these uses; `tried` are what was denied: they keep nothing, but are told of."""
    raw = json.loads(document.text)["Statement"]
    statements: list[Mapping[str, Any]] = []
    lines: list[Line] = []
    for index, (statement, text) in enumerate(
        zip(document.statements, raw if isinstance(raw, list) else [raw], strict=True)
    ):
        if statement.effect != "Allow":
            statements.append(text)
            continue
        made, said = _narrow(document, index, statement, uses, tried, brevity)
        rest = {key: value for key, value in text.items() if key not in (*_ACTIONS, *_RESOURCES, "Sid")}
        for place, ((element, patterns), actions) in enumerate(made):
            sid = {"Sid": statement.sid + (str(place + 1) if place else "")} if statement.sid else {}
            statements.append({**sid, "Effect": "Allow", "Action": actions, element: list(patterns)} | rest)
        lines += said
    return Narrowed(tuple(statements), tuple(lines), document.version)


Where = tuple[str, tuple[str, ...]]  # "Resource" or "NotResource", and its patterns
Row = tuple[Where, list[str]]  # where, and which actions


def _narrow(
    document: Document,
    index: int,
    statement: Statement,
    uses: Sequence[Use],
    tried: Sequence[Use],
    brevity: Brevity,
) -> tuple[list[Row], list[Line]]:
    alone = _alone(document, statement)
    by_action: defaultdict[str, list[Use]] = defaultdict(list)
    for use in uses:
        if _allows(alone, use):
            by_action[use.action].append(use)
    # Those of a version of the language that cannot spell a star stay as they are.
    exact = document.version == _CURRENT
    patterns = Patterns(use.resource for those in by_action.values() for use in those if use.resolved)
    rows: defaultdict[Where, set[str]] = defaultdict(set)
    for action, those in by_action.items():
        rows[_where(statement, those, patterns) if exact else _own(statement)].add(action)
    lines = []
    for name, meant in _written(document, statement):
        hidden = _hidden(name, meant)
        if unseen := _unseen(name, hidden):
            rows[_own(statement)].add(unseen)
        matched = [use for those in by_action.values() for use in those if _allows(meant, use)]
        line = _line(index, name, matched, rows, statement, unseen)
        gone = () if unseen else tuple(action for action in hidden if action not in by_action)
        lines.append(_with_denied(replace(line, hidden=gone), statement, meant, tried))
    own, negated = statement.actions, statement.not_action
    short = {where: shortened(actions, own, negated=negated, brevity=brevity) for where, actions in rows.items()}
    stays = short.get(_own(statement), [])
    lines = [replace(line, fate=Fate.KEPT) if _as_it_was(line, stays) else line for line in lines]
    return sorted(short.items()), lines


def _as_it_was(line: Line, actions: Sequence[str]) -> bool:
    return line.fate is Fate.NARROWED and line.action in actions


def _line(
    index: int, name: str, those: Sequence[Use], rows: Mapping[Where, set[str]], statement: Statement, unseen: str
) -> Line:
    if not any(use.seen for use in those):
        return Line(index, name, Fate.UNSEEN if unseen or those else Fate.REMOVED)
    used = {use.action for use in those}
    found = {where for where, actions in rows.items() if actions & used}
    resources = tuple(sorted({pattern for _, patterns in found for pattern in patterns}))
    whole = found == {_own(statement)} and {action.lower() for action in used} == {name.lower()}
    seen = [use for use in those if use.seen]
    count, last, people = sum(use.count for use in seen), max(use.time for use in seen), len({use.who for use in seen})
    newest = sorted((use for use in seen if use.request), key=lambda use: use.time, reverse=True)
    requests = tuple(dict.fromkeys(use.request for use in newest[:_EXAMPLES]))
    return Line(index, name, Fate.KEPT if whole else Fate.NARROWED, resources, count, last, people, requests)


def _with_denied(line: Line, statement: Statement, meant: PolicySet, tried: Sequence[Use]) -> Line:
    """The line with the attempts that were denied: not for want of the action here, so for a condition or elsewhere."""
    denied = [use for use in tried if meant.may_allow(use.action) and (not use.resolved or _is_about(meant, use))]
    if not denied:
        return line
    unmet = any(not _allows(meant, use) or use.context is None for use in denied)
    keys = tuple(sorted({condition.key for condition in statement.conditions})) if unmet else ()
    count, last = sum(use.count for use in denied), max(use.time for use in denied)
    return replace(line, denied=count, last_denied=last, unmet=keys)


def _unseen(action: str, hidden: Sequence[str]) -> str:
    """The action, where no request here can show its use; a wildcard, where it stands for nothing else."""
    prefix, _, name = action.partition(":")
    if set("*?") & set(action) or action.startswith("!"):
        stands_for = (other for other in tracking.actions(prefix.lower()) if matches(action, f"{prefix}:{other}"))
        return action if hidden and name and sum(1 for _ in stands_for) == len(hidden) else ""
    return action if name and not tracking.is_tracked(prefix, name) else ""


def _hidden(action: str, meant: PolicySet) -> tuple[str, ...]:
    """The actions that a wildcard or NotAction stands for and that no request here can show."""
    if not (set("*?") & set(action) or action.startswith("!")):
        return ()
    services = (service for service in tracking.services() if meant.concerns(service))
    names = ((service, name) for service in services for name in tracking.untracked(service))
    return tuple(found for found in (f"{service}:{name}" for service, name in names) if meant.may_allow(found))


def _written(document: Document, statement: Statement) -> list[tuple[str, PolicySet]]:
    """Each action as it was written, alone; a NotAction is one, with a `!` before its names."""
    if statement.not_action:
        return [("!" + ", !".join(statement.actions), _alone(document, statement))]
    return [
        (action, _alone(document, replace(statement, actions=(action,)))) for action in dict.fromkeys(statement.actions)
    ]


def _alone(document: Document, statement: Statement) -> PolicySet:
    return PolicySet([compile_policy(replace(document, statements=(statement,)), Source(PolicyType.IDENTITY))])


def _allows(alone: PolicySet, use: Use) -> bool:
    if use.context is None:
        return alone.may_allow(use.action) and (not use.resolved or _is_about(alone, use))
    resource = use.resource if use.resolved else UNRESOLVED
    return alone.verdict(use.action, resource, use.context) is Verdict.ALLOW


def _is_about(alone: PolicySet, use: Use) -> bool:
    """Is the resource one of the statement's, whatever its conditions and variables say?"""
    (policy,) = alone
    (statement,) = policy.document.statements
    free = replace(statement, conditions=())
    if any("${" in own for own in statement.resources):
        free = replace(free, resources=("*",), not_resource=False)
    return _alone(policy.document, free).verdict(use.action, use.resource, {}) is Verdict.ALLOW


def _own(statement: Statement) -> Where:
    return "NotResource" if statement.not_resource else "Resource", tuple(sorted(statement.resources))


def _where(statement: Statement, those: Sequence[Use], patterns: Patterns) -> Where:
    """What one action was used on, as patterns that are within the statement's own.

    INVARIANT: a suggestion allows nothing that the statement did not allow.
    """
    if any(not use.resolved or use.resource == "*" for use in those):
        return _own(statement)
    if not statement.not_resource and any("${" in own for own in statement.resources):
        return _own(statement)  # for each principal another one
    found = set()
    for pattern, resources in patterns.of({use.resource for use in those}).items():
        if not statement.not_resource and any(covers(own, pattern) for own in statement.resources):
            found.add(pattern)
        else:
            found |= {literal(resource) for resource in resources}
    return "Resource", tuple(sorted(found))


def covers(own: str, pattern: str) -> bool:
    """Does every resource that the pattern matches match `own` too? False where that is not certain."""
    head = own[:-1]
    return own == pattern or (own[-1:] == "*" and not set("*?") & set(head) and pattern.startswith(head))


def _unique(statements: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """With no Sid twice: where one was split, or meets another's, the later has none."""
    seen: set[str] = set()
    found: list[Mapping[str, Any]] = []
    for statement in statements:
        sid = statement.get("Sid", "")
        again = sid in seen
        seen |= {sid} if sid else set()
        found.append({key: value for key, value in statement.items() if not (again and key == "Sid")})
    return found
