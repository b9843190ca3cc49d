"""Event sources and names of CloudTrail as IAM actions."""

import pytest

from kansatsu import wire
from kansatsu.catalog import cloudtrail, data_events, reference
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
    ("monitoring", "PutMetricAlarm", Meaning("cloudwatch", ("PutMetricAlarm",), ("TagResource",))),
    ("rdsdata", "ExecuteStatement", Meaning("rds-data", ("ExecuteStatement",))),
    ("rdsdataapi", "BeginTransaction", Meaning("rds-data", ("BeginTransaction",))),
    ("metering-marketplace", "BatchMeterUsage", Meaning("aws-marketplace", ("BatchMeterUsage",))),
    # what is made with tags takes the permission to tag, of which there is no record
    ("ec2", "RunInstances", Meaning("ec2", ("RunInstances",), ("CreateTags",))),
    ("ec2", "CreateTags", Meaning("ec2", ("CreateTags",))),
    ("ec2", "TerminateInstances", Meaning("ec2", ("TerminateInstances",))),
    ("iam", "CreateRole", Meaning("iam", ("CreateRole",), ("TagRole",))),
    ("sts", "AssumeRole", Meaning("sts", ("AssumeRole",), ("SetSourceIdentity", "TagSession"))),
    ("tagging", "GetResources", Meaning("tag", ("GetResources",))),
    ("email", "SendEmail", Meaning("ses", ("SendEmail",))),
    ("elasticloadbalancing", "DescribeLoadBalancers", Meaning("elasticloadbalancing", ("DescribeLoadBalancers",))),
    ("apigateway", "GetRestApis", Meaning("apigateway", ("GET",))),
    ("apigateway", "CreateApi", Meaning("apigateway", ("POST",))),
    # https://docs.aws.amazon.com/autoscaling/application/userguide/logging-using-cloudtrail.html
    (
        "autoscaling",
        "RegisterScalableTarget",
        Meaning("application-autoscaling", ("RegisterScalableTarget",), ("TagResource",)),
    ),
    ("autoscaling", "PutScalingPolicy", Meaning("autoscaling", ("PutScalingPolicy",))),
    ("amazonmq", "CreateBroker", Meaning("mq", ("CreateBroker",), ("CreateTags",))),
    ("enterpriseq", "ListApplications", Meaning("qbusiness", ("ListApplications",))),
    ("billingconsole", "GetBillingPreferences", Meaning("billing", ("GetBillingPreferences",))),
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


@pytest.mark.parametrize(
    ("source", "name", "some", "others"),
    [
        ("ec2", "DescribeVpcs", set(), None),
        ("sns", "Frobnicate", set(), None),  # of SNS it is
        ("kansatsu", "NothingLikeIt", set(), None),
        ("", "", {"q", "transform", "aws-portal"}, {"ec2", "s3", "iam"}),
        ("no-such-service", "Frobnicate", {"q", "transform", "aws-portal"}, {"ec2", "s3", "iam"}),
        ("no-such-service", "RunInstances", {"ec2"}, {"q", "s3"}),
        ("no-such-service", "ListFunctions20150331", {"lambda"}, {"q", "s3"}),
        ("autoscaling", "PutScalingPolicy", {"application-autoscaling"}, {"autoscaling", "autoscaling-plans"}),
        ("autoscaling", "CreateAutoScalingGroup", set(), None),
        ("billingconsole", "GetBillingPreferences", {"aws-portal", "tax"}, {"billing", "ec2"}),
        ("taxconsole", "CreateCustomerCase", {"tax"}, {"ec2"}),
    ],
    ids=lambda value: value or "nothing" if isinstance(value, str) else "",
)  # fmt: skip
def test_of_which_services_else_a_record_may_be(
    source: str, name: str, some: set[str], others: set[str] | None
) -> None:
    """`others` are not among them; None: there are none but `some`."""
    suspects = cloudtrail.suspects(f"{source}.amazonaws.com", name)
    assert suspects >= some
    assert suspects == some if others is None else not suspects & others


def test_whatever_is_said_is_an_action_of_the_reference() -> None:
    for service in ("iam", "sts", "kms", "ecs", "logs", "rds", "ssm", "states", "athena", "s3"):
        loaded = {"states": "stepfunctions"}.get(service, service)
        names = wire.load_service(loaded).operation_names
        found = [meaning(f"{service}.amazonaws.com", name) for name in names]
        known = sum(bool(item.actions) for item in found)
        assert known > 0.9 * len(names), service
        for item in found:
            assert all(reference.spelled(item.service, action) == action for action in item.actions), item


def test_every_data_event_is_an_action_of_the_reference() -> None:
    for prefix, names in cloudtrail.data_actions().items():
        unknown = [name for name in names if reference.spelled(prefix, name) != name]
        assert unknown == [], prefix


@pytest.mark.parametrize(
    ("prefix", "action", "data"),
    [
        ("s3", "GetObject", True),  # of GetObject, HeadObject, SelectObjectContent, ...
        ("s3", "GetObjectVersion", True),
        ("s3", "ListBucket", True),
        ("s3", "CreateBucket", False),
        ("dynamodb", "PartiQLSelect", True),
        ("dynamodb", "GetRecords", True),  # which DynamoDB Streams has
        ("dynamodb", "CreateTable", False),
        ("lambda", "InvokeFunction", True),
        ("states", "StartSyncExecution", True),
        ("states", "StartExecution", False),
        ("cloudtrail-data", "PutAuditEvents", True),
        ("kinesisvideo", "GetMedia", True),
        ("iam", "GetUser", False),
    ],
)
def test_what_a_trail_without_data_events_does_not_show(prefix: str, action: str, data: bool) -> None:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-data-events-with-cloudtrail.html"""
    assert cloudtrail.is_data_event(prefix, action) is data


def test_data_operations_are_operations() -> None:
    for service, names in data_events.OPERATIONS.items():
        assert names <= set(wire.load_service(service).operation_names), service
