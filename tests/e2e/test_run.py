"""`kansatsu run` as a user without privileges: a process has a role and nothing else, whatever lies around it.

Two ways without root: the server is somebody else's, and one's own AWS profile says where it is; or it is one's own.
"""

import http.server
import json
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from story import BIN, REGION, Server, eventually
from users import WHO, User, dev, server, somebody, task
from world import client, make_role, role_arn, whoami

__all__ = ["dev", "server"]

pytestmark = pytest.mark.root

# ---- what he gets --------------------------------------------------------------------------------------------------


CLI = "aws sts get-caller-identity --query Arn --output text"
LISTS = """
try:
    boto3.client("iam").list_users()
except Exception as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("given", "role"),
    [
        (["--role", "run-task"], "run-task"),
        (["--role", "run-task", "--as", "ecs-tasks.amazonaws.com"], "run-task"),
        (["--role", role_arn("run-lambda"), "--as", "lambda.amazonaws.com"], "run-lambda"),
        (["--task-role", "run-task"], "run-task"),
        (["--instance-profile", "run-profile"], "run-profile"),
        (["--mode", "ns", "--role", role_arn("run-lambda"), "--as", "lambda.amazonaws.com"], "run-lambda"),
        (["--mode", "ns", "--task-role", "run-task"], "run-task"),
        (["--mode", "ns", "--instance-profile", "run-profile"], "run-profile"),
    ],
)
def test_boto3_and_the_aws_cli_get_the_role(dev: User, server: Server, given: list[str], role: str) -> None:
    code, out, err = dev.runs(given, "sh", "-c", f'"$0" -c "$1" && {CLI}', sys.executable, WHO + LISTS)
    boto3, denied, cli = out.splitlines()
    assert (code, task(boto3, role), cli) == (0, True, boto3), (out, err)
    assert err == f"Running as {boto3}"
    assert f"{boto3} is not authorized to perform: iam:ListUsers" in denied


def test_a_process_with_an_instance_profile_is_an_instance_while_it_runs(dev: User, server: Server) -> None:
    script = "import boto3, sys; print(boto3.client('sts').get_caller_identity()['Arn'], flush=True); sys.stdin.read()"
    with dev.popen(*dev.wrapped(["--instance-profile", "run-profile"], sys.executable, "-c", script)) as process:
        assert process.stdout is not None and process.stdin is not None
        instance = process.stdout.readline().strip().rpartition("/")[2]
        assert _state(server, instance) == "running"
        process.stdin.close()
    assert process.returncode == 0
    assert _state(server, instance) == "terminated"


def _state(server: Server, instance: str) -> str:
    answer = client(server, "ec2").describe_instances(InstanceIds=[instance])
    name: str = answer["Reservations"][0]["Instances"][0]["State"]["Name"]
    return name


def test_credentials_end_with_the_process(dev: User, server: Server) -> None:
    """Its endpoint at once, however it ends; and whoever does not know the secret gets nothing while it runs."""
    script = """
