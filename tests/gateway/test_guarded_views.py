"""INVARIANT: no view of a decision disagrees with the gateway where a resource or a role itself has a say.

SimulateAccess (`kansatsu can`), ListPrincipalsWithAccess (`kansatsu who-can`) and the simulator against live requests,
under generated policies of buckets, queues, keys and secrets and trust policies of roles, for users, sessions of a role
within a boundary, a user of another account, and who does not sign.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, Keys, statement
from .test_organized_views import CONTEXT
from .test_resource_policies import KMS, SECRETS, SQS, Service, says

# What takes the secret's permission alone: for its value the key is asked, too.
DESCRIBED = replace(
    SECRETS, use=lambda secrets, name: secrets.describe_secret(SecretId=name), action="secretsmanager:DescribeSecret"
)

ROUNDS = 9
CONDITIONS: list[dict[str, Any]] = [
    {},
    {},
    {},
    {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}},
    {"StringEquals": {"aws:PrincipalAccount": SECOND}},
    {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/*"}},
    {"StringEquals": {"aws:ResourceAccount": ACCOUNT}},
    {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
    {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"StringNotEquals": {"aws:PrincipalTag/Team": "Blue"}},
    {"Null": {"aws:PrincipalArn": "true"}},
]


@dataclass
class Guarded:
    """A resource: its ARN, what is done with it, and how its policy is set; `policy` is what was set last."""

    action: str
    arn: str
    put: Callable[[str], Any]
    use: Callable[[Keys | None], Any]
    open: bool = False  # to who does not sign
    policy: str = ""
    blocked: bool = False
    statements: list[dict[str, Any]] = field(default_factory=list)


def of_service(gateway: Gateway, service: Service, *, open: bool = False) -> Guarded:
    admin = gateway.client(service.name)
    made = service.make(admin, gateway.name("guarded"))
    arn = service.arn(admin, made)

    def use(keys: Keys | None) -> Any:
        named = arn if service is not SQS else made
        return service.use(client(gateway, service.name, keys), named)

    return Guarded(service.action, arn, lambda text: service.put(admin, made, text), use, open)


def client(gateway: Gateway, service: str, keys: Keys | None) -> Any:
    if keys is not None:
        return gateway.client(service, keys)
    unsigned = Config(signature_version=UNSIGNED, retries={"max_attempts": 0})
    return boto3.client(service, endpoint_url=gateway.endpoint, region_name=REGION, config=unsigned)


def of_bucket(gateway: Gateway) -> Guarded:
    name, s3 = gateway.bucket(), gateway.client("s3")
    put = lambda text: s3.put_bucket_policy(Bucket=name, Policy=text)  # noqa: E731 - beside its kind
    use = lambda keys: client(gateway, "s3", keys).list_objects_v2(Bucket=name)  # noqa: E731 - as its neighbour
    return Guarded("s3:ListBucket", f"arn:aws:s3:::{name}", put, use, True)


def of_role(gateway: Gateway) -> Guarded:
    role = gateway.role(Tags=[{"Key": "Team", "Value": "Red"}])
    put = lambda text: gateway.iam.update_assume_role_policy(RoleName=role["RoleName"], PolicyDocument=text)  # noqa: E731
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "session"}
    return Guarded("sts:AssumeRole", role["Arn"], put, lambda keys: gateway.client("sts", keys).assume_role(**asked))


class World:
    """Who asks, and for what."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway, self.dice = gateway, random.Random(3)
        tag = [{"Key": "Team", "Value": "Blue"}]
        everything = statement("Allow", ["s3:*", "sqs:*", "kms:*", "secretsmanager:*", "sts:*"])
        self.able, self.bare = gateway.user(everything), gateway.user(Tags=tag)
        bound = raw.document(statement("Allow", ["s3:*", "sqs:*", "sts:*"]))
        boundary = gateway.iam.create_policy(PolicyName=gateway.name("bound"), PolicyDocument=bound)["Policy"]["Arn"]
        self.role = gateway.role(statement("Allow", "kms:*"), PermissionsBoundary=boundary)
        self.session = gateway.assume(self.role)
        iam = gateway.client("iam", gateway.stranger)
        self.far = {}
        for name, statements in (("far-able", [everything]), ("far-bare", [])):
            iam.create_user(UserName=name)
            for each in statements:
                iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=raw.document(each))
            key = iam.create_access_key(UserName=name)["AccessKey"]
            arn = f"arn:aws:iam::{SECOND}:user/{name}"
            self.far[arn] = Keys(key["AccessKeyId"], key["SecretAccessKey"], name=name)
        self.users = {f"arn:aws:iam::{ACCOUNT}:user/{each.name}": each for each in (self.able, self.bare)}
        self.session_arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.role['RoleName']}/session"
        self.guarded = [
            of_bucket(gateway),
            of_service(gateway, SQS, open=True),
            of_service(gateway, KMS),
            of_service(gateway, DESCRIBED),
            of_role(gateway),
        ]

    @property
    def principals(self) -> list[Any]:
        own = [f"arn:aws:iam::{ACCOUNT}:root", *self.users, self.role["Arn"], self.session_arn]
        named = [{"AWS": each} for each in (*own, f"arn:aws:iam::{SECOND}:root", *self.far, *self.far)]
        return [*named, {"AWS": "*"}, "*", {"Service": "sns.amazonaws.com"}]

    def turn(self, guarded: Guarded, *, open: bool) -> None:
        """The resource has a policy of one to three statements; `open`: for everybody."""
        made = [says("Allow", "*", guarded.action, guarded.arn)] if open else []
        for _ in range(0 if open else self.dice.randint(1, 3)):
            effect = self.dice.choice(["Allow", "Allow", "Allow", "Deny"])
            one = says(effect, self.dice.choice(self.principals), guarded.action, guarded.arn)
            condition = self.dice.choice(CONDITIONS)
            made.append(one | ({"Condition": condition} if condition else {}))
        if guarded.action.startswith("sts:"):
            made = [{key: value for key, value in one.items() if key != "Resource"} for one in made]
        guarded.policy = raw.document(*made)
        guarded.put(guarded.policy)
        if guarded.action.startswith("s3:"):
            guarded.blocked = not open and self.dice.random() < 0.3
            s3, name = self.gateway.client("s3"), guarded.arn.rpartition(":")[2]
            block = {"RestrictPublicBuckets": guarded.blocked, "BlockPublicPolicy": False}
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)

    def grant(self, guarded: Guarded) -> None:
        """What KMS has besides."""
        if guarded.action == "kms:Encrypt" and self.dice.random() < 0.5:
            whom = self.dice.choice([*self.users, self.role["Arn"], *self.far])
            self.gateway.client("kms").create_grant(
                KeyId=guarded.arn, GranteePrincipal=whom, Operations=[self.dice.choice(["Encrypt", "Decrypt"])]
            )

    # ---- the gateway and the views ----------------------------------------------------------------------------------

    def live(self, guarded: Guarded, keys: Keys | None) -> bool:
        try:
            guarded.use(keys)
        except ClientError as error:
            if keys is None or "not authorized" in str(error) or "Denied" in str(error):
                return False
            raise
        return True

    def can(self, guarded: Guarded, who: str, keys: Keys | None = None) -> dict[str, Any]:
        control = self.gateway.client("kansatsu", keys)
        return dict(control.simulate_access(Principal=who, **question(guarded)))

    def listed(self, guarded: Guarded) -> list[tuple[str, tuple[str, ...]]]:
        control, rows = self.gateway.client("kansatsu"), []
        asked = question(guarded)
        while True:
            answer = control.list_principals_with_access(**asked)
            rows += [(row["PrincipalArn"], tuple(row["Conditions"])) for row in answer["Principals"]]
            if "NextToken" not in answer:
                return rows
            asked["NextToken"] = answer["NextToken"]

    def simulated(self, guarded: Guarded, who: str, *, far: bool = False) -> bool:
        iam = self.gateway.client("iam", self.gateway.stranger) if far else self.gateway.iam
        entries = [
            {"ContextKeyName": key, "ContextKeyType": kind, "ContextKeyValues": [value]}
            for key, (kind, value) in CONTEXT.items()
        ]
        text = json.loads(guarded.policy)
        if guarded.action == "kms:Encrypt":
            text = json.loads(SHOWN[guarded.arn](self.gateway))
        (found,) = iam.simulate_principal_policy(
            PolicySourceArn=who,
            ActionNames=[guarded.action],
            ResourceArns=[guarded.arn],
            ResourcePolicy=json.dumps(text),
            ResourceOwner=ACCOUNT,
            ContextEntries=entries,
        )["EvaluationResults"]
        return bool(found["EvalDecision"] == "allowed")


