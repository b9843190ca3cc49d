"""The attack: a client gets credentials from the backend, and with them does what no policy here was asked about."""

import re
from collections.abc import Iterator

import pytest

from kansatsu import wire
from kansatsu.catalog import acts_unseen
from kansatsu.catalog.lending import LENDS
from kansatsu.services import OURS
from kansatsu.wire import Service, Shape, service_metadata
from kansatsu.wire.model import read_model

_CREDENTIAL = re.compile(r"(aws)?(secret(access)?key|sessiontoken)", re.IGNORECASE)
# A secret that the caller gave for a database, and no credentials of AWS.
_OTHER = {
    "iot.CreateTopicRuleDestination",
    "iot.GetTopicRuleDestination",
    "iot.ListTopicRuleDestinations",
}


def members(shape: Shape | None, seen: set[str]) -> Iterator[str]:
    """The names of all members in a shape, however deep."""
    if shape is None or shape.name in seen:
        return
    if shape.type == "structure":
        seen.add(shape.name)
        for name, member in shape.members:
            yield name
            yield from members(member, seen)
    elif shape.type == "list":
        yield from members(shape.member, seen)
    elif shape.type == "map":
        yield from members(shape.value, seen)


def test_every_operation_that_answers_with_credentials_is_known() -> None:
    found, listed = set(), {f"{service}.{name}" for service, names in LENDS.items() for name in names}
    for name in service_metadata().keys() - OURS:
        model = read_model(name)
        if not any(map(_CREDENTIAL.fullmatch, _named(model))):
            continue
        service = Service(name, model)
        found |= {
            f"{name}.{operation}"
            for operation in service.operation_names
            if any(map(_CREDENTIAL.fullmatch, members(service.operation(operation).output, set())))
        }
    assert found - _OTHER == listed and found > _OTHER


def _named(model: dict[str, dict[str, dict[str, object]]]) -> Iterator[str]:
    for shape in model["shapes"].values():
        yield from shape.get("members", {})  # type: ignore[misc]


@pytest.mark.parametrize("name", [f"{service}.{name}" for service, names in LENDS.items() for name in names])
def test_it_is_refused(name: str) -> None:
    service, _, operation = name.partition(".")
    params = {"withSecret": True} if operation == "GetConnection" else {}
    assert "credentials" in acts_unseen(wire.load_service(service).operation(operation), params)


def test_without_credentials_in_the_answer_it_is_not() -> None:
    for service, operation, params in (
        ("datazone", "GetConnection", {"identifier": "c", "withSecret": False}),
        ("gamelift", "CreateBuild", {"StorageLocation": {"Bucket": "b", "Key": "k"}}),
        ("cognito-identity", "GetOpenIdToken", {}),
    ):
        assert acts_unseen(wire.load_service(service).operation(operation), params) == ""
