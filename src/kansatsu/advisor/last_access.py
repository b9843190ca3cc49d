"""Who used what and when, for one report: a pure function from registers to what Access Advisor shows.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec


class Attempt(NamedTuple):
    """A register: the last attempt of a principal (its unique id) at an action in a Region, in epoch seconds."""

    principal_id: str
    service: str
    action: str
    region: str
    last: float


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
    """What was granted and what was used. `uses`: namespace -> unique id -> last attempt, in epoch seconds."""

    services: tuple[ServiceUse, ...]
    people: tuple[Who, ...]
    uses: Mapping[str, Mapping[str, float]]


def report(granted: Mapping[str, Sequence[str]], people: Sequence[Who], used: Iterable[Attempt]) -> Report:
    """The report on services that are granted, with the actions to tell of in each (none: services alone).

    Every attempt at a service counts for it, whether or not the action is granted. Registers may come in any order and
    more than once; those of others than `people` do not count.
    """
    arns = {who.id: who.arn for who in people}
    wanted = {(namespace, name.lower()) for namespace, names in granted.items() for name in names}
    of_service: dict[str, dict[str, Use]] = {namespace: {} for namespace in granted}
    of_action: dict[tuple[str, str], Use] = {}
    for principal_id, service, action, region, last in used:
        uses, arn = of_service.get(service), arns.get(principal_id)
        if uses is None or arn is None:
            continue
        use = Use(last, arn, region)
        former = uses.get(principal_id)
        if former is None or use > former:
            uses[principal_id] = use
        key = (service, action.lower())
        if key in wanted:
            of_action[key] = max(use, of_action.get(key, use))
    services = (
        _service(namespace, of_service[namespace], names, of_action) for namespace, names in sorted(granted.items())
    )
    times = {namespace: {who: use.time for who, use in uses.items()} for namespace, uses in of_service.items() if uses}
    return Report(tuple(services), tuple(people), times)


def _service(
    namespace: str, uses: Mapping[str, Use], names: Sequence[str], of_action: Mapping[tuple[str, str], Use]
) -> ServiceUse:
    actions = tuple(ActionUse(name, of_action.get((namespace, name.lower()))) for name in sorted(names))
    return ServiceUse(namespace, max(uses.values(), default=None), len(uses), actions)