def question(guarded: Guarded) -> dict[str, Any]:
    context = [{"Key": key, "Values": [value]} for key, (_, value) in CONTEXT.items()]
    return {"Action": guarded.action, "Resource": guarded.arn, "Context": context}


class _Shown(dict[str, Callable[[Gateway], str]]):
    def __missing__(self, arn: str) -> Callable[[Gateway], str]:
        return lambda gateway: str(gateway.client("kms").get_key_policy(KeyId=arn)["Policy"])


SHOWN = _Shown()


@pytest.fixture(scope="module")
def world(gateway: Gateway) -> World:
    return World(gateway)


def test_they_agree(world: World) -> None:
    outcomes: set[tuple[str, str, bool]] = set()
    granted = 0
    for number in range(ROUNDS):
        for guarded in world.guarded:
            world.turn(guarded, open=number == 0)
            world.grant(guarded)
            grants = "kms" in guarded.action and bool(
                world.gateway.client("kms").list_grants(KeyId=guarded.arn)["Grants"]
            )
            rows = world.listed(guarded)
            told = (guarded.action, guarded.policy, guarded.blocked, rows)
            for who, keys in {**world.users, world.session_arn: world.session}.items():
                live = world.live(guarded, keys)
                assert live == world.can(guarded, who)["Evaluation"]["Allowed"], (who, live, *told)
                entity = world.role["Arn"] if who == world.session_arn else who
                unconditional, possible = (entity, ()) in rows, entity in {name for name, _ in rows}
                if who != world.session_arn:
                    assert live == unconditional, (who, live, *told)
                elif world.session_arn not in guarded.policy:  # which says nothing of other sessions of the role
                    # A session may have been made with tags.
                    assert live == unconditional or (live == possible and "PrincipalTag" in guarded.policy), told
                if not grants and who != world.session_arn:
                    assert live == world.simulated(guarded, who), (who, live, *told)
                outcomes.add((guarded.action, "own", live))
                granted += grants and live
            for who, keys in world.far.items():
                live = world.live(guarded, keys)
                said = world.can(guarded, who, world.gateway.stranger)
                assert not said["Evaluation"]["Allowed"]
                assert said["Undecided"] is (keys.name == "far-able"), (who, said)
                allowing = {name for name, _ in rows} & {who, f"arn:aws:iam::{SECOND}:root", "*"}
                assert allowing or not live, (who, live, *told)
                if (who, (f"if the policies of account {SECOND} allow it",)) in rows:
                    assert live is (keys.name == "far-able"), (who, live, *told)
                if not grants and not guarded.blocked:
                    assert live == world.simulated(guarded, who, far=True), (who, live, *told)
                outcomes.add((guarded.action, "far", live))
            live = guarded.open and world.live(guarded, None)
            assert live == (("anonymous", ()) in rows), (live, *told)
            outcomes.add((guarded.action, "anonymous", live))
    for guarded in world.guarded:
        for who in ("own", "far", *(["anonymous"] if guarded.open else [])):
            assert {(guarded.action, who, live) for live in (True, False)} <= outcomes, (guarded.action, who)
    assert granted


