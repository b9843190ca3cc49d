"""The IAM action that bears an operation's name, under the right prefix."""

from functools import lru_cache

from kansatsu.catalog import reference
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
# What is asked for when such a call names nothing at all.
_ACTIONS = {
    ("dynamodb", "TransactGetItems"): "dynamodb:GetItem",
    ("dynamodb", "TransactWriteItems"): "dynamodb:PutItem",
}


@lru_cache(maxsize=4096)
def action_of(service: str, operation: str, signing_name: str, endpoint_prefix: str) -> str:
    """The IAM action of an operation. The reference decides among the service's names; asked once per operation."""
    if (service, operation) in _ACTIONS:
        return _ACTIONS[service, operation]
    first = _PREFIXES.get(service, signing_name.lower())
    for prefix in dict.fromkeys((first, endpoint_prefix.lower(), service)):
        name = reference.spelled(prefix, operation)
        if name is not None:
            return f"{prefix}:{name}"
    return f"{first}:{operation}"


def prefix_of(service: str) -> str:
    """The prefix of a botocore service's actions where it is neither signing name nor endpoint prefix, else ""."""
    return _PREFIXES.get(service, "")


@lru_cache(maxsize=4096)
def is_known(prefix: str, operation: str) -> bool:
    """Whether AWS documents an action of this name."""
    return reference.spelled(prefix, operation) is not None


def action(operation: Operation) -> str:
    """The IAM action that bears the name of an operation."""
    service: Service = operation.service
    return action_of(service.name, operation.name, service.signing_name, service.endpoint_prefix)
