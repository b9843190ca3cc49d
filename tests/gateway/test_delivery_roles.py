"""What the embedded backend delivers with a role: the role must trust the service, and be allowed what it does there.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-service.html
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, statement
from .test_deliveries import Queue, client, code, function
from .test_resource_policies import says


def trusts(service: str, **condition: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {**trust, **({"Condition": condition} if condition else {})}


def stream(gateway: Gateway, role: str, bucket: str, prefix: str = "in/") -> Any:
    keys = gateway.user(statement("Allow", ["firehose:*", "iam:PassRole"]))
    where = {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{bucket}", "Prefix": prefix}
    firehose, name = gateway.client("firehose", keys), gateway.name("stream")
    firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=where)
    return firehose.put_record(DeliveryStreamName=name, Record={"Data": b"x"})


def schedule(gateway: Gateway, role: str, queue: str) -> Any:
    keys = gateway.user(statement("Allow", ["scheduler:*", "iam:PassRole"]))
    target = {"Arn": queue, "RoleArn": role}
    when = {"ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"}}
    return gateway.client("scheduler", keys).create_schedule(Name=gateway.name("s"), Target=target, **when)


def pipe(gateway: Gateway, role: str, queue: str) -> Any:
    keys = gateway.user(statement("Allow", ["pipes:*", "iam:PassRole"]))
    given = {"Name": gateway.name("pipe"), "RoleArn": role, "Source": queue, "Target": queue}
    return gateway.client("pipes", keys).create_pipe(**given)


def mapping(gateway: Gateway, role: str, queue: str) -> Any:
    made = function(gateway, gateway.name("function"), {"Arn": role})
    keys = gateway.user(statement("Allow", "lambda:*"))
    return gateway.client("lambda", keys).create_event_source_mapping(FunctionName=made, EventSourceArn=queue)


def dead_letters(gateway: Gateway, role: str, queue: str) -> Any:
    return function(gateway, gateway.name("function"), {"Arn": role}, DeadLetterConfig={"TargetArn": queue})


READS = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]


@pytest.mark.parametrize(
    ("setup", "service", "actions"),
    [
        (schedule, "scheduler", ["sqs:SendMessage"]),
        (pipe, "pipes", [*READS, "sqs:SendMessage"]),
        (mapping, "lambda", READS),
        (dead_letters, "lambda", ["sqs:SendMessage"]),
    ],
)
def test_a_role_must_be_trusting_and_allowed(
    gateway: Gateway, setup: Callable[[Gateway, str, str], Any], service: str, actions: list[str]
) -> None:
    queue = Queue(gateway)
    fits = [statement("Allow", actions, queue.arn)]
    for trust, policy in (
        (trusts("ec2"), fits),
        (trusts(service, StringEquals={"aws:SourceAccount": SECOND}), fits),
        (trusts(service), []),
        (trusts(service), [statement("Allow", actions, queue.arn + "x")]),
        (trusts(service), [statement("Allow", actions[1:] or "sqs:Get*", queue.arn)]),
        (trusts(service), [*fits, statement("Deny", actions[-1])]),
    ):
        role = gateway.role(*policy, trust=trust)["Arn"]
        assert code(lambda role=role: setup(gateway, role, queue.arn)) != "AccessDenied"
    role = gateway.role(*fits, trust=trusts(service, StringEquals={"aws:SourceAccount": ACCOUNT}))["Arn"]
    setup(gateway, role, queue.arn)
    queue.set(says("Deny", "*", actions[-1]))
    with pytest.raises(ClientError) as denied:
        setup(gateway, role, queue.arn)
    assert "with an explicit deny in a resource-based policy" in str(denied.value)


def test_a_stream_writes_where_its_role_may_and_nowhere_else(gateway: Gateway) -> None:
    bucket, s3 = gateway.bucket(), gateway.client("s3")
    role = gateway.role(statement("Allow", "s3:PutObject", f"arn:aws:s3:::{bucket}/in/*"), trust=trusts("firehose"))
    stream(gateway, role["Arn"], bucket)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert code(lambda: stream(gateway, role["Arn"], bucket, "elsewhere/")) == "NotImplemented"
    assert code(lambda: stream(gateway, f"arn:aws:iam::{ACCOUNT}:role/none-such", bucket)) == "NotImplemented"
    s3.put_bucket_policy(
        Bucket=bucket, Policy=raw.document(says("Deny", "*", "s3:PutObject", f"arn:aws:s3:::{bucket}/*"))
    )
    assert code(lambda: stream(gateway, role["Arn"], bucket)) == "NotImplemented"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_logs_are_exported_where_the_bucket_lets_them_in(gateway: Gateway) -> None:
    bucket, group, s3 = gateway.bucket(), gateway.name("group"), gateway.client("s3")
    logs = client(gateway, "logs")
    logs.create_log_group(logGroupName=group)

    def export() -> Any:
        return logs.create_export_task(logGroupName=group, fromTime=0, to=1, destination=bucket, destinationPrefix="p")

    assert code(export) == "InvalidParameterException"
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    only = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control"},
        "ArnLike": {"aws:SourceArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"},
    }
    who = {"Service": f"logs.{REGION}.amazonaws.com"}
    policy = says("Allow", who, "s3:PutObject", f"arn:aws:s3:::{bucket}/p/*", Condition=only)
    s3.put_bucket_policy(Bucket=bucket, Policy=raw.document(policy))
    export()


def test_logs_are_sent_on_with_a_role_that_may(gateway: Gateway) -> None:
    group, name = gateway.name("group"), gateway.name("stream")
    gateway.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    stream = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"
    keys = gateway.user(statement("Allow", ["logs:*", "iam:PassRole"]))
    logs = gateway.client("logs", keys)
    logs.create_log_group(logGroupName=group)
    filters = {"logGroupName": group, "filterName": "f", "filterPattern": "", "destinationArn": stream}
    may, may_not = (
        {**filters, "roleArn": gateway.role(statement("Allow", action, stream), trust=trusts("logs"))["Arn"]}
        for action in ("kinesis:PutRecord", "kinesis:Get*")
    )
    assert code(lambda: logs.put_subscription_filter(**may_not)) == "InvalidParameterException"
    logs.put_subscription_filter(**may)


def test_what_a_change_leaves_open_is_refused(gateway: Gateway) -> None:
    sqs, function = gateway.client("sqs"), gateway.client("lambda")
    source = f"arn:aws:sqs:{REGION}:{ACCOUNT}:none-such"
    assert code(lambda: sqs.start_message_move_task(SourceArn=source)) == "NotImplemented"
    change = {"UUID": "00000000-0000-0000-0000-000000000000", "FunctionName": "other"}
    assert code(lambda: function.update_event_source_mapping(**change)) == "NotImplemented"


def test_what_only_a_delivery_needs_of_a_role_is_not_taken_away(gateway: Gateway) -> None:
    """The wrong cut that looks safe: nobody signs as the role, and the stream stops when its permission goes."""
    bucket = gateway.bucket()
    put = statement("Allow", ["s3:PutObject", "s3:GetObject", "sqs:*"], "*")
    role = gateway.role(put, trust=trusts("firehose"))
    stream(gateway, role["Arn"], bucket)
    control = gateway.client("kansatsu")
    answer = control.suggest_policy_change(Arn=role["Arn"])
    (kept,) = json.loads(answer["Document"])["Statement"]
    assert kept["Action"] == ["s3:PutObject"]
    assert kept["Resource"] == ["*"]  # below in/ the stream names its objects as it likes
    cut = raw.document(statement("Allow", ["s3:GetObject", "sqs:*"]))
    replay = control.replay_policy_change(Arn=role["Arn"], Document=cut, PolicyName="own")
    (refused,) = replay["RefusedRequests"]
    assert (replay["Refused"], refused["Action"]) == (1, "s3:PutObject")
    assert (refused["Operation"], refused["PrincipalArn"].rpartition("/")[2]) == (
        "firehose:CreateDeliveryStream",
        "delivery",
    )
    assert control.replay_policy_change(Arn=role["Arn"], Suggested=True)["Refused"] == 0
    with pytest.raises(ClientError, match="RequestsWouldBeRefused"):
        control.commit_policy_change(Arn=role["Arn"], Document=cut, PolicyName="own", AcceptGap=True)
    # The trail has no call that nobody made.
    events = gateway.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "delivery"}]
    )["Events"]
    assert events == []
