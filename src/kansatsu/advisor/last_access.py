"""Who used what and when, for one report: a pure function from registers to what Access Advisor shows.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec


class Attempts(NamedTuple):
    """The last attempts at an action in a Region, side by side: by whom (unique ids), when (epoch seconds)."""

    service: str
    action: str
    region: str
    ids: Sequence[str]
    lasts: Sequence[float]


class Who(msgspec.Struct, frozen=True, array_like=True):
    """A user or role that the report is about."""

    id: str
    arn: str
    kind: str  # user | role
    name: str
    path: str


class Use(msgspec.Struct, frozen=True, array_like=True, order=True):
    """The last attempt of anybody: when, by whom (an ARN), in which Region. Of two at once the larger texts win."""

    time: float
    arn: str
    region: str


class ActionUse(msgspec.Struct, frozen=True, array_like=True):
    """A tracked action, and its last use if there was one."""

    name: str
    last: Use | None = None


class ServiceUse(msgspec.Struct, frozen=True, array_like=True):
    """A service that is granted; `principals` counts those that tried to use it."""

    namespace: str
    last: Use | None = None
    principals: int = 0
    actions: tuple[ActionUse, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """What was granted and what was used.

    `uses`: namespace -> last attempts in epoch seconds, in the order of `people`, 0 for none; not what nobody used.
    """

    services: tuple[ServiceUse, ...]
    people: tuple[Who, ...]
    uses: Mapping[str, Sequence[float]]


def report(granted: Mapping[str, Sequence[str]], people: Sequence[Who], attempts: Iterable[Attempts]) -> Report:
    """The report on services that are granted, with the actions to tell of in each (none: services alone).

    Every attempt at a service counts for it, whether or not the action is granted. Attempts may come in any order and
    more than once; those of others than `people` do not count.
    """
    known = {who.id: who for who in people}
    times: dict[str, dict[str, float]] = {namespace: {} for namespace in granted}
    newest: dict[str, Use] = {}
    wanted = {(namespace, name.lower()): name for namespace, names in granted.items() for name in names}
    of_action: dict[tuple[str, str], Use] = {}
    for service, action, region, ids, lasts in attempts:
        if service not in granted:
            continue
        own = [(one, last) for one, last in zip(ids, lasts, strict=True) if one in known]
        if not own:
            continue
        _later(times[service], own)
        latest = max(last for _, last in own)
        use = max(Use(last, known[one].arn, region) for one, last in own if last == latest)
        newest[service] = max(use, newest.get(service, use))
        if wanted and (name := wanted.get((service, action.lower()))) is not None:
            of_action[service, name] = max(use, of_action.get((service, name), use))
    services = tuple(
        ServiceUse(
            namespace,
            newest.get(namespace),
            len(times[namespace]),
            tuple(ActionUse(name, of_action.get((namespace, name))) for name in sorted(names)),
        )
        for namespace, names in sorted(granted.items())
    )
    uses = {namespace: [mine.get(one, 0.0) for one in known] for namespace, mine in times.items() if mine}
    return Report(services, tuple(people), uses)


def _later(times: dict[str, float], own: Sequence[tuple[str, float]]) -> None:
    """Take in what somebody did later."""
    fresh = dict(own) if not times else {}
    if len(fresh) == len(own):  # nearly always: one look at each less, of hundreds of thousands
        times.update(fresh)
        return
    for one, last in own:
        if last > times.get(one, 0.0):
            times[one] = last
