"""Calls by which a service will act by itself on a second resource: which one, as whom, and with which action.

On AWS that second resource is asked when something is delivered: by its policy, which must let the service in, or by
the permissions of the role that the service acts with. A backend asks nobody, so the gateway does, when the delivery is
set up (kansatsu.gateway.deliveries).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from kansatsu.arn import Arn
from kansatsu.catalog.authorization import Params
from kansatsu.catalog.values import read
from kansatsu.wire import Operation

# What a service does with what it delivers to, by the service in the ARN.
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
_WRITES: Mapping[str, tuple[str, ...]] = {
    "batch": ("batch:SubmitJob",),
    "codebuild": ("codebuild:StartBuild",),
    "codepipeline": ("codepipeline:StartPipelineExecution",),
    "ecs": ("ecs:RunTask",),
    "events": ("events:PutEvents",),
    "execute-api": ("execute-api:Invoke",),
    "firehose": ("firehose:PutRecord",),
    "kinesis": ("kinesis:PutRecord",),
    "lambda": ("lambda:InvokeFunction",),
    "logs": ("logs:CreateLogStream", "logs:PutLogEvents"),
    "s3": ("s3:PutObject",),
    "sns": ("sns:Publish",),
    "sqs": ("sqs:SendMessage",),
    "ssm": ("ssm:SendCommand",),
    "states": ("states:StartExecution",),
}
# And with what it takes from. https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-permissions.html
_READS: Mapping[str, tuple[str, ...]] = {
    "dynamodb": ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    "kinesis": ("kinesis:DescribeStream", "kinesis:GetRecords", "kinesis:GetShardIterator"),
    "sqs": ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
}


class Target(NamedTuple):
    """What is acted on, by its ARN, "" where the call does not say it.

    `role` is the ARN of the role that the service acts with; `function`: it is that of this function. Without either
    the service is itself, and the policy of the target decides.
    """

    arn: str
    role: str = ""
    function: str = ""
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One action that a service will do by itself.

    `services` are the names that policies know it by; `source` is the ARN of what it acts for. `actions` are none where
    nobody knows what it would do there.
    """

    services: tuple[str, ...]
    actions: tuple[str, ...]
    target: Target
    source: str


@dataclass(frozen=True, slots=True)
class Setup:
    """A call that sets deliveries up.

    `service` is the first label of the service's principal, `find` takes the targets from the parameters. `shows`:
    the operation that shows what is set up, and the parameters that it shares with the call. `code` and `text`: what
    AWS answers where the permission lacks; none where it says nothing and delivers nothing. `abroad`: targets in other
    Regions are ones that the embedded backend looks for there.
    """

    service: str
    find: Callable[[Params], Iterator[Target]]
    shows: tuple[str, tuple[str, ...]] = ("", ())
    code: str = ""
    text: str = ""
    abroad: frozenset[str] = frozenset()


def _subscribed(params: Params) -> Iterator[Target]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-create-subscribe-endpoint-to-topic.html"""
    attributes = params.get("Attributes") or {}
    if params.get("Protocol") in ("sqs", "lambda", "firehose"):
        yield Target(str(params.get("Endpoint") or ""), str(attributes.get("SubscriptionRoleArn") or ""))
    yield from _dead(attributes.get("RedrivePolicy"))


def _attribute(params: Params) -> Iterator[Target]:
    if params.get("AttributeName") == "RedrivePolicy":
        yield from _dead(params.get("AttributeValue"))


def _dead(text: Any) -> Iterator[Target]:
    """https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html"""
    if not text:
        return
    try:
        yield Target(str(json.loads(text)["deadLetterTargetArn"]))
    except (ValueError, KeyError, TypeError):
        yield Target("")


def _paths(*paths: str) -> Callable[[Params], Iterator[Target]]:
    return lambda params: (Target(value) for path in paths for value in read(params, path))


_NOTIFIED = _paths(
    *(f"NotificationConfiguration.{kind}Configurations[].{kind}Arn" for kind in ("Topic", "Queue", "LambdaFunction")),
    "NotificationConfiguration.TopicConfiguration.Topic",
    "NotificationConfiguration.QueueConfiguration.Queue",
    "NotificationConfiguration.CloudFunctionConfiguration.CloudFunction",
)


def _targets(params: Params) -> Iterator[Target]:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html"""
    for one in params.get("Targets") or ():
        yield from _target(one)


