"""Results of CloudWatch Logs Insights: an attack lets another one query a log group and reads what comes of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_resource_policies import refused


def arn(group: str) -> str:
    return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"


def start(client: Any, *groups: str, text: str = "fields @message") -> str:
    """The id of a query of a service of log groups."""
    return str(client.start_query(logGroupNames=list(groups), startTime=0, endTime=1, queryString=text)["queryId"])


@pytest.fixture(name="groups")
def two_groups(gateway: Gateway) -> Iterator[tuple[str, str]]:
    logs, names = gateway.client("logs"), (gateway.name("group"), gateway.name("group"))
    for name in names:
        logs.create_log_group(logGroupName=name)
    yield names
    for name in names:
        logs.delete_log_group(logGroupName=name)


def test_results_are_read_by_whom_every_log_group_allows(gateway: Gateway, groups: tuple[str, str]) -> None:
    mine, other = groups
    admin = gateway.client("logs")
    reader = gateway.client("logs", gateway.user(statement("Allow", "logs:*", arn(mine))))
    assert reader.get_query_results(queryId=start(reader, mine))["status"]
    assert reader.get_query_results(queryId=start(admin, mine))["status"]
    for query in (start(admin, other), start(admin, mine, other), start(admin, mine, text="SOURCE logGroups()")):
        refused(lambda query=query: reader.get_query_results(queryId=query))
        assert admin.get_query_results(queryId=query)["status"]
    both = gateway.client("logs", gateway.user(statement("Allow", "logs:GetQueryResults", [arn(mine), arn(other)])))
    assert both.get_query_results(queryId=start(admin, mine, other))["status"]
    but = [statement("Allow", "logs:*"), statement("Deny", "logs:GetQueryResults", arn(other))]
    denied = gateway.client("logs", gateway.user(*but))
    refused(lambda: denied.get_query_results(queryId=start(admin, mine, other)))


def test_a_query_that_nobody_started_here_needs_everything(gateway: Gateway, groups: tuple[str, str]) -> None:
    reader = gateway.client("logs", gateway.user(statement("Allow", "logs:*", arn(groups[0]))))
    query = start(reader, groups[0])
    for other in (query[:-1], f"{query}x", "*"):
        refused(lambda other=other: reader.get_query_results(queryId=other))


@pytest.mark.parametrize("prefix", ["", arn("")[:-2]])
def test_a_query_of_groups_by_their_identifiers(gateway: Gateway, groups: tuple[str, str], prefix: str) -> None:
    """The embedded backend knows names alone, and failed."""
    mine, other = groups
    reader = gateway.client("logs", gateway.user(statement("Allow", "logs:*", arn(mine))))
    asked = {"startTime": 0, "endTime": 1, "queryString": "fields @message"}
    query = reader.start_query(logGroupIdentifiers=[prefix + mine], **asked)["queryId"]
    assert reader.get_query_results(queryId=query)["status"]
    refused(lambda: reader.start_query(logGroupIdentifiers=[prefix + mine, prefix + other], **asked))
