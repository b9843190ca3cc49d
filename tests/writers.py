"""Many writers at once on the same role, with signed requests over HTTP: what they were told, and what is there."""

import json
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.config import Config
from botocore.exceptions import ClientError

from conftest import Server, boto3_session

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
    }
)


@dataclass
class Outcome:
    """`refused`: (HTTP status, code) of each answer that was no success. `lost`: acknowledged, and not there."""

    refused: list[tuple[int, str]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    acknowledged: int = 0


def once(server: Server, connections: int = 64) -> Any:
    """The administrator's client of IAM, which does not try again."""
    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=connections)
    keys = {"aws_access_key_id": server.access_key_id, "aws_secret_access_key": server.secret_access_key}
    return boto3_session().client("iam", endpoint_url=server.endpoint, config=config, **keys)


def document(number: int, turn: int) -> dict[str, Any]:
    statement = {"Sid": f"T{turn}", "Effect": "Allow", "Action": f"s3:Get{number}", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def hammer(clients: Sequence[Any], writers: int = 64, turns: int = 1) -> Outcome:
    """Each writer makes a tagged role, and puts a policy of its own on one role of all, `turns` times; `clients` are
    boto3's of IAM that do not try again, shared out among the writers."""
    shared, outcome = f"w{uuid.uuid4().hex}", Outcome()
    clients[0].create_role(RoleName=shared, AssumeRolePolicyDocument=TRUST)
    together = threading.Barrier(writers)

    def work(number: int) -> None:
        iam, own = clients[number % len(clients)], f"{shared}-{number}"
        calls = [(iam.create_role, {"RoleName": own, "AssumeRolePolicyDocument": TRUST, "Tags": tag(number)})]
        for turn in range(turns):
            text = json.dumps(document(number, turn))
            calls.append((iam.put_role_policy, {"RoleName": shared, "PolicyName": own, "PolicyDocument": text}))
        together.wait()
        for call, params in calls:
            try:
                call(**params)
                outcome.acknowledged += 1
            except ClientError as error:
                told = error.response
                outcome.refused.append((told["ResponseMetadata"]["HTTPStatusCode"], told["Error"]["Code"]))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # Looked for through the last node, which wrote some of it.
    details = clients[-1].get_paginator("get_account_authorization_details").paginate(Filter=["Role"])
    found = {role["RoleName"]: role for page in details for role in page["RoleDetailList"]}
    held = {policy["PolicyName"]: policy["PolicyDocument"] for policy in found[shared]["RolePolicyList"]}
    for number in range(writers):
        own = f"{shared}-{number}"
        tags = found.get(own, {}).get("Tags")
        if held.get(own) != document(number, turns - 1) or tags != tag(number):
            outcome.lost.append(f"{own}: {held.get(own)} {tags}")
    return outcome


def tag(number: int) -> list[dict[str, str]]:
    return [{"Key": "n", "Value": str(number)}]