def _target(one: Params) -> Iterator[Target]:
    task = (one.get("EcsParameters") or {}).get("TaskDefinitionArn")
    yield Target(str(task or one.get("Arn") or ""), str(one.get("RoleArn") or ""))
    for dead in read(one, "DeadLetterConfig.Arn"):
        yield Target(dead)


def _schedule(params: Params) -> Iterator[Target]:
    """By the role alone: https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html#setting-up-execution-role"""
    target = params.get("Target") or {}
    role = str(target.get("RoleArn") or "")
    yield from (found._replace(role=role) for found in _target(target))


def _pipe(params: Params) -> Iterator[Target]:
    """https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-permissions.html"""
    role = str(params.get("RoleArn") or "")
    for member in ("Source", "Enrichment", "Target"):
        for value in read(params, member):
            yield Target(value, role, reads=member == "Source")


def _filter(params: Params) -> Iterator[Target]:
    yield Target(str(params.get("destinationArn") or ""), str(params.get("roleArn") or ""))


def _exported(params: Params) -> Iterator[Target]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html"""
    prefix = str(params.get("destinationPrefix") or "exportedlogs").rstrip("/")
    yield Target(_within(params.get("destination"), f"{prefix}/"))


def _logged(params: Params) -> Iterator[Target]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html"""
    enabled = (params.get("BucketLoggingStatus") or {}).get("LoggingEnabled")
    if enabled:
        yield Target(_within(enabled.get("TargetBucket"), enabled.get("TargetPrefix")))


def _within(bucket: Any, prefix: Any) -> str:
    return f"arn:aws:s3:::{bucket}/{str(prefix or '').lstrip('/')}*"


_OF_BUCKET = re.compile(r"S3(Destination|Backup)?(Configuration|Update)$")
_WHERE = frozenset({"BucketARN", "RoleARN", "Prefix", "ErrorOutputPrefix"})


def _stream(params: Params) -> Iterator[Target]:
    """The buckets of a stream of Firehose, in all kinds of destinations, and the stream of Kinesis that it reads.

    https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html
    """
    for source in read(params, "KinesisStreamSourceConfiguration.KinesisStreamARN"):
        yield Target(source, str(params["KinesisStreamSourceConfiguration"].get("RoleARN") or ""), reads=True)
    yield from _buckets("", params)


def _buckets(name: str, value: Any) -> Iterator[Target]:
    if not isinstance(value, Mapping):
        return
    if _OF_BUCKET.search(name) and not value.keys().isdisjoint(_WHERE):
        bucket, role = value.get("BucketARN"), str(value.get("RoleARN") or "")
        for prefix in {value.get("Prefix"), value.get("ErrorOutputPrefix") or value.get("Prefix")}:
            # A prefix may hold expressions, whose values nobody knows yet.
            begins = str(prefix or "").partition("!{")[0]
            # A change without a bucket or a role is of those that are there, which the call does not say.
            yield Target(f"{bucket}/{begins}*" if bucket and role else "", role)
    for inner, held in value.items():
        yield from _buckets(inner, held)


def _mapped(params: Params) -> Iterator[Target]:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html#permissions-executionrole-source"""
    function = str(params.get("FunctionName") or "")
    for source in read(params, "EventSourceArn"):
        yield Target(source, function=function, reads=True)
    for failed in read(params, "DestinationConfig.OnFailure.Destination"):
        yield Target(failed, function=function)


def _remapped(params: Params) -> Iterator[Target]:
    """A change of function or destination is of a source, or a function, that the call does not say."""
    if params.get("FunctionName") or params.get("DestinationConfig"):
        yield Target("")


