"""AddPermission and RemovePermission of queues and topics: a statement made from parameters, in the one policy.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html
https://docs.aws.amazon.com/sns/latest/api/API_AddPermission.html
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu import arn
from kansatsu.errors import AwsError
from kansatsu.resources.facts import Place

Params = Mapping[str, Any]
Statements = list[dict[str, Any]]
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Composed:
    """A call that changes statements; `operation` sets the whole policy, with the `params` made for its new text."""

    change: Callable[[Params, Place, Statements], Statements]
    operation: str
    params: Callable[[Params, str], dict[str, Any]]

    def changed(self, params: Params, place: Place, text: str) -> str:
        """The text of the policy after the call. Raises the service's error."""
        document: dict[str, Any] = (
            json.loads(text) if text else {"Version": "2012-10-17", "Id": f"{place.arn}/DefaultPolicy"}
        )
        held = document.get("Statement", [])
        document["Statement"] = self.change(params, place, held if isinstance(held, list) else [held])
        return json.dumps(document) if document["Statement"] else ""


@dataclass(frozen=True, slots=True)
class _Words:
    """How a service names the parameters, its actions, and what is wrong with them."""

    accounts: str
    actions: str
    prefix: str
    known: frozenset[str]
    code: str


# The actions that may be granted so; https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
_SQS = _Words(
    "AWSAccountIds",
    "Actions",
    "SQS",
    frozenset(
        {
            *("*", "ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl"),
            *("ReceiveMessage", "SendMessage"),
        }
    ),
    "InvalidParameterValue",
)
_SNS = _Words(
    "AWSAccountId",
    "ActionName",
    "SNS",
    frozenset(
        {
            *("AddPermission", "DeleteTopic", "GetTopicAttributes", "ListSubscriptionsByTopic", "Publish"),
            *("RemovePermission", "SetTopicAttributes", "Subscribe"),
        }
    ),
    "InvalidParameter",
)


def _add(words: _Words) -> Callable[[Params, Place, Statements], Statements]:
    def change(params: Params, place: Place, held: Statements) -> Statements:
        label, accounts, actions = str(params["Label"]), params[words.accounts], params[words.actions]
        if not _LABEL.fullmatch(label) or any(statement.get("Sid") == label for statement in held):
            raise _invalid(words, label, "Label", "Already exists, or is no label.")
        for account in accounts:
            if not _ACCOUNT.fullmatch(account):
                raise _invalid(words, account, "PrincipalId", "Unable to verify.")
        for action in actions:
            if action not in words.known:
                raise _invalid(words, f"{words.prefix}:{action}", "ActionName", "It is not one of the valid actions.")
        if not accounts or not actions:
            raise _invalid(words, "", words.actions, "At least one account and one action are needed.")
        statement = {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": [arn.iam(account, "root") for account in accounts]},
            "Action": [f"{words.prefix}:{action}" for action in actions],
            "Resource": place.arn,
        }
        return [*held, statement]

    return change


def _remove(words: _Words) -> Callable[[Params, Place, Statements], Statements]:
    def change(params: Params, _place: Place, held: Statements) -> Statements:
        left = [statement for statement in held if statement.get("Sid") != params["Label"]]
        if len(left) == len(held):
            raise _invalid(words, str(params["Label"]), "Label", "can't find label on existing policy")
        return left

    return change


def _invalid(words: _Words, value: str, name: str, reason: str) -> AwsError:
    return AwsError(f"Value {value} for parameter {name} is invalid. Reason: {reason}", code=words.code, status=400)


def _queue(params: Params, text: str) -> dict[str, Any]:
    return {"QueueUrl": params["QueueUrl"], "Attributes": {"Policy": text}}


def _topic(params: Params, text: str) -> dict[str, Any]:
    return {"TopicArn": params["TopicArn"], "AttributeName": "Policy", "AttributeValue": text}


COMPOSED: dict[str, Composed] = {
    "sqs.AddPermission": Composed(_add(_SQS), "SetQueueAttributes", _queue),
    "sqs.RemovePermission": Composed(_remove(_SQS), "SetQueueAttributes", _queue),
    "sns.AddPermission": Composed(_add(_SNS), "SetTopicAttributes", _topic),
    "sns.RemovePermission": Composed(_remove(_SNS), "SetTopicAttributes", _topic),
}
