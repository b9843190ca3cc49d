"""What each user and role is granted, found once for all who hold the same policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kansatsu.advisor import granting
from kansatsu.catalog import tracking
from kansatsu.policy import Policy, PolicySet

if TYPE_CHECKING:
    from kansatsu.advisor.logs.report import Service

Actions = Mapping[str, tuple[str, ...]]  # service -> actions


@dataclass(frozen=True, eq=False, slots=True)
class Grant:
    """A service that policies grant: actions, and the ARNs or names of the policies. One object for all who have it.

    `idle` remembers what a report says of somebody who never used it, by what of it may have been used unseen.
    """

    namespace: str
    names: tuple[str, ...]
    policies: tuple[str, ...]
    idle: "dict[frozenset[str], Service]" = field(default_factory=dict)


class Grants:
    """A memory of what policies and sets of them grant."""

    def __init__(self) -> None:
        self._sets: dict[tuple[tuple[str, str, str], ...], tuple[Grant, ...]] = {}
        self._alone: dict[str, Actions] = {}
        self._one: dict[tuple[str, tuple[str, ...], tuple[str, ...]], Grant] = {}

    def of(self, held: PolicySet) -> tuple[Grant, ...]:
        """The services of which an action may be allowed, sorted."""
        key = tuple(sorted((item.document.text, item.source.name, item.source.arn) for item in held))
        if key not in self._sets:
            self._sets[key] = tuple(self._found(held))
        return self._sets[key]

    def _found(self, held: PolicySet) -> list[Grant]:
        ordered = sorted(held, key=lambda item: (item.source.name, item.source.arn, item.source.owner))
        each = [(item.source.arn or item.source.name, self._of_one(item)) for item in ordered]
        denied = any(statement.effect == "Deny" for item in held for statement in item.document.statements)
        found = []
        for namespace in tracking.services():
            some = [(policy, names[namespace]) for policy, names in each if namespace in names]
            names = granting.granted(held, namespace) if denied and some else _together(namespace, some)
            if names:
                key = namespace, names, tuple(policy for policy, _ in some)
                found.append(self._one.setdefault(key, Grant(*key)))
        return found

    def _of_one(self, policy: Policy) -> Actions:
        text = policy.document.text
        if text not in self._alone:
            every = ((namespace, granting.granted(policy.rules, namespace)) for namespace in tracking.services())
            self._alone[text] = {namespace: names for namespace, names in every if names}
        return self._alone[text]


def _together(namespace: str, some: list[tuple[str, tuple[str, ...]]]) -> tuple[str, ...]:
    """What policies without a Deny allow: what any of them does."""
    if not some:
        return ()
    most = max((names for _, names in some), key=len)
    every = tracking.actions(namespace)
    if len(some) == 1 or len(most) == len(every):
        return most
    allowed = {name for _, names in some for name in names}
    return tuple(name for name in every if name in allowed)
