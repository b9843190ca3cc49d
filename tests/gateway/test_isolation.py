"""What one account has at the backend, another can neither read nor touch, whatever its own policies allow it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
"""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, statement
from .test_accounts import code_of

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "KMS.AccessDeniedException"})
NONE = frozenset(
    {
        *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "ResourceNotFoundException", "NotFound"),
        *("NotFoundException", "ParameterNotFound", "InvalidResourceId", "InvalidVpcID.NotFound"),
        *(
            "RepositoryNotFoundException",
            "EntityNotFoundException",
            "StateMachineDoesNotExist",
            "InvalidInstanceID.NotFound",
        ),
    }
)
SAFE = DENIED | NONE


@pytest.fixture(name="mine", scope="module")
def things_of_the_first_account(gateway: Gateway) -> dict[str, Any]:
    """One of each service, whose identifiers the stranger knows."""
    bucket = gateway.bucket()
    gateway.client("s3").put_object(Bucket=bucket, Key="k", Body=b"mine", Tagging="project=a")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.py", "def h(e, c): return 1")
    gateway.client("s3").put_object(Bucket=bucket, Key="code.zip", Body=archive.getvalue())
    name = gateway.name("thing")
    queue = gateway.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    gateway.client("sqs").send_message(QueueUrl=queue, MessageBody="mine")
    table = gateway.client("dynamodb").create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )["TableDescription"]["TableArn"]
    gateway.client("dynamodb").put_item(TableName=name, Item={"pk": {"S": "mine"}})
    gateway.client("ssm").put_parameter(Name="/" + name, Value="mine", Type="String")
    gateway.client("logs").create_log_group(logGroupName=name)
    gateway.client("ecr").create_repository(repositoryName=name)
    gateway.client("kinesis").create_stream(StreamName=name, ShardCount=1)
    return {
        "name": name,
        "bucket": bucket,
        "queue": queue,
        "queue_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
        "topic": gateway.client("sns").create_topic(Name=name)["TopicArn"],
        "table": table,
        "key": gateway.client("kms").create_key()["KeyMetadata"]["Arn"],
        "secret": gateway.client("secretsmanager").create_secret(Name=name, SecretString="mine")["ARN"],
        "parameter": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{name}",
        "group": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}",
        "stream": f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}",
        "vpc": gateway.client("ec2").create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"],
        "layer": gateway.client("lambda").publish_layer_version(
            LayerName=name, Content={"ZipFile": archive.getvalue()}
        )["LayerVersionArn"],
    }


Params = Callable[[dict[str, Any]], dict[str, Any]]
POLICY = {"Version": "2012-10-17", "Statement": []}


def named(member: str, thing: str, **more: Any) -> Params:
    return lambda m: {member: m[thing], **more}


