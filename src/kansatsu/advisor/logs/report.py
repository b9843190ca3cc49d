"""What a report says of each user and role: services granted and used, what is unused, what nobody can know."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from kansatsu import tabular
from kansatsu.advisor import granting
from kansatsu.advisor.account import Account, Entity
from kansatsu.advisor.logs import evidence as evidences
from kansatsu.advisor.logs.blind import Blind
from kansatsu.advisor.logs.evidence import Evidence
from kansatsu.advisor.logs.gaps import gaps
from kansatsu.advisor.shown import when
from kansatsu.catalog import tracking
from kansatsu.policy import PolicySet

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
    grants, blind = _Grants(), Blind(evidence)
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


class _Grants:
    """What sets of policies grant; many roles have the same ones."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}

    def of(self, held: PolicySet) -> dict[str, tuple[str, ...]]:
        """namespace -> actions that may be allowed."""
        key = tuple(sorted(policy.document.text for policy in held))
        if key not in self._known:
            every = ((namespace, granting.granted(held, namespace)) for namespace in tracking.services())
            self._known[key] = {namespace: names for namespace, names in every if names}
        return self._known[key]


def _person(account: Account, entity: Entity, uses: Mapping[str, _Use], grants: _Grants, blind: Blind) -> Person:
    held = account.held(entity)
    services = tuple(
        _service(namespace, names, uses.get(namespace), held, blind.among(entity, namespace, names))
        for namespace, names in grants.of(held).items()
    )  # fmt: skip
    last = max((use.last for use in uses.values()), default=0.0)
    return Person(entity.who.arn, entity.who.kind, entity.who.name, entity.elsewhere, last, services)


def _service(
    namespace: str, names: tuple[str, ...], use: _Use | None, held: PolicySet, unseen: frozenset[str]
) -> Service:
    """INVARIANT: a service that may have been used without a record is unknown, never unused.

    It may have been by what is `unseen`, and where no granted action leaves a record at all.
    """
    done = use.actions if use else set[str]()
    used = sum(name in done for name in names)
    unknown = (unseen | _untracked(namespace, names) | (use.perhaps if use else set[str]())) - done
    state = USED if use else UNKNOWN if is_unknown(namespace, names, unseen) else UNUSED
    policies = tuple(policy.source.arn or policy.source.name for policy in granting.granting(held, namespace))
    return Service(
        namespace, state, use.last if use else 0.0, use.calls if use else 0, len(names), used,
        len(unknown & {*names}), policies,
    )  # fmt: skip


def is_unknown(namespace: str, names: tuple[str, ...], unseen: frozenset[str]) -> bool:
    """May a service of which no use is known have been used, by what is `unseen` or leaves no record at all?"""
    return bool(unseen) or len(_untracked(namespace, names)) == len(names)


@lru_cache(maxsize=4096)
def _untracked(namespace: str, names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name for name in names if not tracking.is_tracked(namespace, name))


def write(found: Outcome, directory: Path) -> None:
    """report.json, services.csv and index.html. Raises OSError."""
    from kansatsu.advisor.logs import html

    texts = {JSON: _json(found), CSV: _csv(found.people), "index.html": html.page(found).encode()}
    evidences.put_all(directory, texts)


def _json(found: Outcome) -> bytes:
    evidence = found.evidence
    text = {
        "made": _time(evidence.made),
        "window": {"since": _time(evidence.since), "first": _time(evidence.first), "last": _time(evidence.last)},
        "files": evidence.files,
        "filesBeside": evidence.beside,
        "calls": evidence.events,
        "duplicates": evidence.duplicates,
        "malformed": evidence.malformed,
        "notCalls": evidence.others,
        "troubles": [
            {"file": name, "trouble": trouble or None, "duplicates": count}
            for name, trouble, count in evidence.troubles
        ],
        "gaps": found.gaps,
        "dataEvents": evidence.data,
        "lastAccessedReports": [
            {"arn": item.arn, "file": item.file, "made": _time(item.made)} for item in evidence.told
        ],
        "strangers": [
            {"kind": item.kind, "arn": item.arn, "id": item.id, "calls": item.count, "last": _time(item.last)}
            for item in evidence.strangers
        ],
        "unmapped": [{"source": source, "name": name, "calls": calls} for source, name, calls in evidence.unmapped],
        "principals": [
            {
                "arn": item.arn,
                "type": item.kind,
                "managedElsewhere": item.elsewhere or None,
                "lastUsed": _time(item.last),
                "removableActions": item.cut,
                "services": [
                    {
                        "namespace": one.namespace,
                        "state": one.state,
                        "lastAccessed": _time(one.last),
                        "calls": one.calls,
                        "actions": {"granted": one.actions, "used": one.used, "unknown": one.unknown},
                        "policies": one.policies,
                    }
                    for one in item.services
                ],
            }
            for item in found.people
        ],
    }
    return msgspec.json.format(msgspec.json.encode(text), indent=1)


def _csv(people: Iterable[Person]) -> bytes:
    titles = (
        "principal",
        "type",
        "service",
        "state",
        "last-accessed",
        "calls",
        "granted",
        "used",
        "unknown",
        "policies",
    )
    rows = (
        (item.arn, item.kind, one.namespace, one.state, _time(one.last) or "", one.calls, one.actions, one.used,
         one.unknown, " ".join(one.policies))
        for item in people
        for one in item.services
    )  # fmt: skip
    return tabular.text([titles, *rows]).encode()


def _time(seconds: float) -> str | None:
    return when(seconds).isoformat() if seconds else None
