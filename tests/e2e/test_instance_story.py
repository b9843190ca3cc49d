"""Story 1: a role for an instance that already runs, told with the real AWS CLI, a real container and real SDKs."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from story import INSIDE, PATIENT, Server, eventually, metadata, running

from containers import Container, Engine

pytestmark = pytest.mark.root
HERE = Path(__file__).parent
CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
EC2_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
)
WRITER = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"},
            {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": "arn:aws:s3:::story/*"},
        ],
    }
)


class Worker:
    """The long-running application inside the container, and everything it said so far."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.said: list[dict[str, str]] = []
        threading.Thread(target=self._read, args=(lines,), daemon=True).start()

    def _read(self, lines: Iterator[str]) -> None:
        for line in lines:
            self.said.append(json.loads(line))

    def next(self, good: Callable[[dict[str, str]], bool]) -> dict[str, str]:
        """The first word from now on for which `good` holds."""
        start = len(self.said)
        return eventually(
            lambda: next((word for word in self.said[start:] if good(word)), None), lambda: self.said[-3:]
        )


@pytest.fixture
def server(tmp_path: Path, engine: Engine) -> Iterator[Server]:
    with running(tmp_path, engine.url) as started:
        yield started


PROBE = """
import boto3, json
def attempt(call, **parameters):
    try:
        call(**parameters)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "ok"
s3 = boto3.client("s3")
print(json.dumps({"list": attempt(s3.list_buckets),
                  "put": attempt(s3.put_object, Bucket="story", Key="new-session", Body=b"Hello")}))
"""


def boto3_inside(container: Container) -> dict[str, str]:
    """A new SDK session: what it gets to list and to write."""
    return json.loads(container.exec("python3", "-c", PROBE, env={**INSIDE, **PATIENT}).stdout)


def cli_inside(container: Container) -> tuple[str, str]:
    """The AWS CLI inside: what it says to a list and to a write; "" is success."""
    env = {**INSIDE, **PATIENT}
    listed = container.exec("aws", "s3api", "list-buckets", env=env, check=False)
    written = container.exec("aws", "s3api", "put-object", "--bucket=story", "--key=cli", env=env, check=False)
    return (listed.stderr if listed.code else ""), (written.stderr if written.code else "")


def make_role(server: Server, role: str, grant: list[str]) -> str:
    """As the operator: role, policy, instance profile, the one in the other. The profile's name."""
    profile = f"{role}-Instance-Profile"
    iam: Callable[..., Any] = lambda *words: server.aws("operator", "iam", *words)  # noqa: E731
    made = iam("create-role", "--role-name", role, "--assume-role-policy-document", EC2_TRUST)
    assert made["Role"]["Arn"] == f"arn:aws:iam::123456789012:role/{role}"
    assert iam(grant[0], "--role-name", role, *grant[1:]) == {}
    made = iam("create-instance-profile", "--instance-profile-name", profile)
    assert made["InstanceProfile"]["InstanceProfileName"] == profile
    assert iam("add-role-to-instance-profile", "--instance-profile-name", profile, "--role-name", role) == {}
    return profile


