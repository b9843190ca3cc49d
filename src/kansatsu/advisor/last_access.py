"""Who used what and when, for one report: a pure function from registers to what Access Advisor shows.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetServiceLastAccessedDetails.html
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

# The last attempt as a register has it: by whom (a unique id), service, action, Region, when in epoch seconds.
Attempt = tuple[str, str, str, str, float]


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


Latest = tuple[float, str]  # when, and in which Region


def report(granted: Mapping[str, Sequence[str]], people: Sequence[Who], attempts: Iterable[Attempt]) -> Report:
    """The report on services that are granted, with the actions to tell of in each (none: services alone).

    Every attempt at a service counts for it, whether or not the action is granted. Attempts may come in any order and
    more than once; those of others than `people` do not count.
    """
    known = {who.id: who for who in people}
    of_service: dict[str, dict[str, Latest]] = {namespace: {} for namespace in granted}
    wanted = {(namespace, name.lower()): name for namespace, names in granted.items() for name in names}
    of_action: dict[tuple[str, str], Use] = {}
    for principal_id, service, action, region, last in attempts:
        uses = of_service.get(service)
        if uses is None or principal_id not in known:
            continue
        use, before = (last, region), uses.get(principal_id)
        if before is None or use > before:
            uses[principal_id] = use
        if wanted and (name := wanted.get((service, action.lower()))) is not None:
            tried = Use(last, known[principal_id].arn, region)
            of_action[service, name] = max(tried, of_action.get((service, name), tried))
    services = tuple(
        _service(namespace, of_service[namespace], known, [(name, of_action.get((namespace, name))) for name in names])
        for namespace, names in sorted(granted.items())
    )
    times = {
        namespace: [uses[who.id][0] if who.id in uses else 0.0 for who in people]
        for namespace, uses in of_service.items()
        if uses
    }
    return Report(services, tuple(people), times)


_NEVER: Latest = (0.0, "")


def _service(
    namespace: str, uses: Mapping[str, Latest], known: Mapping[str, Who], actions: Iterable[tuple[str, Use | None]]
) -> ServiceUse:
    latest, _ = max(uses.values(), default=_NEVER)
    last = [Use(last, known[one].arn, region) for one, (last, region) in uses.items() if last == latest]
    return ServiceUse(
        namespace, max(last, default=None), len(uses), tuple(ActionUse(name, use) for name, use in sorted(actions))
    )
