"""Event sources and names of CloudTrail as IAM actions."""

import pytest

from kansatsu import wire
from kansatsu.catalog import cloudtrail, reference
from kansatsu.catalog.cloudtrail import Meaning, meaning

CASES = [
    ("s3", "ListBuckets", Meaning("s3", ("ListAllMyBuckets",))),
    ("s3", "HeadObject", Meaning("s3", ("GetObject",), ("GetObjectVersion",))),
    ("s3", "ListObjects", Meaning("s3", ("ListBucket",))),
    ("s3", "GetBucketLifecycle", Meaning("s3", ("GetLifecycleConfiguration",))),
    # https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
    ("lambda", "GetFunction20150331v2", Meaning("lambda", ("GetFunction",))),
    ("lambda", "ListFunctions20150331", Meaning("lambda", ("ListFunctions",))),
    ("lambda", "Invoke", Meaning("lambda", ("InvokeFunction",))),
    ("cloudfront", "ListDistributions2020_05_31", Meaning("cloudfront", ("ListDistributions",))),
    ("monitoring", "PutMetricAlarm", Meaning("cloudwatch", ("PutMetricAlarm",))),
    ("tagging", "GetResources", Meaning("tag", ("GetResources",))),
    ("email", "SendEmail", Meaning("ses", ("SendEmail",))),
    ("elasticloadbalancing", "DescribeLoadBalancers", Meaning("elasticloadbalancing", ("DescribeLoadBalancers",))),
    ("apigateway", "GetRestApis", Meaning("apigateway", ("GET",))),
    ("apigateway", "CreateApi", Meaning("apigateway", ("POST",))),
    ("sqs", "SendMessageBatch", Meaning("sqs", ("SendMessage",))),
    ("sns", "PublishBatch", Meaning("sns", ("Publish",))),
    (
        "dynamodb",
        "TransactWriteItems",
        Meaning("dynamodb", (), ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")),
    ),
    ("signin", "ConsoleLogin", Meaning("signin")),
    ("kansatsu", "CommitPolicyChange", Meaning("kansatsu", ("CommitPolicyChange",))),
    ("kansatsu", "NothingLikeIt", Meaning("kansatsu")),
    ("s3", "NothingLikeIt", Meaning("s3")),
    ("no-such-service", "Run", Meaning("no-such-service")),
    ("", "", Meaning("")),
]


@pytest.mark.parametrize(("source", "name", "expected"), CASES, ids=[f"{case[0]}.{case[1]}" for case in CASES])
def test_meaning(source: str, name: str, expected: Meaning) -> None:
    assert meaning(f"{source}.amazonaws.com", name) == expected


def test_whatever_is_said_is_an_action_of_the_reference() -> None:
    for service in ("iam", "sts", "kms", "ecs", "logs", "rds", "ssm", "states", "athena", "s3"):
        loaded = {"states": "stepfunctions"}.get(service, service)
        names = wire.load_service(loaded).operation_names
        found = [meaning(f"{service}.amazonaws.com", name) for name in names]
        known = sum(bool(item.actions) for item in found)
        assert known > 0.9 * len(names), service
        for item in found:
            assert all(reference.spelled(item.service, action) == action for action in item.actions), item


def test_every_data_event_is_an_action() -> None:
    for prefix in cloudtrail.data_services():
        names = [name for name in reference.names(prefix) if cloudtrail.is_data_event(prefix, name)]
        assert sorted(names) == sorted(cloudtrail._DATA[prefix])
