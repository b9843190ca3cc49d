"""Decisions in generated organizations against a slow and obvious oracle, which climbs a tree of its own.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansatsu.catalog import Authorization
from kansatsu.clock import SystemClock
from kansatsu.errors import AwsError
from kansatsu.gateway.authentication import Identity, _build
from kansatsu.identity import Store, accounts, entities, inline, open_store
from kansatsu.identity.organizations import Organization, policies, tree
from kansatsu.identity.organizations.policies import FULL
from kansatsu.identity.organizations.tree import RCP, SCP
from kansatsu.policy import PolicyType, Source, compile_policy, parse
from kansatsu.resources import Guard
from kansatsu.services import deciding
from kansatsu.services.callers import policies_of

ACTIONS = ("s3:GetObject", "s3:PutObject", "iam:ListUsers", "sts:AssumeRole")
EVERYTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
OPEN = compile_policy(
    parse(EVERYTHING.replace('"Action"', '"Principal": "*", "Action"'), PolicyType.RESOURCE),
    Source(PolicyType.RESOURCE),
)
Statement = dict[str, Any]


def statements(effects: tuple[str, ...], actions: tuple[str, ...], **more: Any) -> st.SearchStrategy[Statement]:
    return st.builds(
        lambda effect, action, here: {"Effect": effect, "Action": action, "Resource": "*", **more, **_when(here)},
        st.sampled_from(effects),
        st.sampled_from(actions),
        st.sampled_from((None, None, True, False)),
    )


def _when(here: bool | None) -> dict[str, Any]:
    """Always; for principals of the organization; for those of another."""
    if here is None:
        return {}
    return {"Condition": {"StringEquals" if here else "StringNotEquals": {"aws:PrincipalOrgID": "THIS"}}}


SCPS = statements(("Allow", "Deny"), ("*", "s3:*", "s3:Get*", "iam:ListUsers", "sts:AssumeRole"))
RCPS = statements(("Deny",), ("s3:*", "s3:Get*", "sts:AssumeRole"), Principal="*")
INDEX = st.integers(0, 9)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("unit"), INDEX),
        st.tuples(st.just("move"), INDEX, INDEX),
        st.tuples(st.sampled_from(("attach", "detach")), INDEX, INDEX),
        st.tuples(st.just("scp"), INDEX, SCPS),
        st.tuples(st.just("rcp"), INDEX, RCPS),
        st.tuples(st.just("rewrite"), INDEX, SCPS),
        st.tuples(st.just("toggle"), st.sampled_from((SCP, RCP))),
        st.tuples(st.just("leave"), INDEX),
    ),
    min_size=2,
    max_size=14,
)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as directory:
        opened = open_store(Path(directory) / "data", SystemClock())
        accounts.found(opened, "123456789012")
        yield opened
        opened.close()


class World:
    """The organization in the store, and beside it what the oracle knows: a tree, texts, and what hangs where."""

    def __init__(self, store: Store) -> None:
        self.store = store
        with store.write() as conn:
            self.people = {each: self._person(conn, each) for each in (self._account(conn) for _ in range(4))}
            self.boss, self.one, self.two, self.stranger = self.people
            org = tree.create(conn, self.boss, "ALL", 0.0)
            org = policies.enable(conn, org, RCP)
            for member in (self.one, self.two):
                tree.join(conn, org, member, method="CREATED", now=0.0)
            for target in (org.root, self.boss, self.one, self.two):
                policies.attach(conn, org, policies.AWS_MANAGED[FULL[SCP]], target)
                if target not in policies.targets(conn, org, FULL[RCP]):
                    policies.attach(conn, org, policies.AWS_MANAGED[FULL[RCP]], target)
        self.id, self.root = org.id, org.root
        self.parents = dict.fromkeys((self.boss, self.one, self.two), org.root)
        full = {FULL[SCP], FULL[RCP]}
        self.hanging = {target: set(full) for target in (org.root, *self.parents)}
        self.texts: dict[str, tuple[str, Statement]] = {
            FULL[kind]: (kind, {"Effect": "Allow", "Action": "*", "Resource": "*"}) for kind in (SCP, RCP)
        }
        self.enabled = {SCP, RCP}

    def _account(self, conn: Any) -> str:
        return accounts.open_member(conn, "", 0.0).id

    def _person(self, conn: Any, account: str) -> Identity:
        user = entities.create(conn, account, "user", "somebody", path="/", now=0.0)
        inline.put(conn, user, "all", EVERYTHING)
        return user  # type: ignore[return-value]  # replaced by `identity`, which needs a snapshot

    def identity(self, account: str) -> Identity:
        snapshot = self.store.snapshot()
        record = snapshot.entity(self.people[account].id)  # type: ignore[attr-defined]
        assert record is not None
        return _build("AKIA", None, record)

    # ---- both change ------------------------------------------------------------------------------------------------

    def apply(self, name: str, *params: Any) -> None:
        """The store first: what it refuses happens nowhere."""
        try:
            with self.store.write() as conn:
                done = getattr(self, f"_{name}")(conn, tree.get(conn, self.boss), *params)
        except AwsError:
            return
        done()

    def _at(self, things: Any, index: int) -> str:
        listed = sorted(things)
        return str(listed[index % len(listed)])

    def _unit(self, conn: Any, org: Organization, index: int) -> Any:
        above = self._at({self.root} | {each for each in self.hanging if each.startswith("ou-")}, index)
        made = tree.add_unit(conn, org, above, f"u{len(self.hanging)}", 0.0)
        policies.hang_defaults(conn, org, made.id)

        def done() -> None:
            self.parents[made.id] = above
            self.hanging[made.id] = {FULL[kind] for kind in self.enabled}

        return done

    def _move(self, conn: Any, org: Organization, who: int, where: int) -> Any:
        account = self._at({self.one, self.two} & set(self.parents), who)
        above = self._at({self.root} | {each for each in self.hanging if each.startswith("ou-")}, where)
        tree.set_member(conn, tree.known_member(conn, org, account), parent=above)
        return lambda: self.parents.update({account: above})

    def _attach(self, conn: Any, org: Organization, policy: int, target: int) -> Any:
        which, where = self._at(self.texts, policy), self._at(self.hanging, target)
        policies.attach(conn, org, policies.get(conn, org, which), where)
        return lambda: self.hanging[where].add(which)

    def _detach(self, conn: Any, org: Organization, policy: int, target: int) -> Any:
        which, where = self._at(self.texts, policy), self._at(self.hanging, target)
        policies.detach(conn, org, policies.get(conn, org, which), where)
        return lambda: self.hanging[where].discard(which)

    def _scp(self, conn: Any, org: Organization, target: int, statement: Statement, kind: str = SCP) -> Any:
        where = self._at(self.hanging, target)
        made = policies.create(conn, org, kind, f"p{len(self.texts)}", "", self._text(statement), 0.0)
        policies.attach(conn, org, made, where)

        def done() -> None:
            self.texts[made.id] = kind, statement
            self.hanging[where].add(made.id)

        return done

    def _rcp(self, conn: Any, org: Organization, target: int, statement: Statement) -> Any:
        return self._scp(conn, org, target, statement, RCP)

    def _rewrite(self, conn: Any, org: Organization, policy: int, statement: Statement) -> Any:
        which = self._at([each for each, (kind, _) in self.texts.items() if kind == SCP], policy)
        policies.change(conn, org, policies.get(conn, org, which), content=self._text(statement))
        return lambda: self.texts.update({which: (SCP, statement)})

    def _toggle(self, conn: Any, org: Organization, kind: str) -> Any:
        off = kind in org.types
        (policies.disable if off else policies.enable)(conn, org, kind)

        def done() -> None:
            self.enabled ^= {kind}
            gone = {each for each, (own, _) in self.texts.items() if own == kind}
            for target, held in self.hanging.items():
                self.hanging[target] = (held - gone) | (set() if off else {FULL[kind]})

        return done

    def _leave(self, conn: Any, org: Organization, who: int) -> Any:
        account = self._at({self.one, self.two} & set(self.parents), who)
        policies.take_down(conn, account)
        tree.leave(conn, tree.known_member(conn, org, account))

        def done() -> None:
            del self.parents[account], self.hanging[account]

        return done

    def _text(self, statement: Statement) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": statement}).replace("THIS", self.id)

    # ---- two ways to decide -----------------------------------------------------------------------------------------

    def oracle(self, caller: str, owner: str, action: str) -> bool:
        return self._passes(SCP, caller, caller, action) and self._passes(RCP, owner, caller, action)

    def _passes(self, kind: str, account: str, caller: str, action: str) -> bool:
        """Level by level upwards: something allows, and nothing denies."""
        if account not in self.parents or account == self.boss or kind not in self.enabled:
            return True
        at: str | None = account
        while at is not None:
            said = {
                statement["Effect"]
                for own, statement in (self.texts[each] for each in self.hanging[at])
                if own == kind and self._meant(statement, caller, action)
            }
            if "Deny" in said or "Allow" not in said:
                return False
            at = self.parents.get(at)
        return True

    def _meant(self, statement: Statement, caller: str, action: str) -> bool:
        if not fnmatchcase(action, statement["Action"]):
            return False
        condition = statement.get("Condition")
        here = caller in self.parents
        return condition is None or here == ("StringEquals" in condition)

    def gateway(self, caller: str) -> Callable[[str, str], bool]:
        """What the caller may do: owner and action -> allowed."""
        snapshot = self.store.snapshot()
        identity = self.identity(caller)
        context = {**identity.context, **snapshot.organization_keys("principal", caller)}
        own = policies_of(identity.caller, snapshot)

        def decide(owner: str, action: str) -> bool:
            item, guard = Authorization(action, f"arn:aws:s3:::of-{owner}/key"), Guard(owner, None, OPEN)
            decision = deciding.decide(identity.principal, item, guard, context, own, snapshot)
            assert decision.allowed or decision.type in {PolicyType.SCP, PolicyType.RCP}
            return decision.allowed

        return decide


@given(STEPS)
@settings(max_examples=10)
def test_the_gateway_decides_as_one_who_climbs_the_tree(store: Store, steps: list[tuple[Any, ...]]) -> None:
    world = World(store)
    people = (world.boss, world.one, world.two, world.stranger)
    for step in (("unit", 0), *steps):
        if {world.one, world.two} & set(world.parents):
            world.apply(*step)
        for caller in people:
            may = world.gateway(caller)
            asked = [(owner, action) for owner in people[1:] for action in ACTIONS]
            wrong = [each for each in asked if may(*each) != world.oracle(caller, *each)]
            assert wrong == [], (step, caller)
