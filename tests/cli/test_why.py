"""`kansatsu why` against a real server: what it prints, for whom, and with which exit code."""

import json
import shlex
import subprocess
import sys
import uuid
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from kansatsu.advisor.denials import ID


def why(server: Any, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kansatsu.cli", "why", *arguments]
    environ = server.environ() | more
    return subprocess.run(
        command, env=environ, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )


@pytest.fixture(scope="module")
def refusal(server: Any) -> tuple[str, str, str]:
    """(user, authorization id, request id) of a denial by the second statement of a policy of several lines."""
    iam, name = server.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Sid": "NoUsers", "Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]}, indent=2)
    iam.put_user_policy(UserName=name, PolicyName="lines", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = botocore.session.Session().create_client(
        "iam",
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with pytest.raises(ClientError) as refused:
        client.list_users()
    client.close()
    answer: Any = refused.value.response
    given = answer["Error"]["Message"].rpartition(" ")[2]
    assert ID.fullmatch(given)
    return name, given, answer["ResponseMetadata"]["RequestId"]


def test_it_shows_who_what_where_and_how_to_allow_it(server: Any, refusal: tuple[str, str, str]) -> None:
    name, given, request_id = refusal
    done = why(server, given)
    assert done.returncode == 0, done.stderr
    user = f"arn:aws:iam::123456789012:user/{name}"
    for line in (
        f"Who:       {user}",
        "Operation: iam:ListUsers",
        "Denied: iam:ListUsers on arn:aws:iam::123456789012:user/",
        "  with an explicit deny in an identity-based policy",
        "  identity-based policy:    DENIES it",
        f"  Deny by statement 2 (NoUsers), which decided: lines of {user}, line 9",
        "    aws:SourceIp = 127.0.0.1",
        "The smallest change that allows it:",
        f"  Keep the Deny in statement 2 (NoUsers) of the inline policy lines of {user} from applying to iam:ListUsers "
        "on arn:aws:iam::123456789012:user/:",
    ):
        assert line in done.stdout.splitlines()
    assert '    |       "Sid": "NoUsers",' in done.stdout
    assert request_id in done.stdout


def test_every_way_to_ask_is_the_same_answer(server: Any, refusal: tuple[str, str, str]) -> None:
    _, given, request_id = refusal
    answers = [why(server, *asked, "-o", "json") for asked in ([given], [request_id], [request_id.upper()])]
    assert {done.returncode for done in answers} == {0}
    assert len({done.stdout for done in answers}) == 1
    assert json.loads(answers[0].stdout)["AuthorizationId"] == given


def test_the_last_denial(server: Any, refusal: tuple[str, str, str]) -> None:
    for asked in ([], ["--last"]):
        done = why(server, *asked, "-o", "json")
        assert done.returncode == 0
        assert json.loads(done.stdout)["Allowed"] is False


def test_the_proposed_command_works(server: Any, tmp_path: Any) -> None:
    iam, name = server.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    (tmp_path / "config").write_text(f"[profile poor]\nregion = us-east-1\nendpoint_url = {server.endpoint}\n")
    (tmp_path / "credentials").write_text(
        f"[poor]\naws_access_key_id = {key['AccessKeyId']}\naws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    files = {
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
    }
    denied = why(server, "--profile", "poor", **files)
    assert (denied.returncode, denied.stdout) == (4, "")
    given = denied.stderr.strip().rpartition(" ")[2]
    shown = why(server, given)
    assert "aws iam put-user-policy --user-name" in shown.stderr
    command = shown.stderr.partition("Next: aws ")[2].strip()
    script = f"{sys.executable} -m kansatsu.cli aws {command}"
    subprocess.run(["sh", "-c", script], env=server.environ(), check=True, stdin=subprocess.DEVNULL)
    allowed = why(server, given, "--profile", "poor", **files)
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["0" * 30], 1),
        ([str(uuid.UUID(int=0))], 1),
        (["not-sealed-here"], 1),
        (["0" * 30, "--last"], 2),
        (["--output", "yaml"], 2),
    ],
)
def test_failures(server: Any, arguments: list[str], code: int) -> None:
    done = why(server, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr


def test_what_came_near_and_one_command_for_all_of_a_request(server: Any) -> None:
    """RunInstances is several authorizations: one policy for them, as a second command would replace the first's."""
    iam, name = server.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    condition = {"StringEquals": {"ec2:InstanceType": "t3.nano"}}
    statement = {
        "Sid": "Small",
        "Effect": "Allow",
        "Action": "ec2:RunInstances",
        "Resource": "*",
        "Condition": condition,
    }
    document = {"Version": "2012-10-17", "Statement": statement}
    iam.put_user_policy(UserName=name, PolicyName="small", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = botocore.session.Session().create_client(
        "ec2",
        region_name="us-east-1",
        endpoint_url=server.endpoint,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with pytest.raises(ClientError) as refused:
        client.run_instances(ImageId="ami-12345678", InstanceType="t3.micro", MinCount=1, MaxCount=1)
    client.close()
    answer: Any = refused.value.response
    done = why(server, answer["ResponseMetadata"]["RequestId"])
    near = "Note: The Allow of statement 1 (Small) of small is about ec2:RunInstances on "
    notes = [line for line in done.stdout.splitlines() if line.startswith(near)]
    assert notes and all(line.endswith("but was not met: StringEquals ec2:InstanceType = t3.nano.") for line in notes)
    (command,) = [line for line in done.stderr.splitlines() if line.startswith("Next: aws iam put-user-policy")]
    (written,) = [json.loads(word) for word in shlex.split(command) if word.startswith("{")]
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(written))
    asked = [json.loads(line.strip()) for line in done.stdout.splitlines() if line.startswith("    {")]
    assert len(asked) > 1
    assert written["Statement"] == asked
