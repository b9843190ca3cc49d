"""`kansatsu run --learn` against a real server: what it prints and writes, and with which exit code it ends."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cli.test_live import new_role
from commands import kansatsu

PUT = (
    "import boto3, sys; s3 = boto3.client('s3')\n"
    "for key in sys.argv[2:]: s3.put_object(Bucket=sys.argv[1], Key=key, Body=b'x')"
)


def learns(server: Any, role: str, flags: list[str], *command: str) -> subprocess.CompletedProcess[str]:
    return kansatsu(server.environ(), "run", "--role", role, "--learn", *flags, "--", *command)


@pytest.fixture(scope="module")
def bucket(server: Any) -> str:
    server.client("s3").create_bucket(Bucket="learnt-from")
    return "learnt-from"


def test_the_policy_goes_to_standard_output_and_what_there_is_to_say_to_stderr(server: Any, bucket: str) -> None:
    done = learns(server, new_role(server), [], sys.executable, "-c", PUT, bucket, "in/a", "in/b", "in/c")
    assert done.returncode == 0, done.stderr
    [statement] = json.loads(done.stdout)["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["s3:PutObject"], [f"arn:aws:s3:::{bucket}/in/*"])
    assert f"arn:aws:s3:::{bucket}/in/*\n    several keys differ in this place only: 3 seen" in done.stderr


def test_a_file_and_a_role_get_it_and_it_is_enough(server: Any, bucket: str, tmp_path: Path) -> None:
    role, file = new_role(server), tmp_path / "policy.json"
    file.write_text("what was there before")
    flags = ["--write", str(file), "--put", "--policy-name", "least"]
    done = learns(server, role, flags, sys.executable, "-c", PUT, bucket, "one")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    held = server.client("iam").get_role_policy(RoleName=role, PolicyName="least")["PolicyDocument"]
    assert json.loads(file.read_text()) == held
    assert [path.name for path in tmp_path.iterdir()] == ["policy.json"]
    again = ["run", "--role", role, "--", sys.executable, "-c", PUT, bucket]
    assert kansatsu(server.environ(), *again, "one").returncode == 0
    assert "AccessDenied" in kansatsu(server.environ(), *again, "two").stderr


def test_what_is_replaced_is_shown_beside_what_was_learned(server: Any, bucket: str) -> None:
    role = new_role(server)
    first = learns(server, role, ["--put"], sys.executable, "-c", PUT, bucket, "one")
    assert first.returncode == 0 and "+++ learned" not in first.stderr
    second = learns(server, role, ["--put"], sys.executable, "-c", PUT, bucket, "two")
    assert second.returncode == 0, second.stderr
    shown, _, after = second.stderr.partition(f"Role {role} has the learned policy as its inline policy learned now.")
    assert after and "--- now" in shown and "+++ learned" in shown
    assert re.search(rf'^-.*"arn:aws:s3:::{bucket}/one"', shown, re.M)
    assert re.search(rf'^\+.*"arn:aws:s3:::{bucket}/two"', shown, re.M)


def test_the_exit_code_is_that_of_the_command(server: Any, tmp_path: Path) -> None:
    role, file = new_role(server), tmp_path / "policy.json"
    done = learns(server, role, ["--write", str(file)], "sh", "-c", "exit 7")
    assert done.returncode == 7
    assert "Nothing was used that needs a permission" in done.stderr and not file.exists()


def test_a_policy_that_cannot_be_put_is_a_failure_but_not_in_place_of_the_commands_own(
    server: Any, bucket: str
) -> None:
    role = new_role(server)
    flags = ["--put", "--policy-name", "no such name"]
    done = learns(server, role, flags, sys.executable, "-c", PUT, bucket, "one")
    assert done.returncode == 1 and "kansatsu: the learned policy is lost: ValidationError" in done.stderr
    done = learns(server, role, flags, sys.executable, "-c", PUT + "; sys.exit(5)", bucket, "one")
    assert done.returncode == 5 and "ValidationError" in done.stderr


def test_denied_attempts_are_listed(server: Any) -> None:
    role = new_role(server)
    code = "import boto3, contextlib\nwith contextlib.suppress(Exception): boto3.client('sts').assume_role(RoleArn="
    code += f"'arn:aws:iam::123456789012:role/{role}', RoleSessionName='out')"
    done = learns(server, role, [], sys.executable, "-c", code)
    assert f"sts:AssumeRole on arn:aws:iam::123456789012:role/{role} (AccessDenied)" in done.stderr
    assert "Nothing that was asked for was allowed" in done.stderr and "Nothing was used" not in done.stderr


def test_a_bound_is_a_file_or_an_arn_and_a_wrong_one_ends_it_before_the_command(
    server: Any, bucket: str, tmp_path: Path
) -> None:
    role, file = new_role(server), tmp_path / "bound.json"
    command = [sys.executable, "-c", PUT, bucket, "one"]
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    file.write_text(json.dumps({"Version": "2012-10-17", "Statement": statement}))
    for allows in (str(file), "arn:aws:iam::aws:policy/AmazonS3FullAccess"):
        done = learns(server, role, ["--bound", allows], *command)
        assert done.returncode == 0, done.stderr
    done = learns(server, role, ["--bound", "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess"], *command)
    assert done.returncode == 1 and "no session policy allows the s3:PutObject action" in done.stderr
    assert f"s3:PutObject on arn:aws:s3:::{bucket}/one (AccessDenied)" in done.stderr
    file.write_text("{}")
    none = "arn:aws:iam::123456789012:policy/none"
    for wrong, error in ((str(file), "MalformedPolicyDocument: "), (none, f"NoSuchEntity: Policy {none} was not")):
        done = learns(server, role, ["--bound", wrong], "touch", str(tmp_path / "started"))
        assert done.returncode == 1 and error in done.stderr
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--role", "r", "--put"], "--write, --put and --policy-name go with --learn."),
        (["--role", "r", "--write", "x"], "--write, --put and --policy-name go with --learn."),
        (["--instance-profile", "p", "--learn"], "--learn goes with --role."),
        (["--role", "r", "--bound", "b.json"], "--bound goes with --learn."),
        (["--role", "r", "--learn", "--bound", "/no/b"], "/no/b cannot be read: No such file or directory."),
        (["--role", "r", "--learn", "--policy-name", "n"], "--policy-name goes with --put."),
        (["--role", "r", "--learn", "--write", "/no/such/place"], "No policy can be written to /no/such/place."),
    ],
)
def test_flags_that_make_no_sense(cli_environment: dict[str, str], flags: list[str], message: str) -> None:
    done = kansatsu(cli_environment, "run", *flags, "--", "true")
    assert done.stderr == f"kansatsu: {message}\n" and done.returncode in (1, 2)


def test_what_is_on_record_of_a_role(server: Any, bucket: str, tmp_path: Path) -> None:
    role, environ = new_role(server), server.environ()
    said = {"Sid": "All", "Effect": "Allow", "Action": ["s3:Put*", "s3:Get*"], "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": said}
    server.client("iam").put_role_policy(RoleName=role, PolicyName="own", PolicyDocument=json.dumps(document))
    assert kansatsu(environ, "run", "--role", role, "--", sys.executable, "-c", PUT, bucket, "one").returncode == 0
    done = kansatsu(environ, "policy", "coverage", role, "-o", "csv")
    assert done.stdout.splitlines()[1:] == ["own,1 (All),1,Allow,s3:Put*,1", "own,1 (All),1,Allow,s3:Get*,0"]
    done = kansatsu(environ, "policy", "suggest", role, "--write", str(tmp_path / "policy.json"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    [statement] = json.loads((tmp_path / "policy.json").read_text())["Statement"]
    assert statement == {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [f"arn:aws:s3:::{bucket}/one"]}
    assert json.loads(kansatsu(environ, "policy", "suggest", role).stdout)["Statement"] == [statement]
    for command, said in (
        ("suggest", "NoSuchEntity: There is no user, group, role or managed policy named nobody."),
        ("coverage", "NoSuchEntity: The role with name nobody cannot be found."),
    ):
        done = kansatsu(environ, "policy", command, "nobody")
        assert done.returncode == 1 and said in done.stderr


def test_a_change_is_asked_for_by_name_and_refused_in_words_of_the_command_line(server: Any, tmp_path: Path) -> None:
    iam, environ, bad = server.client("iam"), server.environ(), tmp_path / "bad.json"
    said = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": said})
    for name in ("by-name", "by-two-names"):
        iam.create_user(UserName=name)
    iam.put_user_policy(UserName="by-name", PolicyName="own", PolicyDocument=document)
    iam.create_group(GroupName="by-two-names")
    shared = iam.create_policy(PolicyName="by-name-shared", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="by-name", PolicyArn=shared)
    good = tmp_path / "good.json"
    good.write_text(document)
    bad.write_text(document[:-1] + ',\n "Statemen": []}')
    for words, code, message in (
        (["suggest", "by-name"], 0, "From 0 requests"),
        (["suggest", "by-two-names"], 2, "type user/by-two-names or group/by-two-names"),
        (["commit", "by-name", "--delete", "own"], 1, "--accept-gap makes the change"),
        (["replay", "by-name", "--detach", "by-name-shared"], 0, "0 would be refused"),
        (["replay", "by-name-shared", "--detach", "by-name"], 0, "0 would be refused"),
        (["replay", "by-name", "--detach", "by-name"], 1, "There is no managed policy named by-name."),
        (["replay", "by-name", "--change", str(good), "--policy-name", "owm"], 2, "it has own. --new makes one"),
        (["commit", "by-name", "--change", str(good), "--policy-name", "new", "--new", "--accept-gap"], 0, "Next"),
        (["rollback", "by-name"], 0, "user/by-name is as it was before the commit"),
        (["rollback", "by-name-shared"], 1, "There is no commit on"),
        (["rollback", "00000000-0000-4000-8000-000000000000"], 1, "NoSuchCommit"),
        (
            ["replay", "by-name", "--change", str(bad), "--policy-name", "own"],
            1,
            f"{bad}:2:14: MalformedPolicyDocument",
        ),
    ):
        done = kansatsu(environ, "policy", *words)
        assert (done.returncode, message in done.stderr) == (code, True), (words, done.stderr)
