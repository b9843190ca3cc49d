"""What CloudTrail calls a request: source and name of the event, management or data, reads or writes, resources.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from collections.abc import Mapping
from functools import lru_cache

from kansatsu.arn import Arn
from kansatsu.catalog import data_events, reference
from kansatsu.wire import Operation

# Where the event has another name than the operation.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html
# https://docs.aws.amazon.com/lambda/latest/dg/logging-using-cloudtrail.html
_NAMES: Mapping[str, str] = {
    "s3.ListObjectsV2": "ListObjects",
    "s3.GetBucketLifecycleConfiguration": "GetBucketLifecycle",
    "s3.PutBucketLifecycleConfiguration": "PutBucketLifecycle",
    "s3.GetBucketNotificationConfiguration": "GetBucketNotification",
    "s3.PutBucketNotificationConfiguration": "PutBucketNotification",
    "lambda.AddPermission": "AddPermission20150331v2",
    "lambda.CreateEventSourceMapping": "CreateEventSourceMapping20150331",
    "lambda.CreateFunction": "CreateFunction20150331",
    "lambda.DeleteEventSourceMapping": "DeleteEventSourceMapping20150331",
    "lambda.DeleteFunction": "DeleteFunction20150331",
    "lambda.GetEventSourceMapping": "GetEventSourceMapping20150331",
    "lambda.GetFunction": "GetFunction20150331v2",
    "lambda.GetFunctionConfiguration": "GetFunctionConfiguration20150331v2",
    "lambda.GetPolicy": "GetPolicy20150331v2",
    "lambda.ListEventSourceMappings": "ListEventSourceMappings20150331",
    "lambda.ListFunctions": "ListFunctions20150331",
    "lambda.RemovePermission": "RemovePermission20150331v2",
    "lambda.UpdateEventSourceMapping": "UpdateEventSourceMapping20150331",
    "lambda.UpdateFunctionCode": "UpdateFunctionCode20150331v2",
    "lambda.UpdateFunctionConfiguration": "UpdateFunctionConfiguration20150331v2",
}
# (service of the ARN, what its resource begins with) -> the type, as CloudFormation calls it.
_TYPES: Mapping[tuple[str, str], str] = {
    ("dynamodb", "table"): "AWS::DynamoDB::Table",
    ("ec2", "image"): "AWS::EC2::Image",
    ("ec2", "instance"): "AWS::EC2::Instance",
    ("ec2", "key-pair"): "AWS::EC2::KeyPair",
    ("ec2", "network-interface"): "AWS::EC2::NetworkInterface",
    ("ec2", "security-group"): "AWS::EC2::SecurityGroup",
    ("ec2", "subnet"): "AWS::EC2::Subnet",
    ("ec2", "volume"): "AWS::EC2::Volume",
    ("ec2", "vpc"): "AWS::EC2::VPC",
    ("ecs", "cluster"): "AWS::ECS::Cluster",
    ("ecs", "service"): "AWS::ECS::Service",
    ("ecs", "task"): "AWS::ECS::Task",
    ("ecs", "task-definition"): "AWS::ECS::TaskDefinition",
    ("events", "event-bus"): "AWS::Events::EventBus",
    ("events", "rule"): "AWS::Events::Rule",
    ("iam", "group"): "AWS::IAM::Group",
    ("iam", "instance-profile"): "AWS::IAM::InstanceProfile",
    ("iam", "policy"): "AWS::IAM::Policy",
    ("iam", "role"): "AWS::IAM::Role",
    ("iam", "user"): "AWS::IAM::User",
    ("kinesis", "stream"): "AWS::Kinesis::Stream",
    ("kms", "alias"): "AWS::KMS::Alias",
    ("kms", "key"): "AWS::KMS::Key",
    ("lambda", "function"): "AWS::Lambda::Function",
    ("logs", "log-group"): "AWS::Logs::LogGroup",
    ("secretsmanager", "secret"): "AWS::SecretsManager::Secret",
    ("ssm", "parameter"): "AWS::SSM::Parameter",
    ("states", "stateMachine"): "AWS::StepFunctions::StateMachine",
}
_WHOLE = {"sqs": "AWS::SQS::Queue", "sns": "AWS::SNS::Topic"}  # nothing but the name in their ARNs
_READS = ("Get", "List", "Describe", "Head", "BatchGet", "Lookup", "Query", "Scan", "Select", "Simulate")
_OWN_READS = (
    *_READS,
    "Explain",
    "Lint",
    "Replay",
    "Suggest",
)  # of kansatsu: they answer, and change nothing

# Actions that "write", and that trails have as read-only all the same.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
# https://docs.aws.amazon.com/kms/latest/developerguide/understanding-kms-entries.html
_KMS_READS = ("Decrypt", "DeriveSharedSecret", "Encrypt", "Generate", "Get", "List", "ReEncrypt", "Sign", "Verify")


def event_source(operation: Operation) -> str:
    """ "iam.amazonaws.com": the name that the service signs with."""
    return f"{operation.service.signing_name}.amazonaws.com"


def event_name(operation: Operation) -> str:
    """The operation as CloudTrail spells it."""
    return _NAMES.get(f"{operation.service.name}.{operation.name}", operation.name)


def is_data(operation: Operation) -> bool:
    """Is it a data event?"""
    return operation.name in data_events.OPERATIONS.get(operation.service.name, ())


@lru_cache(maxsize=4096)
def reads(service: str, operation: str, action: str) -> bool:
    """Does CloudTrail call it read-only? By the access level of its action ("iam:GetUser"), else by its name."""
    if service == "sts" or (service == "kms" and operation.startswith(_KMS_READS)):
        return True
    if service == "kansatsu":
        return operation.startswith(_OWN_READS)
    level = reference.level(action)
    return level in ("Read", "List") if level else operation.startswith(_READS)


def resource_of(arn: str) -> tuple[str, str, str]:
    """Type ("" when CloudTrail has no word for it), name and account of a resource by its ARN."""
    parsed = Arn.parse(arn)
    if parsed is None:
        return "", arn, ""
    if parsed.service == "s3":
        bucket, _, key = parsed.resource.partition("/")
        return ("AWS::S3::Object", f"{bucket}/{key}", "") if key else ("AWS::S3::Bucket", bucket, "")
    if parsed.service in _WHOLE:
        return _WHOLE[parsed.service], parsed.resource, parsed.account
    separator = "/" if "/" in parsed.resource.partition(":")[0] else ":"
    kind, _, name = parsed.resource.partition(separator)
    if parsed.service == "iam":
        name = name.rpartition("/")[2]
    return _TYPES.get((parsed.service, kind), ""), name or kind, parsed.account
