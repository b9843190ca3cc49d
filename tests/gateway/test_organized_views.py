"""INVARIANT: no view of a decision disagrees with the gateway where an organization has a say.

The simulator, SimulateAccess (`kansatsu can`) and ListPrincipalsWithAccess (`kansatsu who-can`) against live requests,
under generated SCPs and RCPs at the root, at units and at the account, for users, sessions of a role within a boundary,
and who comes from another account of the organization.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import SECOND, Gateway
from .organized import FULL, Organized
from .raw import REGION, Keys, statement

ROUNDS = 10
CONTEXT = {
    "aws:SourceIp": ("ip", "127.0.0.1"),
    "aws:SecureTransport": ("boolean", "false"),
    "aws:RequestedRegion": ("string", REGION),
}
VIEWS = statement("Allow", ["iam:Simulate*", "kansatsu:*"])
ACTIONS = ("s3:*", "s3:List*", "s3:ListBucket", "iam:List*", "iam:ListUsers", "sqs:*")
LIMITED = ("s3:*", "s3:List*", "s3:ListBucket", "sqs:*", "sqs:SendMessage")  # what RCPs may be about


@dataclass(frozen=True)
class Asked:
    """One request: live, and as the views are asked about it."""

    action: str
    resource: str
    live: Callable[[Keys], Any]
    policy: str = ""  # of the resource
    owner: str = ""


class World:
    """Who asks for what in the organization, and its policies, written anew in each round."""

    def __init__(self, gateway: Gateway) -> None:
        self.org = org = Organized(gateway)
        self.dice = random.Random(20261126)
        self.deciding: set[str] = set()  # types of policies that decided
        tags = {"Tags": [{"Key": "Team", "Value": "Blue"}]}
        self.user, self.abroad = org.person(org.member), org.person(org.other)
        self.iam = org.client("iam", org.inside(org.member))
        self.iam.tag_user(UserName=self.user.name, **tags)
        self.role = org.role(org.member, {"Principal": {"AWS": org.member}}, statement("Allow", "*"))
        self.boundary = self.iam.create_policy(
            PolicyName=gateway.name("bound"), PolicyDocument=raw.document(statement("Allow", ["s3:*", "iam:List*"]))
        )["Policy"]["Arn"]
        self.iam.put_role_permissions_boundary(RoleName=self.role_name, PermissionsBoundary=self.boundary)
        self.session = org.assume(self.user, self.role)
        self.asked = (self._bucket(), self._queue(), self._users())
        self.held = [
            (org.attach(target, *self._statements(kind), rcp=kind == "rcp"), kind)
            for target in (org.root, org.outer, org.inner, org.member)
            for kind in ("scp", "rcp")
        ]
        org.take(FULL, org.inner)  # there nothing but what is generated allows

    @property
    def role_name(self) -> str:
        return self.role.rpartition("/")[2]

    def _bucket(self) -> Asked:
        org, name = self.org, self.org.gateway.name("views")
        s3 = org.client("s3", org.inside(org.member))
        s3.create_bucket(Bucket=name)
        arn = f"arn:aws:s3:::{name}"
        text = raw.document(statement("Allow", "s3:ListBucket", arn) | {"Principal": {"AWS": org.other}})
        s3.put_bucket_policy(Bucket=name, Policy=text)
        return Asked("s3:ListBucket", arn, lambda k: org.client("s3", k).list_objects_v2(Bucket=name), text, org.member)

    def _queue(self) -> Asked:
        org = self.org
        sqs = org.client("sqs", org.inside(org.member))
        url = sqs.create_queue(QueueName=org.gateway.name("views"))["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        text = raw.document(statement("Allow", "sqs:SendMessage", arn) | {"Principal": {"AWS": org.other}})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
        send = lambda k: org.client("sqs", k).send_message(QueueUrl=url, MessageBody="x")  # noqa: E731 - beside its kind
        return Asked("sqs:SendMessage", arn, send, text)

    def _users(self) -> Asked:
        arn = f"arn:aws:iam::{self.org.member}:user/"
        return Asked("iam:ListUsers", arn, lambda k: self.org.client("iam", k).list_users())

    def _condition(self) -> dict[str, Any]:
        org = self.org
        return self.dice.choice(
            [
                {},
                {},
                {"StringEquals": {"aws:PrincipalOrgID": org.id}},
                {"StringNotEquals": {"aws:PrincipalOrgID": org.id}},
                {"StringEquals": {"aws:ResourceOrgID": org.id}},
                {"StringNotEqualsIfExists": {"aws:ResourceOrgID": org.id}},
                {"StringEquals": {"aws:ResourceAccount": org.member}},
                {"StringEquals": {"aws:PrincipalAccount": org.other}},
                {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{org.id}/*{org.inner}/*"}},
                {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{org.member}:role/*"}},
                {"StringEquals": {"aws:PrincipalTag/Team": "Blue"}},
                {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
                {"Bool": {"aws:SecureTransport": "false"}},
            ]
        )

    def _statement(self, kind: str) -> dict[str, Any]:
        effect = "Deny" if kind == "rcp" else self.dice.choice(["Allow", "Deny"])
        made = statement(effect, self.dice.choice(LIMITED if kind == "rcp" else ACTIONS))
        condition = self._condition()
        return made | {"Condition": condition} if condition else made

    def _statements(self, kind: str) -> list[dict[str, Any]]:
        if kind == "rcp":
            return [self._statement(kind)]
        return [self._statement(kind), statement("Allow", self.dice.choice(["*", "s3:*"])), VIEWS]

    def turn(self) -> None:
        """A few policies are written anew."""
        for policy, kind in self.dice.sample(self.held, 4):
            statements = [{"Principal": "*", **each} if kind == "rcp" else each for each in self._statements(kind)]
            self.org.api.update_policy(PolicyId=policy, Content=raw.document(*statements))

    # ---- the gateway and the views ----------------------------------------------------------------------------------

    def live(self, asked: Asked, keys: Keys) -> bool:
        try:
            asked.live(keys)
        except ClientError as error:
            if "not authorized to perform" not in str(error):
                raise
            return False
        return True

    def simulated(self, asked: Asked, arn: str) -> bool:
        account = arn.split(":")[4]
        iam = self.iam if account == self.org.member else self.org.client("iam", self.org.inside(account))
        entries = [
            {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]}
            for key, (kind, value) in CONTEXT.items()
        ]
        more = {"ResourcePolicy": asked.policy} if asked.policy else {}
        more |= {"ResourceOwner": asked.owner} if asked.owner else {}
        (found,) = iam.simulate_principal_policy(
            PolicySourceArn=arn,
            ActionNames=[asked.action],
            ResourceArns=[asked.resource],
            ContextEntries=entries,
            **more,
        )["EvaluationResults"]
        assert "OrganizationsDecisionDetail" in found
        return bool(found["EvalDecision"] == "allowed")

    def seen(self, asked: Asked, principals: dict[str, str]) -> dict[str, tuple[bool, bool]]:
        """What `can` and `who-can` say of principals of the member account: asked as -> listed as."""
        control = self.org.client("kansatsu", self.org.inside(self.org.member))
        question: dict[str, Any] = {"Action": asked.action, "Resource": asked.resource}
        question["Context"] = [{"Key": key, "Values": [value]} for key, (_, value) in CONTEXT.items()]
        roles = control.list_principals_with_access(**question)
        users = control.list_principals_with_access(**question, NextToken=roles["NextToken"])
        listed = {
            item["PrincipalArn"] for item in (*roles["Principals"], *users["Principals"]) if not item["Conditions"]
        }
        found = {}
        for who, entity in principals.items():
            said = control.simulate_access(Principal=who, **question)["Evaluation"]
            self.deciding.add(said["PolicyType"])
            found[who] = said["Allowed"], entity in listed
        return found


@pytest.fixture(scope="module")
def world(gateway: Gateway) -> World:
    return World(gateway)


def test_they_agree(world: World) -> None:
    org, outcomes = world.org, set()
    user, abroad = (
        f"arn:aws:iam::{org.member}:user/{world.user.name}",
        f"arn:aws:iam::{org.other}:user/{world.abroad.name}",
    )
    session = f"arn:aws:sts::{org.member}:assumed-role/{world.role_name}/session"
    for _ in range(ROUNDS):
        world.turn()
        for asked in world.asked:
            said = world.seen(asked, {user: user, session: world.role})
            for who, keys in ((user, world.user), (session, world.session)):
                live = world.live(asked, keys)
                simulated = world.simulated(asked, world.role if who is session else who)
                assert (live, *said[who]) == (simulated, simulated, simulated), (asked.action, who, live, said)
                outcomes.add((asked.action, who, live))
            if asked.policy:
                live = world.live(asked, world.abroad)
                assert live == world.simulated(asked, abroad), (asked.action, abroad, live)
                outcomes.add((asked.action, abroad, live))
    both = {True, False}
    assert {(who, live) for _, who, live in outcomes} == {
        (who, live) for who in (user, session, abroad) for live in both
    }
    assert {(action, live) for action, _, live in outcomes} == {
        (asked.action, live) for asked in world.asked for live in both
    }
    assert world.deciding == {
        "identity-based policy",
        "permissions boundary",
        "service control policy",
        "resource control policy",
    }


def test_a_replay_is_decided_with_the_organization(gateway: Gateway) -> None:
    """Neither does a change open what an SCP or an RCP keeps shut, nor is it blamed for what they shut since."""
    org = Organized(gateway)
    keys = org.person(org.member, statement("Allow", "s3:*"))
    arn, control = f"arn:aws:iam::{org.member}:user/{keys.name}", org.client("kansatsu", org.inside(org.member))
    s3, sqs, iam = (org.client(service, keys) for service in ("s3", "sqs", "iam"))
    name, url = gateway.name("kept"), None
    s3.create_bucket(Bucket=name)
    s3.list_objects_v2(Bucket=name)
    url = org.client("sqs", org.inside(org.member)).create_queue(QueueName=name)["QueueUrl"]
    held = [
        org.attach(org.outer, statement("Deny", "iam:List*")),
        org.attach(org.root, statement("Deny", ["s3:List*", "sqs:Send*"]), rcp=True),
    ]
    for refused in (iam.list_users, lambda: sqs.send_message(QueueUrl=url, MessageBody="x")):
        with pytest.raises(ClientError, match="not authorized"):
            refused()

    def counted(*statements: dict[str, Any]) -> tuple[int, ...]:
        answer = control.replay_policy_change(Arn=arn, PolicyName="own", Document=raw.document(*statements))
        return tuple(answer[each] for each in ("Allowed", "Refused", "RefusedAlready", "NewlyAllowed", "Denied"))

    everything, nothing = statement("Allow", "*"), statement("Deny", "*")
    assert counted(everything) == (1, 0, 1, 0, 2)
    assert counted(nothing) == (0, 1, 1, 0, 2)
    suggested = control.suggest_policy_change(Arn=arn)
    assert "s3:CreateBucket" in suggested["Document"]
    for policy, target in zip(held, (org.outer, org.root), strict=True):
        org.take(policy, target)
    assert counted(everything) == (2, 0, 0, 2, 0)
    assert counted(nothing) == (0, 2, 0, 0, 2)


def test_why_proves_a_change_under_the_organization(world: World) -> None:
    """What is proposed for an RCP and for SCPs above it opens the very request."""
    org, asked = world.org, world.asked[0]
    keys = org.person(org.other, statement("Allow", "s3:*"))
    deny = [statement("Deny", "s3:*") | {"Sid": "Shut"}, statement("Deny", "s3:List*") | {"Sid": "Closed"}]
    held = [org.attach(org.other, deny[0]), org.attach(org.root, deny[1], rcp=True)]
    try:
        with pytest.raises(ClientError) as refused:
            asked.live(keys)
        request = refused.value.response["ResponseMetadata"]["RequestId"]
        answer = org.client("kansatsu", org.inside(org.other)).explain_request(RequestId=request)
        changed = {
            (change["Kind"], change["PolicyType"], change["Owner"].split("/")[-1]) for change in answer["Changes"]
        }
        assert {
            ("ChangeDeny", "service control policy", org.other),
            ("ChangeDeny", "resource control policy", org.root),
        } <= changed
    finally:
        for policy, target in zip(held, (org.other, org.root), strict=True):
            org.take(policy, target)


def test_attack_the_rcps_of_an_organization_that_one_is_not_in(world: World) -> None:
    """INVARIANT: who is in no organization with the resource's account learns nothing of its policies by simulating."""
    org = world.org
    asked = world.asked[0]
    policy = org.attach(org.member, statement("Deny", "s3:*"), rcp=True)
    stranger = org.gateway.client("iam", org.gateway.stranger)
    key = {"StringEquals": {"aws:ResourceOrgID": org.id}}
    text = raw.document(statement("Allow", "s3:*") | {"Principal": {"AWS": SECOND}})
    given = {"ActionNames": [asked.action], "ResourceArns": [asked.resource], "ResourceOwner": org.member}
    name = org.gateway.name("curious")
    stranger.create_user(UserName=name)
    for condition, expected in (({}, "allowed"), ({"Condition": key}, "implicitDeny")):
        document = raw.document(statement("Allow", "s3:*") | condition)
        stranger.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        (found,) = stranger.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::{SECOND}:user/{name}", ResourcePolicy=text, **given
        )["EvaluationResults"]
        assert found["EvalDecision"] == expected
    org.take(policy, org.member)


