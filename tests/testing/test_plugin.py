"""The pytest plugin, in suites of its own: who a test is, what a failure shows, what was used, what is learned."""

import json
import re
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import commands

Run = Callable[..., subprocess.CompletedProcess[str]]
LIST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}


@pytest.fixture
def run(server: Any, tmp_path: Path) -> Run:
    """Write a suite and run it against the server of these tests; `-p` in place of the installed entry points, which
    take two thirds of the time (tests/docs has the installed one).
    """

    def suite(text: str, *flags: str, wrapper: tuple[str, ...] = (), **files: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pytest.ini").write_text(f"[pytest]\nkansatsu_data_dir = {server.data_dir}\n")
        (tmp_path / "test_it.py").write_text(
            "import boto3, os, pytest, subprocess, sys, unittest\n" + textwrap.dedent(text)
        )
        for name, content in files.items():
            (tmp_path / f"{name}.json").write_text(content)
        plugins = [
            "-p",
            "kansatsu.pytest_plugin",
            "-p",
            "no:cacheprovider",
            *(["-p", "xdist"] if "-n" in flags else []),
        ]
        env = server.environ() | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        if not wrapper:
            return commands.pytest(env, tmp_path, "-q", *plugins, *flags)
        command = [*wrapper, sys.executable, "-m", "pytest", "-q", *plugins, *flags]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=200, check=False)

    return suite


def passes(done: subprocess.CompletedProcess[str], count: int) -> None:
    assert done.returncode == 0 and f"{count} passed" in done.stdout, done.stdout + done.stderr


WHO = "boto3.client('sts').get_caller_identity()['Arn']"


def test_who_a_test_is(run: Run) -> None:
    text = f"""
    BEFORE = dict(os.environ)
    WHO = "import boto3; print({WHO})"

    @pytest.mark.kansatsu_role(policy={LIST})
    def test_role(kansatsu, kansatsu_admin, kansatsu_role):
        assert {WHO} == kansatsu_role.arn
        boto3.client("s3").list_buckets()
        with pytest.raises(Exception, match="AccessDenied"):
            boto3.client("iam").list_users()
        child = subprocess.run([sys.executable, "-c", WHO], capture_output=True, text=True, check=True)
        assert child.stdout.strip() == kansatsu_role.arn
        assert not [name for name in os.environ if name.startswith("KANSATSU_") and name != "KANSATSU_RUNNING_AS"]
        assert kansatsu_admin.client("sts").get_caller_identity()["Arn"].endswith(":user/admin")
        with kansatsu.as_admin():
            assert {WHO}.endswith(":user/admin")
        assert {WHO} == kansatsu_role.arn

    def test_afterwards():
        now = dict(os.environ)
        assert all(now.get(name) == BEFORE.get(name) for name in now.keys() | BEFORE if "PYTEST" not in name)

    @pytest.mark.kansatsu_role("arn:aws:iam::aws:policy/IAMReadOnlyAccess", trust="lambda.amazonaws.com")
    class TestManaged:
        def test_managed(self):
            boto3.client("iam").list_users()
            with pytest.raises(Exception, match="AccessDenied"):
                boto3.client("s3").list_buckets()

    @pytest.mark.parametrize("role", [pytest.param(True, marks=pytest.mark.kansatsu_role({LIST})), False])
    def test_one_parameter_alone(role):
        assert ("KANSATSU_RUNNING_AS" in os.environ) is role

    @pytest.mark.kansatsu_role({LIST})
    class TestCase(unittest.TestCase):
        def test_case(self):
            assert ":assumed-role/test-" in {WHO}

    @pytest.fixture
    def client():
        return boto3.client("s3")

    @pytest.mark.kansatsu_role(policy=["own.json", "arn:aws:iam::aws:policy/IAMReadOnlyAccess"])
    def test_file_and_managed(client):
        client.list_buckets()
        boto3.client("iam").list_users()
    """
    passes(run(text, own=json.dumps(LIST)), 7)


def test_roles_are_gone_afterwards(run: Run, server: Any) -> None:
    def roles() -> set[str]:
        return {role["RoleName"] for role in server.client("iam").list_roles(MaxItems=1000)["Roles"]}

    before = roles()
    passes(run(f"@pytest.mark.kansatsu_role({LIST})\ndef test_role(kansatsu_role):\n    pass\n"), 1)
    assert roles() == before


