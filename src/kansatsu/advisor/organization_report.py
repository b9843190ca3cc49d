"""Which services the accounts of an organization used, for one report: a pure function, by SCP logic alone.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter

import msgspec

from kansatsu.catalog import tracking
from kansatsu.policy import PolicySet

# The last attempt of anybody in an account: the account, service, Region, when in epoch seconds.
AccountAttempt = tuple[str, str, str, float]


class Detail(msgspec.Struct, frozen=True, array_like=True):
    """A service that is allowed: the last attempt (0.0: none), in which Region and, by its path, which account.

    `accounts` counts those that tried.
    """

    namespace: str
    last: float = 0.0
    region: str = ""
    path: str = ""
    accounts: int = 0


def allowed(levels: Sequence[PolicySet]) -> Iterator[str]:
    """The services of which SCPs at all of these levels may allow an action; all where there are no levels."""
    for namespace in tracking.services():
        names = (f"{namespace}:{name}" for name in tracking.actions(namespace))
        if any(all(level.may_allow(name) for level in levels) for name in names):
            yield namespace


def organization_report(
    services: Iterable[str], paths: Mapping[str, str], attempts: Iterable[AccountAttempt]
) -> tuple[Detail, ...]:
    """What was allowed and used, by namespace. `paths`: the accounts that count -> their paths in the organization."""
    tried: dict[str, dict[str, tuple[float, str, str]]] = {namespace: {} for namespace in services}
    for account, service, region, last in attempts:
        if account in paths and (mine := tried.get(service)) is not None:
            use = (last, region, paths[account])
            mine[account] = max(use, mine.get(account, use))
    return tuple(
        Detail(namespace, *max(mine.values()), len(mine)) if mine else Detail(namespace)
        for namespace, mine in sorted(tried.items())
    )


_BY_TIME = attrgetter("last", "namespace")
_BY_NAME = attrgetter("namespace")
SORTED: Mapping[str, tuple[Callable[[Detail], object], bool]] = {
    "SERVICE_NAMESPACE_ASCENDING": (_BY_NAME, False),
    "SERVICE_NAMESPACE_DESCENDING": (_BY_NAME, True),
    "LAST_AUTHENTICATED_TIME_ASCENDING": (_BY_TIME, False),
    "LAST_AUTHENTICATED_TIME_DESCENDING": (_BY_TIME, True),
}


def in_order(details: Iterable[Detail], key: str) -> list[Detail]:
    """By a SortKey of GetOrganizationsAccessReport; what nobody tried is the oldest."""
    by, reverse = SORTED[key]
    return sorted(details, key=by, reverse=reverse)  # type: ignore[arg-type]