def answers(control: Any, who: str, action: str, arn: str) -> str:
    """All that the views tell an account of a resource, but what tells two resources apart."""
    can = control.simulate_access(Principal=who, Action=action, Resource=arn)
    listed = control.list_principals_with_access(Action=action, Resource=arn)
    for answer in (can, listed):
        answer.pop("ResponseMetadata")
    return json.dumps([can, listed], default=str).replace(arn, "ARN").replace(arn.split("/", maxsplit=1)[0], "ARN")


def test_attack_asking_what_another_account_says_of_its_resources(world: World) -> None:
    """INVARIANT: the views say the same whatever another account's policy says, tags and existence included: who wants
    to know has to ask for the thing itself, where its owner has the record of it."""
    gateway, control = world.gateway, world.gateway.client("kansatsu", world.gateway.stranger)
    (who,) = (arn for arn in world.far if arn.endswith("far-able"))
    condition = {"StringEquals": {"aws:ResourceTag/Team": "Red"}}
    document = raw.document(statement("Allow", "*"), statement("Deny", "*") | {"Condition": condition})
    gateway.client("iam", gateway.stranger).put_user_policy(
        UserName="far-able", PolicyName="tags", PolicyDocument=document
    )
    for guarded in world.guarded:
        told = set()
        for effect in ("Allow", "Deny"):
            one = says(effect, {"AWS": who}, guarded.action, guarded.arn, Sid="OwnersSid")
            if guarded.action.startswith("sts:"):
                one.pop("Resource")
            guarded.put(raw.document(one))
            told.add(answers(control, who, guarded.action, guarded.arn))
        if not guarded.action.startswith("s3:"):  # in one namespace: nobody's bucket would be one's own
            prefix, slash, _ = guarded.arn.rpartition("/" if "/" in guarded.arn else ":")
            told.add(answers(control, who, guarded.action, f"{prefix}{slash}none-such"))
        assert len({text.replace("none-such", guarded.arn.rpartition("/")[2]) for text in told}) == 1, told
        assert all("OwnersSid" not in text for text in told)
    gateway.client("iam", gateway.stranger).delete_user_policy(UserName="far-able", PolicyName="tags")


