"""`kansatsu why` against a real server: what it prints, for whom, and with which exit code."""

import json
import shlex
import subprocess
import sys
import time
import uuid
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from commands import Done, kansatsu
from kansatsu.advisor.denials import ID
from kansatsu.cli.why import evaluation_lines
from kansatsu.identity import totp


def why(server: Any, *arguments: str, **more: str) -> Done:
    return kansatsu(server.environ() | more, "why", *arguments)


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
    ("arguments", "code", "said"),
    [
        (["0" * 30], 1, "Nothing is known of"),
        ([str(uuid.UUID(int=0))], 1, "Nothing is known of"),
        (["A" * 80], 1, "InvalidAuthorizationMessage"),
        (["nonsense"], 2, "nonsense is neither a request id such as"),
        (["arn:aws:iam::123456789012:user/u"], 2, "user/u is neither a request id such as"),
        (["0" * 30, "--last"], 2, "not both"),
        (["--output", "yaml"], 2, "yaml"),
    ],
)
def test_failures(server: Any, arguments: list[str], code: int, said: str) -> None:
    done = why(server, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_whole_message_of_an_error_names_its_request(server: Any, refusal: tuple[str, str, str]) -> None:
    name, given, _ = refusal
    text = f"User: {name} is not authorized. Run `kansatsu why` with the following authorization id: {given}"
    assert json.loads(why(server, text, "-o", "json").stdout)["AuthorizationId"] == given


class Poor:
    """A user of these policies, and what `why` says of what it is denied."""

    def __init__(self, server: Any, *statements: dict[str, Any]) -> None:
        self._server = server
        self.iam, self.name = server.client("iam"), f"user-{uuid.uuid4().hex[:8]}"
        self.arn = f"arn:aws:iam::123456789012:user/{self.name}"
        self.iam.create_user(UserName=self.name)
        if statements:
            self.put("own", *statements)
        self._key = self.iam.create_access_key(UserName=self.name)["AccessKey"]

    def put(self, name: str, *statements: dict[str, Any]) -> None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.iam.put_user_policy(UserName=self.name, PolicyName=name, PolicyDocument=document)

    def denied(self, service: str, operation: str, **params: Any) -> subprocess.CompletedProcess[str]:
        client = botocore.session.Session().create_client(
            service,
            region_name="us-east-1",
            endpoint_url=self._server.endpoint,
            aws_access_key_id=self._key["AccessKeyId"],
            aws_secret_access_key=self._key["SecretAccessKey"],
        )
        with pytest.raises(ClientError) as refused:
            getattr(client, operation)(**params)
        client.close()
        answer: Any = refused.value.response
        done = why(self._server, answer["ResponseMetadata"]["RequestId"])
        assert done.returncode == 0, done.stderr
        return done


def on_all(effect: str, action: str, condition: dict[str, Any] | None = None, sid: str = "Own") -> dict[str, Any]:
    statement = {"Sid": sid, "Effect": effect, "Action": action, "Resource": "*"}
    return statement | ({"Condition": condition} if condition else {})


SMALLEST = "The smallest change that allows it:"
INSTANCE = {"ImageId": "ami-12345678", "InstanceType": "t3.micro", "MinCount": 1, "MaxCount": 1}


def test_what_came_near_and_one_command_for_all_of_a_request(server: Any) -> None:
    """RunInstances is several authorizations: one policy for them, as a second command would replace the first's."""
    poor = Poor(server, on_all("Allow", "sqs:*"))
    done = poor.denied("ec2", "run_instances", **INSTANCE)
    (command,) = [line for line in done.stderr.splitlines() if line.startswith("Next: aws iam put-user-policy")]
    (written,) = [json.loads(word) for word in shlex.split(command) if word.startswith("{")]
    poor.put("all", *written["Statement"])
    asked = [json.loads(line.strip()) for line in done.stdout.splitlines() if line.startswith("    {")]
    assert len(asked) > 1
    assert written["Statement"] == asked


def test_a_condition_on_what_some_of_the_resources_have(server: Any) -> None:
    """The instance has a type, which the request can choose; the image has none, so that there the policy is at fault.

    No command widens past a condition.
    """
    condition = {"StringEquals": {"ec2:InstanceType": "t3.nano"}}
    done = Poor(server, on_all("Allow", "ec2:RunInstances", condition, "Small")).denied(
        "ec2", "run_instances", **INSTANCE
    )
    said = "StringEquals ec2:InstanceType = t3.nano (the request had t3.micro). Ask with such an --instance-type."
    assert (
        f"  Meet what statement 1 (Small) of the inline policy own of {arn_in(done.stdout)} asks for: {said}"
        in done.stdout
    )
    past = (
        "  The Allow in statement 1 (Small) of own asks for StringEquals ec2:InstanceType = t3.nano (the request had no"
    )
    assert f"{past} such key). To go past that condition, add this statement to an identity-based policy" in done.stdout
    assert "put-user-policy" not in done.stderr


def arn_in(text: str) -> str:
    return text.partition("Who:")[2].split()[0]


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
NO_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
CONDITIONS = [
    (
        "Deny",
        NO_MFA,
        "BoolIfExists aws:MultiFactorAuthPresent = false (the request had no such key)",
        "Sign in with MFA: ",
    ),
    (
        "Allow",
        {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}},
        "IpAddress aws:SourceIp = 203.0.113.0/24 (the request had 127.0.0.1)",
        "Ask from such an address.",
    ),
    (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
        "Bool aws:SecureTransport = false (the request had false)",
        "Ask over https.",
    ),
    (
        "Allow",
        {"StringEquals": {"aws:RequestTag/team": "blue"}},
        "StringEquals aws:RequestTag/team = blue (the request had no such key)",
        "Pass the tag team with the request.",
    ),
]


