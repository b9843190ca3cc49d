"""What a report says of each user and role: services granted and used, what is unused, what nobody can know."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from kansatsu.advisor.account import Account, Entity
from kansatsu.advisor.logs import evidence as evidences
from kansatsu.advisor.logs.blind import Blind
from kansatsu.advisor.logs.evidence import Evidence
from kansatsu.advisor.logs.gaps import gaps
from kansatsu.advisor.logs.grants import Grant, Grants
from kansatsu.advisor.shown import when
from kansatsu.catalog import tracking

USED, UNUSED, UNKNOWN = "used", "unused", "unknown"
JSON, CSV = "report.json", "services.csv"


class Service(msgspec.Struct, frozen=True):
    """A service that somebody is granted. `actions` are counts: granted, used, unknown. `last` in epoch seconds."""

    namespace: str
    state: str
    last: float
    calls: int
    actions: int
    used: int
    unknown: int
    policies: tuple[str, ...]


class Person(msgspec.Struct, frozen=True):
    """A user or role, and its services by namespace. `elsewhere`: who else manages its policies, "" for nobody."""

    arn: str
    kind: str
    name: str
    elsewhere: str
    last: float
    services: tuple[Service, ...]

    def count(self, state: str) -> int:
        return sum(item.state == state for item in self.services)

    @property
    def cut(self) -> int:
        """Actions that are granted and could go: neither used nor unknown."""
        return sum(item.actions - item.used - item.unknown for item in self.services)

    def shown(self) -> Mapping[str, Any]:
        """A row for people."""
        return {
            "principal": self.arn,
            "type": self.kind,
            "granted": len(self.services),
            **{state: self.count(state) for state in (USED, UNUSED, UNKNOWN)},
            "last-used": when(self.last).isoformat() if self.last else None,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report. People with most to cut come first."""

    evidence: Evidence
    account: Account
    gaps: tuple[str, ...]
    people: tuple[Person, ...]


@dataclass(slots=True)
class _Use:
    """What one user or role did with one service."""

    last: float = 0.0
    calls: int = 0
    actions: set[str] = field(default_factory=set)
    perhaps: set[str] = field(default_factory=set)


def outcome(evidence: Evidence) -> Outcome:
    """The report of some evidence."""
    account = evidence.account
    uses = _uses(evidence, account)
    grants, blind = Grants(), Blind(evidence)
    people = [_person(account, item, uses.get(item.who.id, {}), grants, blind) for item in account.people()]
    people.sort(key=lambda item: (-item.cut, item.arn))
    return Outcome(evidence, account, tuple(gaps(evidence, account)), tuple(people))


def _uses(evidence: Evidence, account: Account) -> Mapping[str, Mapping[str, _Use]]:
    """By unique id and service."""
    found: defaultdict[str, defaultdict[str, _Use]] = defaultdict(lambda: defaultdict(_Use))
    for item in evidence.seen:
        use = found[item.id][item.service]
        use.last = max(use.last, item.last)
        use.calls += item.count
        (use.perhaps if item.perhaps else use.actions).add(item.action)
    for some in evidences.attempts(evidence, account):
        for id_, last in zip(some.ids, some.lasts, strict=True):
            use = found[id_][some.service]
            use.last = max(use.last, last)
            use.actions.add(some.action)
    return found


def _person(account: Account, entity: Entity, uses: Mapping[str, _Use], grants: Grants, blind: Blind) -> Person:
    services = tuple(
        _service(one, uses.get(one.namespace), blind.among(entity, one.namespace, one.names))
        for one in grants.of(account.held(entity))
    )
    last = max((use.last for use in uses.values()), default=0.0)
    return Person(entity.who.arn, entity.who.kind, entity.who.name, entity.elsewhere, last, services)


def _service(grant: Grant, use: _Use | None, unseen: frozenset[str]) -> Service:
    """INVARIANT: a service that may have been used without a record is unknown, never unused.

    It may have been by what is `unseen`, and where no granted action leaves a record at all.
    """
    if use is None:
        if unseen not in grant.idle:
            grant.idle[unseen] = _idle(grant, unseen)
        return grant.idle[unseen]
    used = sum(name in use.actions for name in grant.names)
    unknown = (unseen | _untracked(grant.namespace, grant.names) | use.perhaps) - use.actions
    return Service(
        grant.namespace, USED, use.last, use.calls, len(grant.names), used, len(unknown & {*grant.names}),
        grant.policies,
    )  # fmt: skip


def _idle(grant: Grant, unseen: frozenset[str]) -> Service:
    unknown = unseen | _untracked(grant.namespace, grant.names)
    state = UNKNOWN if is_unknown(grant.namespace, grant.names, unseen) else UNUSED
    count = len(unknown & {*grant.names})
    return Service(grant.namespace, state, 0.0, 0, len(grant.names), 0, count, grant.policies)


def is_unknown(namespace: str, names: tuple[str, ...], unseen: frozenset[str]) -> bool:
    """May a service of which no use is known have been used, by what is `unseen` or leaves no record at all?"""
    return bool(unseen) or len(_untracked(namespace, names)) == len(names)


@lru_cache(maxsize=4096)
def _untracked(namespace: str, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in names if not tracking.is_tracked(namespace, name))


def write(found: Outcome, directory: Path) -> None:
    """report.json, services.csv and index.html. Raises OSError."""
    from kansatsu.advisor.logs import html, tables

    texts = {JSON: tables.json(found), CSV: tables.csv(found.people), "index.html": html.page(found).encode()}
    evidences.put_all(directory, texts)
