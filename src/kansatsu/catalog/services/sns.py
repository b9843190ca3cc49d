"""Amazon SNS: topics by ARN or name, subscriptions by an ARN that begins with their topic's."""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe
from kansatsu.wire import Operation


def _topic_of(params: Params, frame: Frame) -> Iterator[str]:
    """The topic of a subscription: its ARN without the last part.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
    """
    for value in read(params, "SubscriptionArn"):
        parts = arn_parts(value)
        topic, _, subscription = parts[5].partition(":") if parts else ("", "", "")
        if parts is None or parts[:4] != ["arn", "aws", "sns", frame.region]:
            raise Unsure(value)
        if not safe(topic, False) or not safe(subscription, False):
            raise Unsure(value)
        yield f"arn:aws:sns:{parts[3]}:{parts[4]}:{topic}"


def _message(operation: Operation, params: Params, frame: Frame) -> list[Authorization] | None:
    """A text message to a telephone, or to an endpoint of an application, has no topic.

    https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html
    """
    if operation.name != "Publish":
        return None
    if params.get("PhoneNumber") and (params.get("TopicArn") or params.get("TargetArn")):
        # INVARIANT: to which of two places a message goes is the backend's choice: both must be allowed, so everything.
        return [Authorization("sns:Publish", "*", {}, exact=False)]
    if params.get("TopicArn"):
        return None
    target = str(params.get("TargetArn") or "")
    parts = arn_parts(target)
    if (
        parts
        and parts[5].startswith(("endpoint/", "app/"))
        and parts[:5] == ["arn", "aws", "sns", frame.region, frame.account]
    ):
        return [Authorization("sns:Publish", target)]
    # INVARIANT: a topic as TargetArn goes the way of a topic; anything else is for nobody who may not publish anywhere
    return [Authorization("sns:Publish", "*", {}, exact=not target)] if not parts or parts[5].count("/") else None


_SUBSCRIPTION = ("GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html",
    actions={"PublishBatch": "Publish"},
    names={"Publish:topic": ("TopicArn", "TargetArn"), "CreateTopic:topic": ("Name",)},
    types={"PublishBatch": ("topic",)},
    finders=dict.fromkeys(_SUBSCRIPTION, _topic_of),
    custom=_message,
    keys={"Subscribe": {"Endpoint": "sns:Endpoint", "Protocol": "sns:Protocol"}},
    tagging="TagResource",
)
