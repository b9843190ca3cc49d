"""The page of the catalog is what its script writes, and the command shows what is authorized."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kansatsu.cli.root import cli

ROOT = Path(__file__).parents[2]


def test_the_page_is_current() -> None:
    spec = importlib.util.spec_from_file_location("catalog_page", ROOT / "scripts" / "catalog_page.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "catalog.md").read_text() == module.page(), "run scripts/catalog_page.py"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["catalog", *arguments])


@pytest.mark.parametrize(
    ("service", "operation", "action", "resource", "how"),
    [
        ("kinesis", "PutRecord", "kinesis:PutRecord", "arn:${Partition}:kinesis:", "table"),
        ("cloudfront", "GetDistribution", "cloudfront:GetDistribution", "arn:${Partition}:cloudfront::", "rule"),
        ("s3", "ListObjectsV2", "s3:ListBucket", "arn:aws:s3:::Bucket", "table"),
        ("APIGateway", "getrestapi", "apigateway:GET", "arn:aws:apigateway:us-east-1::/restapis/restApiId", "table"),
        ("athena", "GetSession", "athena:GetSession", "arn:${Partition}:athena:", "fall-back"),
        ("sqs", "ListQueues", "sqs:ListQueues", "*", "rule"),
    ],
)  # fmt: skip
def test_an_operation_is_shown(service: str, operation: str, action: str, resource: str, how: str) -> None:
    (row, *_) = json.loads(run(service, operation, "-o", "json").stdout)
    assert (row["action"], row["resolved"]) == (action, how)
    assert row["resource"].startswith(resource)


def test_all_operations_of_a_service_are_listed() -> None:
    table = run("sqs").stdout
    assert "SendMessageBatch" in table and "sqs:SendMessage" in table


def test_what_is_not_there_is_said() -> None:
    for arguments, text in ((("s33",), "There is no service s33; did you mean s3?"), (("s3", "Gett"), "no operation")):
        result = run(*arguments)
        assert result.exit_code == 2 and text in result.stderr
