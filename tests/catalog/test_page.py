"""The page of the catalog adds up, and the command shows what is authorized; the rows: test_every_operation.py."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from kansatsu import wire
from kansatsu.cli.root import cli

from .page import catalog_page, lines, rows


def test_the_page_is_what_its_script_makes_of_its_rows() -> None:
    assert [line.split("|")[1].strip() for line in rows()] == sorted(wire.service_metadata())
    assert catalog_page().PAGE.read_text() == catalog_page().assembled(rows(), lines()), "run scripts/catalog_page.py"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["catalog", *arguments])


@pytest.mark.parametrize(
    ("service", "operation", "action", "resource", "how"),
    [
        ("kinesis", "PutRecord", "kinesis:PutRecord", "arn:${Partition}:kinesis:", "table"),
        ("cloudfront", "GetDistribution", "cloudfront:GetDistribution", "arn:${Partition}:cloudfront::", "rule"),
        ("s3", "ListObjectsV2", "s3:ListBucket", "arn:aws:s3:::Bucket", "table"),
        ("APIGateway", "getrestapi", "apigateway:GET", "arn:aws:apigateway:us-east-1::/restapis/restApiId", "table"),
        ("athena", "GetSession", "athena:GetSession", "arn:${Partition}:athena:", "table"),
        ("ssm", "GetAccessToken", "ssm:GetAccessToken", "arn:${Partition}:ssm:", "table"),
        ("logs", "GetLogRecord", "logs:GetLogRecord", "arn:${Partition}:logs:", "table"),
        ("logs", "GetQueryResults", "logs:GetQueryResults", "arn:${Partition}:logs:", "table"),
        ("glue", "GetDataQualityModel", "glue:GetDataQualityModel", "* (on AWS arn:${Partition}:glue:", "fall-back"),
        ("sqs", "ListQueues", "sqs:ListQueues", "* (AWS has no resource for this action)", "rule"),
        ("ec2", "DescribeVpcs", "ec2:DescribeVpcs", "* (AWS has no resource for this action)", "table"),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets", "* (AWS has no resource for this action)", "table"),
        ("glue", "PutAsset", "glue:PutAsset", "*", "fall-back"),
    ],
)  # fmt: skip
def test_an_operation_is_shown(service: str, operation: str, action: str, resource: str, how: str) -> None:
    (row, *_) = json.loads(run(service, operation, "-o", "json").stdout)
    assert (row["action"], row["resolved"]) == (action, how)
    assert row["resource"].startswith(resource)


TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/TableName"


@pytest.mark.parametrize(
    ("operation", "shown"),
    [
        (
            "dynamodb TransactWriteItems",
            [f"dynamodb:{verb}Item {TABLE}" for verb in ("ConditionCheck", "Put", "Delete", "Update")],
        ),
        (
            "dynamodb Query",
            [f"dynamodb:Query {TABLE}", f"dynamodb:Query {TABLE}/index/IndexName (where IndexName is given)"],
        ),
        ("sns Publish", ["sns:Publish arn:aws:sns:us-east-1:123456789012:TopicName (where TopicArn is given)"]),
        ("ec2 CreateTags", ["ec2:CreateTags one of 106 types of resources (by the table of the service)"]),
        (
            "s3:GetObject",
            [
                "s3:GetObject arn:aws:s3:::Bucket/Key",
                "s3:GetObjectVersion arn:aws:s3:::Bucket/Key (where VersionId is given)",
            ],
        ),
        ("account ListRegions", ["account:ListRegions *"]),
    ],
)  # fmt: skip
def test_all_that_an_operation_may_ask_for_is_shown(operation: str, shown: list[str]) -> None:
    rows = json.loads(run(*operation.split(), "-o", "json").stdout)
    assert [f"{row['action']} {row['resource']}" for row in rows] == shown


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("sqs SendMessage", "QueueUrl"),
        ("s3 UploadPartCopy", "Bucket, CopySource, Key"),
        ("ec2 RunInstances", ""),
        ("lambda Invoke", "FunctionName"),
    ],
)
def test_parameters_are_those_that_name_the_resource(operation: str, parameters: str) -> None:
    (row, *_) = json.loads(run(*operation.split(), "-o", "json").stdout)
    assert row["parameters"] == parameters


def test_each_verb_of_partiql_is_shown() -> None:
    rows = json.loads(run("dynamodb", "ExecuteStatement", "-o", "json").stdout)
    assert [row["action"].partition(":PartiQL")[2] for row in rows] == ["Select", "Insert", "Update", "Delete"]


@pytest.mark.parametrize(
    ("operation", "how", "resource"),
    [
        ("ecs RunTask", "own", "arn:${Partition}:ecs:${Region}:${Account}:task-definition/"),
        ("ecs CreateGateway", "501", ""),
        ("iam-toolbox GetRequestAuthorizationDetails", "own", "*"),
        ("kansatsu CreateAccount", "own", "by its handler"),
        ("iam CreateRole", "rule", "arn:${Partition}:iam::${Account}:role/"),
    ],
)
def test_what_kansatsu_answers_itself_does_not_fall_back(operation: str, how: str, resource: str) -> None:
    (row,) = json.loads(run(*operation.split(), "-o", "json").stdout)
    assert row["resolved"] == how and row["resource"].startswith(resource)


def test_all_operations_of_a_service_are_listed() -> None:
    table = run("sqs").stdout
    assert "SendMessageBatch" in table and "sqs:SendMessage" in table


def test_what_is_not_there_is_said() -> None:
    for arguments, text in ((("s33",), "There is no service s33; did you mean s3?"), (("s3", "Gett"), "no operation")):
        result = run(*arguments)
        assert result.exit_code == 2 and text in result.stderr
