"""Story 2: two ECS tasks on one host, each with its own task role, told with the real AWS CLI, containers and SDKs.

One is AWS's sample for Node.js: it knows no settings of endpoints, and asks https://BUCKET.s3.amazonaws.com.
"""

import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from story import ACCOUNT, BIN, PATIENT, Server, eventually, running

from containers import IMAGES, Engine, run

pytestmark = pytest.mark.root
TRUST = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:us-east-1:{ACCOUNT}:*"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    },
}
OPERATOR = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["iam:CreateRole", "iam:PutRolePolicy", "ecs:*"], "Resource": "*"},
        {"Effect": "Allow", "Action": ["kansatsu:DescribeWorkloads", "kansatsu:GetTaskLogs"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": f"arn:aws:iam::{ACCOUNT}:role/story/*",
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
    ],
}
# Their definitions tell both where a pod of EKS finds its credentials: one is given the token, the other one a file.
POD = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
FILE = {f"{TOKEN}_FILE": "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"}
# The neighbour: what it may, what it may not, and what it can reach of others.
NEIGHBOUR = """
import boto3, http.client, json, os, time
def attempt(call, **parameters):
    try:
        call(**parameters)
    except Exception as error:
        return str(error)
    return "ok"
def get(address, path, **headers):
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.connect()
        connection.sock.settimeout(60)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return [answer.status, answer.read().decode()]
    except OSError as error:
        return [0, type(error).__name__]
agent, pod = "169.254.170.2", ("169.254.170.23", "/v1/credentials")
token = open(os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]).read()
table, s3 = boto3.client("dynamodb"), boto3.client("s3")
said = {
    "dynamodb": attempt(table.list_tables),
    "s3": attempt(s3.put_object, Bucket=os.environ["BUCKET"], Key="mine", Body=b"x"),
    "own": get(*pod, Authorization=token)[0],
    "neighbour": get(agent, "/v2/credentials/" + os.environ["STOLEN"]),
    "tokens": [get(*pod, **given)[0] for given in
               ({}, {"Authorization": "x"}, {"Authorization": os.environ["STOLEN_TOKEN"]})],
    "rebound": get(*pod, Authorization=token, Host="evil.example.com")[0],
    "imds": get("169.254.169.254", "/latest/meta-data/"),
    "metadata": json.loads(get(agent, os.environ["ECS_CONTAINER_METADATA_URI_V4"].partition(agent)[2] + "/task")[1]),
}
print(json.dumps(said), flush=True)
while True:
    time.sleep(0.2)
    try:
        key = boto3.Session().get_credentials().access_key
    except Exception as error:
        key = str(error)
    print(json.dumps({"key": key, "dynamodb": attempt(table.list_tables)}), flush=True)
"""


@pytest.fixture
def server(tmp_path: Path, engine: Engine) -> Iterator[Server]:
    with running(tmp_path, engine.url, real_time=True) as started:
        started.user("operator", json.dumps(OPERATOR))
        yield started


def kansatsu(server: Server, *words: str) -> str:
    """The command line of Kansatsu as the operator."""
    access, secret = server.keys["operator"]
    config = server.directory.parent / "operator-credentials"
    config.write_text(f"[operator]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
    ended = subprocess.run(
        [str(BIN / "kansatsu"), *words, "--data-dir", str(server.directory), "--profile", "operator"],
        env={**os.environ, "AWS_SHARED_CREDENTIALS_FILE": str(config)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def start(server: Server, name: str, image: str, program: list[str], may: Any, **environment: str) -> str:
    """As the operator: a role that may do this, a task definition with it, and a task. The task's id."""
    aws: Callable[..., Any] = lambda *words: server.aws("operator", *words)  # noqa: E731
    role = aws(
        *("iam", "create-role", "--role-name", name, "--path", "/story/"),
        *("--assume-role-policy-document", json.dumps(TRUST)),
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", **may}})
    put = ("iam", "put-role-policy", "--role-name", name, "--policy-name", "may", "--policy-document", policy)
    assert aws(*put) == {}
    container = {
        "name": "app",
        "image": image,
        "memory": 256,
        "command": program,
        "stopTimeout": 1,
        "environment": [
            {"name": key, "value": value} for key, value in {**PATIENT, "AWS_MAX_ATTEMPTS": "1", **environment}.items()
        ],
    }
    made = aws(
        *("ecs", "register-task-definition", "--family", name, "--task-role-arn", role["Role"]["Arn"]),
        *("--container-definitions", json.dumps([container])),
    )
    assert made["taskDefinition"]["revision"] == 1, made
    task = aws("ecs", "run-task", "--task-definition", name)["tasks"][0]["taskArn"]
    reach(server, "RUNNING", task)
    assert aws("ecs", "wait", "tasks-running", "--tasks", task) == {}
    return str(task.rpartition("/")[2])


def test_task_story(server: Server, engine: Engine, image: Callable[[str], str]) -> None:
    python = image("python")
    buckets = {"Action": ["s3:CreateBucket", "s3:PutObject"], "Resource": "arn:aws:s3:::node-sdk-sample-*"}
    tables = {"Action": "dynamodb:*", "Resource": "*"}
    # The sample is as its image has it; it ends, and its container goes on.
    program = ["sh", "-c", "node sample.js && exec sleep infinity"]
    sample = start(server, "sample", run(str(IMAGES / "sample.sh")).stdout.strip(), program, buckets, **POD)
    # The sample has its bucket and its object.
    stored = server.client("s3")
    said = lambda: [line for line in kansatsu(server, "task", "logs", sample).splitlines() if "node-sdk" in line]  # noqa: E731
    bucket = str(re.search(r"node-sdk-sample-[0-9a-f-]{36}", eventually(said)[0])[0])
    assert stored.get_object(Bucket=bucket, Key="hello_world.txt")["Body"].read() == b"Hello World!"

    stolen = {"STOLEN": credential_id(server, sample), "STOLEN_TOKEN": environment_of(engine, sample)[TOKEN]}
    program = ["python3", "-c", NEIGHBOUR]
    neighbour = start(server, "neighbour", python, program, tables, BUCKET=bucket, **stolen, **POD, **FILE)
    lines = lambda: kansatsu(server, "task", "logs", neighbour, "-n", "10000").splitlines()  # noqa: E731
    said = json.loads(eventually(lines)[0])
    assert (said["dynamodb"], said["own"]) == ("ok", 200)
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/neighbour/{neighbour}"
    assert (
        f'User: {session} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::{bucket}/mine" '
        "because no identity-based policy allows the s3:PutObject action"
    ) in said["s3"]
    # INVARIANT: neither reaches the other's credentials, nor a metadata service of an instance.
    status, body = said["neighbour"]
    assert (status, json.loads(body)["code"]) == (400, "InvalidIdInRequest")
    assert (said["tokens"], said["rebound"]) == ([400, 400, 400], 403)
    assert said["imds"] == [0, "ConnectionRefusedError"]
    assert said["metadata"]["TaskARN"].endswith(f"task/default/{neighbour}")

    shown = {each["id"]: each for each in json.loads(kansatsu(server, "task", "ls", "-o", "json"))}
    assert {key: (each["state"], each["role"]) for key, each in shown.items()} == {
        sample: ("RUNNING", "sample"),
        neighbour: ("RUNNING", "neighbour"),
    }
    detail = json.loads(kansatsu(server, "task", "show", neighbour, "-o", "json"))
    key = detail["Credentials"][0]["AccessKeyId"]
    assert detail["Role"]["LastUsed"] and detail["Problems"] == []
    assert key in lines()[-1]

    for task in (sample, neighbour):
        server.aws("operator", "ecs", "stop-task", "--task", task, "--reason", "the story ends")
    reach(server, "STOPPED", sample, neighbour)
    assert server.aws("operator", "ecs", "wait", "tasks-stopped", "--tasks", sample, neighbour) == {}
    ended = server.aws("operator", "ecs", "describe-tasks", "--tasks", sample, neighbour)["tasks"]
    assert {(each["stopCode"], each["stoppedReason"]) for each in ended} == {("UserInitiated", "the story ends")}
    assert all("exitCode" in each["containers"][0] for each in ended)


def reach(server: Server, state: str, *tasks: str) -> None:
    """The CLI's own waiters look every six seconds; after this they have nothing to wait for."""
    ecs = server.client("ecs")
    eventually(lambda: {each["lastStatus"] for each in ecs.describe_tasks(tasks=tasks)["tasks"]} == {state})


def credential_id(server: Server, task: str) -> str:
    """As root on the host could read it; the application of this task is not told."""
    with closing(sqlite3.connect(server.directory / "kansatsu.db")) as conn:
        (found,) = conn.execute("SELECT details FROM task WHERE id = ?", (task,)).fetchone()
    return str(json.loads(found)["credential_id"])


def environment_of(engine: Engine, task: str) -> dict[str, str]:
    """What the application of a task was started with, as root on the host can see it."""
    found = json.loads(engine.podman("inspect", f"ecs-{task}-app").stdout)[0]["Config"]["Env"]
    return dict(pair.split("=", 1) for pair in found)
