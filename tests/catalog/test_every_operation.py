"""Every operation of every service resolves, whatever it is given: to known actions, on ARNs or on everything."""

import re
from collections.abc import Iterator

import pytest

import given
from kansatsu import catalog, wire
from kansatsu.catalog import reference
from kansatsu.catalog.compiled import entry
from kansatsu.errors import AwsError

ACCOUNT, REGION = "123456789012", "eu-west-1"
RESOURCE = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9]*:[^\x00-\x1f]*")


def operations(part: int) -> Iterator[wire.Operation]:
    """A quarter of all operations."""
    for name in sorted(wire.service_metadata())[part::4]:
        service = wire.load_service.__wrapped__(name)  # not kept: all models at once would be too much memory
        yield from map(service.operation, service.operation_names)


@pytest.mark.parametrize("part", range(4))
def test_whatever_is_given_resolves(part: int) -> None:
    count = 0
    for operation in operations(part):
        for turn in (0, 7, 13):
            params = given.parameters(operation, given.NASTY[turn:] + given.NASTY[:turn])
            try:
                found = catalog.resolve(operation, params, ACCOUNT, REGION)
            except AwsError:
                continue
            assert found
            for item in found:
                assert item.resource == "*" or RESOURCE.fullmatch(item.resource), (operation, item)
                if item.exact and operation.service.name not in ("s3", "dynamodb", "ec2", "dynamodbstreams"):
                    # INVARIANT: no wildcard and no variable of a request stands in a resource that is exact
                    assert "${" not in item.resource and "?" not in item.resource.replace("-??????", ""), item
        assert catalog.resolve(operation, {}, ACCOUNT, REGION) or operation.service.name == "s3"
        count += 1
    assert count > 4000


def test_every_action_that_is_exact_is_one_that_aws_documents() -> None:
    unknown = []
    for part in range(4):
        for operation in operations(part):
            if operation.service.name in ("s3", "dynamodb", "dynamodbstreams", "ec2", "kansatsu"):
                continue  # tests/catalog/test_resolution.py
            own = entry(operation)
            made = catalog.resolve(operation, {}, ACCOUNT, REGION) if own.custom else own.plans
            for action in {item.action for item in made if own.how != "fall-back"}:
                prefix, _, name = action.partition(":")
                if reference.spelled(prefix, name) != name:
                    unknown.append((operation.service.name, action))
    assert unknown == []
