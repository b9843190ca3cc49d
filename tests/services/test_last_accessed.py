"""Reports against a slow, obvious oracle: each is computed again from raw events and a plain model of the account.

Histories are generated: duplicates, disorder, entities that are deleted and made again, moves between groups, policies
that change, use outside the tracking period. The oracle knows nothing of registers, snapshots and compiled policies.
"""

import fnmatch
import functools
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stores
from kansatsu.advisor import AccessEvent, Recorder
from kansatsu.catalog import tracking

from .conftest import ACCOUNT, EC2_TRUST, NOW, World

DAY = 86400.0
USERS, ROLES, GROUPS, POLICIES = ("ana", "ben"), ("job",), ("staff", "guests"), ("shared", "spare")
TRIED = ("s3:GetObject", "s3:PutObject", "s3:ListAllMyBuckets", "ec2:DescribeVpcs", "sqs:SendMessage", "iam:PassRole")
PATTERNS = ("s3:Get*", "s3:PutObject", "ec2:Describe*", "sqs:*", "iam:PassRole", "s3:*", "EC2:RunInstances")
NAMESPACES = ["s3", "ec2", "sqs", "iam", "dynamodb"]
_numbers = itertools.count()

Statement = dict[str, Any]
STATEMENTS = st.builds(
    lambda effect, element, actions: {"Effect": effect, element: actions, "Resource": "*"},
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.just("Action"),
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True),
)
# NotAction reaches nearly every service, so that it comes with a Deny of nearly every one.
EVERYTHING = [
    {"Effect": "Allow", "NotAction": ["s3:Put*", "iam:*"], "Resource": "*"},
    {"Effect": "Deny", "NotAction": ["s3:*", "sqs:Send*", "ec2:*Vpcs"], "Resource": "*"},
]
DOCUMENTS = st.one_of(st.lists(STATEMENTS, min_size=1, max_size=3), st.just(EVERYTHING))
OWNERS = [*(("user", name) for name in USERS), *(("role", name) for name in ROLES), *(("group", n) for n in GROUPS)]
PEOPLE = [owner for owner in OWNERS if owner[0] != "group"]
STEPS = st.one_of(
    st.tuples(
        st.just("tries"),
        st.sampled_from(PEOPLE),
        st.sampled_from(TRIED),
        st.sampled_from(["us-east-1", "eu-west-1"]),
        st.one_of(st.integers(0, 5), st.sampled_from([399, 401, 500])),  # days ago
        st.booleans(),  # allowed
        st.integers(1, 2),  # times that it is recorded
    ),
    st.tuples(st.just("recreates"), st.sampled_from(PEOPLE)),
    st.tuples(st.just("moves"), st.sampled_from(USERS), st.sampled_from(GROUPS)),
    st.tuples(st.just("attaches"), st.sampled_from(OWNERS), st.sampled_from(POLICIES)),
    st.tuples(st.just("writes"), st.sampled_from(POLICIES), DOCUMENTS),
    st.tuples(st.just("puts"), st.sampled_from(OWNERS), DOCUMENTS),
)


@dataclass
class Model:
    """The account in plain dictionaries, and all that anybody tried."""

    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    members: set[tuple[str, str]] = field(default_factory=set)
    attached: set[tuple[tuple[str, str], str]] = field(default_factory=set)
    inline: dict[tuple[str, str], list[Statement]] = field(default_factory=dict)
    documents: dict[str, list[Statement]] = field(default_factory=dict)
    events: list[AccessEvent] = field(default_factory=list)

    def holding(self, owner: tuple[str, str]) -> list[tuple[str, str]]:
        """Itself, and a user's groups."""
        return [owner, *(("group", group) for group, user in self.members if owner == ("user", user))]

    def statements(self, owner: tuple[str, str]) -> list[Statement]:
        """All that a user, group or role has by itself and through groups."""
        holders = self.holding(owner)
        found = [statement for holder in holders for statement in self.inline.get(holder, [])]
        return found + [s for holder, name in self.attached if holder in holders for s in self.documents[name]]

    def granting(self, owner: tuple[str, str], namespace: str) -> set[tuple[str, ...]]:
        """The policies that by themselves allow something of the service: managed by name, inline with their holder."""
        holders = self.holding(owner)
        managed = {name for holder, name in self.attached if holder in holders}
        held = {(name, "MANAGED"): self.documents[name] for name in managed}
        inline = {("own", "INLINE", *one): self.inline[one] for one in holders if one in self.inline}
        found = {**held, **inline}.items()
        return {policy for policy, text in found if any(a.startswith(f"{namespace}:") for a in granted(text))}

    def holders(self, policy: str) -> set[tuple[str, str]]:
        direct = {owner for owner, name in self.attached if name == policy}
        return {o for o in direct if o[0] != "group"} | {
            ("user", user) for group, user in self.members if ("group", group) in direct
        }


ACTIONS = {f"{namespace}:{name}" for namespace in tracking.services() for name in tracking.actions(namespace)}


