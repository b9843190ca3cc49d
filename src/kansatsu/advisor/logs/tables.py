"""A report for programs and spreadsheets: report.json and services.csv.

Many users and roles have the same services in the same state, so that each such service is written once: with 3,000
administrators that is one part in fifty.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import msgspec

from kansatsu import tabular
from kansatsu.advisor.shown import when

if TYPE_CHECKING:
    from kansatsu.advisor.logs.report import Outcome, Person, Service

VERSION = 2  # of report.json; 1 had none, and each service in each user and role
MOST_ROWS = 100_000  # of services.csv with a service in each; a spreadsheet takes no more than 1,048,576
_TITLES = ("principal", "type", "service", "state", "last-accessed", "calls", "granted", "used", "unknown", "policies")
_encode = msgspec.json.encode


def json(found: "Outcome") -> bytes:
    """report.json: a member in a line, and of those that are long lists an item."""
    policies: dict[str, int] = {}
    services: dict[Service, int] = {}
    for person in found.people:
        for one in person.services:
            if one not in services:
                services[one] = len(services)
                for name in one.policies:
                    policies.setdefault(name, len(policies))
    long = {
        "policies": policies,
        "services": (_service(one, policies) for one in services),
        "principals": (_person(person, services) for person in found.people),
    }
    lines = [b"%s: %s" % (_encode(name), _encode(value)) for name, value in _head(found).items()]
    lines += [b"%s: [\n %s\n]" % (_encode(name), b",\n ".join(map(_encode, items))) for name, items in long.items()]
    return b"{\n" + b",\n".join(lines) + b"\n}\n"


def _head(found: "Outcome") -> Mapping[str, Any]:
    evidence = found.evidence
    return {
        "version": VERSION,
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
    }


def _service(one: "Service", policies: Mapping[str, int]) -> Mapping[str, Any]:
    return {
        "namespace": one.namespace,
        "state": one.state,
        "lastAccessed": _time(one.last),
        "calls": one.calls,
        "actions": {"granted": one.actions, "used": one.used, "unknown": one.unknown},
        "policies": [policies[name] for name in one.policies],
    }


def _person(person: "Person", services: "Mapping[Service, int]") -> Mapping[str, Any]:
    return {
        "arn": person.arn,
        "type": person.kind,
        "managedElsewhere": person.elsewhere or None,
        "lastUsed": _time(person.last),
        "removableActions": person.cut,
        "services": [services[one] for one in person.services],
    }


def csv(people: "Sequence[Person]") -> bytes:
    """services.csv: a row for each service of each user and role; for those that one never used together, if they are
    in the same state by the same policies, where there would be more than MOST_ROWS.
    """
    few = sum(len(person.services) for person in people) <= MOST_ROWS
    return tabular.text([_TITLES, *(_all(people) if few else _folded(people))]).encode()


def _all(people: "Iterable[Person]") -> Iterator[tuple[object, ...]]:
    for person in people:
        for one in person.services:
            yield _row(person, [one])


def _folded(people: "Iterable[Person]") -> Iterator[tuple[object, ...]]:
    for person in people:
        used = [one for one in person.services if one.last]
        idle = sorted((one for one in person.services if not one.last), key=_alike)
        yield from (_row(person, [one]) for one in used)
        yield from (_row(person, list(some)) for _, some in groupby(idle, _alike))


def _alike(one: "Service") -> tuple[str, tuple[str, ...]]:
    return one.state, one.policies


def _row(person: "Person", some: "Sequence[Service]") -> tuple[object, ...]:
    sums: Counter[str] = Counter()
    for one in some:
        sums.update(granted=one.actions, used=one.used, unknown=one.unknown)
    first, names = some[0], " ".join(one.namespace for one in some)
    return (
        person.arn, person.kind, names, first.state, _time(first.last) or "", first.calls, sums["granted"],
        sums["used"], sums["unknown"], " ".join(first.policies),
    )  # fmt: skip


def _time(seconds: float) -> str | None:
    return when(seconds).isoformat() if seconds else None