import json, os, sys, urllib.request
names = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"
print(json.dumps([os.environ[name] for name in names]), flush=True)
sys.stdin.read()
"""
    with dev.popen(*dev.wrapped(["--role", "run-task"], sys.executable, "-c", script)) as process:
        assert process.stdout is not None
        uri, secret = json.loads(process.stdout.readline())
        assert _fetch(uri, secret) == 200
        assert _fetch(uri, "") != 200
        assert _fetch(uri, secret[:-1]) != 200
        assert _fetch(uri[:-1], secret) != 200
        process.kill()
        process.wait()
        eventually(lambda: _fetch(uri, secret) != 200)


def _fetch(uri: str, secret: str) -> int:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(urllib.request.Request(uri, headers={"Authorization": secret})) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


@pytest.mark.parametrize("mode", ["env", "ns"])
def test_exit_code_streams_and_signals_pass(dev: User, mode: str) -> None:
    given = ["--role", "run-task", "--mode", mode]
    assert dev.runs(given, "sh", "-c", "exit 7")[0] == 7
    code, out, err = dev.runs(given, "sh", "-c", "cat; echo aside >&2", stdin="through\n")
    assert (code, out) == (0, "through")
    assert err.splitlines()[-1] == "aside"
    assert dev.runs(given, "sh", "-c", "kill -KILL $$")[0] == 128 + signal.SIGKILL
    assert dev.runs(given, "no-such-command-anywhere")[0] == 127
    assert dev.runs(given, "/etc/passwd")[0] == 126
    script = "trap 'echo ended; exit 5' TERM; echo up; while :; do sleep 0.1; done"
    with dev.popen(*dev.wrapped(given, "sh", "-c", script)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.terminate()
        assert process.stdout.readline() == "ended\n"
    assert process.returncode == 5


# ---- what he must not get ------------------------------------------------------------------------------------------


class _Granting(http.server.BaseHTTPRequestHandler):
    """A container credential endpoint that hands out the administrator's keys."""

    keys = ("", "")

    def do_GET(self) -> None:
        body = json.dumps(
            {
                "AccessKeyId": self.keys[0],
                "SecretAccessKey": self.keys[1],
                "Token": "",
                "Expiration": "2099-01-01T00:00:00Z",
            }
        ).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def granting(server: Server) -> Iterator[str]:
    handler = type("Granting", (_Granting,), {"keys": server.admin()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/"
        serving.shutdown()


def poisons(dev: User, server: Server, granting: str) -> dict[str, dict[str, str]]:
    """Environments, each of which makes an SDK the administrator; their files are laid down in his home."""
    access, secret = server.admin()
    mine = (dev.home / ".aws/credentials").read_text()
    place = (dev.home / ".aws/config").read_text()
    admin = f"aws_access_key_id = {access}\naws_secret_access_key = {secret}\n"
    output = json.dumps({"Version": 1, "AccessKeyId": access, "SecretAccessKey": secret})
    dev.write(".aws/credentials", f"{mine}[default]\n{admin}[boss]\n{admin}")
    dev.write("process.sh", f"#!/bin/sh\necho '{output}'\n", 0o700)
    dev.write(".aws/config", f"{place}[profile made]\ncredential_process = {dev.home}/process.sh\n")
    dev.write("elsewhere", f"[default]\n{admin}{mine}")
    dev.write("config", place)
    dev.write("empty", "")
    nothing = {"AWS_SHARED_CREDENTIALS_FILE": str(dev.home / "empty")}
    return {
        "keys in the environment": {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret},
        "the default profile": {},
        "a named profile": {"AWS_PROFILE": "boss", "AWS_DEFAULT_PROFILE": "boss"},
        "a credential process": {"AWS_PROFILE": "made"},
        "files elsewhere": {"AWS_SHARED_CREDENTIALS_FILE": str(dev.home / "elsewhere")},
        "container credentials": {"AWS_CONTAINER_CREDENTIALS_FULL_URI": granting, "AWS_CONFIG_FILE": "/dev/null"}
        | nothing,
    }


def test_nothing_that_lies_around_makes_it_somebody_else(dev: User, server: Server, granting: str) -> None:
    found = poisons(dev, server, granting)
    admin = whoami(server, *server.admin(), None)
    ways = [["--role", "run-task", "--mode", mode] for mode in ("env", "ns")]
    endpoint = {"AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    for name, env in found.items():
        # Control: without `kansatsu run` this makes an SDK the administrator.
        assert dev.does(sys.executable, "-c", WHO, env=env | endpoint)[1] == admin, name
        findable = {}  # `kansatsu run` itself must find his profile
        if "AWS_CONFIG_FILE" in env:
            kept = {"CONFIG_FILE": "config", "SHARED_CREDENTIALS_FILE": "elsewhere"}
            findable = {f"AWS_{key}": str(dev.home / file) for key, file in kept.items()}
        for given in ways:
            code, out, err = dev.runs(given, sys.executable, "-c", WHO, env=env | findable)
            assert (code, task(out, "run-task")) == (0, True), (name, given, out, err)
            assert err == f"Running as {out}", (name, given)
    everything = {name: text for env in found.values() for name, text in env.items()} | {
        "AWS_CONFIG_FILE": str(dev.home / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(dev.home / "elsewhere"),
        "AWS_PROFILE": "default",
        "AWS_SESSION_TOKEN": "a token",
        "AWS_SECURITY_TOKEN": "a token",
        "AWS_ROLE_ARN": role_arn("run-other"),
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(dev.home / "elsewhere"),
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/somebody",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a secret",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(dev.home / "elsewhere"),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": granting,
        "AWS_ENDPOINT_URL_STS": granting,
        "AWS_ENDPOINT_URL_KANSATSU": granting,
        "AWS_CREDENTIAL_FILE": str(dev.home / "elsewhere"),
        "BOTO_CONFIG": str(dev.home / "elsewhere"),
        "HTTP_PROXY": granting,
        "HTTPS_PROXY": granting,
    }
    for given in ways:
        code, out, err = dev.runs(given, "sh", "-c", f'"$0" -c "$1" && {CLI}', sys.executable, WHO, env=everything)
        boto3, cli = out.splitlines()
        assert (code, task(boto3, "run-task"), cli) == (0, True, boto3), (given, out, err)


def test_when_its_role_goes_it_is_nobody_and_not_somebody_else(dev: User, server: Server, granting: str) -> None:
    env = poisons(dev, server, granting)["keys in the environment"]
    make_role(server, "run-short", service="ecs-tasks.amazonaws.com")
    script = f"{WHO}\nimport sys; sys.stdout.flush(); sys.stdin.readline()\n{WHO}"
    with dev.popen(*dev.wrapped(["--role", "run-short"], sys.executable, "-c", script), env=env) as process:
        assert process.stdout is not None and process.stdin is not None
        assert task(process.stdout.readline(), "run-short")
        iam = client(server, "iam")
        iam.delete_role_policy(RoleName="run-short", PolicyName="what-it-may")
        iam.delete_role(RoleName="run-short")
        out, _ = process.communicate("\n", timeout=60)
    assert out.startswith("CredentialRetrievalError")
    assert "The role no longer exists." in out


@pytest.mark.parametrize(
    ("given", "code", "sentence"),
    [
        (["--role", "run-missing"], 1, "NoSuchEntity: The role with name run-missing cannot be found."),
        (["--role", "run-lambda"], 4, "role run-lambda does not allow ecs-tasks.amazonaws.com to assume it"),
        (["--role", "run-task", "--as", "ec2.amazonaws.com"], 4, "role run-task does not allow ec2.amazonaws.com"),
        (["--role", ""], 2, "Invalid length for parameter Role"),
        (["--role", "run-other"], 4, f"iam:PassRole on resource: {role_arn('run-other')}"),
        (["--instance-profile", "nowhere"], 1, "nowhere"),
        (["--instance-profile", "run-profile", "--as", "lambda.amazonaws.com"], 1, "ec2.amazonaws.com alone"),
        ([], 2, "Give one of --role, --task-role and --instance-profile."),
        (["--role", "run-task", "--instance-profile", "run-profile"], 2, "only one of --role, --task-role and"),
        (["--role", "run-task", "--task-role", "run-task"], 2, "only one of --role, --task-role and"),
        (["--task-role", "run-task", "--as", "ec2.amazonaws.com"], 2, "--as goes with --role"),
        (["--task-role", "run-lambda"], 4, "role run-lambda does not allow ecs-tasks.amazonaws.com to assume it"),
        (["--task-role", "run-other"], 4, f"iam:PassRole on resource: {role_arn('run-other')}"),
        (["--task-role", "run-missing", "--mode", "ns"], 1, "The role with name run-missing cannot be found."),
    ],
)
def test_what_is_refused_is_said_and_nothing_runs(
    dev: User, server: Server, given: list[str], code: int, sentence: str
) -> None:
    before = len(client(server, "ec2").describe_instances()["Reservations"])
    ended, out, err = dev.runs(given, "sh", "-c", "echo it ran; touch it-ran")
    assert (ended, out) == (code, ""), err
    assert sentence in err
    assert len(err.splitlines()) == 1
    assert not (dev.home / "it-ran").exists()
    assert len(client(server, "ec2").describe_instances()["Reservations"]) == before


def test_without_a_profile_somebody_elses_server_is_out_of_reach(dev: User, server: Server) -> None:
    dev.flags = ("--data-dir", str(server.directory))
    ended, out, err = dev.runs(["--role", "run-task"], "echo", "it ran")
    assert (ended != 0, out) == (True, "")
    assert len(err.splitlines()) == 1


# ---- a server of his own -------------------------------------------------------------------------------------------


def test_all_of_it_without_root() -> None:
    """One user, no privileges, no engine: `kansatsu up -d`, `kansatsu run`, `kansatsu down`."""
    with somebody() as user:
        user.env = {"AWS_EC2_METADATA_DISABLED": "true"}
        kansatsu = str(BIN / "kansatsu")
        code, _, err = user.does(kansatsu, "up", "-d", "--listen", "127.0.0.1:0", "--engine", "none")
        assert code == 0, err
        try:
            trusted = {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            }
            make = ["--role-name", "mine", "--assume-role-policy-document", json.dumps(trusted)]
            code, _, err = user.does(kansatsu, "aws", "iam", "create-role", *make)
            assert code == 0, err
            code, out, err = user.runs(["--role", "mine"], sys.executable, "-c", WHO)
            assert (code, task(out, "mine")) == (0, True), (out, err)
        finally:
            assert user.does(kansatsu, "down")[0] == 0
