"""Every operation of every service resolves, whatever it is given: to known actions, on ARNs or on everything.

All models are read once: the page of the catalog is held against them on the way.
"""

import re
from collections.abc import Iterator

import pytest

import given
from kansatsu import catalog, wire
from kansatsu.catalog import reference, survey
from kansatsu.catalog.compiled import entry
from kansatsu.catalog.rules import rules_of
from kansatsu.errors import AwsError

from .page import catalog_page, lines, rows

ACCOUNT, REGION = "123456789012", "eu-west-1"
RESOURCE = re.compile(r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:[a-z0-9]*:[^\x00-\x1f]*")


def services(part: int) -> Iterator[tuple[str, list[wire.Operation]]]:
    """A quarter of all services with their operations."""
    for name in sorted(wire.service_metadata())[part::4]:
        service = wire.load_service.__wrapped__(name)  # not kept: all models at once would be too much memory
        yield name, [service.operation(operation) for operation in service.operation_names]


@pytest.mark.parametrize("part", range(4))
def test_every_operation(part: int) -> None:
    """What it is given resolves, its actions are those of AWS, and the page of the catalog says how."""
    count, on_page, script = 0, {*rows(), *lines()}, catalog_page()
    for name, operations in services(part):
        for operation in operations:
            resolves(operation)
            assert unknown_actions(operation) == []
            assert list(survey.lines(operation)), "`kansatsu catalog` shows nothing of it"
            count += 1
        found = survey.counted(name, operations)
        assert {script.row(found), *script.lines(found)} <= on_page, "run scripts/catalog_page.py"
    assert count > 4000


def resolves(operation: wire.Operation) -> None:
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


def unknown_actions(operation: wire.Operation) -> list[str]:
    """Actions that are exact and that AWS does not document; of some services: tests/catalog/test_resolution.py.

    A row of those that only the API reference has must go once the authorization reference has them, too.
    """
    if operation.service.name in ("s3", "dynamodb", "dynamodbstreams", "ec2", "kansatsu"):
        return []
    own = entry(operation)
    made = catalog.resolve(operation, {}, ACCOUNT, REGION) if own.custom else own.plans
    actions = {item.action for item in made if own.how != "fall-back"}
    elsewhere = rules_of(operation.service.name).elsewhere
    told = [(action, reference.spelled(*action.split(":", 1)), action.partition(":")[2]) for action in actions]
    return [action for action, spelled, name in told if (spelled == name) == (name in elsewhere)]