B: dict[str, str] = {}
ATTACKS: list[tuple[str, str, Params]] = [
    ("s3", "head_bucket", named("Bucket", "bucket")),
    ("s3", "list_objects_v2", named("Bucket", "bucket")),
    ("s3", "list_object_versions", named("Bucket", "bucket")),
    ("s3", "get_object", named("Bucket", "bucket", Key="k")),
    ("s3", "head_object", named("Bucket", "bucket", Key="k")),
    ("s3", "put_object", named("Bucket", "bucket", Key="k", Body=b"evil")),
    ("s3", "delete_object", named("Bucket", "bucket", Key="k")),
    ("s3", "delete_objects", named("Bucket", "bucket", Delete={"Objects": [{"Key": "k"}]})),
    ("s3", "delete_bucket", named("Bucket", "bucket")),
    ("s3", "get_bucket_policy", named("Bucket", "bucket")),
    ("s3", "put_bucket_policy", named("Bucket", "bucket", Policy=raw.document(statement("Allow", "s3:*")))),
    ("s3", "put_bucket_tagging", named("Bucket", "bucket", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})),
    ("s3", "get_object_tagging", named("Bucket", "bucket", Key="k")),
    ("s3", "create_multipart_upload", named("Bucket", "bucket", Key="k")),
    ("s3", "put_public_access_block", named("Bucket", "bucket", PublicAccessBlockConfiguration={})),
    ("sqs", "receive_message", named("QueueUrl", "queue")),
    ("sqs", "send_message", named("QueueUrl", "queue", MessageBody="evil")),
    ("sqs", "get_queue_attributes", named("QueueUrl", "queue", AttributeNames=["All"])),
    ("sqs", "set_queue_attributes", named("QueueUrl", "queue", Attributes={"VisibilityTimeout": "1"})),
    ("sqs", "purge_queue", named("QueueUrl", "queue")),
    ("sqs", "delete_queue", named("QueueUrl", "queue")),
    ("sqs", "tag_queue", named("QueueUrl", "queue", Tags={"a": "b"})),
    ("sqs", "get_queue_url", lambda m: {"QueueName": m["name"], "QueueOwnerAWSAccountId": ACCOUNT}),
    ("sqs", "receive_message", lambda m: {"QueueUrl": m["queue"].replace(ACCOUNT, SECOND)}),
    ("sns", "publish", named("TopicArn", "topic", Message="evil")),
    ("sns", "publish", named("TargetArn", "topic", Message="evil")),
    ("sns", "get_topic_attributes", named("TopicArn", "topic")),
    ("sns", "list_subscriptions_by_topic", named("TopicArn", "topic")),
    ("sns", "subscribe", lambda m: {"TopicArn": m["topic"], "Protocol": "sqs", "Endpoint": "arn:aws:sqs:r:1:q"}),
    ("sns", "tag_resource", named("ResourceArn", "topic", Tags=[{"Key": "a", "Value": "b"}])),
    ("sns", "delete_topic", named("TopicArn", "topic")),
    ("dynamodb", "get_item", named("TableName", "table", Key={"pk": {"S": "mine"}})),
    ("dynamodb", "get_item", named("TableName", "name", Key={"pk": {"S": "mine"}})),
    ("dynamodb", "batch_get_item", lambda m: {"RequestItems": {m["table"]: {"Keys": [{"pk": {"S": "mine"}}]}}}),
    ("dynamodb", "execute_statement", lambda m: {"Statement": f'SELECT * FROM "{m["table"]}"'}),
    ("dynamodb", "describe_table", named("TableName", "table")),
    ("dynamodb", "tag_resource", named("ResourceArn", "table", Tags=[{"Key": "a", "Value": "b"}])),
    ("dynamodb", "delete_table", named("TableName", "table")),
    ("kms", "describe_key", named("KeyId", "key")),
    ("kms", "encrypt", named("KeyId", "key", Plaintext=b"x")),
    ("kms", "schedule_key_deletion", named("KeyId", "key", PendingWindowInDays=7)),
    ("secretsmanager", "get_secret_value", named("SecretId", "secret")),
    ("secretsmanager", "get_secret_value", named("SecretId", "name")),
    ("secretsmanager", "batch_get_secret_value", lambda m: {"SecretIdList": [m["secret"]]}),
    ("secretsmanager", "put_secret_value", named("SecretId", "secret", SecretString="evil")),
    ("secretsmanager", "delete_secret", named("SecretId", "secret")),
    ("ssm", "get_parameter", named("Name", "parameter")),
    ("ssm", "get_parameter", lambda m: {"Name": "/" + m["name"]}),
    ("logs", "describe_log_streams", named("logGroupIdentifier", "group")),
    ("logs", "describe_log_streams", named("logGroupName", "name")),
    ("logs", "tag_resource", named("resourceArn", "group", tags={"a": "b"})),
    ("logs", "delete_log_group", named("logGroupName", "name")),
    ("kinesis", "describe_stream_summary", named("StreamARN", "stream")),
    ("ecr", "list_images", lambda m: {"registryId": ACCOUNT, "repositoryName": m["name"]}),
    ("lambda", "get_layer_version_by_arn", named("Arn", "layer")),
    ("lambda", "get_layer_version", named("LayerName", "layer", VersionNumber=1)),
    ("lambda", "get_layer_version", named("LayerName", "name", VersionNumber=1)),
    ("ec2", "describe_vpcs", lambda m: {"VpcIds": [m["vpc"]]}),
    ("ec2", "delete_vpc", named("VpcId", "vpc")),
    ("ec2", "create_tags", lambda m: {"Resources": [m["vpc"]], "Tags": [{"Key": "a", "Value": "b"}]}),
    ("resourcegroupstaggingapi", "tag_resources", lambda m: {"ResourceARNList": [m["topic"]], "Tags": {"a": "b"}}),
    ("resourcegroupstaggingapi", "untag_resources", lambda m: {"ResourceARNList": [m["queue_arn"]], "TagKeys": ["a"]}),
]  # fmt: skip


