"""Orders: an invoice in S3, a row in DynamoDB, a message in SQS, and a signature with a key from Secrets Manager."""

import hashlib
import hmac
import json
import uuid
from dataclasses import asdict, dataclass
from typing import Any

import boto3

BUCKET = "orders-invoices"
TABLE = "orders"
QUEUE = "orders-placed"
SECRET = "orders/signing-key"


@dataclass(frozen=True)
class Order:
    """What a customer wants."""

    id: str
    customer: str
    article: str
    amount: int


class Shop:
    """The application: it takes its credentials from wherever the SDK finds them."""

    def __init__(self) -> None:
        self._s3 = boto3.client("s3")
        self._table = boto3.resource("dynamodb").Table(TABLE)
        self._sqs = boto3.client("sqs")
        self._secrets = boto3.client("secretsmanager")

    def place(self, customer: str, article: str, amount: int) -> Order:
        """Take an order: it is stored, invoiced and announced."""
        order = Order(str(uuid.uuid4()), customer, article, amount)
        self._table.put_item(Item=asdict(order))
        self._s3.put_object(Bucket=BUCKET, Key=self._invoice(order.id), Body=json.dumps(asdict(order)).encode())
        self._sqs.send_message(QueueUrl=self._queue(), MessageBody=order.id)
        return order

    def find(self, order_id: str) -> Order | None:
        """An order that was placed."""
        item: Any = self._table.get_item(Key={"id": order_id}).get("Item")
        return Order(item["id"], item["customer"], item["article"], int(item["amount"])) if item else None

    def invoice(self, order_id: str) -> dict[str, Any]:
        """What was invoiced, and our signature of it."""
        body = self._s3.get_object(Bucket=BUCKET, Key=self._invoice(order_id))["Body"].read()
        key = self._secrets.get_secret_value(SecretId=SECRET)["SecretString"]
        return json.loads(body) | {"signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}

    def placed(self) -> str | None:
        """The next order that was announced; it is announced once."""
        messages = self._sqs.receive_message(QueueUrl=self._queue()).get("Messages", [])
        if not messages:
            return None
        self._sqs.delete_message(QueueUrl=self._queue(), ReceiptHandle=messages[0]["ReceiptHandle"])
        return str(messages[0]["Body"])

    def cancel(self, order_id: str) -> None:
        """Forget an order. The invoice stays: the law wants it."""
        self._table.delete_item(Key={"id": order_id})

    def _queue(self) -> str:
        return str(self._sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"])

    @staticmethod
    def _invoice(order_id: str) -> str:
        return f"invoices/{order_id}.json"
