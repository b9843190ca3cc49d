"""Who is let in to event buses and the rules on them; each attack on it is a test.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus-perms.html
"""

import json
from typing import Any

import pytest

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, statement
from .test_policies_abroad import stranger
from .test_resource_policies import EVENTS, OTHER, refused, says, user

PUT = {"StatementId": "s", "Action": "events:PutEvents", "Principal": SECOND}
ORGANIZATION = {"Type": "StringEquals", "Key": "aws:PrincipalOrgID", "Value": "o-1234567890"}


@pytest.fixture
def bus(gateway: Gateway) -> str:
    return gateway.name("bus")


@pytest.fixture
def made(gateway: Gateway, bus: str) -> str:
    return EVENTS.make(gateway.client("events"), bus)


def statements(gateway: Gateway, arn: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(EVENTS.get(gateway.client("events"), arn) or "{}").get("Statement", [])
    return found


def test_permissions_are_statements(gateway: Gateway, bus: str, made: str) -> None:
    events, keys = gateway.client("events"), gateway.user()
    EVENTS.put(events, made, raw.document(says("Allow", user(keys), "events:PutEvents", made, Sid="first")))
    events.put_permission(EventBusName=bus, **PUT)
    composed = {"Sid": "s", "Effect": "Allow", "Action": "events:PutEvents", "Resource": made}
    account = {"Principal": {"AWS": f"arn:aws:iam::{SECOND}:root"}}
    assert [one["Sid"] for one in statements(gateway, made)] == ["first", "s"]
    assert statements(gateway, made)[1] == {**composed, **account}
    EVENTS.use(gateway.client("events", keys), made)
    events.put_permission(EventBusName=bus, **{**PUT, "Principal": "*"}, Condition=ORGANIZATION)
    condition = {"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}}
    assert statements(gateway, made)[1:] == [{**composed, "Principal": "*", **condition}]
    refused(lambda: EVENTS.use(gateway.client("events", gateway.user()), made))
    events.remove_permission(EventBusName=bus, StatementId="first")
    refused(lambda: EVENTS.use(gateway.client("events", keys), made))
    refused(lambda: events.remove_permission(EventBusName=bus, StatementId="first"), "ResourceNotFoundException")
    events.remove_permission(EventBusName=bus, StatementId="s")
    assert EVENTS.get(events, made) is None
    refused(lambda: events.remove_permission(EventBusName=bus, StatementId="s"), "ResourceNotFoundException")


def test_another_account_is_let_in_by_a_permission_and_put_out(gateway: Gateway, bus: str, made: str) -> None:
    events = gateway.client("events")
    theirs = gateway.client("events", stranger(gateway, statement("Allow", "events:*")))
    refused(lambda: EVENTS.use(theirs, made))
    events.put_permission(EventBusName=bus, **PUT)
    EVENTS.use(theirs, made)
    refused(lambda: theirs.describe_event_bus(Name=made))
    events.remove_permission(EventBusName=bus, RemoveAllPermissions=True)
    refused(lambda: EVENTS.use(theirs, made))


def test_a_permission_is_of_ones_own_bus(gateway: Gateway, bus: str, made: str) -> None:
    """The attack: another account's name of a bus means the bus here, or its ARN opens it."""
    theirs = gateway.client("events", gateway.stranger)
    refused(lambda: theirs.put_permission(EventBusName=bus, **PUT), "ResourceNotFoundException")
    refused(lambda: theirs.put_permission(EventBusName=made, **PUT))
    refused(lambda: gateway.client("events").put_permission(EventBusName=made, **PUT), "ValidationException")
    assert EVENTS.get(gateway.client("events"), made) is None


def test_lists_show_policies_as_they_were_set(gateway: Gateway, bus: str, made: str) -> None:
    events, keys = gateway.client("events"), gateway.user()
    text = raw.document(says("Allow", user(keys), "events:PutEvents", made))
    EVENTS.put(events, made, text)
    listed = {one["Name"]: one for one in events.list_event_buses()["EventBuses"]}
    assert json.loads(listed[bus]["Policy"]) == json.loads(text)
    assert "Policy" not in listed["default"]


def test_the_default_bus_has_a_policy_of_its_own(gateway: Gateway, made: str) -> None:
    events, keys = gateway.client("events"), gateway.user(statement("Allow", "events:*"))
    own = gateway.client("events", keys)
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default"
    events.put_permission(Policy=raw.document(says("Deny", user(keys), "events:Put*")))
    try:
        refused(lambda: EVENTS.use(own, arn))
        refused(lambda: EVENTS.use(own, "default"))
        refused(lambda: own.put_rule(Name=gateway.name("rule"), EventPattern='{"source": ["s"]}'))
        EVENTS.use(own, made)
    finally:
        events.remove_permission(RemoveAllPermissions=True)
    EVENTS.use(own, arn)


def test_the_policy_of_a_bus_guards_its_rules(gateway: Gateway, bus: str, made: str) -> None:
    events, keys = gateway.client("events"), gateway.user()
    own, rule = gateway.client("events", keys), {"Name": gateway.name("rule"), "EventPattern": '{"source": ["s"]}'}
    where = made.replace("event-bus/", "rule/") + "/*"
    refused(lambda: own.put_rule(EventBusName=bus, **rule))
    EVENTS.put(events, made, raw.document(says("Allow", user(keys), "events:PutRule", where)))
    own.put_rule(EventBusName=bus, **rule)
    refused(lambda: own.put_rule(**rule))
    refused(lambda: EVENTS.use(own, made))
    other = gateway.user(statement("Allow", "events:*"))
    EVENTS.put(events, made, raw.document(says("Deny", user(other), "events:DeleteRule", where)))
    refused(lambda: gateway.client("events", other).delete_rule(EventBusName=bus, Name=rule["Name"]))
    events.delete_rule(EventBusName=bus, Name=rule["Name"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"Principal": "not an account"},
        {"Principal": f"arn:aws:iam::{OTHER}:root"},
        {"StatementId": "a b"},
        {"StatementId": None},
        {"Action": "s3:GetObject"},
        {"Action": "events:NoSuchAction"},
        {"Condition": {**ORGANIZATION, "Key": "aws:SourceIp"}},
        {"Policy": raw.document(says("Allow", "*", "events:PutEvents"))},
    ],
)
def test_what_eventbridge_does_not_take(gateway: Gateway, bus: str, made: str, wrong: dict[str, Any]) -> None:
    events = gateway.client("events")
    events.put_permission(EventBusName=bus, **PUT)
    before = statements(gateway, made)
    call = {name: value for name, value in {**PUT, "StatementId": "t", **wrong}.items() if value is not None}
    refused(lambda: events.put_permission(EventBusName=bus, **call), "ValidationException")
    refused(lambda: events.remove_permission(EventBusName=bus), "ValidationException")
    assert statements(gateway, made) == before


def test_nobody_sets_what_carries_a_policy(gateway: Gateway, made: str) -> None:
    """The attack: the text that the backend keeps is set itself, and what is in it was never checked."""
    events, heir = gateway.client("events"), gateway.user()
    carried = raw.document(says("Allow", user(heir), "events:*"))
    carrier: dict[str, Any] = {"Sid": "kansatsu", "Condition": {"StringEquals": {"kansatsu:policy": carried}}}
    text = raw.document(says("Deny", "*", "events:KansatsuCarrier", **carrier))
    refused(lambda: EVENTS.put(events, made, text), "ValidationException")
    assert EVENTS.get(events, made) is None


def test_a_policy_has_an_end_in_either_form(gateway: Gateway, bus: str, made: str) -> None:
    events = gateway.client("events")
    fits = says("Allow", {"AWS": OTHER}, "events:PutEvents", made, Sid="x" * 9900)
    EVENTS.put(events, made, raw.document(fits))
    call = {**PUT, "StatementId": "s" * 64, "Condition": {**ORGANIZATION, "Value": "o-" + "1" * 400}}
    refused(lambda: events.put_permission(EventBusName=bus, **call), "PolicyLengthExceededException")
    fits["Sid"] = "x" * 10240
    refused(lambda: EVENTS.put(events, made, raw.document(fits)), "PolicyLengthExceededException")
    assert [len(one["Sid"]) for one in statements(gateway, made)] == [9900]
