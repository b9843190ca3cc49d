"""The engine against naive.py, on generated policies and requests.

Small alphabets make wildcards, variables and conditions collide often.
"""

import itertools
import json
import random
from collections import Counter
from typing import Any

import pytest

from kansatsu.policy import (
    UNRESOLVED,
    Limits,
    Policies,
    PolicySet,
    PolicyType,
    Principal,
    Request,
    Source,
    compile_policy,
    evaluate,
    parse,
)
from policy.naive import matching, naive
from policy.naive_matching import NEGATED, POSITIVE, Context

ACCOUNT = "111122223333"
OTHER = "999999999999"
PRINCIPALS = [
    Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/bob", "user", id="AIDABOBBOBBOBBOBBOBBO"),
    Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s",
        "role",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/p/R",
        id="AROARRRRRRRRRRRRRRRRR:s",
    ),
    Principal(OTHER, f"arn:aws:iam::{OTHER}:user/bob", "user", id="AIDAOTHEROTHEROTHEROT"),
    Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "root", id=ACCOUNT),
    Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/L/s",
        "role",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ec2.amazonaws.com/L",
        id="AROALLLLLLLLLLLLLLLLL",
    ),
    Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:federated-user/carol",
        "federated",
        role_arn=f"arn:aws:iam::{ACCOUNT}:user/bob",
    ),
    Principal("", "ec2.amazonaws.com", "service"),
    Principal("", "*", "anonymous"),
    Principal("", "accounts.google.com", "federated"),
    Principal("", f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com", "federated"),
]
# Each kind may hold what names somebody of another kind.
SERVICES = ["ec2.amazonaws.com", "ec2.amazonaws.com", "sns.amazonaws.com", "accounts.google.com", "*"]
PROVIDERS = ["accounts.google.com", f"arn:aws:iam::{ACCOUNT}:oidc-provider/example.com", "ec2.amazonaws.com", "*"]
ENTRIES = [
    "*",
    ACCOUNT,
    f"arn:aws:iam::{OTHER}:root",
    *(
        value
        for each in PRINCIPALS
        if each.account and each.kind != "root"
        for value in (each.arn, each.role_arn, each.id.partition(":")[0])
        if value
    ),
]
ACTIONS = ["s3:Get", "s3:GetX", "s3:Put", "ec2:Get", "sts:AssumeRole", "kms:Use", "iam:Get", "sts:GetSessionToken"]
ACTIONS += ["sts:GetCallerIdentity", "STS:getcalleridentity", "sts:TagSession", "s3:Get", "s3:GetX", "s3:Put"]
ROLES = [f"arn:aws:iam::{ACCOUNT}:role/T", f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ec2.amazonaws.com/L"]
RCP_ACTIONS = ["s3:*", "S3:get", "s3:Get*", "sts:*", "kms:*", "s3:*X"]
FULL = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}}
NAMES = {
    "rcps": PolicyType.RCP,
    "scps": PolicyType.SCP,
    "endpoint": PolicyType.VPC_ENDPOINT,
    "trust": PolicyType.TRUST,
    "resource": PolicyType.RESOURCE,
    "identity": PolicyType.IDENTITY,
    "boundary": PolicyType.BOUNDARY,
    "session": PolicyType.SESSION,
}
ACTION_PATTERNS = [
    "*",
    "*",
    "kms:*",
    "iam:*",
    "s3:*",
    "S3:get",
    "s3:Get*",
    "s3:?et",
    "ec2:*",
    "s3:*X",
    "sts:Assume*",
    "sts:AssumeRole",
    "*:*",
]
SIXTH = ["a", "b", "*", "?", "/", ":", "ab", "${k:s}", "${k:n,'a'}", "${*}", "${k:m}", "a/b", "${k:star}"]
VALUES = [
    "a",
    "A",
    "ab",
    "a/b",
    "",
    "*",
    "1",
    "2",
    "10.0.0.1",
    "::1",
    "true",
    "false",
    "arn:aws:s3:::a",
    "arn:aws:s3:x:y:a:b",
]
DATES = [
    "2026-01-01T00:00:00Z",
    "2026-01-01T01:00:00+01:00",
    "1767225600",
    "2026",
    "2026-01-02",
    "2025-12-31T23:59:59.5Z",
]
BINARY = ["YQ==", "Yg==", ""]