def test_attack_what_others_say_of_their_resources_in_a_denial_and_in_what_may_be_asked(gateway: Gateway) -> None:
    """INVARIANT: no view and no denial tells of the organization, the RCPs or the policy of another's resource."""
    org = Organized(gateway)
    sqs = org.client("sqs", org.inside(org.member))
    name = gateway.name("theirs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{org.member}:{name}"
    keys = gateway.user(statement("Allow", "*"))
    api = gateway.client("kansatsu", keys)

    def told() -> str:
        with pytest.raises(ClientError) as refused:
            gateway.client("sqs", keys).send_message(QueueUrl=url, MessageBody="x")
        explained = api.explain_request(RequestId=refused.value.response["ResponseMetadata"]["RequestId"])
        message = refused.value.response["Error"]["Message"].replace(arn, "")
        can = api.simulate_access(Principal=f"user/{keys.name}", Action="sqs:SendMessage", Resource=arn)
        who = api.list_principals_with_access(Action="sqs:SendMessage", Resource=arn)
        return json.dumps([message, explained, can, who], default=str)

    secret = {"Condition": {"StringNotEquals": {"aws:UserAgent": "hidden-condition"}}}
    own = statement("Deny", "sqs:SendMessage", arn) | {"Principal": "*", "Sid": "OwnersSecret"} | secret
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": raw.document(own)})
    by_policy = told()
    assert "resource-based policy" in by_policy
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    policy = org.attach(org.outer, statement("Deny", "sqs:*") | {"Sid": "OrganizationsSecret"} | secret, rcp=True)
    by_rcp = told()
    assert "resource control policy" in by_rcp
    for text in (by_policy, by_rcp):
        assert "Secret" not in text and "hidden-condition" not in text
        assert org.id not in text and org.inner not in text and policy not in text
