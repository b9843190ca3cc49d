"""Queries of CloudWatch Logs Insights: an attack names one log group by a parameter and reads another one by text."""

from typing import Any

import pytest

from kansatsu import catalog, wire

GROUP = "arn:aws:logs:eu-west-1:123456789012:log-group:mine:log-stream:"


def checks(**params: Any) -> set[tuple[str, bool]]:
    operation = wire.load_service("logs").operation("StartQuery")
    found = catalog.resolve(operation, {"logGroupName": "mine", **params}, "123456789012", "eu-west-1")
    assert {item.action for item in found} == {"logs:StartQuery"}
    return {(item.resource, item.exact) for item in found}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("SOURCE logGroups(namePrefix: ['secret']) | fields @message", None),
        ("  source loggroups() | fields @message", "CWLI"),
        ("fields @message\n| SOURCE 'secret'", None),
        ("# a comment\nSOURCE\nlogGroups (namePrefix: ['secret'])", None),
        ("fields @message | filter x in (SOURCE logGroups(namePrefix: ['secret']) | fields y)", None),
        ("fields @message | join type=inner (\tLOGGROUPS(namePrefix: ['secret'])) on a", None),
        ("SOURCE dataSource(['aws_cloudtrail'])", None),
        ("source = [`secret`] | fields @message", "PPL"),
        ("fields a | lookup secret b", "PPL"),
        ("SELECT * FROM `secret`", "SQL"),
        ("anything", "NEWER"),
    ],
)
def test_what_the_text_may_name_needs_everything(text: str, language: str | None) -> None:
    asked = {"queryString": text} | ({"queryLanguage": language} if language else {})
    assert ("*", False) in checks(**asked)


@pytest.mark.parametrize(
    "text",
    [
        "fields @message | filter source = 'x' | stats count(*) by eventSource, source",
        "fields @timestamp, sourceIPAddress | sort @timestamp desc",
        "filter @message like /source of/ | parse @message 'from *' as source",
        "",
    ],
)
def test_what_parameters_name_is_exact(text: str) -> None:
    assert checks(queryString=text) == {(GROUP, True)}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (GROUP, {(GROUP, True)}),
        (f"{GROUP}\n{GROUP.replace('mine', 'other')}", {(GROUP, True), (GROUP.replace("mine", "other"), True)}),
        ("", {("*", False)}),
        (f"{GROUP}\n*", {("*", False)}),
        (GROUP.replace("123456789012", "210987654321"), {("*", False)}),
    ],
)
def test_results_are_for_whom_every_group_of_the_query_allows(known: str, expected: set[tuple[str, bool]]) -> None:
    operation = wire.load_service("logs").operation("GetQueryResults")
    at = ("123456789012", "eu-west-1")
    found = catalog.resolve(operation, {"queryId": "q"}, *at, known={"query q": known})
    assert {(item.resource, item.exact) for item in found} == expected
    for other in ({}, {"query p": known}):
        assert {item.resource for item in catalog.resolve(operation, {"queryId": "q"}, *at, known=other)} == {"*"}
