"""What tests of attacks and operations share: roles in profiles, adopted containers, what instances are given."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from story import ACCOUNT, BIN, INSIDE, PATIENT, REGION, Server, eventually, metadata

from containers import Container
from kansatsu.cli.client import MODELS

CREDENTIALS = "/latest/meta-data/iam/security-credentials/"
ONCE = Config(retries={"total_max_attempts": 1})


def policy(*actions: str) -> str:
    """A policy that allows these actions on everything."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str) -> str:
    """A trust policy for one service."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


LISTER = policy("s3:ListAllMyBuckets")
ALL_BUT_PASSING = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"}]}
)


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def session_arn(role: str, instance: str) -> str:
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{instance}"


def unprivileged(*command: str) -> list[str]:
    """The command as user nobody, who may run this interpreter even where it lies in a home that is closed to him."""
    path = Path(os.path.realpath(sys.executable))
    closed = next((parent for parent in reversed(path.parents) if not parent.stat().st_mode & stat.S_IXOTH), None)
    view = [str(closed), str(closed / path.relative_to(closed).parts[0])] if closed else []
    return ["unshare", "--mount", str(Path(__file__).with_name("unprivileged.sh")), *view, "--", *command]


@cache
def _session() -> Any:
    return boto3.session.Session(region_name=REGION)  # one: it remembers the models that it has read


@cache
def _client(endpoint: str, service: str, access: str, secret: str, token: str | None) -> Any:
    given = {"aws_access_key_id": access, "aws_secret_access_key": secret, "aws_session_token": token}
    return _session().client(service, endpoint_url=endpoint, config=ONCE, **given)


def client(server: Server, service: str, user: str = "") -> Any:
    """boto3 in the test's own process, as a user or the administrator; made once and asked once per call."""
    access, secret = server.keys[user] if user else server.admin()
    return _client(server.endpoint, service, access, secret, None)


def control(server: Server, user: str = "") -> Any:
    """A client of Kansatsu's own operations."""
    return _control(server.endpoint, *(server.keys[user] if user else server.admin()))


@cache
def _control(endpoint: str, access: str, secret: str) -> Any:
    session = botocore.session.Session()
    session.set_credentials(access, secret)
    session.get_component("data_loader").search_paths.append(str(MODELS))
    return session.create_client("kansatsu", region_name=REGION, endpoint_url=endpoint, config=ONCE)


def make_role(server: Server, name: str, allowed: str = LISTER, service: str = "ec2.amazonaws.com") -> None:
    """A role with one inline policy."""
    iam = client(server, "iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
    iam.put_role_policy(RoleName=name, PolicyName="what-it-may", PolicyDocument=allowed)


def make_profile(server: Server, name: str, allowed: str = LISTER) -> None:
    """A role, and an instance profile of the same name that holds it."""
    make_role(server, name, allowed)
    iam = client(server, "iam")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


@dataclass(frozen=True)
class Instance:
    """An adopted container and the role that it has."""

    container: Container
    id: str
    role: str

    def document(self) -> dict[str, str]:
        """Its credentials, as its metadata service gives them at this moment."""
        answer = metadata(self.container, CREDENTIALS + self.role)
        assert answer["status"] == 200, answer
        found: dict[str, str] = json.loads(answer["body"])
        return found


def adopt(server: Server, container: Container, profile: str = "") -> str:
    """Register a container that runs; its instance id. With a profile: once its credentials are there."""
    asked = {"Container": container.name} | ({"InstanceProfile": profile} if profile else {})
    instance: str = control(server).register_instance(**asked)["Workload"]["Id"]
    if profile:
        eventually(lambda: metadata(container, CREDENTIALS)["body"] == profile)
    return instance


def shown(server: Server, instance: str) -> dict[str, Any]:
    """One instance as DescribeInstances shows it."""
    answer = client(server, "ec2").describe_instances(InstanceIds=[instance])
    found: dict[str, Any] = answer["Reservations"][0]["Instances"][0]
    return found


def state(server: Server, instance: str) -> str:
    name: str = shown(server, instance)["State"]["Name"]
    return name


def association(server: Server, instance: str) -> str:
    """The id of an instance's association."""
    wanted = [{"Name": "instance-id", "Values": [instance]}]
    answer = client(server, "ec2").describe_iam_instance_profile_associations(Filters=wanted)
    [found] = answer["IamInstanceProfileAssociations"]
    name: str = found["AssociationId"]
    return name


def whoami(server: Server, access: str, secret: str, token: str | None) -> str:
    """The ARN that these credentials speak for, or the code of the error."""
    try:
        arn: str = _client(server.endpoint, "sts", access, secret, token).get_caller_identity()["Arn"]
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return arn


def speaks_for(server: Server, document: dict[str, str]) -> str:
    """`whoami` for a document of the metadata service."""
    return whoami(server, document["AccessKeyId"], document["SecretAccessKey"], document["Token"])


WHO_INSIDE = """
import boto3
try:
    print(boto3.client("sts").get_caller_identity()["Arn"])
except Exception as error:
    print(type(error).__name__)
"""


def who_inside(container: Container) -> str:
    """Whom a new boto3 session inside a container speaks for, or its error."""
    return container.exec("python3", "-c", WHO_INSIDE, env={**INSIDE, **PATIENT}).stdout.strip()


def kansatsu(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    """The command line, as the administrator."""
    command = [str(BIN / "kansatsu"), *words[:2], "--data-dir", str(server.directory), *words[2:]]
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)


ASK = """
import http.client, sys
connection = http.client.HTTPConnection("169.254.169.254", timeout=3)
try:
    connection.connect()
    connection.sock.settimeout(60)
    connection.request("PUT", "/latest/api/token", headers={"X-aws-ec2-metadata-token-ttl-seconds": "60"})
    token = connection.getresponse().read().decode()
    connection.request("GET", sys.argv[1], headers={"X-aws-ec2-metadata-token": token})
    answer = connection.getresponse()
    print(answer.read().decode() if answer.status == 200 else "")
except OSError:
    print("nobody")
"""


def asks(container: Container, path: str = "/latest/meta-data/instance-id") -> str:
    """What a container is told there; "" when that is not there, "nobody" when it has no metadata service at all."""
    return container.exec("python3", "-c", ASK, path).stdout.strip()
