"""Reports on organizations against a slow, obvious oracle: each is computed again from raw events and plain SCPs."""

import fnmatch
import functools
import itertools
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kansatsu.advisor import AccessEvent
from kansatsu.catalog import tracking

from .conftest import Gateway
from .organized import FULL, Organized
from .raw import statement

DAY = 86400.0
Statements = list[dict[str, Any]]
_numbers = itertools.count()

ACTIONS = {f"{namespace}:{name}" for namespace in tracking.services() for name in tracking.actions(namespace)}
PATTERNS = ["s3:Get*", "s3:*", "SQS:*", "sqs:Send*", "iam:PassRole", "ec2:Describe*", "*"]
NAMED = st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2, unique=True)
# What hangs on a target: beside FullAWSAccess what denies, or in its place what allows and denies.
DENIES = st.lists(NAMED.map(lambda actions: statement("Deny", actions)), max_size=2).map(lambda some: (True, some))
ALLOWS = st.tuples(NAMED, NAMED).map(lambda two: (False, [statement("Allow", two[0]), statement("Deny", two[1])]))
TARGETS = ("root", "outer", "inner", "member", "other")
EVENTS = st.tuples(
    st.sampled_from(["member", "other", "beside"]),
    st.sampled_from(["s3", "sqs", "ec2", "iam"]),
    st.sampled_from(["us-east-1", "eu-west-1"]),
    st.one_of(st.integers(0, 5), st.sampled_from([399, 401, 500])),  # days ago
    st.booleans(),  # allowed
    st.integers(1, 2),  # times that it is recorded
)


@functools.cache
def matching(pattern: str) -> frozenset[str]:
    return frozenset(action for action in ACTIONS if fnmatch.fnmatchcase(action.lower(), pattern.lower()))


def level(everything: bool, statements: Statements) -> set[str]:
    """The actions that what hangs on one target allows."""
    sets: dict[str, set[str]] = {"Allow": set(ACTIONS if everything else ()), "Deny": set()}
    for each in statements:
        sets[each["Effect"]] |= set().union(*map(matching, each["Action"]))
    return sets["Allow"] - sets["Deny"]


class Play:
    """root / outer / inner / member, accounts beside inner and below the root, and all that anybody tried."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.org = gateway, Organized(gateway)
        org = self.org
        self.ids = {name: getattr(org, name) for name in TARGETS} | {"beside": org.account(org.outer)}
        self.ways = {
            "root": ("root",),
            "outer": ("root", "outer"),
            "inner": ("root", "outer", "inner"),
            "member": ("root", "outer", "inner", "member"),
            "beside": ("root", "outer", "beside"),
            "other": ("root", "other"),
        }
        self.now = gateway.clock.now().timestamp()
        self.events: list[AccessEvent] = []

    def path(self, name: str) -> str:
        return "/".join((self.org.id, *(self.ids[part] for part in self.ways[name])))

    def tries(self, who: str, service: str, region: str, days: int, allowed: bool, times: int) -> None:
        event = AccessEvent(
            self.now - days * DAY, f"id-{next(_numbers)}", self.ids[who], f"AIDA{who}", f"arn:aws:iam::1:user/{who}",
            "AKIAX", service, "Any", "*", region, allowed, "" if allowed else "AccessDenied", True, "", "",
        )  # fmt: skip
        self.events += [event] * times
        self.gateway.recorder.append([event] * times)

    def hang(self, what: dict[str, tuple[bool, Statements]]) -> Iterator[tuple[str, str]]:
        """Attach it, and give what was attached where."""
        for name, (everything, statements) in what.items():
            if statements:
                yield self.org.attach(self.ids[name], *statements), self.ids[name]
            if not everything:
                self.org.take(FULL, self.ids[name])

    def take_down(self, what: dict[str, tuple[bool, Statements]], hung: list[tuple[str, str]]) -> None:
        for name, (everything, _) in what.items():
            if not everything:
                self.org.api.attach_policy(PolicyId=FULL, TargetId=self.ids[name])
        for policy, target in hung:
            self.org.take(policy, target)
            self.org.api.delete_policy(PolicyId=policy)

    def told(self, name: str) -> dict[str, Any]:
        """The report in the oracle's form."""
        iam = self.org.client("iam", self.org.boss)
        job = iam.generate_organizations_access_report(EntityPath=self.path(name))["JobId"]
        found = iam.get_organizations_access_report(JobId=job, MaxItems=1000)
        services = {}
        for item in found["AccessDetails"]:
            last = None
            if item["TotalAuthenticatedEntities"]:
                last = item["LastAuthenticatedTime"].timestamp(), item["Region"], item["EntityPath"]
            services[item["ServiceNamespace"]] = (last, item["TotalAuthenticatedEntities"])
        assert found["NumberOfServicesAccessible"] == len(services)
        assert found["NumberOfServicesNotAccessed"] == sum(last is None for last, _ in services.values())
        return services

    def oracle(self, name: str, what: dict[str, tuple[bool, Statements]]) -> dict[str, Any]:
        allowed = set.intersection(*(level(*what.get(part, (True, []))) for part in self.ways[name]))
        below = {self.ids[one]: self.path(one) for one, way in self.ways.items() if name in way}
        recent = [event for event in self.events if event.time >= self.now - 400 * DAY and event.account in below]
        by_service = defaultdict(list)
        for event in recent:
            by_service[event.service].append(event)
        found = {}
        for service in {action.partition(":")[0] for action in allowed}:
            tries = by_service[service]
            last = max(((float(int(e.time)), e.region, below[e.account]) for e in tries), default=None)
            found[service] = (last, len({event.account for event in tries}))
        return found


@pytest.fixture(scope="module")
def play(gateway: Gateway) -> Play:
    return Play(gateway)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(TARGETS), st.one_of(DENIES, ALLOWS), max_size=4), st.lists(EVENTS, max_size=8))
def test_every_report_is_that_of_the_oracle(
    play: Play, what: dict[str, tuple[bool, Statements]], events: list[Any]
) -> None:
    for event in events:
        play.tries(*event)
    hung = list(play.hang(what))
    try:
        for name in play.ways:
            assert play.told(name) == play.oracle(name, what), name
    finally:
        play.take_down(what, hung)
