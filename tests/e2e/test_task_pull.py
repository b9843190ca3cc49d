"""Images that the engine does not have yet, from a real registry with passwords: pulled, or refused with why."""

import json
import secrets
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from story import Server, eventually, running
from test_task_story import TRUST

from containers import Engine, run

pytestmark = pytest.mark.root
PASSWORD = "the-password-of-the-puller"
HASHED = "$2b$04$TySEsSsH0JiIKlFI6nNreOPXIamwtoukzCK.nJ3cZnILnZOFgd/sK"  # by bcrypt
NODE = "localhost/kansatsu-test/node:latest"


@dataclass
class Registry:
    """Debian's docker-registry on the host's loopback; who pulls must log in."""

    host: str
    username: str
    password: str


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    directory = tmp_path / "registry"
    directory.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        made = Registry(f"127.0.0.1:{probe.getsockname()[1]}", "puller", PASSWORD)
    (directory / "htpasswd").write_text(f"{made.username}:{HASHED}\n")
    config = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(directory / "images")}},
        "http": {"addr": made.host},
        "auth": {"htpasswd": {"realm": "tests", "path": str(directory / "htpasswd")}},
    }
    (directory / "config.yml").write_text(json.dumps(config))
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["docker-registry", "serve", str(directory / "config.yml")],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        host, _, port = made.host.partition(":")
        eventually(lambda: _answers(host, int(port)), (directory / "log").read_text)
        yield made
    finally:
        process.terminate()
        process.wait(60)


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@pytest.fixture
def image(registry: Registry, engine: Engine, image: Any, tmp_path: Path) -> Iterator[str]:
    """An image with nothing but a shell, which only the registry has."""
    image("node")
    name = f"{registry.host}/team/greeter:1"
    (tmp_path / "Containerfile").write_text(f"FROM scratch\nCOPY --from={NODE} /usr/bin/busybox /bin/sh\n")
    engine.podman("build", "-q", "--pull=never", "-t", name, "-f", str(tmp_path / "Containerfile"), str(tmp_path))
    engine.podman("push", "-q", "--creds", f"{registry.username}:{registry.password}", name)
    engine.podman("rmi", "-f", name)
    yield name
    engine.podman("rmi", "-f", "-i", name, check=False)


@pytest.fixture
def server(tmp_path: Path, engine: Engine) -> Iterator[Server]:
    with running(tmp_path, engine.url, real_time=True) as started:
        yield started


def ran(server: Server, image: str, login: str = "") -> Any:
    """A task of that image, and what became of it."""
    ecs = server.client("ecs")
    container = {"name": "app", "image": image, "memory": 64, "command": ["/bin/sh", "-c", "echo greetings"]}
    given: dict[str, Any] = {"executionRoleArn": "execution"} if login else {}
    if login:
        container["repositoryCredentials"] = {"credentialsParameter": login}
    ecs.register_task_definition(family="pulled", containerDefinitions=[container], **given)
    task = ecs.run_task(taskDefinition="pulled")["tasks"][0]["taskArn"]

    def stopped() -> Any:
        found = ecs.describe_tasks(tasks=[task])["tasks"][0]
        return found if found["lastStatus"] == "STOPPED" else None

    return eventually(stopped, server.log.read_text)


def test_an_image_is_pulled_with_the_secret_that_the_execution_role_may_read(
    server: Server, registry: Registry, image: str, engine: Engine
) -> None:
    iam, vault = server.client("iam"), server.client("secretsmanager")
    iam.create_role(RoleName="execution", AssumeRolePolicyDocument=json.dumps(TRUST))
    right = {"username": registry.username, "password": registry.password}
    wrong = {**right, "password": f"not-{secrets.token_urlsafe(16)}"}
    given = {"right": json.dumps(right), "wrong": json.dumps(wrong), "nonsense": "no JSON"}
    arns = {name: vault.create_secret(Name=name, SecretString=text)["ARN"] for name, text in given.items()}
    said = []

    def refused(login: str = "", name: str = image) -> str:
        task = ran(server, name, login)
        said.append(json.dumps(task, default=str))
        assert task["stopCode"] == "TaskFailedToStart"
        assert engine.podman("image", "exists", name, check=False).code == 1
        return str(task["stoppedReason"])

    # Without the permission exactly this step breaks; with it, it goes on to the next.
    reason = refused(arns["right"])
    assert reason.startswith("ResourceInitializationError: unable to pull secrets or registry auth: ")
    assert "AccessDenied" in reason and "secretsmanager:GetSecretValue" in reason
    policy = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue"}}
    policy["Statement"]["Resource"] = list(arns.values())  # type: ignore[index]
    iam.put_role_policy(RoleName="execution", PolicyName="read", PolicyDocument=json.dumps(policy))
    assert "did not contain a username and a password" in refused(arns["nonsense"])
    for login in (arns["wrong"], ""):
        reason = refused(login)
        assert reason.startswith("CannotPullContainerError: Error response from daemon: "), reason
        assert "unauthorized" in reason.lower() or "authentication required" in reason.lower(), reason
    reason = refused(arns["right"], image.replace("greeter", "nobody"))
    assert reason.startswith("CannotPullContainerError: Error response from daemon: ") and "unknown" in reason, reason

    task = ran(server, image, "right")  # by its name, as it is of this Region
    said.append(json.dumps(task, default=str))
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 0), task
    assert run("true").code == 0 and engine.podman("image", "exists", image, check=False).code == 0
    # INVARIANT: neither password is told to anybody, nor written anywhere that is read.
    told = "\n".join([*said, server.log.read_text()])
    assert registry.password not in told and wrong["password"] not in told
