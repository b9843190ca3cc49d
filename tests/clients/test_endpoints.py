"""Unmodified clients find credentials by themselves, where AWS has them, and make signed, verified, authorized calls.

In a network of `kansatsu run --mode ns`: no client is told of an endpoint or a key. One call must succeed, and its
object be there; another must be refused by the policy, as denied and not as unauthenticated.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .world import HERE, Programs, allow, document

PROGRAMS = HERE / "programs"
# The client, and how it is run; docs/security.md names them.
PYTHON = ("aiobotocore", "s3fs", "minio", "obstore", "pyarrow", "opendal", "awscrt")
SHELL = ("curl", "awscli", "rclone", "restic")
CLI2 = "awscli2"  # on distributions that have it: Debian 12 and later
JAVASCRIPT = ("v2", "v3")
CLIENTS = ("boto3", *PYTHON, *SHELL, *JAVASCRIPT)
DENIED = ("AccessDenied", "Access Denied", "not authorized to perform: s3:PutObject", "ACCESS_DENIED", "403 Forbidden")


@pytest.fixture(scope="module")
def server(start_server: Callable[..., Any]) -> Iterator[Any]:
    with (
        tempfile.TemporaryDirectory(prefix="kansatsu-") as place,
        start_server(Path(place) / "data", "--engine", "none") as started,
    ):
        yield started


def commands(programs: Programs, bucket: str) -> dict[str, list[str]]:
    def python(client: str) -> list[str]:
        interpreter = sys.executable if client == "boto3" else programs.python
        return [interpreter, str(PROGRAMS / "endpoints.py"), client, bucket]

    shell = (*SHELL, CLI2) if (programs.place / CLI2).exists() else SHELL
    return {
        **{client: python(client) for client in ("boto3", *PYTHON)},
        **{client: ["bash", str(PROGRAMS / "endpoints.sh"), client, bucket, programs.rclone] for client in shell},
        **{client: ["node", str(PROGRAMS / "endpoints.mjs"), client, bucket] for client in JAVASCRIPT},
    }


def role(server: Any, name: str, service: str, bucket: str) -> None:
    """May do in `mine/` of the bucket what the clients do, and nothing else."""
    iam, arn = server.client("iam"), f"arn:aws:s3:::{bucket}"
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    statements = (
        allow(["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], f"{arn}/mine/*"),
        allow(["s3:ListBucket", "s3:GetBucketLocation"], arn),
    )
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))


@pytest.mark.parametrize("kind", ["instance", "task"])
@pytest.mark.timeout(900)
def test_every_client(server: Any, programs: Programs, kind: str) -> None:
    """Through IMDSv2 alone (HttpTokens=required), and through the container endpoint."""
    bucket = f"clients-{kind}"
    server.client("s3").create_bucket(Bucket=bucket)
    role(server, bucket, "ec2.amazonaws.com" if kind == "instance" else "ecs-tasks.amazonaws.com", bucket)
    given = ["--task-role", bucket]
    if kind == "instance":
        iam = server.client("iam")
        iam.create_instance_profile(InstanceProfileName=bucket)
        iam.add_role_to_instance_profile(InstanceProfileName=bucket, RoleName=bucket)
        given = ["--instance-profile", bucket]
    run = [sys.executable, "-m", "kansatsu.cli", "run", "--mode", "ns", *given, "--"]
    environ = {**server.environ(), "MODULES": str(programs.modules)}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    with subprocess.Popen(
        [*run, sys.executable, str(PROGRAMS / "every.py")],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        instance = process.stdout.readline().strip()
        if instance:
            server.client("ec2").modify_instance_metadata_options(InstanceId=instance, HttpTokens="required")
        wanted = commands(programs, bucket)
        if instance:
            wanted["cloud-init"] = [
                programs.python,
                str(PROGRAMS / "crawl.py"),
                str(programs.place / "cloud-init"),
            ]
        out, err = process.communicate(json.dumps(wanted) + "\n", timeout=280)
    assert process.returncode == 0, err
    assert bool(instance) == (kind == "instance")
    ended = json.loads(out)
    if instance:
        crawled(ended.pop("cloud-init"), instance, bucket)
    failed = {
        client: found["said"]
        for client, found in ended.items()
        if found["code"] == 0 or "DONE" not in found["said"] or not any(text in found["said"] for text in DENIED)
    }
    assert not failed, "\n\n".join(f"{client}:\n{said}" for client, said in failed.items())
    keys = {item["Key"].split("/")[1] for item in server.client("s3").list_objects_v2(Bucket=bucket)["Contents"]}
    assert keys == set(ended) == {*CLIENTS, *(ended.keys() & {CLI2})}


def crawled(ended: dict[str, Any], instance: str, role: str) -> None:
    """cloud-init has read the whole tree, and nothing that is listed was missing."""
    assert ended["code"] == 0, ended["said"]
    answer = json.loads(ended["said"].splitlines()[-1])
    assert answer["failed"] == [], answer
    found = answer["found"]
    assert found["instance-id"] == instance
    assert found["iam"]["info"]["InstanceProfileArn"].endswith(f"/{role}")  # it leaves the keys out by itself
    assert answer["identity"]["document"]["instanceId"] == instance
