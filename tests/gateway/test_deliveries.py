"""What the embedded backend delivers by itself: no policy of the target is asked, and it reaches no other account.

docs/resource-policies.md says so; what it says is held here.
"""

import json
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, statement
from .test_resource_policies import says

Deliver = Callable[[Gateway, str, str], None]  # (gateway, name, ARN of a queue)


def client(gateway: Gateway, service: str, *resources: str) -> Any:
    """Of one who may use this service and no other."""
    allowed = [statement("Allow", f"{service}:*", one) for one in resources or ("*",)]
    return gateway.client(service, gateway.user(*allowed))


def by_topic(gateway: Gateway, name: str, queue: str) -> None:
    sns = client(gateway, "sns")
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    sns.publish(TopicArn=topic, Message="m")


def by_bucket(gateway: Gateway, name: str, queue: str) -> None:
    s3 = client(gateway, "s3")
    s3.create_bucket(Bucket=name)
    notify = {"QueueConfigurations": [{"QueueArn": queue, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=notify)
    s3.put_object(Bucket=name, Key="k", Body=b"x")


def by_rule(gateway: Gateway, name: str, queue: str) -> None:
    events = client(gateway, "events")
    events.create_event_bus(Name=name)
    events.put_rule(Name=name, EventBusName=name, EventPattern='{"source": ["s"]}')
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "1", "Arn": queue}])
    events.put_events(Entries=[{"EventBusName": name, "Source": "s", "DetailType": "d", "Detail": "{}"}])


def by_redrive(gateway: Gateway, name: str, queue: str) -> None:
    sqs = client(gateway, "sqs", f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "0"})["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": queue, "maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": redrive})
    sqs.send_message(QueueUrl=url, MessageBody="m")
    for _ in range(3):
        sqs.receive_message(QueueUrl=url)


@pytest.mark.parametrize("deliver", [by_topic, by_bucket, by_rule, by_redrive])
@pytest.mark.parametrize("account", [ACCOUNT, SECOND])
def test_a_queue_that_denies_gets_what_its_own_account_delivers(
    gateway: Gateway, deliver: Deliver, account: str
) -> None:
    owner = gateway.client("sqs", None if account == ACCOUNT else gateway.stranger)
    name = gateway.name("target")
    url = owner.create_queue(QueueName=name)["QueueUrl"]
    everybody = raw.document(says("Deny", "*", "sqs:SendMessage"))
    owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": everybody})
    with suppress(ClientError) if account == SECOND else nullcontext():  # some say that there is no such queue
        deliver(gateway, gateway.name("source"), f"arn:aws:sqs:{REGION}:{account}:{name}")
    assert ("Messages" in owner.receive_message(QueueUrl=url)) is (account == ACCOUNT)