def _dead_letters(params: Params) -> Iterator[Target]:
    """https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html"""
    for value in read(params, "DeadLetterConfig.TargetArn"):
        role = str(params.get("Role") or "")
        yield Target(value, role, "" if role else str(params.get("FunctionName") or ""))
    for path in ("DestinationConfig.OnSuccess.Destination", "DestinationConfig.OnFailure.Destination"):
        for value in read(params, path):
            yield Target(value, function=str(params.get("FunctionName") or ""))


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
_NOTIFICATION = Setup(
    "s3",
    _NOTIFIED,
    ("GetBucketNotificationConfiguration", ("Bucket",)),
    "InvalidArgument",
    "Unable to validate the following destination configurations",
)
_by_execution_role = partial(
    Setup,
    "lambda",
    code="InvalidParameterValueException",
    text="The provided execution role does not have permissions",
)
_TOPIC = ("ListSubscriptionsByTopic", ("TopicArn",))
SETUPS: Mapping[str, Setup] = {
    "sns.Subscribe": Setup("sns", _subscribed, _TOPIC, abroad=frozenset({"sqs"})),
    "sns.SetSubscriptionAttributes": Setup("sns", _attribute, ("GetSubscriptionAttributes", ("SubscriptionArn",))),
    "s3.PutBucketNotification": _NOTIFICATION,
    "s3.PutBucketNotificationConfiguration": _NOTIFICATION,
    "s3.PutBucketLogging": Setup("logging.s3", _logged, ("GetBucketLogging", ("Bucket",))),
    "events.PutTargets": Setup("events", _targets, ("ListTargetsByRule", ("Rule", "EventBusName"))),
    "scheduler.CreateSchedule": Setup("scheduler", _schedule),
    "scheduler.UpdateSchedule": Setup("scheduler", _schedule),
    "pipes.CreatePipe": Setup("pipes", _pipe),
    "pipes.UpdatePipe": Setup("pipes", _pipe),
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
    "logs.PutSubscriptionFilter": Setup(
        "logs",
        _filter,
        ("DescribeSubscriptionFilters", ("logGroupName",)),
        "InvalidParameterException",
        "Could not deliver test message to the destination",
    ),
    "logs.CreateExportTask": Setup(
        "logs", _exported, code="InvalidParameterException", text="The call to write to the given bucket failed"
    ),
    # https://docs.aws.amazon.com/firehose/latest/APIReference/API_CreateDeliveryStream.html
    "firehose.CreateDeliveryStream": Setup("firehose", _stream),
    "firehose.UpdateDestination": Setup("firehose", _stream),
    "lambda.CreateEventSourceMapping": _by_execution_role(_mapped),
    "lambda.UpdateEventSourceMapping": Setup("lambda", _remapped),
    "lambda.CreateFunction": _by_execution_role(_dead_letters),
    "lambda.UpdateFunctionConfiguration": _by_execution_role(_dead_letters),
    "lambda.PutFunctionEventInvokeConfig": _by_execution_role(_dead_letters),
    "lambda.UpdateFunctionEventInvokeConfig": _by_execution_role(_dead_letters),
    # https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotating-secrets-required-permissions-function.html
    "secretsmanager.RotateSecret": Setup(
        "secretsmanager",
        _paths("RotationLambdaARN"),
        ("DescribeSecret", ("SecretId",)),
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function",
    ),
}


def deliveries(operation: Operation, params: Params, source: str, region: str) -> tuple[Delivery, ...]:
    """What a call sets up; `source` is the ARN of the resource that it was authorized on first."""
    setup = SETUPS.get(f"{operation.service.name}.{operation.name}")
    if setup is None:
        return ()
    service = f"{setup.service}.amazonaws.com"
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3ExportTasks.html has it with the Region.
    services = (service, f"logs.{region}.amazonaws.com") if setup.service == "logs" else (service,)
    source = source.replace(":log-stream:", ":*") if setup.service == "logs" else source
    return tuple(Delivery(services, _actions(target), target, source) for target in dict.fromkeys(setup.find(params)))


def _actions(target: Target) -> tuple[str, ...]:
    named = Arn.parse(target.arn)
    if named is None:
        return ()
    if named.service == "events" and named.resource.startswith("api-destination/"):
        return ("events:InvokeApiDestination",)
    return (_READS if target.reads else _WRITES).get(named.service, ())
