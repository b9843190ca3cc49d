"""What a policy may cost: the worst that AWS's quotas let in, against the longest texts that a request can have."""

import json
from collections.abc import Callable

import pytest

from kansatsu.policy import PolicySet, PolicyType, Source, compile_policy, parse

# Ends of patterns that go wrong as late as they can, each as often as there is room for it.
SHAPES = {
    "one long run": "*" + "?" * 400 + "b*a",
    "a literal every other place": "*" + "?a" * 200 + "b*a",
    "a literal that nearly fits everywhere": "*" + "a" * 250 + "b" + "a" * 250 + "*a",
    "many stars": "*a" * 150 + "b*a",
    "short": "*??b*a",
    "a variable, again and again": "*${aws:Referer}?*${aws:Referer}b*a",
}
# Whose stars stay inside their part, and whose do not.
HEADS = {"free": "arn:aws:s3:::", "mixed": "arn:a*s:*:*:*:*"}
CONTEXT = {"aws:referer": "a" * 20_000}
TEXT = "arn:aws:s3:::" + "a" * 60_000
AT_ONCE = 60_000  # characters of policies: as many as ten managed ones have


def _in_resource(patterns: list[str]) -> dict[str, object]:
    return {"Resource": patterns}


def _in_condition(operator: str) -> Callable[[list[str]], dict[str, object]]:
    return lambda patterns: {"Resource": "*", "Condition": {operator: {"aws:PrincipalArn": patterns}}}


WHERE = {"Resource": _in_resource, "StringLike": _in_condition("StringLike"), "ArnLike": _in_condition("ArnLike")}


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("shape", SHAPES)
def test_attack_policies_that_take_all_the_time_there_is(where: str, head: str, shape: str) -> None:
    """A tenth of a second at most; minutes, in which nobody else is answered, when all ways to divide it are tried."""
    pattern = HEADS[head] + SHAPES[shape]
    statement = {"Effect": "Allow", "Action": "s3:*", **WHERE[where]([pattern] * (AT_ONCE // len(pattern)))}
    document = parse(json.dumps({"Version": "2012-10-17", "Statement": statement}), PolicyType.IDENTITY)
    policies = PolicySet([compile_policy(document, Source(PolicyType.IDENTITY))])
    assert policies.verdict("s3:GetObject", TEXT, CONTEXT | {"aws:principalarn": TEXT}) == "implicitDeny"