class Maker:
    """Policies and requests out of a seed."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)

    def some(self, choices: list[Any], most: int = 3) -> list[Any]:
        return [self.random.choice(choices) for _ in range(self.random.randint(1, most))]

    def resource(self) -> str:
        if self.random.random() < 0.2:
            return self.random.choice(["*", "**", "arn:aws:s3:*", "arn:*", "arn:aws:s3:::*"])
        head = self.random.choice(
            ["arn:aws:s3:::", "arn:aws:s3:*:*:", "arn:aws:s*3:?:y:", "arn:aws:s3:x*:", "arn:aws:s3:*x:y*:"]
        )
        return head + "".join(self.some(SIXTH, 4))

    def condition(self) -> dict[str, Any]:
        base = self.random.choice([*POSITIVE, *NEGATED, "Null"])
        if base == "Null":
            return {"Null": {self.key(base): self.some(["true", "false"], 1)}}
        name = (
            self.random.choice(["", "", "ForAllValues:", "ForAnyValue:"]) + base + self.random.choice(["", "IfExists"])
        )
        return {name: {self.key(base): self.values(base)}}

    def values(self, base: str) -> list[str]:
        if "Numeric" in base:
            return self.some(["1", "2", "1.5"])
        if "Date" in base:
            return self.some(DATES)
        if "Binary" in base:
            return self.some(BINARY)
        if "Ip" in base:
            return self.some(["10.0.0.0/8", "::/0", "10.0.0.1"])
        if base == "Bool":
            return self.some(["true", "false"])
        if "Arn" in base:
            return [self.resource() for _ in range(2)]
        return self.some([*VALUES, "a*", "?", "${k:s}", "${k:n}", "${k:m}", "${*}", "${k:n, 'a'}"])

    def key(self, base: str) -> str:
        own = {"Date": ["k:date"] * 9, "Bina": ["k:binary"] * 9}.get(base[:4], [])
        return self.random.choice(["k:s", "K:S", "k:n", "k:m", "k:star", "k:e", *own])

    def statement(self, type: PolicyType) -> dict[str, Any]:
        chance = self.random.random
        statement: dict[str, Any] = {"Effect": "Allow" if chance() < 0.8 else "Deny"}
        if type in {PolicyType.TRUST, PolicyType.RESOURCE, PolicyType.VPC_ENDPOINT}:
            twin = statement["Effect"] == "Deny" and chance() < 0.3
            statement["NotPrincipal" if twin else "Principal"] = self.principal()
        if type is PolicyType.TRUST:
            statement["Action"] = self.random.choice(["sts:AssumeRole", "sts:*", "sts:TagSession"])
        elif type is PolicyType.RCP:
            statement |= {"Effect": "Deny", "Principal": "*", "Action": self.some(RCP_ACTIONS)}
        else:
            statement["Action" if chance() < 0.8 else "NotAction"] = self.some(ACTION_PATTERNS)
        if type is not PolicyType.TRUST:
            statement["Resource" if chance() < 0.8 else "NotResource"] = [self.resource() for _ in range(2)]
        if chance() < 0.4:
            statement["Condition"] = self.condition()
        return statement

    def principal(self) -> Any:
        if self.random.random() < 0.15:
            return "*"
        element: dict[str, Any] = {"AWS": self.some(ENTRIES, 3)}
        if self.random.random() < 0.3:
            element["Service"] = self.some(SERVICES, 2)
        if self.random.random() < 0.2:
            element["Federated"] = self.some(PROVIDERS, 2)
        return element

    def policy(self, type: PolicyType) -> dict[str, Any]:
        new = type in {PolicyType.SCP, PolicyType.RCP} or self.random.random() < 0.67
        statements = [self.statement(type) for _ in range(self.random.randint(1, 3))]
        return {"Version": "2012-10-17" if new else "2008-10-17", "Statement": statements}

    def several(self, type: PolicyType, least: int, most: int) -> list[dict[str, Any]]:
        return [self.policy(type) for _ in range(self.random.randint(least, most))]

    def levels(self, type: PolicyType, full: dict[str, Any]) -> list[list[dict[str, Any]]]:
        found = []
        for _ in range(self.random.randint(1, 3)):
            level = self.several(type, 0, 1)
            found.append([full, *level] if self.random.random() < 0.8 else level)
        return found

    def policies(self) -> dict[str, Any]:
        chance = self.random.random
        given: dict[str, Any] = {"identity": self.several(PolicyType.IDENTITY, 0, 3)}
        if chance() < 0.3:
            given["boundary"] = self.policy(PolicyType.BOUNDARY)
        if chance() < 0.3:
            given["session"] = self.several(PolicyType.SESSION, 0, 2)
        if chance() < 0.3:
            given["trust"] = self.policy(PolicyType.TRUST)
        elif chance() < 0.6:
            given["resource"] = self.policy(PolicyType.RESOURCE)
        if chance() < 0.3:
            full = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
            given["scps"] = self.levels(PolicyType.SCP, full)
        if chance() < 0.3:
            given["rcps"] = self.levels(PolicyType.RCP, FULL)
        if chance() < 0.2:
            given["endpoint"] = FULL if chance() < 0.5 else self.policy(PolicyType.VPC_ENDPOINT)
            given |= {"gateway": True} if chance() < 0.5 else {}
        if chance() < 0.15:
            given["limits"] = self.random.choice(["GetSessionToken", "GetFederationToken"])
        return given

    def request(self, trust: bool) -> Request:
        context: Context = {}
        if self.random.random() < 0.8:
            context["k:s"] = self.random.choice(VALUES)
        if self.random.random() < 0.3:
            context["k:n"] = self.random.choice(VALUES)
        if self.random.random() < 0.7:
            context["k:m"] = tuple(self.some(VALUES))
        if self.random.random() < 0.5:
            context["k:star"] = "*"
        if self.random.random() < 0.2:
            context["k:e"] = ()
        if self.random.random() < 0.5:
            context["k:date"] = self.random.choice([*DATES, "never", tuple(DATES[:2])])
        if self.random.random() < 0.5:
            context["k:binary"] = self.random.choice([*BINARY, "%"])
        if self.random.random() < 0.3:
            context["aws:multifactorauthpresent"] = self.random.choice(["true", "false"])
        text = "".join(self.some(["a", "b", "ab", "/", ":", "*", "1"], 4))
        head = self.random.choice(["arn:aws:s3:::", "arn:aws:s3:x:y:", "arn:aws:s33:x:y:", "arn:aws:s3:xx:y:"])
        resource = self.random.choice(["*", UNRESOLVED]) if self.random.random() < 0.2 else head + text
        if self.random.random() < (0.5 if trust else 0.05):
            resource = self.random.choice(ROLES)
        action = "sts:AssumeRole" if trust and self.random.random() < 0.8 else self.random.choice(ACTIONS)
        return Request(
            self.random.choice(PRINCIPALS),
            action,
            resource,
            context,
            self.random.choice(["", ACCOUNT]),
        )


def compiled(given: dict[str, Any]) -> Policies:
    def one(policy: dict[str, Any], type: PolicyType, place: int = 0) -> Any:
        return compile_policy(parse(json.dumps(policy), type), Source(type, name=str(place)))

    def maybe(name: str) -> Any:
        return one(given[name], NAMES[name]) if name in given else None

    def several(policies: list[dict[str, Any]], name: str) -> PolicySet:
        return PolicySet(one(each, NAMES[name], place) for place, each in enumerate(policies))

    def levels(name: str) -> tuple[PolicySet, ...]:
        count = itertools.count()
        return tuple(PolicySet(one(each, NAMES[name], next(count)) for each in level) for level in given.get(name, []))

    return Policies(
        several(given["identity"], "identity"),
        maybe("boundary"),
        several(given["session"], "session") if "session" in given else None,
        maybe("resource"),
        maybe("trust"),
        scps=levels("scps"),
        rcps=levels("rcps"),
        vpc_endpoint=maybe("endpoint"),
        limits=Limits(given["limits"]) if "limits" in given else None,
        gateway_endpoint="gateway" in given,
    )


BATCHES, SETS, REQUESTS = 50, 80, 25  # 100,000 requests


@pytest.mark.parametrize("batch", range(BATCHES))
def test_both_decide_alike(batch: int) -> None:
    answers = Counter[str]()
    for seed in range(batch * SETS, (batch + 1) * SETS):
        maker = Maker(seed)
        given = maker.policies()
        policies = compiled(given)
        for number in range(REQUESTS):
            request = maker.request("trust" in given)
            decision = evaluate(request, policies)
            allowed, explicit, decider = naive(request, given)
            said = (decision.allowed, decision.explicit, "" if decision.allowed else decision.type)
            assert said == (allowed, explicit, NAMES.get(decider, "")), (seed, request, json.dumps(given, indent=1))
            answers["allowed" if allowed else f"{decider} {'denies' if explicit else 'is silent'}"] += 1
            if number % 5:
                continue
            matched = Counter((match.policy.type, match.policy.name, match.index) for match in decision.matched)
            assert matched == Counter((NAMES[name], *where) for name, *where in matching(request, given)), (
                seed,
                request,
            )
    assert answers["allowed"] > SETS * REQUESTS / 20, "the generator became one-sided"
    wanted = {f"{name} denies" for name in NAMES} | {f"{name} is silent" for name in NAMES}
    assert len(wanted - answers.keys()) <= 3, "some types hardly decide any more"