# INVARIANT: an administrator of one account is nobody at another account's resources.
@pytest.mark.parametrize(("service", "operation", "params"), ATTACKS)
def test_attack(gateway: Gateway, mine: dict[str, Any], service: str, operation: str, params: Params) -> None:
    code = code_of(getattr(gateway.client(service, gateway.stranger), operation), **params(mine))
    assert code in SAFE, code


def test_after_all_attacks_everything_is_as_it_was(gateway: Gateway, mine: dict[str, Any]) -> None:
    assert gateway.client("s3").get_object(Bucket=mine["bucket"], Key="k")["Body"].read() == b"mine"
    (message,) = gateway.client("sqs").receive_message(QueueUrl=mine["queue"])["Messages"]
    assert message["Body"] == "mine"
    assert not gateway.client("sqs").list_queue_tags(QueueUrl=mine["queue"]).get("Tags")
    assert gateway.client("sns").list_tags_for_resource(ResourceArn=mine["topic"])["Tags"] == []
    assert gateway.client("dynamodb").list_tags_of_resource(ResourceArn=mine["table"])["Tags"] == []
    assert gateway.client("secretsmanager").get_secret_value(SecretId=mine["secret"])["SecretString"] == "mine"
    assert gateway.client("kms").describe_key(KeyId=mine["key"])["KeyMetadata"]["KeyState"] == "Enabled"
    assert gateway.client("lambda").get_layer_version(LayerName=mine["name"], VersionNumber=1)
    assert gateway.client("ec2").describe_vpcs(VpcIds=[mine["vpc"]])["Vpcs"]


def test_lists_show_ones_own(gateway: Gateway, mine: dict[str, Any]) -> None:
    for service, operation in (
        ("s3", "list_buckets"),
        ("sqs", "list_queues"),
        ("sns", "list_topics"),
        ("dynamodb", "list_tables"),
        ("kms", "list_keys"),
        ("secretsmanager", "list_secrets"),
        ("logs", "describe_log_groups"),
        ("lambda", "list_layers"),
        ("ecr", "describe_repositories"),
        ("resourcegroupstaggingapi", "get_resources"),
    ):
        shown = repr(getattr(gateway.client(service, gateway.stranger), operation)())
        assert mine["name"] not in shown and mine["bucket"] not in shown and ACCOUNT not in shown


# ---- buckets, whose names all accounts share -----------------------------------------------------------------------


