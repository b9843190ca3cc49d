"""Each call of the table passes with exactly the permissions that AWS documents for it, and with nothing less.

The tables in catalog_cases/ were written by hand from AWS's documentation, so that the catalog is not its own oracle.
"""

from collections.abc import Iterator

import pytest

from .catalog_driver import Case, Driver, Table, tables
from .conftest import Gateway

LIES = {
    "another action": ["s3:PutObjectAcl arn:aws:s3:::case-orders"],
    "another name": ["s3:ListBucket arn:aws:s3:::case-archive"],
    "a wildcard": ["s3:ListBucket arn:aws:s3:::case-*"],
    "one too many": ["s3:ListBucket arn:aws:s3:::case-orders", "s3:GetObject arn:aws:s3:::case-orders/a"],
}

# The services that are used most: none of them may go without a table.
NAMED = {
    *("acm", "apigateway", "athena", "batch", "cloudformation", "cloudwatch", "cognito-idp", "dynamodb", "ec2", "ecr"),
    *("ecs", "efs", "elasticache", "events", "firehose", "glue", "iam", "kinesis", "kms", "lambda", "logs", "rds"),
    *("route53", "s3", "secretsmanager", "sns", "sqs", "ssm", "stepfunctions", "sts"),
}


@pytest.fixture(scope="module")
def driver(gateway: Gateway) -> Iterator[Driver]:
    made = Driver(gateway)
    yield made
    made.close()


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.service)
def test_exactly_what_aws_documents(driver: Driver, table: Table) -> None:
    """All cases of a service in their order: the later ones use what the earlier ones made."""
    failures = []
    for number, case in enumerate(table.cases):
        try:
            driver.run(table, case)
        except Exception as failure:
            failures.append(f"[{number}] {case}: {type(failure).__name__}: {failure}")
    assert not failures, "\n".join(failures)


def test_every_case_says_where_it_is_written() -> None:
    cases = [case for table in tables() for case in table.cases]
    assert len(tables()) >= 46 and {table.service for table in tables()} >= NAMED
    for case in cases:
        assert case.page.startswith(("https://docs.aws.amazon.com/", "https://repost.aws/knowledge-center/")), case
        assert case.needs, case


@pytest.mark.parametrize("lie", LIES)
def test_a_wrong_table_is_noticed(driver: Driver, lie: str) -> None:
    """What the cases prove, they prove only if each of these fails."""
    table = next(table for table in tables() if table.service == "s3")
    driver.prepared(table)
    case = Case("s3", "list_objects_v2", {"Bucket": "case-orders"}, tuple(LIES[lie]), table.page)
    with pytest.raises(AssertionError, match=r"s3:"):
        driver.run(table, case)
