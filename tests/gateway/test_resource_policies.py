"""Policies of queues, topics, keys and secrets, set and felt through the gateway; each attack on them is a test.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_identity-vs-resource.html
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, Gateway
from .raw import REGION, Ask, Keys, statement

OTHER = "222222222222"
ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
KEEP = {"Effect": "Allow", "Principal": ROOT, "Action": "kms:*", "Resource": "*"}  # what every key policy needs


@dataclass(frozen=True)
class Service:
    """How a resource is made, its policy set, read and taken away, and what to do with it to feel the policy."""

    name: str
    make: Callable[[Any, str], str]  # (client, name) -> what calls name it by
    arn: Callable[[Any, str], str]
    put: Callable[[Any, str, str], Any]
    get: Callable[[Any, str], str | None]
    drop: Callable[[Any, str], Any]
    use: Callable[[Any, str], Any]
    action: str
    malformed: str
    remove: Callable[[Any, str], Any] | None = None


def queue_policy(sqs: Any, url: str) -> str | None:
    got = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    return got.get("Policy") or None


def repository_policy(ecr: Any, name: str) -> str | None:
    try:
        return str(ecr.get_repository_policy(repositoryName=name)["policyText"])
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return None


def table(dynamodb: Any, name: str, *, index: str = "", **more: Any) -> str:
    keys = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    if index:
        more["GlobalSecondaryIndexes"] = [{"IndexName": index, **keys, "Projection": {"ProjectionType": "ALL"}}]
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    call = {**keys, "AttributeDefinitions": attributes, "BillingMode": "PAY_PER_REQUEST"}
    return str(dynamodb.create_table(TableName=name, **call, **more)["TableDescription"]["TableName"])


def table_policy(dynamodb: Any, arn: str) -> str | None:
    try:
        return str(dynamodb.get_resource_policy(ResourceArn=arn)["Policy"])
    except dynamodb.exceptions.PolicyNotFoundException:
        return None


def put_event(events: Any, bus: str) -> None:
    answer = events.put_events(Entries=[{"EventBusName": bus, "Source": "s", "DetailType": "d", "Detail": "{}"}])
    assert answer["FailedEntryCount"] == 0


def put_topic(sns: Any, topic: str, text: str) -> Any:
    return sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=text)


def put_key(kms: Any, key: str, text: str) -> Any:
    document = json.loads(text)
    document["Statement"].append(KEEP)
    return kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(document))


SQS = Service(
    "sqs",
    lambda sqs, name: str(sqs.create_queue(QueueName=name)["QueueUrl"]),
    lambda _sqs, url: f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}",
    lambda sqs, url, text: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text}),
    queue_policy,
    lambda sqs, url: sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""}),
    lambda sqs, url: sqs.send_message(QueueUrl=url, MessageBody="m"),
    "sqs:SendMessage",
    "InvalidAttributeValue",
    lambda sqs, url: sqs.delete_queue(QueueUrl=url),
)
SNS = Service(
    "sns",
    lambda sns, name: str(sns.create_topic(Name=name)["TopicArn"]),
    lambda _sns, topic: topic,
    put_topic,
    lambda sns, topic: str(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]),
    lambda sns, topic: put_topic(sns, topic, raw.document(says("Allow", ROOT, "sns:Publish", topic))),
    lambda sns, topic: sns.publish(TopicArn=topic, Message="m"),
    "sns:Publish",
    "InvalidParameter",
    lambda sns, topic: sns.delete_topic(TopicArn=topic),
)
KMS = Service(
    "kms",
    lambda kms, _name: str(kms.create_key()["KeyMetadata"]["KeyId"]),
    lambda _kms, key: f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}",
    put_key,
    lambda kms, key: str(kms.get_key_policy(KeyId=key)["Policy"]),
    lambda kms, key: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=raw.document(KEEP)),
    lambda kms, key: kms.encrypt(KeyId=key, Plaintext=b"p"),
    "kms:Encrypt",
    "MalformedPolicyDocumentException",
)
SECRETS = Service(
    "secretsmanager",
    lambda secrets, name: str(secrets.create_secret(Name=name, SecretString="s")["Name"]),
    lambda secrets, name: str(secrets.describe_secret(SecretId=name)["ARN"]),
    lambda secrets, name, text: secrets.put_resource_policy(SecretId=name, ResourcePolicy=text),
    lambda secrets, name: secrets.get_resource_policy(SecretId=name).get("ResourcePolicy"),
    lambda secrets, name: secrets.delete_resource_policy(SecretId=name),
    lambda secrets, name: secrets.get_secret_value(SecretId=name),
    "secretsmanager:GetSecretValue",
    "MalformedPolicyDocumentException",
    lambda secrets, name: secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
)
ECR = Service(
    "ecr",
    lambda ecr, name: str(ecr.create_repository(repositoryName=name)["repository"]["repositoryName"]),
    lambda _ecr, name: f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}",
    lambda ecr, name, text: ecr.set_repository_policy(repositoryName=name, policyText=text),
    repository_policy,
    lambda ecr, name: ecr.delete_repository_policy(repositoryName=name),
    lambda ecr, name: ecr.list_images(registryId=ACCOUNT, repositoryName=name),
    "ecr:ListImages",
    "InvalidParameterException",
    lambda ecr, name: ecr.delete_repository(repositoryName=name),
)
TABLES = Service(
    "dynamodb",
    table,
    lambda _dynamodb, name: f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}",
    lambda dynamodb, name, text: dynamodb.put_resource_policy(ResourceArn=TABLES.arn(None, name), Policy=text),
    lambda dynamodb, name: table_policy(dynamodb, TABLES.arn(None, name)),
    lambda dynamodb, name: dynamodb.delete_resource_policy(ResourceArn=TABLES.arn(None, name)),
    lambda dynamodb, name: dynamodb.get_item(TableName=name, Key={"id": {"S": "a"}}),
    "dynamodb:GetItem",
    "ValidationException",
    lambda dynamodb, name: dynamodb.delete_table(TableName=name),
)
EVENTS = Service(
    "events",
    lambda events, name: str(events.create_event_bus(Name=name)["EventBusArn"]),
    lambda _events, bus: bus,
    lambda events, bus, text: events.put_permission(EventBusName=bus.rpartition("/")[2], Policy=text),
    lambda events, bus: events.describe_event_bus(Name=bus).get("Policy"),
    lambda events, bus: events.remove_permission(EventBusName=bus.rpartition("/")[2], RemoveAllPermissions=True),
    put_event,
    "events:PutEvents",
    "ValidationException",
    lambda events, bus: events.delete_event_bus(Name=bus.rpartition("/")[2]),
)
SERVICES = [SQS, SNS, KMS, SECRETS, ECR, TABLES, EVENTS]


def says(effect: str, principal: Any, action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource, **more}


def user(keys: Keys) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{keys.name}"}


def refused(call: Callable[[], Any], *codes: str) -> str:
    with pytest.raises(ClientError) as error:
        call()
    code = error.value.response["Error"]["Code"]
    expected = codes or ("AccessDenied", "AccessDeniedException", "AuthorizationError")
    assert code in expected, error.value
    return str(error.value.response["Error"]["Message"])


@pytest.fixture(params=SERVICES, ids=lambda service: service.name)
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.param
    return found


def test_set_allowed_denied_shown_deleted(gateway: Gateway, service: Service) -> None:
    keys, other, admin = gateway.user(), gateway.user(), gateway.client(service.name)
    made = service.make(admin, gateway.name("policied"))
    own, others = gateway.client(service.name, keys), gateway.client(service.name, other)
    refused(lambda: service.use(own, made))
    service.put(admin, made, raw.document(says("Allow", user(keys), service.action, service.arn(admin, made))))
    service.use(own, made)
    refused(lambda: service.use(others, made))
    shown = json.loads(service.get(admin, made) or "")
    assert shown["Statement"][0]["Principal"] == user(keys)
    service.drop(admin, made)
    refused(lambda: service.use(own, made))
    assert user(keys)["AWS"] not in (service.get(admin, made) or "")


def test_a_deny_holds_against_an_identity_allow(gateway: Gateway, service: Service) -> None:
    keys, admin = gateway.user(statement("Allow", f"{service.name}:*")), gateway.client(service.name)
    made, own = service.make(admin, gateway.name("denied")), gateway.client(service.name, keys)
    service.use(own, made)
    service.put(admin, made, raw.document(says("Deny", user(keys), service.action)))
    message = refused(lambda: service.use(own, made))
    assert "with an explicit deny in a resource-based policy" in message
    service.use(admin, made)


def test_a_new_user_of_the_name_inherits_nothing(gateway: Gateway, service: Service) -> None:
    keys, admin = gateway.user(), gateway.client(service.name)
    made = service.make(admin, gateway.name("inherited"))
    service.put(admin, made, raw.document(says("Allow", user(keys), service.action)))
    gateway.iam.delete_access_key(UserName=keys.name, AccessKeyId=keys.id)
    gateway.iam.delete_user(UserName=keys.name)
    gateway.iam.create_user(UserName=keys.name)
    new = gateway.iam.create_access_key(UserName=keys.name)["AccessKey"]
    heir = Keys(new["AccessKeyId"], new["SecretAccessKey"], name=keys.name)
    refused(lambda: service.use(gateway.client(service.name, heir), made))
    assert '"AIDA' in (service.get(admin, made) or "")


def test_a_new_resource_of_the_name_inherits_nothing(gateway: Gateway, service: Service) -> None:
    if service.remove is None:
        service = SQS  # a key never comes back
    assert service.remove is not None
    keys, admin, name = gateway.user(), gateway.client(service.name), gateway.name("again")
    made = service.make(admin, name)
    service.put(admin, made, raw.document(says("Allow", user(keys), service.action)))
    service.use(gateway.client(service.name, keys), made)
    service.remove(admin, made)
    made = service.make(admin, name)
    refused(lambda: service.use(gateway.client(service.name, keys), made))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        raw.document(statement("Allow", "*")),
        raw.document(says("Allow", "*", "s3:GetObject")),
        raw.document(says("Allow", {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody-of-this-name"}, "*")),
        raw.document(says("Allow", "*", "*", Condition={"StringIs": {"aws:SourceIp": "1"}})),
        raw.document({"Effect": "Allow", "NotPrincipal": ROOT, "Action": "*", "Resource": "*"}),
    ],
)
def test_what_the_service_does_not_take(gateway: Gateway, service: Service, text: str) -> None:
    admin = gateway.client(service.name)
    made = service.make(admin, gateway.name("malformed"))
    before = service.get(admin, made)
    put = service.put
    if service is KMS:
        put = lambda kms, key, policy: kms.put_key_policy(KeyId=key, PolicyName="default", Policy=policy)  # noqa: E731
    refused(lambda: put(admin, made, text), service.malformed)
    assert service.get(admin, made) == before


@pytest.mark.parametrize("text", ["", None])
@pytest.mark.parametrize("service", [KMS, SECRETS, SNS, TABLES, ECR], ids=lambda service: service.name)
def test_no_policy_at_all_replaces_none(gateway: Gateway, service: Service, text: str | None) -> None:
    """Of calls that do nothing but set one."""
    admin = gateway.client(service.name, parameter_validation=False)
    made = service.make(admin, gateway.name("empty"))
    service.put(admin, made, raw.document(says("Allow", ROOT, service.action, service.arn(admin, made))))
    before = service.get(admin, made)
    put = (lambda kms, key, policy: kms.put_key_policy(KeyId=key, Policy=policy)) if service is KMS else service.put
    refused(lambda: put(admin, made, text), service.malformed)
    assert service.get(admin, made) == before


def test_another_account_needs_both_sides(gateway: Gateway, service: Service) -> None:
    """The policy names another account: nobody of ours gains by it, and it is kept as it was written."""
    keys, admin = gateway.user(), gateway.client(service.name)
    made = service.make(admin, gateway.name("foreign"))
    service.put(admin, made, raw.document(says("Allow", {"AWS": OTHER}, service.action)))
    refused(lambda: service.use(gateway.client(service.name, keys), made))
    kept = json.loads(service.get(admin, made) or "")
    assert kept["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{OTHER}:root"}


# ---- queues and topics ----------------------------------------------------------------------------------------------


def test_permissions_are_statements(gateway: Gateway) -> None:
    for service, accounts, actions, kind in (
        (SQS, "AWSAccountIds", "Actions", "SendMessage"),
        (SNS, "AWSAccountId", "ActionName", "Publish"),
    ):
        admin, keys = gateway.client(service.name), gateway.user()
        made = service.make(admin, gateway.name("permission"))
        where = {"QueueUrl": made} if service is SQS else {"TopicArn": made}
        service.put(admin, made, raw.document(says("Allow", user(keys), service.action, Sid="first")))
        call = {**where, "Label": "second", accounts: [OTHER, ACCOUNT], actions: [kind]}
        admin.add_permission(**call)
        refused(lambda: admin.add_permission(**call), "InvalidParameterValue", "InvalidParameter")  # noqa: B023
        held = json.loads(service.get(admin, made) or "")["Statement"]
        assert [one["Sid"] for one in held] == ["first", "second"]
        assert held[1]["Principal"] == {"AWS": [f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{ACCOUNT}:root"]}
        admin.remove_permission(**where, Label="first")
        refused(lambda: service.use(gateway.client(service.name, keys), made))  # noqa: B023
        refused(
            lambda: admin.remove_permission(**where, Label="first"),  # noqa: B023
            "InvalidParameterValue",
            "InvalidParameter",
        )


def test_a_policy_that_comes_with_the_queue_or_topic(gateway: Gateway) -> None:
    keys = gateway.user()
    text = raw.document(says("Allow", user(keys), "*"))
    url = gateway.client("sqs").create_queue(QueueName=gateway.name("q"), Attributes={"Policy": text})["QueueUrl"]
    topic = gateway.client("sns").create_topic(Name=gateway.name("t"), Attributes={"Policy": text})["TopicArn"]
    SQS.use(gateway.client("sqs", keys), url)
    SNS.use(gateway.client("sns", keys), topic)
    refused(
        lambda: gateway.client("sqs").create_queue(QueueName=gateway.name("q"), Attributes={"Policy": "{"}),
        "InvalidAttributeValue",
    )


def test_a_topic_is_not_open_as_it_was_made(gateway: Gateway) -> None:
    """Its default policy names everybody, under a condition that no request of a person meets."""
    topic = SNS.make(gateway.client("sns"), gateway.name("default"))
    assert json.loads(SNS.get(gateway.client("sns"), topic) or "")["Statement"][0]["Principal"] == {"AWS": "*"}
    refused(lambda: SNS.use(gateway.client("sns", gateway.user()), topic))


def test_the_path_names_no_other_queue_than_the_parameters(gateway: Gateway) -> None:
    """The attack: older clients ask at the queue's own path; what is authorized is the queue of the parameters."""
    sqs, keys = gateway.client("sqs"), gateway.user(statement("Allow", "sqs:*"))
    opened, closed = (SQS.make(sqs, gateway.name(name)) for name in ("opened", "closed"))
    SQS.put(sqs, closed, raw.document(says("Deny", user(keys), "sqs:*")))
    path = "/" + closed.split("/", 3)[3]
    json_headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"}
    form_headers = {"content-type": "application/x-www-form-urlencoded"}
    form = "Action=SendMessage&Version=2012-11-05&MessageBody=m"
    for ask in (
        Ask("POST", path, headers=json_headers, body=json.dumps({"QueueUrl": opened, "MessageBody": "m"}).encode()),
        Ask("POST", path, headers=json_headers, body=json.dumps({"MessageBody": "m"}).encode()),
        Ask("POST", path, headers=form_headers, body=form.encode()),
        Ask("POST", path, headers=form_headers, body=f"{form}&QueueUrl={quote(opened, safe='')}".encode()),
        Ask("POST", "/", headers=form_headers, body=f"{form}&QueueUrl={quote(closed, safe='')}".encode()),
        Ask("POST", "/", headers=form_headers, body=f"{form}&QueueUrl={quote(closed + '?', safe='')}".encode()),
    ):
        gateway.ask(ask, keys, "sqs")
    assert "Messages" not in sqs.receive_message(QueueUrl=closed)
