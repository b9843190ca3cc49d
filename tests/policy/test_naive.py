"""The engine against naive.py, on generated policies and requests.

Small alphabets make wildcards, variables and conditions collide often.
"""

import json
import random
from typing import Any

import pytest

from kansatsu.policy import (
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
from policy.naive import NEGATED, POSITIVE, Context, naive

ACCOUNT = "111122223333"
OTHER = "999999999999"
PRINCIPALS = [
    Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/bob", "user", id="AIDABOBBOBBOBBOBBOBBO"),
    Principal(
        ACCOUNT,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/R/s",
        "role",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/p/R",
        id="AROARRRRRRRRRRRRRRRRR",
    ),
    Principal(OTHER, f"arn:aws:iam::{OTHER}:user/bob", "user", id="AIDAOTHEROTHEROTHEROT"),
]
ENTRIES = [
    "*",
    ACCOUNT,
    f"arn:aws:iam::{OTHER}:root",
    *(value for each in PRINCIPALS for value in (each.arn, each.role_arn, each.id) if value),
]
ACTIONS = ["s3:Get", "s3:GetX", "s3:Put", "ec2:Get", "sts:AssumeRole"]
ACTION_PATTERNS = ["*", "s3:*", "S3:get", "s3:Get*", "s3:?et", "ec2:*", "s3:*X", "sts:Assume*", "sts:AssumeRole", "*:*"]
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
            return {"Null": {self.key(): self.some(["true", "false"], 1)}}
        name = (
            self.random.choice(["", "", "ForAllValues:", "ForAnyValue:"]) + base + self.random.choice(["", "IfExists"])
        )
        return {name: {self.key(): self.values(base)}}

    def values(self, base: str) -> list[str]:
        if "Numeric" in base:
            return self.some(["1", "2", "1.5"])
        if "Ip" in base:
            return self.some(["10.0.0.0/8", "::/0", "10.0.0.1"])
        if base == "Bool":
            return self.some(["true", "false"])
        if "Arn" in base:
            return [self.resource() for _ in range(2)]
        return self.some([*VALUES, "a*", "?", "${k:s}", "${k:n}", "${k:m}", "${*}", "${k:n, 'a'}"])

    def key(self) -> str:
        return self.random.choice(["k:s", "K:S", "k:n", "k:m", "k:star", "k:e"])

    def statement(self, trust: bool = False) -> dict[str, Any]:
        chance = self.random.random
        statement: dict[str, Any] = {"Effect": "Allow" if chance() < 0.75 else "Deny"}
        if trust:
            statement["Action"] = self.random.choice(["sts:AssumeRole", "sts:*", "sts:TagSession"])
            statement["Principal"] = {"AWS": self.some(ENTRIES, 2)}
        else:
            statement["Action" if chance() < 0.8 else "NotAction"] = self.some(ACTION_PATTERNS)
            statement["Resource" if chance() < 0.8 else "NotResource"] = [self.resource() for _ in range(2)]
        if chance() < 0.5:
            statement["Condition"] = self.condition()
        return statement

    def policy(self, trust: bool = False) -> dict[str, Any]:
        version = self.random.choice(["2012-10-17", "2012-10-17", "2008-10-17"])
        return {"Version": version, "Statement": [self.statement(trust) for _ in range(self.random.randint(1, 3))]}

    def policies(self) -> dict[str, Any]:
        chance = self.random.random
        given: dict[str, Any] = {"identity": [self.policy() for _ in range(self.random.randint(0, 3))]}
        if chance() < 0.3:
            given["boundary"] = self.policy()
        if chance() < 0.3:
            given["session"] = [self.policy() for _ in range(self.random.randint(0, 2))]
        if chance() < 0.4:
            given["trust"] = self.policy(trust=True)
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
        text = "".join(self.some(["a", "b", "ab", "/", ":", "*", "1"], 4))
        head = self.random.choice(["arn:aws:s3:::", "arn:aws:s3:x:y:", "arn:aws:s33:x:y:", "arn:aws:s3:xx:y:"])
        resource = "*" if self.random.random() < 0.15 else head + text
        action = "sts:AssumeRole" if trust else self.random.choice(ACTIONS)
        return Request(
            self.random.choice(PRINCIPALS),
            action,
            resource,
            context,
            self.random.choice(["", ACCOUNT]) if trust else "",
        )


def compiled(given: dict[str, Any]) -> Policies:
    def one(policy: dict[str, Any], type: PolicyType) -> Any:
        return compile_policy(parse(json.dumps(policy), type), Source(type))

    session = given.get("session")
    return Policies(
        PolicySet(one(each, PolicyType.IDENTITY) for each in given["identity"]),
        one(given["boundary"], PolicyType.BOUNDARY) if "boundary" in given else None,
        None if session is None else PolicySet(one(each, PolicyType.SESSION) for each in session),
        trust=one(given["trust"], PolicyType.TRUST) if "trust" in given else None,
    )


@pytest.mark.parametrize("batch", range(20))
def test_both_decide_alike(batch: int) -> None:
    answers = set()
    for seed in range(batch * 150, batch * 150 + 150):
        maker = Maker(seed)
        given = maker.policies()
        policies = compiled(given)
        for _ in range(4):
            request = maker.request("trust" in given)
            decision = evaluate(request, policies)
            said = (decision.allowed, decision.explicit)
            assert said == naive(request, given), (seed, request, json.dumps(given, indent=1))
            answers.add(said)
    assert answers == {(True, False), (False, True), (False, False)}, "the generator became one-sided"
