"""`kansatsu instance show`: which credentials a workload was issued, when they were used, and why there are none."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from commands import kansatsu
from kansatsu.cli.client import MODELS

NAME = "workloads-shown"


@pytest.fixture
def process(server: Any) -> Iterator[dict[str, Any]]:
    """A process of the test's own with a role, as RegisterProcess answers it."""
    iam = server.client("iam")
    iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com"))
    session = botocore.session.Session()
    session.set_credentials(server.access_key_id, server.secret_access_key)
    session.get_component("data_loader").search_paths.append(str(MODELS))
    control = session.create_client("kansatsu", region_name="us-east-1", endpoint_url=server.endpoint)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        try:
            yield control.register_process(TaskRole=NAME, Pid=child.pid)
        finally:
            child.kill()
    iam.delete_role(RoleName=NAME)


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def shown(server: Any, id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kansatsu(server.environ(), "instance", "show", id, "-o", "json").stdout)
    return found


def test_what_is_shown_of_credentials_and_of_trust(server: Any, process: dict[str, Any]) -> None:
    headers = {"Authorization": process["AuthorizationToken"]}
    with urllib.request.urlopen(urllib.request.Request(process["CredentialsUri"], headers=headers)) as answer:
        got = json.load(answer)
    found = shown(server, process["ProcessId"])
    assert (found["Role"]["Name"], found["Problems"]) == (NAME, [])
    [held] = found["Credentials"]
    assert held["AccessKeyId"] == got["AccessKeyId"]
    assert "Issued" in held and "Expiration" in held and "LastUsed" not in held
    keys = {"aws_access_key_id": got["AccessKeyId"], "aws_secret_access_key": got["SecretAccessKey"]}
    server.client("sts", **keys, aws_session_token=got["Token"]).get_caller_identity()
    [held] = shown(server, process["ProcessId"])["Credentials"]
    assert (held["LastUsed"] > held["Issued"], held["LastUsedService"]) == (True, "sts")
    server.client("iam").update_assume_role_policy(RoleName=NAME, PolicyDocument=trust("lambda.amazonaws.com"))
    found = shown(server, process["ProcessId"])
    [problem] = found["Problems"]
    assert f"The trust policy of role {NAME} does not allow ecs-tasks.amazonaws.com to assume it" in problem
    assert found["Credentials"] == []
