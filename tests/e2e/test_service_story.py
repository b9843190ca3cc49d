"""A service with real containers: secrets and logs by the execution role, health checks, ports, and a deployment in the
middle of which Kansatsu is killed. Its backend is a server of its own, which survives that, as one of a team would."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from subprocess import DEVNULL
from typing import Any

import pytest
from story import ACCOUNT, BIN, PATIENT, Server, eventually, running
from test_task_story import OPERATOR, TRUST, credential_id, environment_of, kansatsu

from containers import Engine

pytestmark = pytest.mark.root
PROGRAM = """
open("/scratch/mine", "x").write("mine")
import boto3, http.server, json, os, threading, time
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(os.environ["SECRET"].encode())
    def log_message(self, *_): pass
threading.Thread(target=http.server.HTTPServer(("", 8000), Page).serve_forever, daemon=True).start()
table = boto3.client("dynamodb")
while True:
    begun = time.time()
    try:
        table.list_tables()
        said = "ok"
    except Exception as error:
        said = str(error)
    print(json.dumps({"begun": begun, "dynamodb": said}), flush=True)
    time.sleep(0.2)
"""
READY = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000', timeout=1)"


EXECUTION = ["secretsmanager:GetSecretValue", "logs:*"]


@pytest.fixture
def server(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-the-backend")
    with subprocess.Popen([BIN / "moto_server", "-p", str(port)], stdout=DEVNULL, stderr=DEVNULL) as backend:
        try:
            with running(tmp_path, engine.url, "--backend", f"http://127.0.0.1:{port}", real_time=True) as started:
                started.user("operator", json.dumps(OPERATOR))
                yield started
        finally:
            backend.kill()


def role(server: Server, name: str, action: Any) -> str:
    words = ("iam", "create-role", "--role-name", name, "--path", "/story/")
    made = server.aws("operator", *words, "--assume-role-policy-document", json.dumps(TRUST))["Role"]["Arn"]
    allow(server, name, action)
    return str(made)


def allow(server: Server, name: str, action: Any) -> None:
    """What a role may, from now on."""
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    put = ("iam", "put-role-policy", "--role-name", name, "--policy-name", "may", "--policy-document", policy)
    assert server.aws("operator", *put) == {}


def define(server: Server, image: str, roles: tuple[str, str], secret: str) -> str:
    """The next revision; its ARN."""
    container = {
        "name": "app",
        "image": image,
        "memory": 256,
        "command": ["python3", "-c", PROGRAM],
        "stopTimeout": 1,
        "environment": [{"name": key, "value": value} for key, value in {**PATIENT, "AWS_MAX_ATTEMPTS": "1"}.items()],
        "portMappings": [{"containerPort": 8000}],
        "healthCheck": {"command": ["CMD", "python3", "-c", READY], "interval": 5, "timeout": 5},
    }
    container["secrets"] = [{"name": "SECRET", "valueFrom": secret}]
    options = {"awslogs-group": "app", "awslogs-stream-prefix": "s", "awslogs-create-group": "true"}
    container["logConfiguration"] = {"logDriver": "awslogs", "options": options}
    container["mountPoints"] = [{"sourceVolume": "scratch", "containerPath": "/scratch"}]
    made = server.aws(
        *("operator", "ecs", "register-task-definition", "--family", "app", "--task-role-arn", roles[0]),
        *("--volumes", json.dumps([{"name": "scratch"}])),
        *("--execution-role-arn", roles[1], "--container-definitions", json.dumps([container])),
    )
    return str(made["taskDefinition"]["taskDefinitionArn"])


def test_service_story(server: Server, engine: Engine, image: Callable[[str], str]) -> None:
    python, ecs = image("python"), server.client("ecs")
    roles = (
        role(server, "app", "dynamodb:ListTables"),
        role(server, "execution", EXECUTION),
    )
    secret = server.client("secretsmanager").create_secret(Name="greeting", SecretString="s3cret")["ARN"]

    def now() -> Any:
        return ecs.describe_services(services=["app"])["services"][0]

    def tasks(definition: str, status: str = "RUNNING") -> list[Any]:
        arns = ecs.list_tasks(serviceName="app", desiredStatus=status)["taskArns"]
        found = ecs.describe_tasks(tasks=arns)["tasks"] if arns else []
        return [each for each in found if each["taskDefinitionArn"] == definition]

    def last(task: Any) -> str:
        lines = kansatsu(server, "task", "logs", name_of(task), "-n", "1").splitlines()
        return str(json.loads(lines[-1])["dynamodb"])

    first = define(server, python, roles, secret)
    try:
        create = ("--service-name", "app", "--task-definition", "app", "--desired-count", "2")
        server.aws("operator", "ecs", "create-service", *create)
        eventually(lambda: now()["deployments"][0]["rolloutState"] == "COMPLETED")
        assert server.aws("operator", "ecs", "wait", "services-stable", "--services", "app") == {}
        old = tasks(first)
        assert {each["healthStatus"] for each in old} == {"HEALTHY"} and {last(each) for each in old} == {"ok"}
        # The service says what only the execution role could read. The tests' network is an internal one, which engines
        # publish no ports of: it is asked at the address of the task.
        for each in old:
            (bound,) = each["containers"][0]["networkBindings"]
            assert bound["containerPort"] == 8000 and bound["hostPort"] > 1024
            address = json.loads(kansatsu(server, "task", "show", name_of(each), "-o", "json"))["PrivateIpAddress"]
            with urllib.request.urlopen(f"http://{address}:8000/", timeout=30) as answer:
                assert answer.read() == b"s3cret"

        # What they wrote is in CloudWatch Logs.
        for each in old:
            stream = {"logGroupName": "app", "logStreamName": f"s/app/{name_of(each)}"}
            read = partial(server.client("logs").get_log_events, **stream, startFromHead=True)
            eventually(lambda read=read: len(read()["events"]) > 20)
            assert {json.loads(event["message"])["dynamodb"] for event in read()["events"]} == {"ok"}
        # What the execution role may no longer do is what the next task fails with; the running ones run on.
        allow(server, "execution", "logs:*")
        server.aws("operator", "ecs", "update-service", "--service", "app", "--force-new-deployment")
        stopped = eventually(lambda: tasks(first, "STOPPED"))[0]
        assert stopped["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets")
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/execution/{name_of(stopped)}"
        denied = f"User: {session} is not authorized to perform: secretsmanager:GetSecretValue"
        assert denied in stopped["stoppedReason"]
        allow(server, "execution", EXECUTION)

        # Killed in the middle of a deployment: its first tasks are there, and not yet healthy.
        second = define(server, python, roles, secret)
        server.aws("operator", "ecs", "update-service", "--service", "app", "--task-definition", second)
        begun = {name_of(each) for each in eventually(lambda: tasks(second))}
        assert now()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
        ids = {name_of(each): credential_id(server, name_of(each)) for each in (*old, *tasks(second))}
        server.end(kill=True)
        killed = time.time()
        server.start()
        assert {name_of(each) for each in tasks(first)} == {name_of(each) for each in old}  # once they are adopted
        adopted = time.time()
        # The old tasks run on, as who they were.
        for each in old:
            said = eventually(lambda each=each: after(engine, each, adopted)[2:] and words(engine, each))
            failed = [word["begun"] for word in said if word["dynamodb"] != "ok"]
            # A call that was on its way when Kansatsu was killed fails, too; none that began once it had adopted them.
            assert all(killed - 60 < moment < adopted for moment in failed), (killed, adopted, failed)
        # What it was at goes on, with the tasks that it had begun, and comes to its end.
        eventually(lambda: now()["deployments"][0]["rolloutState"] == "COMPLETED")
        new = tasks(second)
        assert [each["lastStatus"] for each in new] == ["RUNNING"] * 2 and tasks(first) == []
        assert {each["healthStatus"] for each in new} == {"HEALTHY"} and begun <= {name_of(each) for each in new}
        assert [each["status"] for each in now()["deployments"]] == ["PRIMARY"]
        assert {key: credential_id(server, key) for key in ids} == ids
        for each in new:
            eventually(lambda each=each: after(engine, each, adopted)[2:])
            assert words(engine, each)[-1]["dynamodb"] == "ok"
            path = environment_of(engine, name_of(each))["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]
            assert path == f"/v2/credentials/{credential_id(server, name_of(each))}"
    finally:
        server.client("ecs").delete_service(service="app", force=True)
        eventually(lambda: now()["status"] == "INACTIVE")


def words(engine: Engine, task: Any) -> list[Any]:
    """Everything that the program of a task has said."""
    lines = engine.podman("logs", f"ecs-{name_of(task)}-app").stdout.splitlines()
    return [json.loads(line) for line in lines]


def after(engine: Engine, task: Any, moment: float) -> list[Any]:
    return [word for word in words(engine, task) if word["begun"] > moment]


def name_of(task: Any) -> str:
    return str(task["taskArn"].rpartition("/")[2])
