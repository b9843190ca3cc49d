"""What a call names of other accounts is found, wherever it stands; what callers only tell each other is not."""

from typing import Any

import pytest

from kansatsu import wire
from kansatsu.catalog import Authorization, abroad, buckets

ACCOUNT, OTHER, REGION = "123456789012", "210987654321", "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{OTHER}:t"
OWN_TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:t"
SECRET = f"arn:aws:secretsmanager:{REGION}:{OTHER}:secret:s"
QUEUE = f"arn:aws:sqs:{REGION}:{OTHER}:q"


@pytest.mark.parametrize(
    ("service", "operation", "params", "resources"),
    [
        ("sns", "Publish", {"TopicArn": TOPIC, "Message": "m"}, [TOPIC]),
        ("sns", "Publish", {"TopicArn": OWN_TOPIC, "Message": TOPIC}, []),
        ("sns", "Unsubscribe", {"SubscriptionArn": TOPIC + ":1"}, [TOPIC + ":1"]),
        ("sqs", "SendMessage", {"QueueUrl": f"http://h:1/{OTHER}/q", "MessageBody": "m"}, [QUEUE]),
        ("sqs", "SendMessage", {"QueueUrl": f"/{OTHER}/q"}, [QUEUE]),
        ("sqs", "SendMessage", {"QueueUrl": f"{OTHER}/q"}, [QUEUE]),
        ("sqs", "SendMessage", {"QueueUrl": f"http://h:1/{ACCOUNT}/q", "MessageBody": QUEUE}, []),
        ("secretsmanager", "BatchGetSecretValue", {"SecretIdList": ["s", SECRET]}, [SECRET]),
        ("resourcegroupstaggingapi", "TagResources", {"ResourceARNList": [QUEUE], "Tags": {"a": TOPIC}}, [QUEUE]),
        ("lambda", "CreateFunction", {"FunctionName": "f", "KMSKeyArn": f"arn:aws:kms:{REGION}:{OTHER}:key/k"}, []),
        ("dynamodb", "PutItem", {"TableName": "t", "Item": {"a": {"S": f"arn:aws:dynamodb:{REGION}:{OTHER}:x"}}}, []),
    ],
)  # fmt: skip
def test_abroad(service: str, operation: str, params: dict[str, Any], resources: list[str]) -> None:
    found = abroad(wire.load_service(service).operation(operation), params, ACCOUNT, REGION, ())
    assert [item.resource for item in found] == resources
    assert all(item.action.startswith(("sns:", "sqs:", "secretsmanager:", "tag:")) for item in found)


def test_what_is_authorized_already_is_not_asked_twice() -> None:
    operation = wire.load_service("sns").operation("Publish")
    known = (Authorization("sns:Publish", TOPIC),)
    assert abroad(operation, {"TopicArn": TOPIC}, ACCOUNT, REGION, known) == ()


@pytest.mark.parametrize(
    ("service", "operation", "params", "names"),
    [
        ("lambda", "CreateFunction", {"Code": {"S3Bucket": "code", "S3Key": "k"}}, {"code"}),
        ("firehose", "CreateDeliveryStream", {"S3DestinationConfiguration": {
            "BucketARN": "arn:aws:s3:::lake/p"}}, {"lake"}),
        ("firehose", "CreateDeliveryStream", {"S3DestinationConfiguration": {
            "BucketARN": "arn:aws:s3::lake"}}, {"lake"}),
        ("firehose", "CreateDeliveryStream", {"S3DestinationConfiguration": {"BucketARN": "lake"}}, {"lake"}),
        ("firehose", "CreateDeliveryStream", {"ExtendedS3DestinationConfiguration": {
            "BucketARN": f"arn:aws:s3:{REGION}:{OTHER}:lake"}}, {REGION, OTHER, "lake"}),
        ("logs", "CreateExportTask", {"logGroupName": "group", "destination": "lake"}, {"lake"}),
        ("athena", "StartQueryExecution", {"ResultConfiguration": {"OutputLocation": "S3A://out/x"}}, {"out"}),
        ("athena", "StartQueryExecution", {"ResultConfiguration": {"OutputLocation": "s3://out/x"}}, {"out"}),
        ("dynamodb", "ImportTable", {"S3BucketSource": {"S3Bucket": "from"}}, {"from"}),
        ("dynamodb", "PutItem", {"Item": {"bucket": {"S": "data"}}}, set()),
        ("s3", "PutObject", {"Bucket": "own", "Key": "s3://x"}, set()),
        ("s3", "PutBucketReplication", {"Bucket": "own", "ReplicationConfiguration": {
            "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::copy"}}]}}, {"copy"}),
        ("s3", "PutBucketLogging", {"Bucket": "own", "BucketLoggingStatus": {
            "LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "p"}}}, {"logs"}),
        ("resourcegroupstaggingapi", "TagResources", {"ResourceARNList": ["arn:aws:s3:::lake"]}, {"lake"}),
    ],
)  # fmt: skip
def test_buckets(service: str, operation: str, params: dict[str, Any], names: set[str]) -> None:
    assert buckets(wire.load_service(service).operation(operation), params) == names
