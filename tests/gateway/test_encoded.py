"""EC2's encoded message: within AWS's length whatever clients and policies hold, and always JSON when it is opened.

https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
"""

import json
import secrets
from typing import Any

import pytest

from kansatsu.gateway import encoded
from kansatsu.identity import messages
from kansatsu.policy import Policies, PolicySet, PolicyType, Principal, Request, Source, compile_policy, evaluate, parse
from kansatsu.services.registry import Caller

from .conftest import ACCOUNT, Gateway

ARN = f"arn:aws:iam::{ACCOUNT}:user/u"
CALLER = Caller(ACCOUNT, "user", "AIDAAAAAAAAAAAAAAAAAA", "u", ARN, "AKIAAAAAAAAAAAAAAAAA")


def noise(length: int) -> str:
    """What does not compress."""
    return secrets.token_urlsafe(length)[:length]


def denies(count: int, length: int) -> PolicySet:
    statements = [
        {"Effect": "Deny", "Action": "ec2:Run*", "Resource": ["*", f"arn:aws:ec2:*:*:instance/{noise(length)}"]}
        for _ in range(count)
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return PolicySet([compile_policy(parse(text), Source(PolicyType.IDENTITY, owner=ARN, name="p"))])


TOO_MUCH = {
    "long values": ({f"aws:principaltag/k{number}": noise(5000) for number in range(5)}, 1, 10, 10),
    "many keys": ({f"aws:principaltag/{noise(100)}": noise(200) for _ in range(200)}, 1, 10, 10),
    "many values": ({"aws:tagkeys": tuple(noise(200) for _ in range(200))}, 1, 10, 10),
    "many statements": ({}, 500, 100, 10),
    "a long resource": ({}, 1, 10, 50_000),
    "everything": ({noise(300): tuple(noise(300) for _ in range(300)) for _ in range(50)}, 300, 200, 50_000),
}


@pytest.mark.parametrize(("context", "count", "length", "resource"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_what_is_too_long_is_left_out(
    gateway: Gateway, context: dict[str, Any], count: int, length: int, resource: int
) -> None:
    request = Request(Principal(ACCOUNT, ARN, "user"), "ec2:RunInstances", "x" * resource, context)
    decision = evaluate(request, Policies(denies(count, length)))
    sealed = encoded.message(gateway.store.sealer, CALLER, decision, "0" * 30)
    assert len(sealed) <= messages.LONGEST
    said, _, given = messages.decode(gateway.store.sealer, ACCOUNT, sealed, gateway.clock.now()).partition("\n")
    assert given == "0" * 30
    read = json.loads(said)
    assert (read["allowed"], read["explicitDeny"], read["context"]["action"]) == (False, True, "ec2:RunInstances")
    assert read["context"]["principal"]["arn"] == ARN
