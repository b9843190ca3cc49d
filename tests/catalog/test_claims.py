"""What the catalog says exactly can be said in a policy, and nothing else than that allows it.

Generated from the catalog, for every operation of the services that tests/gateway/catalog_cases proves by hand: there
stands whether what it says is what AWS says.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import given
from kansatsu import catalog, wire
from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError
from kansatsu.policy import Decision, Policies, PolicySet, Principal, Request, Source, compile_policy, evaluate, parse
from kansatsu.policy import PolicyType as Type
from pairs import Pair, refusing

ACCOUNT, REGION = "123456789012", "us-east-1"
TABLES = Path(__file__).parent.parent / "gateway" / "catalog_cases"
SERVICES = sorted({json.loads(path.read_text())["service"] for path in TABLES.glob("*.json")} - {"iam", "sts"})
WHO = Principal(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ann", "user")
SOURCE = Source(Type.IDENTITY, name="own")
NAMES = tuple(f"name-{number}" for number in range(11))


def decided(item: Authorization, statements: Iterable[dict[str, Any]]) -> Decision:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    policy = compile_policy(parse(text), SOURCE)
    return evaluate(Request(WHO, item.action, item.resource, item.context), Policies(PolicySet([policy])))


def claims(operation: wire.Operation, texts: tuple[str, ...]) -> list[Authorization]:
    try:
        found = catalog.resolve(operation, given.parameters(operation, texts), ACCOUNT, REGION)
    except AwsError:
        return []
    # A wildcard or a variable that a client sent is no name that a policy could spell; the attacks are elsewhere.
    return [item for item in found if item.exact and "${" not in item.resource]


@pytest.mark.parametrize("service", SERVICES)
def test_only_what_is_claimed_allows_it(service: str) -> None:
    own = wire.load_service(service)
    count = 0
    for operation in map(own.operation, own.operation_names):
        found = claims(operation, NAMES)
        pairs = list(dict.fromkeys(Pair(item.action, item.resource) for item in found))
        for item in found:
            count += 1
            pair = Pair(item.action, item.resource)
            assert decided(item, [pair.allowed]).allowed, (operation.name, item)
            for how, statements in refusing(pair, pairs):
                decision = decided(item, statements)
                assert not decision.allowed, (operation.name, item, how)
                assert decision.explicit == (how == "denied"), (operation.name, item, how)
    assert count
