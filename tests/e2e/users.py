"""Users without privileges, and a server of root's with roles for what they run."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from story import ACCOUNT, BIN, REGION, Server, running
from world import make_profile, make_role, role_arn, unprivileged

NOBODY = 65534
MAY_RUN = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["kansatsu:RegisterProcess", "kansatsu:DeregisterProcess"],
                "Resource": "*",
            },
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": [
                    role_arn(f"run-{kind}") for kind in ("task", "lambda", "pod", "profile", "short", "missing")
                ],
            },
        ],
    }
)
WHO = """
import boto3
try:
    print(boto3.Session().client("sts").get_caller_identity()["Arn"])
except Exception as error:
    print(type(error).__name__, str(error)[:300])
"""


@dataclass
class User:
    """Somebody without privileges, in a home of his own, and what lies around in it."""

    home: Path
    flags: tuple[str, ...]  # after `kansatsu run`: how he reaches the server
    env: dict[str, str] = field(default_factory=dict)

    def popen(self, *words: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        given = {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(self.home), **self.env, **(env or {})}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(unprivileged(*words), env=given, cwd=self.home, text=True, **pipes)

    def does(self, *words: str, env: Mapping[str, str] | None = None, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a command."""
        with self.popen(*words, env=env) as process:
            out, err = process.communicate(stdin, timeout=60)
        return process.returncode, out.strip(), err.strip()

    def wrapped(self, given: Sequence[str], *command: str) -> list[str]:
        """`kansatsu run GIVEN -- COMMAND`."""
        return [str(BIN / "kansatsu"), "run", *self.flags, *given, "--", *command]

    def runs(
        self, given: Sequence[str], *command: str, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> tuple[int, str, str]:
        return self.does(*self.wrapped(given, *command), env=env, stdin=stdin)

    def write(self, path: str, text: str, mode: int = 0o600) -> None:
        file = self.home / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
        for item in (file.parent, file):
            os.chown(item, NOBODY, NOBODY)


@contextmanager
def somebody(*flags: str) -> Iterator[User]:
    with tempfile.TemporaryDirectory(prefix="kansatsu-home-") as home:
        os.chown(home, NOBODY, NOBODY)
        yield User(Path(home), flags)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """root's server, with roles for tasks, a function and an instance."""
    with (
        tempfile.TemporaryDirectory(prefix="kansatsu-") as parent,
        running(Path(parent), "none", real_time=True) as started,
    ):
        Path(parent).chmod(0o755)
        make_role(started, "run-task", service="ecs-tasks.amazonaws.com")
        make_role(started, "run-lambda", service="lambda.amazonaws.com")
        make_role(started, "run-pod", service="pods.eks.amazonaws.com")
        make_role(started, "run-other", service="ecs-tasks.amazonaws.com")
        make_profile(started, "run-profile")
        started.user("dev", MAY_RUN)
        yield started


@pytest.fixture
def dev(server: Server) -> Iterator[User]:
    """He has a profile with his keys and the endpoint; of the server's files, he can read none."""
    access, secret = server.keys["dev"]
    with somebody("--profile", "dev") as user:
        user.write(".aws/config", f"[profile dev]\nregion = {REGION}\nendpoint_url = {server.endpoint}\n")
        user.write(".aws/credentials", f"[dev]\naws_access_key_id = {access}\naws_secret_access_key = {secret}\n")
        yield user


def task(arn: str, role: str) -> bool:
    return arn.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/")