@functools.cache
def matching(pattern: str) -> set[str]:
    return {action for action in ACTIONS if fnmatch.fnmatchcase(action.lower(), pattern.lower())}


def granted(statements: list[Statement]) -> set[str]:
    """Every resource in these documents is `*` and nothing has conditions, so that one match decides."""
    sets: dict[str, set[str]] = {"Allow": set(), "Deny": set()}
    for statement in statements:
        named = set().union(*map(matching, statement.get("Action", statement.get("NotAction"))))
        sets[statement["Effect"]] |= named if "Action" in statement else ACTIONS - named
    return sets["Allow"] - sets["Deny"]


def oracle(
    model: Model, statements: list[Statement], people: set[tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """(namespace -> (last use, how many, actions with their last use), namespace -> id -> time), from raw events."""
    oldest = NOW.timestamp() - 400 * DAY
    ids = {model.ids[one]: arn_of(one) for one in people}
    mine = [event for event in model.events if event.principal_id in ids and event.time >= oldest]
    services, uses, names_of = {}, {}, defaultdict(list)
    for action in granted(statements):
        namespace, _, name = action.partition(":")
        names_of[namespace].append(name)
    for namespace, names in names_of.items():
        tries = [event for event in mine if event.service == namespace]
        last = max(((e.time, ids[e.principal_id], e.region) for e in tries), default=None)
        actions = {}
        for name in names:
            if tracking.is_tracked(namespace, name):
                of_action = [(e.time, ids[e.principal_id], e.region) for e in tries if e.action == name]
                actions[name] = max(of_action, default=None)
        services[namespace] = (last, len({event.principal_id for event in tries}), actions)
        uses[namespace] = {
            one: max(event.time for event in tries if event.principal_id == one)
            for one in {event.principal_id for event in tries}
        }
    return services, uses


def arn_of(owner: tuple[str, str]) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{owner[0]}/{owner[1]}"


def document(statements: list[Statement]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Play:
    """Does each step to the account and to the model; names are its own, so that one store serves every example."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self.world, self.iam, self.recorder = world, world.iam, recorder
        self.tail = f"-{next(_numbers)}"
        self.model = Model()
        for owner in OWNERS:
            self.make(owner)
        for name in POLICIES:
            self.iam.create_policy(PolicyName=name + self.tail, PolicyDocument=document([DEFAULT]))
            self.model.documents[name] = [DEFAULT]

    def named(self, owner: tuple[str, str]) -> dict[str, str]:
        return {f"{owner[0].capitalize()}Name": owner[1] + self.tail}

    def call(self, verb: str, owner: tuple[str, str], what: str = "", **more: Any) -> Any:
        return getattr(self.iam, f"{verb}_{owner[0]}{what}")(**self.named(owner), **more)

    def policy_arn(self, name: str) -> str:
        return f"arn:aws:iam::{ACCOUNT}:policy/{name}{self.tail}"

    def make(self, owner: tuple[str, str]) -> None:
        more = {"AssumeRolePolicyDocument": json.dumps(EC2_TRUST)} if owner[0] == "role" else {}
        made = self.call("create", owner, **more)[owner[0].capitalize()]
        self.model.ids[owner] = made[f"{owner[0].capitalize()}Id"]

    def tries(self, who: tuple[str, str], action: str, region: str, days: int, allowed: bool, times: int) -> None:
        service, _, name = action.partition(":")
        event = AccessEvent(
            NOW.timestamp() - days * DAY, "id", ACCOUNT, self.model.ids[who], arn_of(who), "AKIAX", service, name, "*",
            region, allowed, "" if allowed else "AccessDenied", True, "", "",
        )  # fmt: skip
        self.model.events += [event] * times
        self.recorder.append([event] * times)

    def recreates(self, who: tuple[str, str]) -> None:
        model = self.model
        for owner, name in [held for held in model.attached if held[0] == who]:
            self.call("detach", owner, "_policy", PolicyArn=self.policy_arn(name))
            model.attached.remove((owner, name))
        for group, user in [held for held in model.members if who == ("user", held[1])]:
            self.moves(user, group)
        if model.inline.pop(who, None):
            self.call("delete", who, "_policy", PolicyName="own")
        self.call("delete", who)
        self.make(who)

    def moves(self, user: str, group: str) -> None:
        inside = (group, user) in self.model.members
        verb = self.iam.remove_user_from_group if inside else self.iam.add_user_to_group
        verb(GroupName=group + self.tail, UserName=user + self.tail)
        self.model.members ^= {(group, user)}

    def attaches(self, owner: tuple[str, str], policy: str) -> None:
        verb = "detach" if (owner, policy) in self.model.attached else "attach"
        self.call(verb, owner, "_policy", PolicyArn=self.policy_arn(policy))
        self.model.attached ^= {(owner, policy)}

    def writes(self, policy: str, statements: list[Statement]) -> None:
        arn = self.policy_arn(policy)
        for version in self.iam.list_policy_versions(PolicyArn=arn)["Versions"][1:]:
            if not version["IsDefaultVersion"]:
                self.iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(statements), SetAsDefault=True)
        self.model.documents[policy] = statements

    def puts(self, owner: tuple[str, str], statements: list[Statement]) -> None:
        self.call("put", owner, "_policy", PolicyName="own", PolicyDocument=document(statements))
        self.model.inline[owner] = statements

    # ---- what the operations say ----------------------------------------------------------------------------------

    def told(self, arn: str) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
        """The report in the oracle's form; the ids of WithEntities of all who tried."""
        job = self.iam.generate_service_last_accessed_details(Arn=arn, Granularity="ACTION_LEVEL")["JobId"]
        page = self.iam.get_service_last_accessed_details(JobId=job, MaxItems=1000)
        services, uses = {}, {}
        for item in page["ServicesLastAccessed"]:
            namespace = item["ServiceNamespace"]
            actions = {
                action["ActionName"]: self.use(action, "LastAccessedTime", "LastAccessedEntity", "LastAccessedRegion")
                for action in item.get("TrackedActionsLastAccessed", [])
            }
            last = self.use(item, "LastAuthenticated", "LastAuthenticatedEntity", "LastAuthenticatedRegion")
            services[namespace] = (last, item.get("TotalAuthenticatedEntities", 0), actions)
            people = self.iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace=namespace)[
                "EntityDetailsList"
            ]
            self.people = {entry["EntityInfo"]["Id"] for entry in people}
            times = [entry["LastAuthenticated"].timestamp() for entry in people if "LastAuthenticated" in entry]
            assert times == sorted(times, reverse=True)
            assert all("LastAuthenticated" in entry for entry in people[: len(times)])
            uses[namespace] = {
                entry["EntityInfo"]["Id"]: entry["LastAuthenticated"].timestamp()
                for entry in people
                if "LastAuthenticated" in entry
            }
        return services, uses

    def granting(self, arn: str) -> dict[str, list[tuple[str, ...]]]:
        """What ListPoliciesGrantingServiceAccess says, in the oracle's form."""
        asked = self.iam.list_policies_granting_service_access(Arn=arn, ServiceNamespaces=NAMESPACES)
        found: dict[str, list[tuple[str, ...]]] = {}
        for item in asked["PoliciesGrantingServiceAccess"]:
            mine = found[item["ServiceNamespace"]] = []
            for one in item["Policies"]:
                named = one["PolicyName"].removesuffix(self.tail)
                holder = (one["EntityType"].lower(), one["EntityName"]) if "EntityName" in one else ()
                assert one.get("PolicyArn") == (None if holder else self.policy_arn(named))
                mine.append((named, one["PolicyType"], *(part.removesuffix(self.tail) for part in holder)))
        return found

    def use(self, item: dict[str, Any], time: str, entity: str, region: str) -> tuple[float, str, str] | None:
        if time not in item:
            assert entity not in item
            assert region not in item
            return None
        return item[time].timestamp(), item[entity].removesuffix(self.tail), item[region]

    def check(self, arn: str, statements: list[Statement], people: set[tuple[str, str]]) -> None:
        services, uses = oracle(self.model, statements, people)
        assert self.told(arn) == (whole(services), {name: whole(times) for name, times in uses.items()})
        if services:
            assert self.people == {self.model.ids[one] for one in people}


def whole(value: Any) -> Any:
    """Times in whole seconds, as IAM tells them."""
    if isinstance(value, float):
        return float(int(value))
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return tuple(map(whole, value)) if isinstance(value, tuple) else value


DEFAULT: Statement = {"Effect": "Allow", "Action": ["s3:GetObject", "ec2:Describe*"], "Resource": "*"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Recorder]]:
    from .conftest import TestClock

    directory = tmp_path_factory.mktemp("recorded")
    clock = TestClock()
    store = stores.opened(directory / "data", clock)
    recorder = Recorder(store, directory / "data", clock)
    world = World(store, clock)
    world.uses = recorder  # type: ignore[assignment]
    yield world, recorder
    recorder.close()
    store.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(STEPS, min_size=6, max_size=20))
def test_every_report_is_that_of_the_oracle(recorded: tuple[World, Recorder], steps: list[Any]) -> None:
    play = Play(*recorded)
    for verb, *how in steps:
        getattr(play, verb)(*how)
    model = play.model
    for owner in OWNERS:
        people = {("user", user) for group, user in model.members if owner == ("group", group)}
        play.check(arn_of(owner) + play.tail, model.statements(owner), people if owner[0] == "group" else {owner})
        granting = play.granting(arn_of(owner) + play.tail)
        assert all(len(named) == len(set(named)) for named in granting.values())
        assert {one: set(named) for one, named in granting.items()} == {
            one: model.granting(owner, one) for one in NAMESPACES
        }
    for policy in POLICIES:
        play.check(play.policy_arn(policy), model.documents[policy], model.holders(policy))
