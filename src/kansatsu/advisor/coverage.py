"""Which statements of a policy, and which action patterns in them, recorded requests made use of. Pure.

Conditions are left aside: a statement whose actions and resource fit counts as used, for what decided a condition is
not in the record of requests.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kansatsu.advisor.events import AccessEvent
from kansatsu.policy import UNRESOLVED, Document, PolicySet, Source, Statement, Verdict, compile_policy


@dataclass(frozen=True, slots=True)
class Used:
    """One statement, from 0, and how many requests each of its action patterns stood for.

    A NotAction is one pattern: its names, with a `!` before them.
    """

    index: int
    statement: Statement
    actions: tuple[tuple[str, int], ...]


def coverage(document: Document, source: Source, events: Sequence[AccessEvent]) -> tuple[Used, ...]:
    """What these events made use of: an Allow those that were allowed, a Deny those that were denied."""
    asked = _distinct(events)
    return tuple(
        Used(
            index,
            statement,
            tuple(
                (name, _uses(_policy(document, source, statement, actions), statement.effect == "Allow", asked))
                for name, actions in _patterns(statement)
            ),
        )
        for index, statement in enumerate(document.statements)
    )


_Asked = dict[tuple[str, str, bool, bool], int]  # (action, resource, exact, allowed) -> how often


def _distinct(events: Iterable[AccessEvent]) -> _Asked:
    found: _Asked = {}
    for event in events:
        if event.allowed or event.denied:
            key = f"{event.service}:{event.action}", event.resource, event.exact, event.allowed
            found[key] = found.get(key, 0) + 1
    return found


def _patterns(statement: Statement) -> list[tuple[str, tuple[str, ...]]]:
    if statement.not_action:
        return [("!" + ", !".join(statement.actions), statement.actions)]
    return [(action, (action,)) for action in dict.fromkeys(statement.actions)]


def _policy(document: Document, source: Source, statement: Statement, actions: tuple[str, ...]) -> PolicySet:
    alone = dataclasses.replace(statement, effect="Allow", actions=actions, conditions=())
    return PolicySet([compile_policy(dataclasses.replace(document, statements=(alone,)), source)])


def _uses(policy: PolicySet, allowed: bool, asked: _Asked) -> int:
    return sum(
        count
        for (action, resource, exact, was_allowed), count in asked.items()
        if was_allowed == allowed
        and policy.verdict(action, resource if exact or resource != "*" else UNRESOLVED, {}) is Verdict.ALLOW
    )
