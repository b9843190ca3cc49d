"""A service with real containers: secrets and logs by the execution role, health checks, ports, and a deployment that
cannot go on, in the middle of which Kansatsu is killed."""

import json
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from story import ACCOUNT, PATIENT, Server, eventually
from test_task_story import TRUST, environment_of, kansatsu, server

from containers import Engine

__all__ = ["server"]

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


def role(server: Server, name: str, action: Any) -> str:
    words = ("iam", "create-role", "--role-name", name, "--path", "/story/")
    made = server.aws("operator", *words, "--assume-role-policy-document", json.dumps(TRUST))["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    put = ("iam", "put-role-policy", "--role-name", name, "--policy-name", "may", "--policy-document", policy)
    assert server.aws("operator", *put) == {}
    return str(made)


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


@pytest.mark.timeout(1500)  # on a machine that others use
def test_service_story(server: Server, engine: Engine, image: Callable[[str], str]) -> None:
    python, ecs = image("python"), server.client("ecs")
    roles = (
        role(server, "app", "dynamodb:ListTables"),
        role(server, "execution", ["secretsmanager:GetSecretValue", "logs:*"]),
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
        eventually(lambda: now()["deployments"][0]["rolloutState"] == "COMPLETED", 120)
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
            eventually(lambda read=read: len(read()["events"]) > 20, 120)
            assert {json.loads(event["message"])["dynamodb"] for event in read()["events"]} == {"ok"}
        # What the execution role may no longer do is what the next task fails with; the running ones run on.
        deny = ("iam", "put-role-policy", "--role-name", "execution", "--policy-name", "may", "--policy-document")
        statement = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
        assert server.aws("operator", *deny, policy) == {}
        server.aws("operator", "ecs", "update-service", "--service", "app", "--force-new-deployment")
        stopped = eventually(lambda: tasks(first, "STOPPED"), 120)[0]
        assert stopped["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets")
        session = f"arn:aws:sts::{ACCOUNT}:assumed-role/execution/{name_of(stopped)}"
        assert (
            f"User: {session} is not authorized to perform: secretsmanager:GetSecretValue" in stopped["stoppedReason"]
        )
        # Killed in the middle of this deployment, which has its permission back: the tasks run on, and are adopted with
        # the ids that they have.
        assert server.aws("operator", *deny, policy.replace("ssm:*", "*")) == {}
        ids = {name_of(each): credential_id(engine, each) for each in old}
        known = {name_of(each) for status in ("RUNNING", "STOPPED") for each in tasks(first, status)}
        server.end(kill=True)
        killed = time.time()
        server.start()
        assert {name_of(each) for each in tasks(first)} >= ids.keys()  # said once they are adopted
        adopted = time.time()
        for each in old:
            said = eventually(lambda each=each: after(engine, each, adopted)[2:] and words(engine, each), 60)
            failed = [word["begun"] for word in said if word["dynamodb"] != "ok"]
            # A call that was on its way when Kansatsu was killed fails, too; none that began once it had adopted them.
            assert all(killed - 60 < begun < adopted for begun in failed), (killed, adopted, failed)
            assert credential_id(engine, each) == ids[name_of(each)]
        # What it was at goes on: after its pause, which doubled with each failure, the next task is tried. It fails, as
        # the embedded backend forgot the secret when it was killed. The tasks that run run on.
        eventually(lambda: {name_of(each) for each in tasks(first, "STOPPED")} - known, 600)
        assert {name_of(each) for each in tasks(first)} >= ids.keys()
    finally:
        server.client("ecs").delete_service(service="app", force=True)
        eventually(lambda: now()["status"] == "INACTIVE", 120)


def words(engine: Engine, task: Any) -> list[Any]:
    """Everything that the program of a task has said."""
    lines = engine.podman("logs", f"ecs-{name_of(task)}-app").stdout.splitlines()
    return [json.loads(line) for line in lines]


def after(engine: Engine, task: Any, moment: float) -> list[Any]:
    return [word for word in words(engine, task) if word["begun"] > moment]


def credential_id(engine: Engine, task: Any) -> str:
    return environment_of(engine, name_of(task))["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]


def name_of(task: Any) -> str:
    return str(task["taskArn"].rpartition("/")[2])
