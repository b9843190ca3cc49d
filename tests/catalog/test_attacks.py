"""A name that may be read two ways authorizes nothing: no policy is asked about A while the backend takes B."""

from typing import Any

import pytest

from kansatsu import catalog, wire
from kansatsu.catalog.plans import plan
from kansatsu.catalog.rules import Frame
from kansatsu.catalog.words import Member, is_new, noun, same_thing
from kansatsu.errors import AwsError

ACCOUNT, REGION, OTHER = "123456789012", "eu-west-1", "111122223333"
ALIAS = "alias/prod"


def resolve(service: str, operation: str, params: dict[str, Any], **more: Any) -> tuple[catalog.Authorization, ...]:
    return catalog.resolve(wire.load_service(service).operation(operation), params, ACCOUNT, REGION, **more)


def at(service: str, resource: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{resource}"


UNSURE: list[tuple[str, str, dict[str, Any]]] = [
    # the path of a queue URL, as different readers take it apart
    *(
        ("sqs", "SendMessage", {"QueueUrl": url})
        for url in (
            f"http://h/{ACCOUNT}/allowed/../secret", f"http://h/{ACCOUNT}/allowed?x=/{ACCOUNT}/secret",
            f"http://h/{ACCOUNT}/allowed#/{ACCOUNT}/secret", f"http://h/{ACCOUNT}/allowed/secret", "allowed",
            f"http://h/x/{ACCOUNT}/allowed", f"http://h/{ACCOUNT}/allowed/", f"http://h/{ACCOUNT}//allowed",
            f"http://u@h/{ACCOUNT}/allowed", f"http://h/{ACCOUNT}/al%6cowed", f"http://h/{ACCOUNT}/allowed\n",
            f"//h/{ACCOUNT}/allowed", "", "http://h/12345/allowed", f"http://h/{ACCOUNT}/*",
        )
    ),
    ("sqs", "SendMessage", {}),
    ("sqs", "CreateQueue", {"QueueName": "a*"}),
    ("sqs", "StartMessageMoveTask", {"SourceArn": at("sqs", "a"), "DestinationArn": at("sqs", "b", "us-east-1")}),
    ("dynamodb", "GetItem", {"TableName": f"arn:aws-cn:dynamodb:{REGION}:{ACCOUNT}:table/t", "Key": {"a": {"S": "b"}}}),
    ("sns", "Publish", {"TopicArn": at("sns", "t*")}),
    ("sns", "Publish", {"TopicArn": "arn:aws-cn:sns:x:1:t"}),
    ("sns", "Publish", {"TopicArn": at("sns", "t"), "PhoneNumber": "+15555550100"}),
    ("sns", "Publish", {"TargetArn": at("sns", "t"), "PhoneNumber": "+15555550100"}),
    ("sns", "Publish", {"TargetArn": at("sns", "app/x", account="")}),
    ("sns", "Unsubscribe", {"SubscriptionArn": at("sns", "t:*")}),
    *(
        ("lambda", "Invoke", params)
        for params in (
            {"FunctionName": "f:1", "Qualifier": "2"}, {"FunctionName": "function:f:1:2"}, {"FunctionName": "f*"},
            {"FunctionName": f"{ACCOUNT}:function"}, {"FunctionName": "function"}, {"FunctionName": "../f"},
            {"FunctionName": "arn:aws-cn:lambda:eu-west-1:123456789012:function:f"}, {"FunctionName": "f%3A1"},
            {"FunctionName": "f", "Qualifier": "*"}, {"FunctionName": at("sqs", "f")}, {"FunctionName": ACCOUNT},
        )
    ),
    ("lambda", "GetLayerVersion", {"LayerName": at("lambda", "layer:l:2"), "VersionNumber": 3}),
    # an alias points to any key
    *(("kms", "Decrypt", {"KeyId": key}) for key in (ALIAS, at("kms", ALIAS), "prod", at("kms", "key/*"))),
    ("kms", "Decrypt", {"CiphertextBlob": b"x"}),
    ("kms", "DeleteAlias", {"AliasName": ALIAS}),
    ("kms", "UpdateAlias", {"AliasName": ALIAS, "TargetKeyId": "alias/other"}),
    ("kms", "CreateAlias", {"AliasName": "alias/*", "TargetKeyId": "11111111-2222-3333-4444-555555555555"}),
    # the name of a secret is not its ARN; what ends in six characters may be either
    *(
        ("secretsmanager", "GetSecretValue", {"SecretId": name})
        for name in ("a", at("secretsmanager", "secret:a"), at("secretsmanager", "secret:a-AbCdEf"))
    ),
    ("ssm", "GetParameter", {"Name": "a//b"}),
    ("ssm", "GetParameter", {"Name": "/a/../b"}),
    ("ssm", "GetParameter", {"Name": "a:1:2"}),
    ("ssm", "GetParameters", {"Names": ["a", "b*"]}),
    ("ssm", "GetParametersByPath", {"Path": "/a/*"}),
    ("ssm", "SendCommand", {"DocumentName": "d", "InstanceIds": ["*"]}),
    ("logs", "PutLogEvents", {"logGroupName": "g*", "logStreamName": "s"}),
    ("logs", "PutLogEvents", {"logGroupName": "g:log-stream:x", "logStreamName": "s"}),
    ("logs", "GetLogEvents", {"logGroupName": "g", "logGroupIdentifier": "h", "logStreamName": "s"}),
    ("logs", "GetLogEvents", {"logGroupIdentifier": at("logs", "log-group:g", account=OTHER), "logStreamName": "s"}),
    ("kinesis", "ListShards", {"NextToken": "t"}),
    ("kinesis", "ListShards", {"NextToken": "t", "StreamName": "s"}),
    ("kinesis", "ListShards", {"NextToken": "t", "StreamARN": at("kinesis", "stream/s")}),
    ("kinesis", "ListShards", {}),
    ("events", "PutTargets", {"Rule": "a/b", "Targets": []}),
    ("events", "PutRule", {"Name": "r", "EventBusName": at("events", "event-bus/b", "us-east-1")}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "params"), UNSURE)
def test_what_can_be_read_two_ways_is_authorized_on_everything(
    service: str, operation: str, params: dict[str, Any]
) -> None:
    found = resolve(service, operation, params)
    assert any((item.resource, item.exact) == ("*", False) for item in found), found


@pytest.mark.parametrize(
    ("service", "operation", "params", "resource"),
    [
        ("lambda", "Invoke", {"FunctionName": at("lambda", "function:f", "us-east-1")}, at("lambda", "function:f")),
        ("sns", "Publish", {"TopicArn": at("sns", "t", "us-east-1")}, at("sns", "t")),
        ("dynamodb", "DescribeTable", {"TableName": at("dynamodb", "table/t", "us-east-1")}, at("dynamodb", "table/t")),
        ("kinesis", "PutRecord", {"StreamARN": at("kinesis", "stream/s", "us-east-1")}, at("kinesis", "stream/s")),
    ],
)
def test_a_region_in_an_arn_does_not_lead_away(
    service: str, operation: str, params: dict[str, Any], resource: str
) -> None:
    """The attack: the policy is asked about another region's resource, the backend takes its namesake here."""
    found = [item.resource for item in resolve(service, operation, params)]
    assert sorted(found) == sorted([resource, resource.replace(REGION, "us-east-1")])


@pytest.mark.parametrize(
    ("service", "operation", "params", "resources"),
    [
        (
            "kinesis",
            "PutRecord",
            {"StreamName": "mine", "StreamARN": at("kinesis", "stream/theirs")},
            [at("kinesis", "stream/mine"), at("kinesis", "stream/theirs")],
        ),
        (
            "sns",
            "Publish",
            {"TopicArn": at("sns", "mine"), "TargetArn": at("sns", "theirs")},
            [at("sns", "mine"), at("sns", "theirs")],
        ),
    ],
)
def test_of_two_names_both_are_authorized(
    service: str, operation: str, params: dict[str, Any], resources: list[str]
) -> None:
    assert sorted(item.resource for item in resolve(service, operation, params)) == sorted(resources)


def test_a_token_of_a_list_of_shards_is_of_the_stream_that_it_was_given_for() -> None:
    known = {"iterator t": at("kinesis", "stream/s")}
    for beside in ({}, {"StreamName": "s"}, {"StreamARN": at("kinesis", "stream/s")}):
        (found,) = resolve("kinesis", "ListShards", {"NextToken": "t", **beside}, known=known)
        assert (found.resource, found.exact) == (at("kinesis", "stream/s"), True)
    for beside in ({"StreamName": "other"}, {"StreamARN": at("kinesis", "stream/other")}):
        (found,) = resolve("kinesis", "ListShards", {"NextToken": "t", **beside}, known=known)
        assert (found.resource, found.exact) == ("*", False)


@pytest.mark.parametrize(
    "bucket", ["b/k", "..", ".", "b*", "", "arn:", "arn:aws-cn:s3:::b", "arn:aws:s3:eu-west-1:1:x"]
)
def test_a_bucket_that_is_more_than_a_bucket(bucket: str) -> None:
    """The attack: GET /allowed%2Fsecret is authorized as a listing, and read as an object by the backend."""
    with pytest.raises(AwsError) as refused:
        resolve("s3", "ListObjectsV2", {"Bucket": bucket})
    assert refused.value.code == "InvalidBucketName"


def test_a_name_that_no_type_explains_is_not_passed_over() -> None:
    """The attack: a listing is authorized where one resource is named in a way that the rule does not know."""
    members = [Member(name, name.lower(), True, False) for name in ("ArchiveName", "OldName")]
    one, frame = plan("events", "DescribeArchive", "DescribeArchive", members), Frame(ACCOUNT, REGION)
    assert one.resources({}, frame) == [at("events", "archive/*")]
    assert one.resources({"OldName": "secret"}, frame) is None
    assert one.resources({"ArchiveName": "a", "OldName": "secret"}, frame) == [at("events", "archive/a")]


@pytest.mark.parametrize(
    ("key", "operation", "same"),
    [
        ("function", "CreateFunctionVersion", False),
        ("distribution", "GetDistributionConfig", False),
        ("function version", "CreateFunctionVersion", True),
        ("cache-policy", "GetCachePolicy", True),
        ("job", "StartTranscriptionJob", True),
        ("policy", "ListPolicies", True),
    ],
)
def test_the_name_of_a_part_is_not_the_name_of_the_whole(key: str, operation: str, same: bool) -> None:
    """The attack: the Name of a version is authorized as the name of the function that has it."""
    assert same_thing(key, noun(operation)) is same


def test_what_starts_something_that_exists_is_not_new() -> None:
    assert is_new("CreateCluster") and not is_new("PutCluster") and not is_new("StartCluster")


def test_another_account_than_the_rule_knows_is_not_passed_over() -> None:
    """The attack: a repository of another registry is authorized as the one of the same name here."""
    for registry, account in ((OTHER, OTHER), (ACCOUNT, ACCOUNT), ("x", "")):
        (found,) = resolve("ecr", "DescribeImages", {"repositoryName": "a/b", "registryId": registry})
        assert found.resource == (at("ecr", "repository/a/b", account=account) if account else "*")
        assert found.exact is bool(account)


SECRET = at("secretsmanager", "secret:db-AbCdEf")
CLUSTER = {"resourceArn": at("rds", "cluster:c")}


ON_CLUSTER = (
    "BatchExecuteStatement",
    "BeginTransaction",
    "CommitTransaction",
    "ExecuteStatement",
    "RollbackTransaction",
)
ON_REDSHIFT = (
    "BatchExecuteStatement",
    "DescribeTable",
    "ExecuteStatement",
    "ListDatabases",
    "ListSchemas",
    "ListTables",
)


@pytest.mark.parametrize(
    ("service", "operation", "params", "member"),
    [
        *(("rds-data", operation, CLUSTER, "secretArn") for operation in ON_CLUSTER),
        ("rds-data", "ExecuteSql", {"dbClusterOrInstanceArn": CLUSTER["resourceArn"]}, "awsSecretStoreArn"),
        *(("redshift-data", operation, {"ClusterIdentifier": "c"}, "SecretArn") for operation in ON_REDSHIFT),
    ],
)
def test_who_logs_in_with_a_secret_may_read_it(
    service: str, operation: str, params: dict[str, Any], member: str
) -> None:
    """The attack: somebody who may not read the administrator's secret lets the service log in with it."""

    def reads(given: str | None, meant: str = "") -> list[tuple[str, bool]]:
        own = params if given is None else {**params, member: given}
        found = resolve(service, operation, own, known={f"secret {given}": meant})
        return [(item.resource, item.exact) for item in found if item.action == "secretsmanager:GetSecretValue"]

    assert reads(None) == []
    assert reads(SECRET, SECRET) == reads("db", SECRET) == reads(SECRET[:-7], SECRET) == [(SECRET, True)]
    (question,) = catalog.questions(wire.load_service(service).operation(operation), {**params, member: SECRET})
    assert (question.operation, question.params) == ("DescribeSecret", {"SecretId": SECRET})
    # What the backend does not tell, or tells of another account, is read by those who may read all.
    elsewhere = at("secretsmanager", "secret:db-AbCdEf", account=OTHER)
    for given, meant in ((SECRET, ""), (SECRET, elsewhere), ("db", elsewhere), (elsewhere, SECRET), ("*", SECRET)):
        assert reads(given, meant) == [("*", False)]


MADE = "BatchWriteItem CreateTable CreateTableReplica DeleteItem GetItem PutItem Query Scan UpdateItem"
TABLE, OF_GLOBAL = {"TableName": "t"}, {"GlobalTableName": "t"}
THERE, HERE = at("dynamodb", "table/t", "us-east-1"), at("dynamodb", "table/t")
REPLICA, GLOBAL = {"RegionName": "us-east-1"}, f"arn:aws:dynamodb::{ACCOUNT}:global-table/t"
CREATED, DELETED, UPDATED = ([{verb: REPLICA}] for verb in ("Create", "Delete", "Update"))


@pytest.mark.parametrize(
    ("operation", "params", "own", "there"),
    [
        ("UpdateTable", {**TABLE, "ReplicaUpdates": CREATED}, [HERE], MADE),
        ("UpdateTable", {"TableName": HERE, "ReplicaUpdates": CREATED}, [HERE], MADE),
        ("UpdateTable", {**TABLE, "ReplicaUpdates": DELETED}, [HERE], "DeleteTable DeleteTableReplica"),
        ("UpdateTable", {**TABLE, "ReplicaUpdates": UPDATED}, [HERE], ""),
        ("UpdateTable", {**TABLE, "GlobalTableWitnessUpdates": CREATED}, [HERE], "CreateGlobalTableWitness"),
        ("UpdateTable", {**TABLE, "GlobalTableWitnessUpdates": DELETED}, [HERE], "DeleteGlobalTableWitness"),
        ("CreateGlobalTable", {**OF_GLOBAL, "ReplicationGroup": [REPLICA]}, [GLOBAL], "CreateGlobalTable"),
        (
            *("UpdateGlobalTable", {**OF_GLOBAL, "ReplicaUpdates": CREATED}, [GLOBAL, GLOBAL]),
            "CreateGlobalTable UpdateGlobalTable",
        ),
        ("UpdateGlobalTable", {**OF_GLOBAL, "ReplicaUpdates": DELETED}, [GLOBAL], "UpdateGlobalTable"),
    ],
)
def test_who_makes_a_replica_may_make_the_table_there(
    operation: str, params: dict[str, Any], own: list[str], there: str
) -> None:
    """The attack: a table of a Region that somebody may not touch is made, or deleted, by changing one of his own."""
    found = resolve("dynamodb", operation, params)
    assert [item.resource for item in found if item.resource != THERE] == own
    assert sorted(item.action for item in found if item.resource == THERE) == [f"dynamodb:{a}" for a in there.split()]
    assert all(item.context["aws:requestedregion"] == "us-east-1" for item in found if item.resource == THERE)
    assert all(item.exact for item in found)


@pytest.mark.parametrize(("name", "region"), [("t", "*"), ("t", "us-east-1:1"), ("t*", "us-east-1")])
def test_a_replica_that_nobody_can_tell(name: str, region: str) -> None:
    params = {"TableName": name, "ReplicaUpdates": [{"Create": {"RegionName": region}}]}
    made = [item for item in resolve("dynamodb", "UpdateTable", params) if item.action == "dynamodb:CreateTable"]
    assert [(item.resource, item.exact) for item in made] == [("*", False)]