def test_attack_what_a_foreigners_own_policies_allow(world: World) -> None:
    """INVARIANT: the owner of a resource is told whom it lets in, and not whether these may do it by their own."""
    control = world.gateway.client("kansatsu")
    for guarded in world.guarded:
        rows = []
        for who in world.far:
            one = says("Allow", {"AWS": who}, guarded.action, guarded.arn)
            if guarded.action.startswith("sts:"):
                one.pop("Resource")
            guarded.put(raw.document(one))
            answer = control.list_principals_with_access(Action=guarded.action, Resource=guarded.arn)
            # A key may have grants besides.
            rows += [row for row in answer["Principals"] if (row["PrincipalArn"], row["Index"]) == (who, 0)]
            with pytest.raises(ClientError, match="NoSuchEntity"):
                control.simulate_access(Principal=who, Action=guarded.action, Resource=guarded.arn)
        first, second = ({**row, "PrincipalArn": ""} for row in rows)
        assert first == second
        assert first["Through"] == guarded.arn and first["Conditions"] == [
            f"if the policies of account {SECOND} allow it"
        ]


def test_a_role_that_there_is_not_is_assumed_by_nobody(world: World) -> None:
    arn = world.role["Arn"] + "-none"
    control = world.gateway.client("kansatsu")
    said = control.simulate_access(Principal="user/admin", Action="sts:AssumeRole", Resource=arn)["Evaluation"]
    assert (said["Allowed"], said["PolicyType"]) == (False, "role trust policy")
    assert control.list_principals_with_access(Action="sts:AssumeRole", Resource=arn)["Principals"] == []


def test_services_and_providers_that_a_role_trusts_are_listed(world: World) -> None:
    gateway = world.gateway
    provider = f"arn:aws:iam::{ACCOUNT}:saml-provider/Corp"
    key = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    for action, principal, more in (
        ("sts:AssumeRole", {"Service": "ec2.amazonaws.com"}, {}),
        ("sts:AssumeRoleWithSAML", {"Federated": provider}, {"Condition": key}),
    ):
        trust = {"Effect": "Allow", "Principal": principal, "Action": action, **more}
        role = gateway.iam.create_role(RoleName=gateway.name("trusts"), AssumeRolePolicyDocument=raw.document(trust))
        answer = gateway.client("kansatsu").list_principals_with_access(Action=action, Resource=role["Role"]["Arn"])
        (row,) = answer["Principals"]
        assert [row["PrincipalArn"]] == list(principal.values())
        assert row["Conditions"] == ([f"if SAML:aud StringEquals {key['StringEquals']['SAML:aud']}"] if more else [])
        assert (row["PolicyName"], row["Through"]) == ("role trust policy", role["Role"]["Arn"])
