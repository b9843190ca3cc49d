"""Which statements and action patterns recorded requests stood for."""

import json
from typing import Any

import pytest

from advisor.test_least import ACCOUNT, S3, TABLE, event
from kansatsu.advisor import AccessEvent
from kansatsu.advisor.coverage import coverage
from kansatsu.policy import PolicyType, Source, parse


def uses(statement: dict[str, Any], *events: AccessEvent) -> dict[str, int]:
    document = parse(json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}))
    [used] = coverage(document, Source(PolicyType.IDENTITY), events)
    return dict(used.actions)


GET, PUT = event("s3:GetObject", S3 + "b/k", 1), event("s3:PutObject", S3 + "b/k", 2)
DENIED = event("s3:PutObject", S3 + "b/k", 3, allowed=False, error="AccessDenied")
FAILED = event("s3:PutObject", S3 + "b/k", 4, allowed=False, error="ValidationError")
SOMEWHERE = event("sqs:SendMessage", "*", 5, exact=False)
ITEM = event("dynamodb:PutItem", TABLE + "t", 6, exact=False)


@pytest.mark.parametrize(
    ("statement", "events", "expected"),
    [
        ({"Action": ["s3:GetObject", "s3:Put*"], "Resource": "*"}, [GET, GET, PUT], {"s3:GetObject": 2, "s3:Put*": 1}),
        ({"Action": "S3:GETOBJECT", "Resource": "*"}, [GET], {"S3:GETOBJECT": 1}),
        ({"Action": "s3:GetObject", "Resource": S3 + "other/*"}, [GET], {"s3:GetObject": 0}),
        ({"Action": "s3:GetObject", "NotResource": S3 + "b/*"}, [GET], {"s3:GetObject": 0}),
        ({"NotAction": "s3:GetObject", "Resource": "*"}, [GET, PUT, ITEM], {"!s3:GetObject": 2}),
        # What was denied makes use of a Deny alone, and what failed otherwise of nothing.
        ({"Action": "s3:PutObject", "Resource": "*"}, [DENIED, FAILED], {"s3:PutObject": 0}),
        ({"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}, [DENIED, FAILED, PUT], {"s3:PutObject": 1}),
        # A resource that nobody knows is allowed by "*" alone.
        ({"Action": "sqs:*", "Resource": "*"}, [SOMEWHERE], {"sqs:*": 1}),
        ({"Action": "sqs:*", "Resource": f"arn:aws:sqs:us-east-1:{ACCOUNT}:*"}, [SOMEWHERE], {"sqs:*": 0}),
        ({"Action": "dynamodb:*", "Resource": TABLE + "t"}, [ITEM], {"dynamodb:*": 1}),
        # Conditions are left aside.
        ({"Action": "s3:GetObject", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, [GET],
         {"s3:GetObject": 1}),
    ],
)  # fmt: skip
def test_what_was_used(statement: dict[str, Any], events: list[AccessEvent], expected: dict[str, int]) -> None:
    assert uses(statement, *events) == expected
