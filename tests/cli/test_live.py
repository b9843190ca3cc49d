"""The commands against a real server: start and end, whose keys, which exit code, and nobody else's identity."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from commands import kansatsu

TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"},
}
EC2_TRUST = json.loads(json.dumps(TRUST).replace("ecs-tasks", "ec2"))
WHO = "import boto3; print(boto3.client('sts', region_name='us-east-1').get_caller_identity()['Arn'])"
STARTED = "import signal; print('started', flush=True); signal.pause()"


def new_role(server: Any, trust: object = TRUST) -> str:
    name = f"role-{uuid.uuid4().hex[:8]}"
    server.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return name


def workloads(server: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(kansatsu(server.environ(), "instance", "ls", "-o", "json").stdout)
    return rows


class TestUpAndDown:
    def test_it_detaches_is_found_and_ends(self, data_dir: Path, cli_environment: dict[str, str]) -> None:
        environ = cli_environment | {"KANSATSU_DATA_DIR": str(data_dir), "KANSATSU_ENGINE": "none"}
        up = kansatsu(environ, "up", "-d", "--listen", "127.0.0.1:0")
        try:
            assert up.returncode == 0, up.stderr
            for line in ('eval "$(kansatsu env)"', "aws iam get-user", "memory only", "instance register"):
                assert line in up.stderr
            status = kansatsu(environ, "status", "-o", "json")
            assert status.returncode == 0
            assert json.loads(status.stdout)[0]["state"] == "ready"
            assert {path.stat().st_mode & 0o077 for path in data_dir.rglob("*")} == {0}, "nobody else reads anything"
            again = kansatsu(environ, "up", "-d")
            assert (again.returncode, again.stderr.count("\n")) == (1, 1)
            assert "already runs" in again.stderr
        finally:
            down = kansatsu(environ, "down")
        assert down.returncode == 0
        assert not (data_dir / "kansatsu.pid").exists()
        assert kansatsu(environ, "status").returncode == 3
        assert kansatsu(environ, "down").returncode == 3

    @pytest.mark.parametrize("detach", [[], ["-d"]])
    def test_what_it_says_to_type_next_finds_it(
        self, data_dir: Path, cli_environment: dict[str, str], detach: list[str]
    ) -> None:
        at = ["--data-dir", str(data_dir)]
        command = [sys.executable, "-m", "kansatsu.cli", "up", *detach, *at, "--engine", "none"]
        with subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0"], env=cli_environment, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                assert process.stderr is not None
                line = next(line for line in process.stderr if "eval" in line)
                words = shlex.split(line.strip().removeprefix('eval "$(').removesuffix(')"'))
                shown = kansatsu(cli_environment, *words[1:])
                assert f"export KANSATSU_DATA_DIR={data_dir}\n" in shown.stdout
            finally:
                kansatsu(cli_environment, "down", *at)

    def test_keys_stay_the_same_over_a_restart_and_a_kill(
        self, data_dir: Path, start_server: Callable[..., AbstractContextManager[Any]]
    ) -> None:
        with start_server(data_dir, "--engine", "none") as first:
            first.process.send_signal(signal.SIGKILL)
            first.process.wait(30)
        with start_server(data_dir, "--engine", "none") as second:
            assert second.access_key_id == first.access_key_id
            assert second.client("sts").get_caller_identity()["Arn"].endswith(":user/admin")

    @pytest.mark.parametrize("detach", [[], ["-d"]])
    def test_a_taken_port_is_one_sentence(
        self, data_dir: Path, cli_environment: dict[str, str], detach: list[str]
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            listen = f"127.0.0.1:{other.getsockname()[1]}"
            done = kansatsu(cli_environment, "up", *detach, "--data-dir", str(data_dir), "--listen", listen)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert f"(process {os.getpid()}); choose another with --listen." in done.stderr
        assert not data_dir.exists()


class TestRun:
    def test_the_child_is_the_role(self, server: Any) -> None:
        role = new_role(server)
        done = kansatsu(server.environ(), "run", "--role", role, "--", sys.executable, "-c", WHO)
        assert done.returncode == 0, done.stderr
        assert f":assumed-role/{role}/p-" in done.stdout
        assert done.stderr == f"Running as {done.stdout}"

    def test_the_child_is_an_instance(self, server: Any) -> None:
        role, iam = new_role(server, EC2_TRUST), server.client("iam")
        iam.create_instance_profile(InstanceProfileName=role)
        iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
        done = kansatsu(server.environ(), "run", "--instance-profile", role, "--", sys.executable, "-c", WHO)
        assert done.returncode == 0, done.stderr
        assert f":assumed-role/{role}/i-" in done.stdout

    def test_attack_the_callers_own_keys_do_not_reach_the_child(self, server: Any, tmp_path: Path) -> None:
        """The caller is administrator by environment, files and profile at once; the child is the role all the same."""
        keys = f"aws_access_key_id = {server.access_key_id}\naws_secret_access_key = {server.secret_access_key}\n"
        (tmp_path / ".aws").mkdir()
        (tmp_path / ".aws" / "credentials").write_text(f"[default]\n{keys}[admin]\n{keys}")
        poison = {
            "HOME": str(tmp_path),
            "AWS_ACCESS_KEY_ID": server.access_key_id,
            "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
            "AWS_PROFILE": "admin",
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / ".aws" / "credentials"),
        }
        role = new_role(server)
        done = kansatsu(server.environ() | poison, "run", "--role", role, "--", sys.executable, "-c", WHO)
        assert f":assumed-role/{role}/" in done.stdout, done.stderr

    def test_attack_a_role_without_permissions_is_refused_not_somebody_else(self, server: Any) -> None:
        program = "import boto3; boto3.client('s3', region_name='us-east-1').list_buckets()"
        role = new_role(server)
        done = kansatsu(server.environ(), "run", "--role", role, "--", sys.executable, "-c", program)
        assert done.returncode == 1
        assert f"assumed-role/{role}/" in done.stderr
        assert "is not authorized to perform: s3:ListAllMyBuckets" in done.stderr

    @pytest.mark.parametrize("code", [0, 3, 9])
    def test_the_exit_code_is_the_childs(self, server: Any, code: int) -> None:
        done = kansatsu(server.environ(), "run", "--role", new_role(server), "--", "sh", "-c", f"exit {code}")
        assert done.returncode == code

    def test_the_identity_and_the_private_files_end_with_the_child(self, server: Any) -> None:
        role = new_role(server)
        command = [sys.executable, "-m", "kansatsu.cli", "run", "--role", role, "--"]
        program = f"import os; print(os.environ['AWS_CONFIG_FILE'], flush=True)\n{STARTED}"
        with subprocess.Popen(
            [*command, sys.executable, "-c", program], env=server.environ(), stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            private = Path(process.stdout.readline().strip()).parent
            assert process.stdout.readline() == "started\n"
            assert role in [row["role"] for row in workloads(server)]
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM
        assert role not in [row["role"] for row in workloads(server)]
        assert not private.exists()

    def test_a_role_that_does_not_trust_the_service_is_denied(self, server: Any) -> None:
        done = kansatsu(server.environ(), "run", "--role", new_role(server, EC2_TRUST), "--", "true")
        assert (done.returncode, done.stdout) == (4, "")
        assert "Running as" not in done.stderr

    def test_attack_a_user_without_pass_role_is_denied(self, server: Any, tmp_path: Path) -> None:
        iam, name = server.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        allow = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kansatsu:*", "Resource": "*"}}
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(allow))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        lines = [
            f"[{name}]",
            f"aws_access_key_id={key['AccessKeyId']}",
            f"aws_secret_access_key={key['SecretAccessKey']}",
        ]
        (tmp_path / "credentials").write_text("\n".join(lines))
        environ = server.environ() | {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials")}
        done = kansatsu(environ, "run", "--profile", name, "--role", new_role(server), "--", "true")
        assert done.returncode == 4
        assert "iam:PassRole" in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["--", "true"], 2),
            (["--role", "a", "--instance-profile", "b", "--", "true"], 2),
            (["--role", "a"], 2),
            (["--role", "a", "--mode", "vm", "--", "true"], 2),
            (["--role", "no-such-role", "--", "true"], 1),
        ],
    )
    def test_wrong_usage(self, server: Any, arguments: list[str], code: int) -> None:
        done = kansatsu(server.environ(), "run", *arguments)
        assert done.returncode == code
        assert "Traceback" not in done.stderr

    def test_a_command_that_is_not_there(self, server: Any) -> None:
        assert kansatsu(server.environ(), "run", "--role", new_role(server), "--", "no-such-command").returncode == 127


class TestAws:
    def test_it_is_the_administrator_whatever_the_environment_says(self, server: Any) -> None:
        poison = {"AWS_PROFILE": "none", "AWS_SESSION_TOKEN": "x", "AWS_ENDPOINT_URL_STS": "http://127.0.0.1:1"}
        done = kansatsu(
            server.environ() | poison, "aws", "--output", "text", "sts", "get-caller-identity", "--query", "Arn"
        )
        assert done.stdout == "arn:aws:iam::123456789012:user/admin\n", done.stderr

    def test_its_exit_code_is_the_aws_clis(self, server: Any) -> None:
        assert kansatsu(server.environ(), "aws", "iam", "get-user", "--user-name", "nobody").returncode == 255


class TestInstance:
    def test_show_of_a_process(self, server: Any) -> None:
        role = new_role(server)
        command = [sys.executable, "-m", "kansatsu.cli", "run", "--role", role, "--", sys.executable, "-c", STARTED]
        with subprocess.Popen(command, env=server.environ(), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            assert process.stdout.readline() == "started\n"
            listed = next(row for row in workloads(server) if row["role"] == role)
            shown = kansatsu(server.environ(), "instance", "show", listed["id"], "-o", "json")
            process.terminate()
        one = json.loads(shown.stdout)
        assert (one["Role"]["Name"], one["Kind"]) == (role, "process")
        assert datetime.fromisoformat(one["Credentials"][0]["Expiration"]).tzinfo
        assert "T" in one["Credentials"][0]["Expiration"]
        assert shown.stderr == "", "programs read json: no hint beside it"

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            (["show", "i-00000000000000000"], 1),
            (["rm", "i-00000000000000000"], 1),
            (["register", "--container", "x"], 1),
            (["register", "--container", "x", "--tag", "nope"], 2),
            (["ls", "--profile", "none"], 1),
        ],
    )
    def test_failures_are_one_sentence(self, server: Any, arguments: list[str], code: int) -> None:
        done = kansatsu(server.environ(), "instance", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1), done.stderr
