"""boto3's DynamoDB table: put in a batch, get, query; then what is forbidden."""

import sys

import boto3
from boto3.dynamodb.conditions import Key

table = boto3.resource("dynamodb").Table(sys.argv[1])
with table.batch_writer() as batch:
    for n in range(30):
        batch.put_item(Item={"id": str(n), "n": n})
assert table.get_item(Key={"id": "7"})["Item"]["n"] == 7
assert table.query(KeyConditionExpression=Key("id").eq("8"))["Count"] == 1
print("DONE", flush=True)
table.scan()
