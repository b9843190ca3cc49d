"""Access by tags: the tags that a resource has at the backend decide, those of the moment, in every service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/introduction_attribute-based-access-control.html
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from kansatsu.resources import tags

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Keys, statement
from .test_accounts import code_of
from .test_isolation import DENIED

Params = dict[str, Any]
REFUSED = DENIED | {"UnauthorizedOperation", "AuthorizationErrorException"}


def pairs(project: str, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: "project", value: project}]


@dataclass(frozen=True)
class Case:
    """A resource that is made with a tag, a call on it, and how its tag is changed and taken away."""

    make: Callable[[Any, str, str], Params]  # (client, name, project) -> what the following may name
    call: tuple[str, Callable[[Params], Params]]
    tag: tuple[str, Callable[[Params, str], Params]]
    untag: tuple[str, Callable[[Params], Params]]
    key: str = "aws:ResourceTag/project"
    actions: tuple[str, ...] = ()


def _bucket(s3: Any, name: str, project: str) -> Params:
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="a/b c+d", Body=b"x", Tagging=f"project={project}")
    return {"Bucket": name, "Key": "a/b c+d"}


def _table(dynamodb: Any, name: str, project: str) -> Params:
    made = dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        Tags=pairs(project),
    )
    return {"TableName": name, "Arn": made["TableDescription"]["TableArn"]}


def _queue(sqs: Any, name: str, project: str) -> Params:
    return {"QueueUrl": sqs.create_queue(QueueName=name, tags={"project": project})["QueueUrl"]}


def _vpc(ec2: Any, _name: str, project: str) -> Params:
    tags = [{"ResourceType": "vpc", "Tags": pairs(project)}]
    return {"VpcId": ec2.create_vpc(CidrBlock="10.8.0.0/16", TagSpecifications=tags)["Vpc"]["VpcId"]}


def _parameter(ssm: Any, name: str, project: str) -> Params:
    ssm.put_parameter(Name="/team/" + name, Value="v", Type="String", Tags=pairs(project))
    return {"Name": "/team/" + name}


def _group(logs: Any, name: str, project: str) -> Params:
    logs.create_log_group(logGroupName=name, tags={"project": project})
    return {"logGroupName": name, "Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"}


def _stream(kinesis: Any, name: str, project: str) -> Params:
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.add_tags_to_stream(StreamName=name, Tags={"project": project})
    return {"StreamName": name}


def _rule(events: Any, name: str, project: str) -> Params:
    made = events.put_rule(Name=name, ScheduleExpression="rate(1 day)", Tags=pairs(project))
    return {"Name": name, "Arn": made["RuleArn"]}


def _machine(states: Any, name: str, project: str) -> Params:
    definition = json.dumps({"StartAt": "x", "States": {"x": {"Type": "Succeed"}}})
    role = f"arn:aws:iam::{ACCOUNT}:role/machine"
    tags = pairs(project, "key", "value")
    made = states.create_state_machine(name=name, definition=definition, roleArn=role, tags=tags)
    return {"Arn": made["stateMachineArn"]}


def _database(rds: Any, name: str, project: str) -> Params:
    made = rds.create_db_instance(
        DBInstanceIdentifier=name,
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        MasterUsername="user",
        MasterUserPassword="password",
        AllocatedStorage=10,
        Tags=pairs(project),
    )["DBInstance"]
    return {"DBInstanceIdentifier": name, "Arn": made["DBInstanceArn"]}


def _repository(ecr: Any, name: str, project: str) -> Params:
    made = ecr.create_repository(repositoryName=name, tags=pairs(project))["repository"]
    return {"repositoryName": name, "Arn": made["repositoryArn"]}


def _arn(member: str, **more: Any) -> Callable[[Params], Params]:
    return lambda made: {member: made["Arn"], **more}


def _only(*members: str, **more: Any) -> Callable[[Params], Params]:
    return lambda made: {name: made[name] for name in members} | more


def _tagged(member: str, tags: str, shape: Callable[[str], Any]) -> Callable[[Params, str], Params]:
    return lambda made, project: {member: made["Arn"], tags: shape(project)}


def _dict(project: str) -> dict[str, str]:
    return {"project": project}


CASES: dict[str, Case] = {
    "s3": Case(
        _bucket,
        ("get_object", _only("Bucket", "Key")),
        ("put_object_tagging", lambda m, p: {**m, "Tagging": {"TagSet": pairs(p)}}),
        ("delete_object_tagging", _only("Bucket", "Key")),
        "s3:ExistingObjectTag/project",
    ),
    "dynamodb": Case(
        _table,
        ("get_item", _only("TableName", Key={"pk": {"S": "1"}})),
        ("tag_resource", _tagged("ResourceArn", "Tags", pairs)),
        ("untag_resource", _arn("ResourceArn", TagKeys=["project"])),
    ),
    "sqs": Case(
        _queue,
        ("receive_message", _only("QueueUrl")),
        ("tag_queue", lambda m, p: {**m, "Tags": _dict(p)}),
        ("untag_queue", _only("QueueUrl", TagKeys=["project"])),
    ),
    "secretsmanager by name": Case(
        lambda c, n, p: {"Arn": c.create_secret(Name=n, SecretString="s", Tags=pairs(p))["ARN"], "SecretId": n},
        ("get_secret_value", _only("SecretId")),
        ("tag_resource", _tagged("SecretId", "Tags", pairs)),
        ("untag_resource", _only("SecretId", TagKeys=["project"])),
    ),
    "secretsmanager": Case(
        lambda c, n, p: {"Arn": c.create_secret(Name=n, SecretString="s", Tags=pairs(p))["ARN"], "SecretId": n},
        ("get_secret_value", _arn("SecretId")),
        ("tag_resource", _tagged("SecretId", "Tags", pairs)),
        ("untag_resource", _arn("SecretId", TagKeys=["project"])),
        "secretsmanager:ResourceTag/project",
    ),
    "ec2": Case(
        _vpc,
        ("modify_vpc_attribute", _only("VpcId", EnableDnsSupport={"Value": True})),
        ("create_tags", lambda m, p: {"Resources": [m["VpcId"]], "Tags": pairs(p)}),
        ("delete_tags", lambda m: {"Resources": [m["VpcId"]], "Tags": [{"Key": "project"}]}),
        "ec2:ResourceTag/project",
    ),
    "sns": Case(
        lambda c, n, p: {"Arn": c.create_topic(Name=n, Tags=pairs(p))["TopicArn"]},
        ("publish", _arn("TopicArn", Message="m")),
        ("tag_resource", _tagged("ResourceArn", "Tags", pairs)),
        ("untag_resource", _arn("ResourceArn", TagKeys=["project"])),
    ),
    "kms": Case(
        lambda c, n, p: {"Arn": c.create_key(Tags=pairs(p, "TagKey", "TagValue"))["KeyMetadata"]["Arn"]},
        ("encrypt", _arn("KeyId", Plaintext=b"x")),
        ("tag_resource", _tagged("KeyId", "Tags", lambda p: pairs(p, "TagKey", "TagValue"))),
        ("untag_resource", _arn("KeyId", TagKeys=["project"])),
    ),
    "ssm": Case(
        _parameter,
        ("get_parameter", _only("Name")),
        (
            "add_tags_to_resource",
            lambda m, p: {"ResourceType": "Parameter", "ResourceId": m["Name"], "Tags": pairs(p)},
        ),
        (
            "remove_tags_from_resource",
            lambda m: {"ResourceType": "Parameter", "ResourceId": m["Name"], "TagKeys": ["project"]},
        ),
    ),
    "logs": Case(
        _group,
        ("create_log_stream", lambda m: {"logGroupName": m["logGroupName"], "logStreamName": "s"}),
        ("tag_resource", _tagged("resourceArn", "tags", _dict)),
        ("untag_resource", _arn("resourceArn", tagKeys=["project"])),
    ),
    "kinesis": Case(
        _stream,
        ("describe_stream_summary", _only("StreamName")),
        ("add_tags_to_stream", lambda m, p: {**m, "Tags": _dict(p)}),
        ("remove_tags_from_stream", _only("StreamName", TagKeys=["project"])),
    ),
    "events": Case(
        _rule,
        ("describe_rule", _only("Name")),
        ("tag_resource", _tagged("ResourceARN", "Tags", pairs)),
        ("untag_resource", _arn("ResourceARN", TagKeys=["project"])),
    ),
    "stepfunctions": Case(
        _machine,
        ("describe_state_machine", _arn("stateMachineArn")),
        ("tag_resource", _tagged("resourceArn", "tags", lambda p: pairs(p, "key", "value"))),
        ("untag_resource", _arn("resourceArn", tagKeys=["project"])),
    ),
    "rds": Case(
        _database,
        ("reboot_db_instance", _only("DBInstanceIdentifier")),
        ("add_tags_to_resource", _tagged("ResourceName", "Tags", pairs)),
        ("remove_tags_from_resource", _arn("ResourceName", TagKeys=["project"])),
        "rds:db-tag/project",
    ),
    "ecr": Case(
        _repository,
        ("list_images", _only("repositoryName")),
        ("tag_resource", _tagged("resourceArn", "tags", pairs)),
        ("untag_resource", _arn("resourceArn", tagKeys=["project"])),
        "ecr:ResourceTag/project",
    ),
}


def member_of(gateway: Gateway, project: str, key: str, *more: dict[str, Any]) -> Keys:
    """A user who may do everything to what has the tag of its own project."""
    own = {"StringEquals": {key: "${aws:PrincipalTag/project}"}}
    return gateway.user(statement("Allow", "*") | {"Condition": own}, *more, Tags=pairs(project))


@pytest.mark.parametrize("service", CASES)
def test_each_project_has_its_own(gateway: Gateway, service: str) -> None:
    case, service = CASES[service], service.partition(" ")[0]
    admin = gateway.client(service)
    blue, red = (gateway.client(service, member_of(gateway, project, case.key)) for project in ("blue", "red"))
    made = case.make(admin, gateway.name("tagged"), "blue")
    operation, params = case.call

    def codes() -> list[str]:
        return [code_of(getattr(client, operation), **params(made)) for client in (blue, red)]

    before = codes()
    assert before[0] not in REFUSED and before[1] in REFUSED
    getattr(admin, case.tag[0])(**case.tag[1](made, "red"))
    after = codes()
    assert after[0] in REFUSED and after[1] not in REFUSED, "it has changed hands at once"
    getattr(admin, case.untag[0])(**case.untag[1](made))
    assert set(codes()) <= REFUSED, "what has no tag is nobody's"


# INVARIANT: a Deny by the tags of a resource applies.
@pytest.mark.parametrize("service", CASES)
def test_a_deny_by_tags(gateway: Gateway, service: str) -> None:
    case, service = CASES[service], service.partition(" ")[0]
    made = case.make(gateway.client(service), gateway.name("secret"), "secret")
    deny = statement("Deny", "*") | {"Condition": {"StringEquals": {case.key: "secret"}}}
    operation, params = case.call
    client = gateway.client(service, gateway.user(statement("Allow", "*"), deny))
    assert code_of(getattr(client, operation), **params(made)) in REFUSED
    if service != "s3":
        # The way around it: to take the tag off first is an action on the same resource.
        assert code_of(getattr(client, case.untag[0]), **case.untag[1](made)) in REFUSED
    assert code_of(getattr(client, operation), **params(made)) in REFUSED


def test_attack_another_door_to_the_tags(gateway: Gateway) -> None:
    """The tagging API takes the permission of the service besides its own."""
    made = _queue(gateway.client("sqs"), gateway.name("secret"), "secret")
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{made['QueueUrl'].rpartition('/')[2]}"
    untag = {"ResourceARNList": [queue], "TagKeys": ["project"]}
    tagger = gateway.client("resourcegroupstaggingapi", gateway.user(statement("Allow", "tag:*")))
    assert code_of(tagger.untag_resources, **untag) == "AccessDeniedException"
    deny = statement("Deny", "sqs:*") | {"Condition": {"StringEquals": {"aws:ResourceTag/project": "secret"}}}
    bound = gateway.client("resourcegroupstaggingapi", gateway.user(statement("Allow", "*"), deny))
    assert code_of(bound.untag_resources, **untag) == "AccessDeniedException"
    assert gateway.client("sqs").list_queue_tags(**made)["Tags"] == {"project": "secret"}
    both = gateway.user(statement("Allow", ["tag:UntagResources", "sqs:UntagQueue"]))
    assert code_of(gateway.client("resourcegroupstaggingapi", both).untag_resources, **untag) == ""


def test_what_is_made_must_have_the_tag_of_its_project(gateway: Gateway) -> None:
    own = {"StringEquals": {"aws:RequestTag/project": "${aws:PrincipalTag/project}"}}
    keys = gateway.user(
        statement("Allow", ["sqs:CreateQueue", "sqs:TagQueue"]) | {"Condition": own}, Tags=pairs("blue")
    )
    sqs = gateway.client("sqs", keys)
    assert code_of(sqs.create_queue, QueueName=gateway.name("q")) == "AccessDenied"
    assert code_of(sqs.create_queue, QueueName=gateway.name("q"), tags=_dict("red")) == "AccessDenied"
    assert code_of(sqs.create_queue, QueueName=gateway.name("q"), tags=_dict("blue")) == ""


# INVARIANT: a resource that nobody could name is never taken for one without tags.
@pytest.mark.parametrize("key", ["aws:ResourceTag/project", "kms:ResourceTag/project"])
def test_tags_of_what_is_not_known(gateway: Gateway, key: str) -> None:
    alias = "alias/" + gateway.name("a")
    kms = gateway.client("kms")
    arn = kms.create_key(Tags=pairs("secret", "TagKey", "TagValue"))["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=alias, TargetKeyId=arn)
    deny = statement("Deny", "*") | {"Condition": {"StringEquals": {key: "secret"}}}
    bound = gateway.client("kms", gateway.user(statement("Allow", "*"), deny))
    assert code_of(bound.encrypt, KeyId=alias, Plaintext=b"x") != ""


# INVARIANT: tags that cannot be read refuse; they are never taken for none.
def test_tags_that_cannot_be_read(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    unless = {"StringNotEquals": {"aws:ResourceTag/project": "secret"}}
    keys = gateway.user(statement("Allow", "*") | {"Condition": unless})
    glue = gateway.client("glue", keys)  # whose tags Kansatsu cannot read
    gateway.client("glue").create_database(DatabaseInput={"Name": "db"})
    assert code_of(glue.get_database, Name="db") not in ("", "EntityNotFoundException")
    queue = _queue(gateway.client("sqs"), gateway.name("q"), "blue")
    assert code_of(gateway.client("sqs", keys).receive_message, **queue) == ""
    row = tags.READINGS["sqs"]
    monkeypatch.setitem(tags.READINGS, "sqs", tags.Reading(row.service, "ListNothing", row.params, row.read))
    assert code_of(gateway.client("sqs", keys).receive_message, **queue) not in ("", "AccessDenied")


def test_a_denial_says_which_tags_there_were(gateway: Gateway) -> None:
    made = _queue(gateway.client("sqs"), gateway.name("q"), "red")
    keys = member_of(gateway, "blue", "aws:ResourceTag/project")
    assert code_of(gateway.client("sqs", keys).receive_message, **made) == "AccessDenied"
    shown = gateway.client("kansatsu").explain_request()
    assert '"aws:ResourceTag/project"' in json.dumps(shown["Evaluations"][0]["Context"])


@pytest.mark.parametrize(
    ("one", "other", "passes"), [("dev", "dev", True), ("prod", "dev", False), ("dev", "prod", False)]
)
def test_of_a_tag_in_two_cases_no_value_hides_the_other(
    gateway: Gateway, one: str, other: str, *, passes: bool
) -> None:
    """The attack: what has `env=prod` gets `Env=dev` too, and is taken for what anybody may use."""
    made = gateway.client("sqs").create_queue(QueueName=gateway.name("q"), tags={"env": one, "Env": other})
    queue = {"QueueUrl": made["QueueUrl"]}
    allow, tag = statement("Allow", "sqs:*"), "aws:ResourceTag/env"
    deny = statement("Deny", "*") | {"Condition": {"StringEquals": {tag: "prod"}}}
    for keys in (gateway.user(allow | {"Condition": {"StringEquals": {tag: "dev"}}}), gateway.user(allow, deny)):
        assert (code_of(gateway.client("sqs", keys).receive_message, **queue) == "") is passes
    anything = gateway.user(allow | {"Condition": {"StringLike": {tag: "*"}}})
    assert code_of(gateway.client("sqs", anything).receive_message, **queue) == ""


# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
def test_leading_keys_are_those_of_the_partition_key(gateway: Gateway) -> None:
    name = gateway.name("scores")
    admin = gateway.client("dynamodb")
    admin.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "user", "KeyType": "HASH"}, {"AttributeName": "game", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("user", "game")],
        BillingMode="PAY_PER_REQUEST",
    )
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["${aws:username}"]}}
    keys = gateway.user(statement("Allow", "dynamodb:*") | {"Condition": own})
    dynamodb = gateway.client("dynamodb", keys)
    mine = {"user": {"S": keys.name}, "game": {"S": "chess"}}
    dynamodb.put_item(TableName=name, Item={**mine, "score": {"N": "1"}})
    assert dynamodb.get_item(TableName=name, Key=mine)["Item"]["score"] == {"N": "1"}
    another = {"user": {"S": "another"}, "game": {"S": keys.name}}
    assert code_of(dynamodb.get_item, TableName=name, Key=another) == "AccessDeniedException"
    batch = {name: {"Keys": [mine, another]}}
    assert code_of(dynamodb.batch_get_item, RequestItems=batch) == "AccessDeniedException"
    # Made anew with another partition key: what was remembered of the table is forgotten.
    admin.delete_table(TableName=name)
    admin.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "game", "KeyType": "HASH"}, {"AttributeName": "user", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("user", "game")],
        BillingMode="PAY_PER_REQUEST",
    )
    assert code_of(dynamodb.get_item, TableName=name, Key=mine) == "AccessDeniedException"
    assert code_of(dynamodb.get_item, TableName=name, Key=another) == ""


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-requestedregion
def test_the_region_of_a_request_is_that_of_its_bucket(gateway: Gateway) -> None:
    name, admin = gateway.name("west"), gateway.client("s3")
    admin.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    admin.put_object(Bucket=name, Key="k", Body=b"x")
    here = gateway.bucket()
    deny = statement("Deny", "*") | {"Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-west-2"}}}
    keys = gateway.user(statement("Allow", "s3:*"), deny)
    for region in ("us-east-1", "us-west-2"):  # whatever the client signs for
        ask = raw.Ask("GET", f"/{name}/k")
        assert gateway.ask(ask, keys, "s3", region=region).status == 200
        assert gateway.ask(raw.Ask("GET", f"/{here}"), keys, "s3", region=region).status == 403
