"""What each service takes as the policy of its resources, beyond the grammar that all policies have."""

import re
from collections.abc import Callable

from kansatsu.catalog import is_action
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.policy import Document

Check = Callable[[Document, str], None]


def of_bucket(document: Document, bucket: str) -> None:
    """Actions of S3 on the bucket and what is in it. Raises MalformedPolicyDocument with S3's sentences.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies.html
    """
    for statement in document.statements:
        if not statement.resources:
            raise MalformedPolicyDocument("Missing required field Resource")
        if not all(_of_service(action, "s3") for action in statement.actions):
            raise MalformedPolicyDocument("Policy has invalid action")
        if not statement.not_resource and not all(_reaches(value, bucket) for value in statement.resources):
            raise MalformedPolicyDocument("Policy has invalid resource")


def of_table(document: Document, table: str) -> None:
    """Actions of DynamoDB on resources that are named.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/rbac-considerations.html
    """
    if not all(statement.resources for statement in document.statements):
        raise MalformedPolicyDocument("Policy statement must contain resources.")
    of("dynamodb")(document, table)


def of_bus(document: Document, bus: str) -> None:
    """Actions of EventBridge on resources that are named.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    """
    if not all(statement.resources for statement in document.statements):
        raise MalformedPolicyDocument("Policy statement must contain resources.")
    of("events")(document, bus)


def of(service: str) -> Check:
    """The check of a service whose policies are about the one resource that holds them: its own actions only."""

    def check(document: Document, _holder: str) -> None:
        for statement in document.statements:
            for action in statement.actions:
                if not _of_service(action, service):
                    raise MalformedPolicyDocument(f"Policy statement action {action} is out of service scope!")

    return check


def _of_service(action: str, service: str) -> bool:
    """Is this an action of the service, or a pattern of such?"""
    prefix, _, name = action.partition(":")
    if prefix == "*":
        return True
    return prefix.lower() == service and ("*" in name or "?" in name or is_action(service, name))


def _reaches(pattern: str, bucket: str) -> bool:
    """May the pattern mean the bucket, or something in it?

    INVARIANT: only the last star can be tried again, so that no policy takes more than length times length.
    """
    first, *others = (re.escape(run).replace(r"\?", ".") for run in pattern.partition("/")[0].split("*"))
    last = f".*{others.pop()}" if others else ""
    return re.fullmatch(first + "".join(f"(?>.*?{run})" for run in others) + last, bucket) is not None