def test_the_name_of_a_bucket_is_taken_for_all(gateway: Gateway, mine: dict[str, Any]) -> None:
    theirs = gateway.client("s3", gateway.stranger)
    assert code_of(theirs.create_bucket, Bucket=mine["bucket"]) == "BucketAlreadyExists"
    gateway.client("s3").get_object(Bucket=mine["bucket"], Key="k")
    nobody = gateway.client("s3", gateway.user())
    assert code_of(nobody.create_bucket, Bucket=mine["bucket"]) == "AccessDenied"
    west = {"CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}}
    name = gateway.name("own")
    theirs.create_bucket(Bucket=name, **west)
    assert code_of(theirs.create_bucket, Bucket=name, **west) == "BucketAlreadyOwnedByYou"
    assert code_of(gateway.client("s3").create_bucket, Bucket=name, **west) == "BucketAlreadyExists"
    assert code_of(theirs.head_bucket, Bucket="nobodys-bucket") == "404"


def test_a_bucket_changes_hands(gateway: Gateway) -> None:
    """Deleted by one account and made by another: it is the other's, at once and for all that was remembered."""
    first, second = gateway.client("s3"), gateway.client("s3", gateway.stranger)
    name = gateway.name("hands")
    for owner, other in ((first, second), (second, first), (first, second)):
        owner.create_bucket(Bucket=name)
        owner.put_object(Bucket=name, Key="k", Body=b"x")
        assert code_of(other.get_object, Bucket=name, Key="k") == "AccessDenied"
        assert name in [bucket["Name"] for bucket in owner.list_buckets()["Buckets"]]
        assert name not in [bucket["Name"] for bucket in other.list_buckets()["Buckets"]]
        owner.delete_object(Bucket=name, Key="k")
        owner.delete_bucket(Bucket=name)
        assert code_of(other.get_object, Bucket=name, Key="k") == "NoSuchBucket"


def test_across_accounts_both_sides_must_allow(gateway: Gateway) -> None:
    name = gateway.bucket()
    s3 = gateway.client("s3")
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    theirs = gateway.client("iam", gateway.stranger)
    user = gateway.name("reader")
    arn = theirs.create_user(UserName=user)["User"]["Arn"]
    made = theirs.create_access_key(UserName=user)["AccessKey"]
    reader = gateway.client("s3", raw.Keys(made["AccessKeyId"], made["SecretAccessKey"]))
    objects = f"arn:aws:s3:::{name}/*"
    policy = {
        "Effect": "Allow",
        "Principal": {"AWS": arn},
        "Action": ["s3:GetObject", "s3:PutObject"],
        "Resource": objects,
    }
    read = {"Bucket": name, "Key": "k"}
    assert code_of(reader.get_object, **read) == "AccessDenied"
    s3.put_bucket_policy(Bucket=name, Policy=raw.document(policy))
    assert code_of(reader.get_object, **read) == "AccessDenied", "the bucket's side alone"
    theirs.put_user_policy(
        UserName=user, PolicyName="own", PolicyDocument=raw.document(statement("Allow", "s3:*", objects))
    )
    assert reader.get_object(**read)["Body"].read() == b"x"
    reader.put_object(Bucket=name, Key="theirs", Body=b"y")
    assert s3.get_object(Bucket=name, Key="theirs")["Body"].read() == b"y"
    s3.delete_bucket_policy(Bucket=name)
    assert code_of(reader.get_object, **read) == "AccessDenied", "the caller's side alone"


def _queue(gateway: Gateway) -> tuple[str, str, Callable[[str], Any]]:
    name = gateway.name("queue")
    url = gateway.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    set_policy = lambda text: gateway.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})  # noqa: E731
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", url, set_policy


