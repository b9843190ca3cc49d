"""What the orders application finds in its account. The administrator makes it, not the application."""

import secrets
from typing import Any

import boto3
from orders import BUCKET, QUEUE, SECRET, TABLE


def deploy(session: Any) -> None:
    """Bucket, table, queue and secret, with the rights of `session`."""
    session.client("s3").create_bucket(Bucket=BUCKET)
    session.client("dynamodb").create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    session.client("sqs").create_queue(QueueName=QUEUE)
    session.client("secretsmanager").create_secret(Name=SECRET, SecretString=secrets.token_hex())


if __name__ == "__main__":
    deploy(boto3.Session())