@pytest.mark.parametrize(("effect", "condition", "asked", "how"), CONDITIONS)
def test_a_condition_is_met_before_a_policy_is_widened(
    server: Any, effect: str, condition: dict[str, Any], asked: str, how: str
) -> None:
    poor = Poor(
        server, on_all(effect, "sqs:CreateQueue", condition), *([on_all("Allow", "*", sid="All")] * (effect == "Deny"))
    )
    done = poor.denied("sqs", "create_queue", QueueName="q")
    begin = {
        "Allow": f"Meet what statement 1 (Own) of the inline policy own of {poor.arn} asks for:",
        "Deny": f"Stay out of the Deny in statement 1 (Own) of the inline policy own of {poor.arn}, which is for",
    }[effect]
    lines = done.stdout.splitlines()
    assert lines[lines.index(SMALLEST) + 1].startswith(f"  {begin} {asked}. {how}")
    assert "Add this statement" not in done.stdout
    assert "put-user-policy" not in done.stderr


def test_how_to_sign_in_with_mfa(server: Any) -> None:
    """With the serial number of the user's device where it has one, and with what to do where it has none."""
    poor = Poor(server, on_all("Allow", "sqs:ListQueues", MFA))
    said = (
        "aws sts get-session-token --serial-number {} --token-code CODE, and ask with the credentials that it prints."
    )
    arn = f"arn:aws:iam::123456789012:mfa/{poor.name}"
    done = poor.denied("sqs", "list_queues")
    none = f"{poor.name} has no MFA device yet: aws iam create-virtual-mfa-device --virtual-mfa-device-name {poor.name}"
    assert f"{said.format(arn)} {none}" in done.stdout
    made = poor.iam.create_virtual_mfa_device(VirtualMFADeviceName=f"phone-{poor.name}")["VirtualMFADevice"]
    seed, step = made["Base32StringSeed"].decode(), int(time.time()) // totp.STEP
    codes = {f"AuthenticationCode{n + 1}": totp.code(seed, step - 20 + n) for n in range(2)}
    poor.iam.enable_mfa_device(UserName=poor.name, SerialNumber=made["SerialNumber"], **codes)
    done = poor.denied("sqs", "list_queues")
    assert said.format(made["SerialNumber"]) in done.stdout
    assert "no MFA device" not in done.stdout


def test_mfa_that_a_role_asks_for(server: Any) -> None:
    poor = Poor(server, on_all("Allow", "sts:AssumeRole"))
    role = f"role-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole", "Condition": MFA}
    made = poor.iam.create_role(
        RoleName=role, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust})
    )["Role"]
    done = poor.denied("sts", "assume_role", RoleArn=made["Arn"], RoleSessionName="some")
    how = f"aws sts assume-role --role-arn {made['Arn']} --role-session-name NAME --serial-number"
    assert (
        f"Prove it when the role is assumed: {how} arn:aws:iam::123456789012:mfa/{poor.name} --token-code"
        in done.stdout
    )


def test_a_condition_that_the_caller_cannot_meet_is_named_first(server: Any) -> None:
    poor = Poor(server, on_all("Allow", "sqs:ListQueues", {"StringEquals": {"aws:username": "bob"}}))
    done = poor.denied("sqs", "list_queues")
    lines = done.stdout.splitlines()
    asked = f"StringEquals aws:username = bob (the request had {poor.name})"
    assert lines[lines.index(SMALLEST) + 1] == (
        f"  The Allow in statement 1 (Own) of own asks for {asked}. "
        f"To go past that condition, add this statement to an identity-based policy of {poor.arn}:"
    )
    assert "put-user-policy" not in done.stderr


def test_where_a_policy_of_the_organization_hangs() -> None:
    """The same policy may hang on several levels."""
    arn = "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"
    statement = {"PolicyType": "service control policy", "PolicyArn": arn, "PolicyName": "", "Owner": "r-abcd"}
    statement |= {"Effect": "Allow", "Index": 0, "Line": 1, "Text": "{}", "Deciding": False}
    item = {"Allowed": False, "Action": "sqs:ListQueues", "Resource": "*", "Reason": "", "Statements": [statement]}
    assert f"  Allow by statement 1: {arn} on r-abcd, line 1" in list(evaluation_lines(item))
