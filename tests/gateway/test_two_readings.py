"""One request, two readers: what the gateway authorizes is what the backend reads, or nothing is done.

Each test is an attack that worked, or would, where the two take different things out of the same bytes.
"""

from collections.abc import Iterator

import pytest

from .conftest import ACCOUNT, Gateway
from .raw import REGION, Keys, statement

TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/"


@pytest.fixture(scope="module")
def tables(gateway: Gateway) -> Iterator[None]:
    dynamodb = gateway.client("dynamodb")
    for name in ("readable", "secrets"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.put_item(TableName=name, Item={"id": {"S": f"of {name}"}})
    yield
    for name in ("readable", "secrets"):
        dynamodb.delete_table(TableName=name)


@pytest.fixture(scope="module")
def reader(gateway: Gateway, tables: None) -> Keys:
    return gateway.user(statement("Allow", "dynamodb:*", TABLE + "readable"))


@pytest.mark.parametrize(
    "behind", ['a, "secrets" b', ', "secrets"', 'a JOIN "secrets" b ON 1=1', '; SELECT * FROM "secrets"']
)
def test_a_statement_reads_the_table_that_is_authorized(gateway: Gateway, reader: Keys, behind: str) -> None:
    dynamodb = gateway.client("dynamodb", reader)
    read = dynamodb.execute_statement(Statement='SELECT * FROM "readable"')["Items"]
    assert read == [{"id": {"S": "of readable"}}]
    text = f'SELECT * FROM "readable" {behind}'
    for ask in (
        lambda: dynamodb.execute_statement(Statement=text),
        lambda: dynamodb.batch_execute_statement(Statements=[{"Statement": text}]),
        lambda: dynamodb.execute_transaction(TransactStatements=[{"Statement": text}]),
    ):
        with pytest.raises(dynamodb.exceptions.ClientError, match="Statement wasn't well formed") as refused:
            ask()
        assert refused.value.response["Error"]["Code"] == "ValidationException"
