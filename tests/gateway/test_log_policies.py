"""Policies of CloudWatch Logs: which services write to log groups, and nobody but services.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_deliveries import code
from .test_resource_policies import refused, says, user

WRITES = ["logs:CreateLogStream", "logs:PutLogEvents"]
EVERY = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/*:*"


@pytest.fixture(name="policy")
def a_policy(gateway: Gateway) -> Iterator[str]:
    name = gateway.name("policy")
    yield name
    logs = gateway.client("logs")
    if any(one["policyName"] == name for one in logs.describe_resource_policies()["resourcePolicies"]):
        logs.delete_resource_policy(policyName=name)


def put(gateway: Gateway, policy: str, *statements: dict[str, Any]) -> Any:
    text = raw.document(*statements)
    return gateway.client("logs").put_resource_policy(policyName=policy, policyDocument=text)


def test_events_are_written_where_a_policy_lets_them_in(gateway: Gateway, policy: str) -> None:
    logs, name = gateway.client("logs"), gateway.name("rule")
    group = f"/aws/events/{name}"
    logs.create_log_group(logGroupName=group)
    events = gateway.client("events", gateway.user(statement("Allow", "events:*")))
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    target = {"Id": "1", "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"}
    who = {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]}
    for statements in (
        [says("Allow", {"Service": "es.amazonaws.com"}, WRITES, EVERY)],
        [says("Allow", who, WRITES, EVERY.replace("/aws/events", "/aws/other"))],
        [says("Allow", who, WRITES[0], EVERY)],
        [says("Allow", who, WRITES, EVERY), says("Deny", who, "logs:PutLogEvents", "*")],
    ):
        put(gateway, policy, *statements)
        assert code(lambda: events.put_targets(Rule=name, Targets=[target])) == "NotImplemented"
    put(gateway, policy, says("Allow", who, WRITES, EVERY))
    events.put_targets(Rule=name, Targets=[target])
    events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}])
    assert len(logs.filter_log_events(logGroupName=group)["events"]) == 1
    assert code(lambda: logs.delete_resource_policy(policyName=policy)) == "NotImplemented"
    assert code(lambda: put(gateway, policy, says("Deny", who, WRITES, EVERY))) == "NotImplemented"
    events.remove_targets(Rule=name, Ids=["1"])
    logs.delete_resource_policy(policyName=policy)


def test_they_say_nothing_of_users(gateway: Gateway, policy: str) -> None:
    keys, name = gateway.user(), gateway.name("group")
    gateway.client("logs").create_log_group(logGroupName=name)
    for who in ("*", user(keys), {"AWS": ACCOUNT}):
        refused(lambda who=who: put(gateway, policy, says("Allow", who, "logs:*")), "NotImplemented")
    put(gateway, policy, says("Deny", {"Service": "events.amazonaws.com"}, "logs:*"))
    admin = gateway.client("logs")
    admin.create_log_stream(logGroupName=name, logStreamName="s")
    refused(lambda: gateway.client("logs", keys).describe_log_streams(logGroupName=name))


@pytest.mark.parametrize("text", ["{", raw.document(says("Allow", {"Service": "es.amazonaws.com"}, "s3:GetObject"))])
def test_what_logs_does_not_take(gateway: Gateway, policy: str, text: str) -> None:
    logs = gateway.client("logs")
    put = {"policyName": policy, "policyDocument": text}
    refused(lambda: logs.put_resource_policy(**put), "InvalidParameterException")
