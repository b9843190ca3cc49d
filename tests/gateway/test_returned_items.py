"""What of an item comes back where a policy limits dynamodb:ReturnValues.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .conftest import Gateway
from .raw import statement
from .test_resource_policies import refused

FAILING = {"ConditionExpression": "attribute_not_exists(pk)", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
KEY = {"pk": {"S": "1"}}


@pytest.fixture(name="table", scope="module")
def a_table(gateway: Gateway) -> Iterator[str]:
    name, dynamodb = gateway.name("table"), gateway.client("dynamodb")
    attributes = [{"AttributeName": "pk", "AttributeType": "S"}]
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    dynamodb.create_table(
        TableName=name, AttributeDefinitions=attributes, KeySchema=keys, BillingMode="PAY_PER_REQUEST"
    )
    dynamodb.put_item(TableName=name, Item={**KEY, "secret": {"S": "s"}})
    yield name
    dynamodb.delete_table(TableName=name)


CALLS: dict[str, Callable[[Any, str, dict[str, Any]], Any]] = {
    "put": lambda d, t, more: d.put_item(TableName=t, Item=KEY, **more),
    "delete": lambda d, t, more: d.delete_item(TableName=t, Key=KEY, **more),
    "update": lambda d, t, more: d.update_item(TableName=t, Key=KEY, **more),
    "transaction": lambda d, t, more: d.transact_write_items(
        TransactItems=[{"ConditionCheck": {"TableName": t, "Key": KEY, **more}}]
    ),
}


@pytest.mark.parametrize("way", CALLS)
def test_a_failing_condition_shows_no_old_values_that_a_policy_hides(gateway: Gateway, table: str, way: str) -> None:
    """The attack: a condition that is not true, and with its error the whole item."""
    shown = {"StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE", "UPDATED_NEW"]}}
    limited = gateway.client("dynamodb", gateway.user(statement("Allow", "dynamodb:*", condition=shown)))
    refused(lambda: CALLS[way](limited, table, FAILING))
    failed = "TransactionCanceledException" if way == "transaction" else "ConditionalCheckFailedException"
    for quiet in ({"ReturnValuesOnConditionCheckFailure": "NONE"}, {}):
        given = {"ConditionExpression": FAILING["ConditionExpression"], **quiet}
        refused(lambda given=given: CALLS[way](limited, table, given), failed)
    free = gateway.client("dynamodb", gateway.user(statement("Allow", "dynamodb:*")))
    refused(lambda: CALLS[way](free, table, FAILING), failed)
