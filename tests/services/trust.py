"""Trust policies and credentials as the tests of STS write them."""

from typing import Any

from .conftest import ACCOUNT

IAM = f"arn:aws:iam::{ACCOUNT}"
USER = {"AWS": f"{IAM}:user/u"}
ROLE = f"{IAM}:role/p/r"


def trust(principal: object, *actions: str, **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": list(actions) or ["sts:AssumeRole"],
    }
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}


def allow(*actions: str, on: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on}


def deny(*actions: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": list(actions), "Resource": "*"}


def keys_of(answer: dict[str, Any]) -> dict[str, str]:
    credentials = answer["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


def denial(action: str = "sts:AssumeRole", role: str = ROLE, who: str = f"{IAM}:user/u") -> str:
    return f"User: {who} is not authorized to perform: {action} on resource: {role}"