# INVARIANT: what another account's policy allows is done in that account, and never to a namesake in one's own.
def test_a_queue_across_accounts(gateway: Gateway) -> None:
    arn, url, set_policy = _queue(gateway)
    theirs = gateway.client("iam", gateway.stranger)
    user = gateway.name("sender")
    principal = theirs.create_user(UserName=user)["User"]["Arn"]
    made = theirs.create_access_key(UserName=user)["AccessKey"]
    sender = gateway.client("sqs", raw.Keys(made["AccessKeyId"], made["SecretAccessKey"]))
    namesake = gateway.client("sqs", gateway.stranger).create_queue(QueueName=arn.rpartition(":")[2])["QueueUrl"]
    send = {"QueueUrl": url, "MessageBody": "hello"}
    theirs.put_user_policy(UserName=user, PolicyName="own", PolicyDocument=raw.document(statement("Allow", "sqs:*")))
    assert code_of(sender.send_message, **send) in DENIED, "the caller's side alone"
    set_policy(
        raw.document({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sqs:SendMessage", "Resource": arn})
    )
    sender.send_message(**send)
    assert code_of(sender.receive_message, QueueUrl=url) in DENIED, "what the queue's side does not allow"
    theirs.delete_user_policy(UserName=user, PolicyName="own")
    assert code_of(sender.send_message, **send) in DENIED, "the queue's side alone"
    (message,) = gateway.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "hello"
    assert not gateway.client("sqs", gateway.stranger).receive_message(QueueUrl=namesake).get("Messages")


def test_a_copy_reads_only_what_its_caller_may_read(gateway: Gateway, mine: dict[str, Any]) -> None:
    theirs = gateway.client("s3", gateway.stranger)
    target = gateway.name("target")
    theirs.create_bucket(Bucket=target)
    source = {"Bucket": mine["bucket"], "Key": "k"}
    assert code_of(theirs.copy_object, Bucket=target, Key="k", CopySource=source) == "AccessDenied"
    upload = theirs.create_multipart_upload(Bucket=target, Key="m")["UploadId"]
    part = {"Bucket": target, "Key": "m", "UploadId": upload, "PartNumber": 1}
    assert code_of(theirs.upload_part_copy, CopySource=source, **part) == "AccessDenied"
    into = {"Bucket": mine["bucket"], "Key": "evil"}
    theirs.put_object(Bucket=target, Key="k", Body=b"x")
    assert code_of(theirs.copy_object, CopySource={"Bucket": target, "Key": "k"}, **into) == "AccessDenied"


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
def test_whose_bucket_the_caller_expects(gateway: Gateway, mine: dict[str, Any]) -> None:
    s3 = gateway.client("s3")
    read = {"Bucket": mine["bucket"], "Key": "k"}
    s3.get_object(**read, ExpectedBucketOwner=ACCOUNT)
    assert code_of(s3.get_object, **read, ExpectedBucketOwner=SECOND) == "AccessDenied"
    assert code_of(s3.head_bucket, Bucket=mine["bucket"], ExpectedBucketOwner=SECOND) == "403"
    copy = {"Bucket": mine["bucket"], "Key": "copy", "CopySource": read}
    s3.copy_object(**copy, ExpectedSourceBucketOwner=ACCOUNT, ExpectedBucketOwner=ACCOUNT)
    assert code_of(s3.copy_object, **copy, ExpectedSourceBucketOwner=SECOND) == "AccessDenied"


def test_no_service_takes_a_bucket_of_another_account(gateway: Gateway, mine: dict[str, Any]) -> None:
    """The backend would read the code for whoever asks: https://docs.aws.amazon.com/lambda/latest/api/API_LayerVersionContentInput.html"""
    content = {"S3Bucket": mine["bucket"], "S3Key": "code.zip"}
    stranger, s3 = gateway.client("lambda", gateway.stranger), gateway.client("s3")
    with pytest.raises(ClientError) as refused:
        stranger.publish_layer_version(LayerName="stolen", Content=content)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    # Who may read the code makes nothing of it where it is.
    lets = raw.statement("Allow", "s3:GetObject", f"arn:aws:s3:::{mine['bucket']}/*") | {"Principal": {"AWS": SECOND}}
    s3.put_bucket_policy(Bucket=mine["bucket"], Policy=raw.document(lets))
    with pytest.raises(ClientError) as refused:
        stranger.publish_layer_version(LayerName="stolen", Content=content)
    s3.delete_bucket_policy(Bucket=mine["bucket"])
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert f"is not account {SECOND}'s" in refused.value.response["Error"]["Message"]
    layers = [one["LayerName"] for one in gateway.client("lambda").list_layers()["Layers"]]
    assert "stolen" not in layers
    own = gateway.client("lambda").publish_layer_version(LayerName=gateway.name("own"), Content=content)
    assert own["Content"]["CodeSize"] > 0