def test_a_failure_shows_the_denial_and_the_smallest_change(run: Run) -> None:
    text = f"""
    @pytest.mark.kansatsu_role({LIST})
    def test_denied():
        boto3.client("iam").get_user(UserName="admin")

    @pytest.mark.kansatsu_role({LIST})
    def test_otherwise():
        assert boto3.client("s3").list_buckets() is None
    """
    said = run(text).stdout
    assert "Denied: iam:GetUser on arn:aws:iam::123456789012:user/admin" in said
    change = '{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "arn:aws:iam::123456789012:user/admin"}'
    assert "The smallest change that allows it:\n  Add this statement to" in said and change in said
    assert said.count("Kansatsu: the last denial of this test") == 1


HALVES = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:ListAllMyBuckets", "s3:GetObject"], "Resource": "*"},
        {"Sid": "Users", "Effect": "Allow", "Action": "iam:List*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:ListRoles", "Resource": "*"},
        {"Sid": "Never", "Effect": "Allow", "Action": "sqs:*", "Resource": "*"},
    ],
}
TWO_TESTS = """
pytestmark = pytest.mark.kansatsu_role("halves.json")

def test_one():
    boto3.client("s3").list_buckets()

def test_two():
    boto3.client("iam").list_users()
    with pytest.raises(Exception, match="AccessDenied"):
        boto3.client("iam").list_roles()
"""


@pytest.mark.parametrize(
    ("flags", "code"),
    [
        (["--kansatsu-coverage-fail-under", "60"], 0),
        (["-n", "2", "--kansatsu-coverage-fail-under", "61"], 1),
    ],
)
def test_coverage(run: Run, flags: list[str], code: int) -> None:
    done = run(TWO_TESTS, "--kansatsu-coverage", *flags, halves=json.dumps(HALVES, indent=1))
    assert done.returncode == code, done.stdout + done.stderr
    expected = """
    halves.json: 3 of 5 actions used, 60%
      unused part of statement 1 (line 4), Allow on *:
        s3:GetObject
      unused statement 4 (line 23), Allow Never on *:
        sqs:*
    TOTAL 60%
    """
    shown = [line.strip() for line in done.stdout.splitlines()]
    wanted = [line.strip() for line in expected.strip().splitlines()]
    at = shown.index(wanted[0])
    assert shown[at : at + len(wanted)] == wanted
    assert ("FAIL: less than 61% of the policies were used" in done.stdout) is bool(code)


def test_a_suite_without_roles_has_used_nothing(run: Run) -> None:
    done = run("def test_it():\n    pass\n", "--kansatsu-coverage-fail-under", "1")
    assert done.returncode == 1 and "No test ran as a role with a policy." in done.stdout


def test_a_suite_learns_its_policy_and_is_green_under_it(run: Run, server: Any, tmp_path: Path) -> None:
    bucket = f"suite-{uuid.uuid4().hex}"
    server.client("s3").create_bucket(Bucket=bucket)
    text = f"""
    pytestmark = pytest.mark.kansatsu_role("learnt.json")

    @pytest.mark.parametrize("key", ["in/a", "in/b", "in/c"])
    def test_put(key):
        boto3.client("s3").put_object(Bucket="{bucket}", Key=key, Body=b"x")

    def test_list():
        boto3.client("s3").list_buckets()
    """
    done = run(text, "--kansatsu-learn", "learnt.json")
    passes(done, 4)
    assert "several keys differ in this place only: 3 seen" in done.stdout
    policy = json.loads((tmp_path / "learnt.json").read_text())
    assert [statement["Action"] for statement in policy["Statement"]] == [["s3:ListAllMyBuckets"], ["s3:PutObject"]]
    done = run(text, "--kansatsu-coverage-fail-under", "100")
    passes(done, 4)
    policy["Statement"].pop(0)
    (tmp_path / "learnt.json").write_text(json.dumps(policy))
    done = run(text)
    assert done.returncode == 1 and "1 failed, 3 passed" in done.stdout
    assert "FAILED test_it.py::test_list" in done.stdout and '"Action": "s3:ListAllMyBuckets"' in done.stdout


