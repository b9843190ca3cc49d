"""The trail has each session that a workload was given: it is the way from a container to the key id that it uses."""

import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from kansatsu.advisor import EvidenceLost

from .conftest import ACCOUNT, REGION, Gateway
from .raw import statement

TASKS = "ecs-tasks.amazonaws.com"


@pytest.fixture
def role(gateway: Gateway) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": TASKS}, "Action": "sts:AssumeRole"}
    return gateway.role(statement("Allow", "sqs:ListQueues"), trust=trust, Path="/svc/")


@pytest.fixture
def process(gateway: Gateway, role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    made = gateway.client("kansatsu").register_process(Pid=os.getpid(), Role=role["RoleName"])
    yield made
    gateway.client("kansatsu").deregister_process(ProcessId=made["ProcessId"])


def given(process: dict[str, Any]) -> dict[str, Any]:
    headers = {"Authorization": process["AuthorizationToken"]}
    asked = urllib.request.Request(process["CredentialsUri"], headers=headers)
    with urllib.request.urlopen(asked, timeout=120) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_a_service_assumed_the_role_for_it(gateway: Gateway, role: dict[str, Any], process: dict[str, Any]) -> None:
    name, keys = process["ProcessId"], given(process)
    assert given(process)["AccessKeyId"] == keys["AccessKeyId"]  # the same session: no second event
    asked = {"LookupAttributes": [{"AttributeKey": "ResourceName", "AttributeValue": role["Arn"]}]}
    found = gateway.client("cloudtrail").lookup_events(**asked)["Events"]
    [event] = [one for one in found if one["EventName"] == "AssumeRole"]
    assert {"Username", "AccessKeyId"}.isdisjoint(event)
    told = json.loads(event["CloudTrailEvent"])
    assert 1800 < told["requestParameters"].pop("durationSeconds") <= 43200
    of = ("userIdentity", "sourceIPAddress", "userAgent", "awsRegion", "requestParameters", "resources", "readOnly")
    assert {key: told[key] for key in of} == {
        "userIdentity": {"type": "AWSService", "invokedBy": TASKS},
        "sourceIPAddress": TASKS,
        "userAgent": TASKS,
        "awsRegion": REGION,
        "requestParameters": {"roleArn": role["Arn"], "roleSessionName": name},
        "resources": [{"ARN": role["Arn"], "accountId": ACCOUNT, "type": "AWS::IAM::Role"}],
        "readOnly": True,
    }
    assert told["responseElements"]["credentials"]["accessKeyId"] == keys["AccessKeyId"]
    assert told["responseElements"]["assumedRoleUser"] == {
        "assumedRoleId": f"{role['RoleId']}:{name}",
        "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role['RoleName']}/{name}",
    }
    # INVARIANT: what is on record opens nothing.
    text = "".join(path.read_text() for path in gateway.recorder.directory.glob("*.jsonl"))
    assert keys["AccessKeyId"] in text
    assert keys["SecretAccessKey"] not in text and keys["Token"] not in text
    # It is no request of anybody's, which one could ask the reason of; to be given a role is no use of it.
    requests = gateway.client("kansatsu").list_requests(MaxResults=50)["Requests"]
    assert told["requestID"] not in {one["RequestId"] for one in requests}
    assert gateway.iam.get_role(RoleName=role["RoleName"])["Role"]["RoleLastUsed"] == {}


def test_a_full_disk_takes_no_role_away(
    gateway: Gateway, process: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is asked with it is refused for the same reason until there is room."""

    def full(*_: Any) -> None:
        raise EvidenceLost("The access could not be recorded: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(gateway.recorder, "append", full)
        assert given(process)["AccessKeyId"].startswith("ASIA")
