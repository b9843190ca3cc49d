"""Tokens of EKS Pod Identity: whose they are, when they end, and what podman's containers read of them."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import engine, image, network
from kansatsu.delivery import CredentialEndpoint, MetadataService, TaskEndpoint, load_keys
from kansatsu.workload.tasks import pod_tokens
from kansatsu.workload.tasks.attachment import Opened
from services.ec2_world import Ec2World
from services.test_ecs_definitions import TASKS
from workload.test_engine import KEY, _again, inside, real

__all__ = ["engine", "image", "network", "real"]

NOW = 1_800_000_000.0
SECRET, TASK = "s" * 43, "a" * 32
GOOD = pod_tokens.issue(SECRET, TASK, NOW)
PATH = "/run/pods/token"
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("169.254.170.23", timeout=60)
connection.request("GET", "/v1/credentials", headers={"Authorization": sys.argv[1] or open(PATH).read()})
print(connection.getresponse().read().decode())
""".replace("PATH", repr(PATH))


def test_a_token_ends_a_day_after_it_was_issued() -> None:
    assert pod_tokens.ends(SECRET, TASK, GOOD) == NOW + 86400
    assert pod_tokens.ends(SECRET, TASK, SECRET) == math.inf  # what a process has in its environment


# INVARIANT: of another task, with another end, spelt otherwise: it is none.
@pytest.mark.parametrize(
    ("secret", "task", "token"),
    [
        ("t" * 43, TASK, GOOD),
        (SECRET, "b" * 32, GOOD),
        (SECRET, TASK, f"{int(NOW) + 2 * 86400}{GOOD[10:]}"),
        (SECRET, TASK, f"9999999999.{GOOD}"),
        (SECRET, TASK, f" {GOOD}"),
        (SECRET, TASK, GOOD[:10]),
        (SECRET, TASK, f"{GOOD[:10]}."),
        (SECRET, TASK, ""),
        ("", TASK, ""),
        ("", TASK, pod_tokens.issue("", TASK, NOW)),  # a task that has no secret has no token
    ],
)
def test_what_is_no_token(secret: str, task: str, token: str) -> None:
    assert pod_tokens.ends(secret, task, token) is None


@given(st.integers(0, len(GOOD) - 1), st.characters())
def test_a_token_with_any_other_character_is_none(at: int, character: str) -> None:
    altered = GOOD[:at] + character + GOOD[at + 1 :]
    assert (pod_tokens.ends(SECRET, TASK, altered) is None) == (altered != GOOD)


@pytest.mark.root
def test_what_a_container_reads(real: Ec2World, image: Callable[[str], str], tmp_path: Path) -> None:
    pods = TaskEndpoint(
        CredentialEndpoint(MetadataService(load_keys(tmp_path / "data", real.clock), real.clock), real.clock),
        real.clock,
    )

    async def serve(view: Any, opened: Opened) -> Any:
        for name, each in opened.sockets.items():
            if name != "pods":
                each.close()
        return await pods.serve_pod(opened.sockets["pods"], view)

    real.run(real.workload.close())
    real.provider, real.task_server = real.run(_again(real)), serve
    real.workload = real.fresh_workload()
    real.begin()
    real.role("r", TASKS)
    told = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": PATH,
    }
    app = {
        "name": "app",
        "image": image("python"),
        "memory": 128,
        "command": ["sleep", "infinity"],
        "readonlyRootFilesystem": True,
        "user": "1000",
        "environment": [{"name": name, "value": value} for name, value in told.items()],
    }
    ecs = real.client("ecs")
    ecs.register_task_definition(family="f", taskRoleArn="r", containerDefinitions=[app])
    task = ecs.run_task(taskDefinition="f")["tasks"][0]["taskArn"]
    real.settle()
    shown = ecs.describe_tasks(tasks=[task])["tasks"][0]
    assert shown["lastStatus"] == "RUNNING", shown
    container = shown["containers"][0]["runtimeId"]

    def ask(token: str = "") -> Any:
        said = json.loads(inside(real, container, "python3", "-c", ASK, token))
        return said.get("code", "AccessKeyId" in said)

    copied = inside(real, container, "cat", PATH)
    assert ask() is True and inside(real, container, "python3", "-c", KEY).startswith("ASIA")
    # INVARIANT: who runs in there, be it as root, does not write what the host keeps.
    wrote = run_as_root(real, container, f"echo x > {PATH} || rm {PATH} || mv {PATH} /tmp/x; cat {PATH}")
    assert wrote.endswith(copied)
    real.clock.move(hours=20)
    real.settle()
    renewed = inside(real, container, "cat", PATH)
    assert renewed != copied and len(renewed) == len(copied)
    assert (ask(copied), ask(renewed), ask()) == (True, True, True)
    real.clock.move(hours=5)
    assert (ask(copied), ask(renewed), ask()) == ("ExpiredTokenException", True, True)
    assert inside(real, container, "python3", "-c", KEY).startswith("ASIA")


def run_as_root(real: Ec2World, container: str, script: str) -> str:
    return inside(real, "--user=0", container, "sh", "-c", f"({script}) 2>&1")
