"""The keys of DynamoDB that a request supplies.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

from gateway.conftest import ACCOUNT

from .world import BOOL, Case

TABLE = {"TableName": "t"}
ITEM = {**TABLE, "Key": {"pk": {"S": "me"}}}
DYNAMODB = [
    Case("dynamodb:LeadingKeys", "dynamodb.get_item", ITEM, "me", "you", "ForAllValues:StringEquals"),
    Case("dynamodb:FirstPartitionKeyValues", "dynamodb.get_item", ITEM, "me", "you", "ForAllValues:StringEquals"),
    Case(
        "dynamodb:Attributes", "dynamodb.get_item", {**ITEM, "ProjectionExpression": "a"},
        ["a", "pk"], "b", "ForAllValues:StringEquals",
    ),
    Case("dynamodb:Select", "dynamodb.scan", {**TABLE, "Select": "COUNT"}, "COUNT", "ALL_ATTRIBUTES"),
    Case("dynamodb:ReturnValues", "dynamodb.delete_item", {**ITEM, "ReturnValues": "ALL_OLD"}, "ALL_OLD", "NONE"),
    Case(
        "dynamodb:ReturnConsumedCapacity", "dynamodb.get_item", {**ITEM, "ReturnConsumedCapacity": "TOTAL"},
        "TOTAL", "NONE",
    ),
    Case(
        "dynamodb:EnclosingOperation", "dynamodb.transact_get_items", {"TransactItems": [{"Get": ITEM}]},
        "TransactGetItems", "TransactWriteItems",
    ),
    Case(
        "dynamodb:FullTableScan", "dynamodb.execute_statement", {"Statement": 'SELECT * FROM "t"'},
        "true", "false", BOOL,
    ),
    Case(
        "aws:RequestTag/Team", "dynamodb.tag_resource",
        {"ResourceArn": f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/t", "Tags": [{"Key": "Team", "Value": "Blue"}]},
        "Blue", "Red",
    ),
    Case("aws:ResourceAccount", "dynamodb.get_item", ITEM, ACCOUNT, "210987654321"),
]  # fmt: skip
