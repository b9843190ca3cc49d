"""What IAM tells a partner of its delegation requests, by a topic of the partner's account, and the token in it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/temporary-delegation-building-integration.html
AWS does not say how its messages look; those here are JSON with the names of the API.
"""

import json
import logging
from typing import Any

from kansatsu import arn
from kansatsu.errors import AwsError, InvalidInput
from kansatsu.identity.credentials import Credential
from kansatsu.identity.delegations import State
from kansatsu.policy import Policies, PolicySet, PolicyType, Principal, Request, Source, compile_policy, evaluate, parse
from kansatsu.services.registry import Call

log = logging.getLogger(__name__)
_IAM = Principal("", "iam.amazonaws.com", "service")


async def check(call: Call, channel: str) -> None:
    """Raises InvalidInput unless `channel` is a topic of the caller's account whose policy lets IAM publish."""
    topic = arn.Arn.parse(channel)
    if topic is None or topic.service != "sns" or topic.account != call.account:
        raise InvalidInput("The notification channel is not the ARN of an SNS topic of this account.")
    await _admitted(call, topic)


async def _admitted(call: Call, topic: arn.Arn) -> None:
    """INVARIANT: IAM publishes where the topic's policy lets it, and nowhere else."""
    try:
        got = await _ask(call, topic, "GetTopicAttributes", {"TopicArn": str(topic)})
    except AwsError as error:
        raise InvalidInput(f"The notification channel cannot be read: {error.message}") from None
    text = got["Attributes"].get("Policy", "")
    request = Request(_IAM, "sns:Publish", str(topic), {"aws:sourceaccount": topic.account}, topic.account)
    policy = compile_policy(parse(text, PolicyType.RESOURCE), Source(PolicyType.RESOURCE, owner=str(topic)))
    if not evaluate(request, Policies(PolicySet(), resource=policy)).allowed:
        raise InvalidInput("The policy of the topic does not allow iam.amazonaws.com to perform sns:Publish.")


async def send(call: Call, item: Credential, state: State, **more: str) -> None:
    """Tell the partner. Raises InvalidInput where the topic does not take it."""
    topic = arn.Arn.parse(item.details["channel"])
    assert topic is not None  # noqa: S101 - it was looked at when the request was made
    told = {"DelegationRequestId": item.id, "RequestorWorkflowId": item.name, "State": str(state), **more}
    await _admitted(call, topic)
    await _ask(call, topic, "Publish", {"TopicArn": str(topic), "Message": json.dumps(told)})


async def tell(call: Call, item: Credential, state: State) -> None:
    """The same, where what was done stands whether the partner hears of it or not."""
    try:
        await send(call, item, state)
    except AwsError as error:
        log.warning("the delegation request %s is %s, and %s was not told: %s", item.id, state, item.account, error)


async def _ask(call: Call, topic: arn.Arn, operation: str, params: dict[str, Any]) -> Any:
    if call.workload is None or call.workload.backend is None:
        raise InvalidInput("There is no SNS here: a delegation request needs a topic.")
    return await call.workload.backend(topic.account, topic.region, "sns", operation, params)
