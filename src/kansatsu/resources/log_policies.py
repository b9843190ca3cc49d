"""Policies of CloudWatch Logs: named ones of an account and Region, by which other services write to its log groups.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-and-resource-policy.html
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from kansatsu.arn import PARTITION, Arn
from kansatsu.errors import AwsError, MalformedPolicyDocument, Unimplemented
from kansatsu.policy import PolicyType, parse
from kansatsu.resources import checks

Params = Mapping[str, Any]
PUT, DELETE = "logs.PutResourcePolicy", "logs.DeleteResourcePolicy"
CALLS = frozenset({PUT, DELETE})
_LONGEST = 5120  # characters


def holder(named: Arn) -> str | None:
    """What holds the policies of a log group: its account, in its Region."""
    if not named.account or not named.resource.startswith("log-group:"):
        return None
    return whole(named.account, named.region)


def whole(account: str, region: str) -> str:
    """The ARN of everything in Logs of an account and Region."""
    return f"arn:{PARTITION}:logs:{region}:{account}:*"


def merged(policies: Iterable[Params]) -> str:
    """One policy with the statements of all, "" for none. Raises MalformedPolicyDocument for what is no policy."""
    statements: list[Any] = []
    try:
        for policy in policies:
            found = json.loads(policy["policyDocument"])["Statement"]
            statements += found if isinstance(found, list) else [found]
    except (ValueError, KeyError, TypeError):
        raise MalformedPolicyDocument("A policy of Logs is none.") from None
    # The ids of statements need to be different in one policy only.
    plain = [{name: value for name, value in one.items() if name != "Sid"} for one in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": plain}) if plain else ""


def check(params: Params) -> None:
    """Raises InvalidParameterException for what Logs does not take, Unimplemented for who is no service."""
    text = str(params.get("policyDocument") or "")
    try:
        document = parse(text, PolicyType.RESOURCE)
        checks.of("logs")(document, "")
    except MalformedPolicyDocument as error:
        raise AwsError(error.message, code="InvalidParameterException", status=400) from None
    if len(text) > _LONGEST:
        raise AwsError(f"A policy has at most {_LONGEST} characters.", code="LimitExceededException", status=400)
    # INVARIANT: these policies are asked for services alone, so none that says something of others is stored.
    if any(statement.not_principal for statement in document.statements) or any(
        kind != "Service" for statement in document.statements for kind, _ in statement.principals
    ):
        raise Unimplemented(
            "Kansatsu enforces policies of Logs for AWS services only, so one for other principals is refused."
        )


def after(name: str, params: Params, held: Iterable[Params]) -> list[Params]:
    """The policies after one of CALLS."""
    left = [policy for policy in held if policy.get("policyName") != params.get("policyName")]
    return [*left, params] if name == PUT else left
