"""What the embedded backend delivers by itself: only what the target allows is set up, and it stays allowed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-services
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.gateway.backed import Backed
from kansatsu.gateway.spool import Spool

from . import raw
from .conftest import ACCOUNT, SECOND, Gateway
from .raw import REGION, statement
from .test_function_permissions import EMPTY_ZIP
from .test_resource_policies import says


def client(gateway: Gateway, service: str) -> Any:
    """Of one who may use this service and no other."""
    return gateway.client(service, gateway.user(statement("Allow", f"{service}:*")))


@dataclass(frozen=True)
class Source:
    """How something is set up that delivers to an ARN, by one who may use `service` alone, used, and taken away."""

    service: str
    code: str
    setup: Callable[[Any, str, str], None]  # (client, name, ARN of the target)
    use: Callable[[Any, str], Any]
    drop: Callable[[Any, str], Any]
    arn: str  # of the source, with its name


def topic(name: str) -> str:
    return f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"


def subscribe(sns: Any, name: str, target: str) -> None:
    sns.create_topic(Name=name)
    sns.subscribe(TopicArn=topic(name), Protocol=target.split(":")[2], Endpoint=target)


def notify(s3: Any, name: str, target: str) -> None:
    s3.create_bucket(Bucket=name)
    kind = {"sqs": "Queue", "sns": "Topic", "lambda": "LambdaFunction"}[target.split(":")[2]]
    wanted = {f"{kind}Configurations": [{f"{kind}Arn": target, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=wanted)


def put_targets(events: Any, name: str, target: str) -> None:
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": target}])


SNS = Source(
    "sns",
    "NotImplemented",
    subscribe,
    lambda sns, name: sns.publish(TopicArn=topic(name), Message="m"),
    lambda sns, name: sns.delete_topic(TopicArn=topic(name)),
    topic("{}"),
)
S3 = Source(
    "s3",
    "InvalidArgument",
    notify,
    lambda s3, name: s3.put_object(Bucket=name, Key="k", Body=b""),
    lambda s3, name: s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={}),
    "arn:aws:s3:::{}",
)
EVENTS = Source(
    "events",
    "NotImplemented",
    put_targets,
    lambda events, name: events.put_events(Entries=[{"Source": name, "DetailType": "d", "Detail": "{}"}]),
    lambda events, name: events.remove_targets(Rule=name, Ids=["1"]),
    f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{}}",
)


@pytest.fixture(params=[SNS, S3, EVENTS], ids=lambda source: source.service)
def source(request: pytest.FixtureRequest) -> Source:
    found: Source = request.param
    return found


class Queue:
    """A queue that has a policy or none."""

    def __init__(self, gateway: Gateway, *statements: dict[str, Any], keys: raw.Keys | None = None) -> None:
        self.sqs, self.name = gateway.client("sqs", keys), gateway.name("target")
        self.url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT if keys is None else SECOND}:{self.name}"
        if statements:
            self.set(*statements)

    def set(self, *statements: dict[str, Any]) -> None:
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": raw.document(*statements)})

    def got(self) -> int:
        return len(self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", ()))


def lets_in(source: Source, name: str, **more: Any) -> dict[str, Any]:
    """What AWS documents: the service, for this source alone."""
    condition = {
        "ArnEquals": {"aws:SourceArn": source.arn.format(name)},
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
    }
    who = {"Service": f"{source.service}.amazonaws.com"}
    return says("Allow", who, "sqs:SendMessage", Condition=condition, **more)


def code(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as error:
        call()
    return str(error.value.response["Error"]["Code"])


DENIED = {
    "no policy": lambda _name: [],
    "denies everybody": lambda _name: [says("Deny", "*", "sqs:SendMessage")],
    "lets another source in": lambda name: [lets_in(SNS, f"{name}-other"), lets_in(S3, f"{name}-other")],
    "lets the account in": lambda _name: [says("Allow", {"AWS": ACCOUNT}, "sqs:SendMessage")],
    "lets in and denies": lambda name: [
        *(lets_in(one, name) for one in (SNS, S3, EVENTS)),
        says("Deny", "*", "sqs:*", Condition={"Bool": {"aws:PrincipalIsAWSService": "true"}}),
    ],
}


@pytest.mark.parametrize("why", DENIED)
def test_nothing_reaches_a_queue_that_does_not_let_it_in(gateway: Gateway, source: Source, why: str) -> None:
    name, mallory = gateway.name("source"), client(gateway, source.service)
    queue = Queue(gateway, *DENIED[why](name))
    assert code(lambda: source.setup(mallory, name, queue.arn)) == source.code
    source.use(mallory, name)
    assert queue.got() == 0


def test_what_the_queue_lets_in_is_delivered_and_stays_allowed(
    gateway: Gateway, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, alice = gateway.name("source"), client(gateway, source.service)
    queue = Queue(gateway, lets_in(source, name))
    source.setup(alice, name, queue.arn)
    source.use(alice, name)
    assert queue.got() > 0
    # From here on as after a restart, in front of a backend that went on.
    again = Backed(gateway.store, gateway.resources, gateway.pipeline._forwarder, Spool())
    monkeypatch.setattr(gateway.pipeline, "_backed", again)
    empty = {"QueueUrl": queue.url, "Attributes": {"Policy": ""}}
    for change in (
        lambda: queue.set(says("Deny", "*", "sqs:SendMessage")),
        lambda: queue.sqs.set_queue_attributes(**empty),
        lambda: queue.sqs.remove_permission(QueueUrl=queue.url, Label="s"),
    ):
        queue.set(lets_in(source, name, Sid="s"))
        assert code(change) == "NotImplemented"
    queue.sqs.delete_queue(QueueUrl=queue.url)
    assert code(lambda: queue.sqs.create_queue(QueueName=queue.name)) == "NotImplemented"
    source.drop(alice, name)
    queue.sqs.create_queue(QueueName=queue.name)
    queue.set(says("Deny", "*", "sqs:SendMessage"))


def events_of(gateway: Gateway, request_id: str, actor: str) -> list[tuple[str, str, bool]]:
    found = (event for event in gateway.recorder.recent(200) if event.request_id == request_id)
    return [(f"{one.service}:{one.action}", one.resource, one.allowed) for one in found if actor in one.principal_arn]


def test_a_refusal_says_which_statement_the_target_lacks_and_both_are_on_record(
    gateway: Gateway, source: Source
) -> None:
    name, alice, control = gateway.name("source"), client(gateway, source.service), gateway.client("kansatsu")
    queue, service = Queue(gateway), f"{source.service}.amazonaws.com"
    with pytest.raises(ClientError, match="`kansatsu why ") as error:
        source.setup(alice, name, queue.arn)
    refused = error.value.response["ResponseMetadata"]["RequestId"]
    answer = control.explain_request(RequestId=refused)
    (item,), (change,) = answer["Evaluations"], answer["Changes"]
    assert (answer["PrincipalArn"], item["Action"], item["Resource"]) == (service, "sqs:SendMessage", queue.arn)
    assert {"Key": "aws:SourceArn", "Values": [source.arn.format(name)]} in item["Context"]
    assert events_of(gateway, refused, service) == [("sqs:SendMessage", queue.arn, False)]
    assert json.loads(change["Statement"])["Condition"] == {"ArnEquals": {"aws:SourceArn": source.arn.format(name)}}
    assert "Notes" not in answer or not any("belongs to account" in note for note in answer["Notes"])
    # What it says suffices.
    queue.set(json.loads(change["Statement"]))
    allowed: list[str] = []
    alice.meta.events.register("after-call", lambda parsed, **_: allowed.append(request_id(parsed)))
    source.setup(alice, name, queue.arn)
    assert events_of(gateway, allowed[-1], service) == [("sqs:SendMessage", queue.arn, True)]
    source.drop(alice, name)


def request_id(parsed: dict[str, Any]) -> str:
    return str(parsed["ResponseMetadata"]["RequestId"])


@pytest.mark.parametrize("where", ["account", "region"])
def test_a_namesake_never_gets_what_another_allowed(gateway: Gateway, source: Source, where: str) -> None:
    """The backend looks for some targets in the account and Region of the source, whatever the ARN says."""
    name, mallory = gateway.name("source"), client(gateway, source.service)
    other = gateway.stranger if where == "account" else None
    queue = Queue(gateway, lets_in(source, name), keys=other)
    own = gateway.client("sqs").create_queue(QueueName=queue.name)["QueueUrl"]
    target = queue.arn if where == "account" else queue.arn.replace(REGION, "eu-west-1")
    with pytest.raises(ClientError):
        source.setup(mallory, name, target)
    source.use(mallory, name)
    assert "Messages" not in gateway.client("sqs").receive_message(QueueUrl=own)


@dataclass(frozen=True)
class Other:
    """A target that is no queue: made, let in and put out again."""

    make: Callable[[Gateway, str], str]
    admit: Callable[[Gateway, str, Source, str], Any]  # (gateway, ARN, source, its name)
    expel: Callable[[Gateway, str], Any]
    sources: tuple[Source, ...]


def admit_to_topic(gateway: Gateway, arn: str, source: Source, name: str) -> None:
    text = raw.document({**lets_in(source, name), "Action": "sns:Publish", "Resource": arn})
    gateway.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text)


def expel_from_topic(gateway: Gateway, arn: str) -> None:
    text = raw.document(says("Deny", "*", "sns:Publish", arn))
    gateway.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=text)


def admit_to_function(gateway: Gateway, arn: str, source: Source, name: str) -> None:
    given = {"SourceArn": source.arn.format(name), "SourceAccount": ACCOUNT, "Action": "lambda:InvokeFunction"}
    who = f"{source.service}.amazonaws.com"
    gateway.client("lambda").add_permission(FunctionName=arn, StatementId="s", Principal=who, **given)


def function(gateway: Gateway, name: str, role: dict[str, Any] | None = None, **more: Any) -> str:
    code = {"Runtime": "python3.12", "Handler": "main.handle", "Code": {"ZipFile": EMPTY_ZIP}}
    role = role or gateway.common_role
    return str(
        gateway.client("lambda").create_function(FunctionName=name, Role=role["Arn"], **code, **more)["FunctionArn"]
    )


TOPIC = Other(
    lambda gateway, name: str(gateway.client("sns").create_topic(Name=name)["TopicArn"]),
    admit_to_topic,
    expel_from_topic,
    (S3, EVENTS),
)
FUNCTION = Other(
    function,
    admit_to_function,
    lambda gateway, arn: gateway.client("lambda").remove_permission(FunctionName=arn, StatementId="s"),
    (SNS, S3, EVENTS),
)


@pytest.mark.parametrize(
    ("target", "source"),
    [(target, source) for target in (TOPIC, FUNCTION) for source in target.sources],
    ids=lambda given: given.service if isinstance(given, Source) else "topic" if given is TOPIC else "function",
)
def test_topics_and_functions_are_asked_as_well(gateway: Gateway, target: Other, source: Source) -> None:
    name, alice = gateway.name("source"), client(gateway, source.service)
    arn = target.make(gateway, gateway.name("target"))
    assert code(lambda: source.setup(alice, name, arn)) == source.code
    target.admit(gateway, arn, source, name)
    source.setup(alice, name, arn)
    assert code(lambda: target.expel(gateway, arn)) == "NotImplemented"
    source.drop(alice, name)
    target.expel(gateway, arn)
