"""A test suite writes its own least policy and proves it: learned, enough, nothing too little, nothing too much.

The application of examples/orders, by hand as docs/testing.md tells it: first as a command under `kansatsu run`, then
with the pytest plugin and a server of its own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "orders"
ACCOUNT = "123456789012"
TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
}
# The plugin by name: it is the one that the installed entry point names, and here from source.
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "kansatsu.pytest_plugin", "-p", "no:asyncio"]


@dataclass
class Project:
    """A copy of the example, and a developer in it whose server runs."""

    server: Any
    directory: Path

    @property
    def policy(self) -> Path:
        return self.directory / "policy.json"

    def does(self, *command: str, admin: bool = False) -> subprocess.CompletedProcess[str]:
        environ = self.server.environ() | {"PYTHONDONTWRITEBYTECODE": "1"}
        if admin:
            environ |= {
                "AWS_ACCESS_KEY_ID": self.server.access_key_id,
                "AWS_SECRET_ACCESS_KEY": self.server.secret_access_key,
                "AWS_ENDPOINT_URL": self.server.endpoint,
                "AWS_DEFAULT_REGION": "us-east-1",
            }
        return subprocess.run(
            command, cwd=self.directory, env=environ, capture_output=True, text=True, timeout=250, check=False
        )

    def kansatsu(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.does(sys.executable, "-m", "kansatsu.cli", *words)

    def run(self, *flags: str) -> subprocess.CompletedProcess[str]:
        return self.kansatsu("run", "--role", "orders", *flags, "--", *PYTEST)

    def actions(self) -> list[str]:
        statements = json.loads(self.policy.read_text())["Statement"]
        return sorted(action for statement in statements for action in statement["Action"])

    def without(self, line: str) -> str:
        """The policy with one line deleted, as an editor would: the comma before the end of a list goes with it."""
        text = re.sub(rf"\n *{re.escape(json.dumps(line))},?(?=\n)", "", self.policy.read_text(), count=1)
        assert text.count("\n") == self.policy.read_text().count("\n") - 1
        return re.sub(r",(\s*\])", r"\1", text)


@pytest.fixture(scope="module")
def project(
    start_server: Callable[..., AbstractContextManager[Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    directory = tmp_path_factory.mktemp("story") / "orders"
    shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    data = tmp_path_factory.mktemp("data") / "data"
    clean = {name: text for name, text in os.environ.items() if not name.startswith(("AWS_", "KANSATSU_"))}
    source = {"PYTHONPATH": str(Path(__file__).parents[2] / "src"), "AWS_EC2_METADATA_DISABLED": "true"}
    with start_server(data, "--engine", "none", environ=clean | source) as server:
        yield Project(server, directory)


def green(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0 and "6 passed" in done.stdout, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.timeout(900)
def test_the_story(project: Project) -> None:
    iam = project.server.client("iam")
    iam.create_role(RoleName="orders", AssumeRolePolicyDocument=json.dumps(TRUST))
    deployed = project.does(sys.executable, "deploy.py", admin=True)
    assert deployed.returncode == 0, deployed.stderr

    # 1. The role may do nothing; the suite runs all the same, and says what it needed.
    assert project.run().returncode == 1
    said = green(project.run("--learn", "--put", "--write", "policy.json"))
    assert "arn:aws:s3:::orders-invoices/invoices/*.json" in said, "what was generalised is explained"
    assert project.actions() == [
        "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "s3:GetObject", "s3:PutObject",
        "secretsmanager:GetSecretValue",
        "sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:SendMessage",
    ]  # fmt: skip
    text = project.policy.read_text()
    for resource in (f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/orders",
                     f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders-placed",
                     f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:orders/signing-key-??????"):  # fmt: skip
        assert f'"{resource}"' in text
    assert "Not covered" not in said, "every resource is exact"
    assert "deploy" not in said and "CreateTable" not in text, "what the administrator did is not the application's"
    held = iam.get_role_policy(RoleName="orders", PolicyName="learned")["PolicyDocument"]
    assert held == json.loads(text)

    # 2. Under that policy and no other the suite is green.
    green(project.run())

    # 3. One line less, and exactly the tests that need it fail; `why` names the line. (One test alone: docs/testing.md)
    line, tests = "secretsmanager:GetSecretValue", {"test_invoice", "test_cancel"}
    iam.put_role_policy(RoleName="orders", PolicyName="learned", PolicyDocument=_valid(project.without(line)))
    done = project.run()
    assert set(re.findall(r"^FAILED test_orders.py::(\w+)", done.stdout, re.MULTILINE)) == tests, done.stdout
    why = project.kansatsu("why", "--last")
    assert f"Denied: {line} on " in why.stdout
    assert f'{{"Effect": "Allow", "Action": "{line}", "Resource": ' in why.stdout


def _valid(text: str) -> str:
    """A statement whose last action went is no statement any more."""
    document = json.loads(text)
    document["Statement"] = [statement for statement in document["Statement"] if statement["Action"]]
    return json.dumps(document)


@pytest.mark.timeout(900)
def test_the_same_with_the_plugin_and_what_no_test_uses(project: Project) -> None:
    """Nothing runs beforehand: the suite has a server of its own, and its fixtures are the administrator."""
    green(project.does(*PYTEST, "--kansatsu-learn", "policy.json"))
    policy = json.loads(project.policy.read_text())
    extra = {"Sid": "Purge", "Effect": "Allow", "Action": ["sqs:PurgeQueue"], "Resource": "*"}
    policy["Statement"].append(extra)
    policy["Statement"][0]["Action"].append("dynamodb:Scan")
    project.policy.write_text(json.dumps(policy, indent=2))
    done = project.does(*PYTEST, "--kansatsu-coverage-fail-under", "100", "-n", "2")
    assert "policy.json: 10 of 12 actions used, 83%" in done.stdout
    unused = re.findall(r"^    (\w+:\w+)$", done.stdout, re.MULTILINE)
    assert unused == ["dynamodb:Scan", "sqs:PurgeQueue"] and "Allow Purge on *:" in done.stdout
    assert done.returncode == 1 and "FAIL: less than 100% of the policies were used" in done.stdout
    assert "6 passed" in done.stdout, "the coverage failed, not a test"