def test_workers_learn_together(run: Run, server: Any, tmp_path: Path) -> None:
    """What differs between keys is seen although no worker saw all of them."""
    bucket = f"suite-{uuid.uuid4().hex}"
    server.client("s3").create_bucket(Bucket=bucket)
    text = f"""
    pytestmark = pytest.mark.kansatsu_role("learnt.json")

    @pytest.mark.parametrize("key", ["in/a", "in/b", "in/c", "in/d"])
    def test_put(key):
        boto3.client("s3").put_object(Bucket="{bucket}", Key=key, Body=b"x")
        with open(os.environ.get("PYTEST_XDIST_WORKER", "alone"), "a") as seen:
            seen.write(key[-1])
    """
    done = run(text, "--kansatsu-learn", "learnt.json", "-n", "2", "--dist", "load", "--maxschedchunk", "2")
    passes(done, 4)
    assert sorted(path.read_text() for path in tmp_path.glob("gw*")) == ["ab", "cd"]
    assert "several keys differ in this place only: 4 seen" in done.stdout
    (statement,) = json.loads((tmp_path / "learnt.json").read_text())["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["s3:PutObject"], ["arn:aws:s3:::suite-*/in/*"])
    passes(run(text), 4)


def test_a_bound_holds_while_a_suite_learns(run: Run) -> None:
    text = """
    @pytest.mark.kansatsu_role
    def test_it():
        boto3.client("s3").list_buckets()
        with pytest.raises(Exception, match="AccessDenied"):
            boto3.client("iam").list_users()
    """
    passes(run(text, "--kansatsu-learn", "learnt.json", "--kansatsu-bound", "own.json", own=json.dumps(LIST)), 1)
    done = run(text, "--kansatsu-bound", "own.json")
    assert done.returncode == 4 and "--kansatsu-bound goes with --kansatsu-learn" in done.stderr
    done = run(text, "--kansatsu-learn", "learnt.json", "--kansatsu-bound", "none.json")
    assert done.returncode == 1 and "none.json" in done.stdout and "1 error" in done.stdout


MARKS = [
    ("'missing.json'", "There is no policy file missing.json in "),
    ("'broken.json'", "broken.json:2:62: MalformedPolicyDocument: Syntax errors in policy. A statement has no "
     'element "Actions"; did you mean Action?'),
    ("{'Version': '2012-10-17', 'Statement': {'Effect': 'Alow', 'Action': 's3:*', 'Resource': '*'}}",
     "a policy in the test: MalformedPolicyDocument: Syntax errors in policy. Effect is Allow or Deny"),
    ("'arn:aws:iam::aws:policy/ReadOnlyAccess', trust='broken.json'", "broken.json:2:62: MalformedPolicyDocument"),
    ("", "The mark kansatsu_role names no policy."),
    ("{}, role='x'", "The mark kansatsu_role takes policy and trust."),
    ("'{\"Statement\": 1}'", "MalformedPolicyDocument"),
    ("'arn:aws:iam::aws:policy/None'", "NoSuchEntity"),
    ("'arn:aws:iam::aws:policy/ReadOnlyAccess', trust={'Version': '2012-10-17', 'Statement': "
     "{'Effect': 'Allow', 'Principal': '*',"
     " 'Action': 'sts:AssumeRole'}}", "The trust policy trusts no service"),
]  # fmt: skip


def test_marks_that_say_nothing(run: Run) -> None:
    """One sentence each, and no way through the files of Kansatsu; no directory twice."""
    broken = '{"Version": "2012-10-17",\n"Statement": {"Effect": "Allow", "Resource": "*", "Actions": "s3:*"}}'
    tests = (f"@pytest.mark.kansatsu_role({mark})\ndef test_{n}():\n    pass\n" for n, (mark, _) in enumerate(MARKS))
    done = run("\n".join(tests), broken=broken)
    assert done.returncode == 1 and f"{len(MARKS)} errors" in done.stdout, done.stdout
    said = re.split(r"^_+ ERROR at setup of test_\d+ _+$", done.stdout, flags=re.MULTILINE)[1:]
    assert len(said) == len(MARKS)
    for (mark, message), text in zip(MARKS, said, strict=True):
        assert message in text, (mark, text)
    assert not re.search(r"Traceback|During handling|\.py:[0-9]| or /", done.stdout), done.stdout


def test_inside_kansatsu_run_the_suite_is_who_that_says(run: Run, server: Any) -> None:
    role, trusted = f"role-{uuid.uuid4().hex[:8]}", {"Service": "ecs-tasks.amazonaws.com"}
    trust = {**LIST, "Statement": {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}}
    server.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    text = f"""
    @pytest.mark.kansatsu_role("missing.json")
    def test_it():
        assert ":assumed-role/{role}/" in {WHO}

    def test_there_is_no_administrator(request):
        with pytest.raises(pytest.fail.Exception, match="there is no administrator"):
            request.getfixturevalue("kansatsu")
    """
    wrapper = (sys.executable, "-m", "kansatsu.cli", "run", "--role", role, "--")
    passes(run(text, "-o", "kansatsu_data_dir=", wrapper=wrapper), 2)


def test_who_does_not_use_it_pays_nothing() -> None:
    code = "import sys, kansatsu.pytest_plugin\nprint([name for name in sys.modules if name.startswith("
    code += "('kansatsu.', 'boto', 'click', 'msgspec', 'sqlalchemy'))])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['kansatsu.pytest_plugin']"