def test_instance_story(server: Server, run_container: Callable[..., Container]) -> None:
    """How soon credentials come and go: benchmarks/workloads.py, `attach`."""
    volumes = [f"{server.clock.file.parent}:/clock:ro", f"{HERE / 'worker.py'}:/worker.py:ro"]
    # The containers run before Kansatsu knows them, and hold no credentials.
    container = run_container("python", env=INSIDE, volumes=volumes)
    node = run_container("node", env=INSIDE, volumes=[f"{HERE / 'list.mjs'}:/app/list.mjs:ro"])
    server.user("operator", (HERE / "operator.json").read_text())
    server.client("s3").create_bucket(Bucket="story")
    ec2: Callable[..., Any] = lambda *words: server.aws("operator", "ec2", *words)  # noqa: E731

    profile = make_role(
        server,
        "YourNewRole",
        ["attach-role-policy", "--policy-arn", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
    )
    instance, other = (register(server, each) for each in (container, node))
    assert metadata(container, CREDENTIALS)["status"] == 404
    assert metadata(container, "/latest/meta-data/instance-id")["body"] == instance
    described = ec2("describe-instances", "--instance-ids", instance)["Reservations"][0]["Instances"][0]
    assert described["State"]["Name"] == "running" and "IamInstanceProfile" not in described

    # Associate: credentials are there.
    made = ec2("associate-iam-instance-profile", "--instance-id", instance, "--iam-instance-profile", f"Name={profile}")
    association = made["IamInstanceProfileAssociation"]["AssociationId"]
    eventually(lambda: metadata(container, CREDENTIALS)["body"] == "YourNewRole")
    assert ec2("associate-iam-instance-profile", "--instance-id", other, "--iam-instance-profile", f"Name={profile}")
    session = f"arn:aws:sts::123456789012:assumed-role/YourNewRole/{instance}"
    refusal = (
        f'User: {session} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::story/{{key}}" '
        "because no identity-based policy allows the s3:PutObject action"
    )
    got = boto3_inside(container)
    assert got["list"] == "ok"
    assert refusal.format(key="new-session") in got["put"]
    listed, written = cli_inside(container)
    assert listed == ""
    assert refusal.format(key="cli") in written
    by_node = json.loads(node.exec("node", "list.mjs", env=INSIDE).stdout)
    assert by_node["list"] == "ok"
    assert refusal.format(key="from-node").replace(instance, other) in by_node["put"]

    associations = ec2(
        "describe-iam-instance-profile-associations", "--filters", f"Name=instance-id,Values={instance}"
    )["IamInstanceProfileAssociations"]
    assert [(each["AssociationId"], each["State"]) for each in associations] == [(association, "associated")]

    env = {**INSIDE, **PATIENT, **server.clock.in_container()}
    with container.spawn("python3", "-u", "/worker.py", env=env) as process:
        assert process.stdout is not None
        worker = Worker(process.stdout)
        first = worker.next(lambda word: word["list"] == "ok")
        assert "is not authorized to perform: s3:PutObject" in first["put"]

        # Replace, with a role that may write. A new session writes at once; the running one goes on with what it has.
        writer = make_role(
            server, "YourWriterRole", ["put-role-policy", "--policy-name", "write", "--policy-document", WRITER]
        )
        replaced = ec2(
            *("replace-iam-instance-profile-association", "--association-id", association),
            *("--iam-instance-profile", f"Name={writer}"),
        )["IamInstanceProfileAssociation"]
        assert replaced["AssociationId"] != association
        eventually(lambda: metadata(container, CREDENTIALS)["body"] == "YourWriterRole")
        assert boto3_inside(container) == {"list": "ok", "put": "ok"}
        still = worker.next(lambda word: True)
        assert still["key"] == first["key"] and still["list"] == "ok"

        # 15 minutes before its credentials expire the SDK asks again, by itself, and may write.
        _pass(server, 50)
        renewed = worker.next(lambda word: word["key"] != first["key"])
        assert worker.next(lambda word: word["put"] == "ok")["key"] == renewed["key"]

        # Rotation: an hour later it signs with new credentials of the same role, and nothing failed in between.
        _pass(server, 60)
        rotated = worker.next(lambda word: word["key"] != renewed["key"])
        assert rotated["put"] == "ok"
        assert {word["list"] for word in worker.said} == {"ok"}
        assert all(word["put"] == "ok" for word in worker.said if word["key"] != first["key"])

        # Disassociate: no credentials at the endpoint, and the issued ones are refused.
        document = json.loads(metadata(container, CREDENTIALS + "YourWriterRole")["body"])
        gone = ec2("disassociate-iam-instance-profile", "--association-id", replaced["AssociationId"])
        assert gone["IamInstanceProfileAssociation"]["State"] == "disassociating"
        worker.next(lambda word: "InvalidToken" in word["list"] or "InvalidAccessKeyId" in word["list"])
        eventually(lambda: metadata(container, CREDENTIALS)["status"] == 404)
        assert document["Code"] == "Success"

    role = server.aws("operator", "iam", "get-role", "--role-name", "YourWriterRole")["Role"]
    assert role["RoleLastUsed"]["Region"] == "us-east-1"
    assert role["RoleLastUsed"]["LastUsedDate"] > role["CreateDate"]


def register(server: Server, container: Container) -> str:
    """`kansatsu instance register --container NAME`, as the operator; the instance id."""
    import os
    import subprocess

    from story import BIN

    access, secret = server.keys["operator"]
    config = server.directory.parent / "operator-credentials"
    config.write_text(f"[operator]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
    ended = subprocess.run(
        [
            *(str(BIN / "kansatsu"), "instance", "register", "--container", container.name, "-o", "json"),
            *("--data-dir", str(server.directory), "--profile", "operator"),
        ],
        env={**os.environ, **server.clock.on_host(), "AWS_SHARED_CREDENTIALS_FILE": str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return str(json.loads(ended.stdout)[0]["id"])


def _pass(server: Server, minutes: int) -> None:
    """Let time pass for server and containers alike, in steps that no request on its way can notice."""
    for _ in range(minutes // 10):
        server.clock.move(600)
        time.sleep(1.0)  # the application goes on meanwhile; nothing is decided by this
