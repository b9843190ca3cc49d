"""Who asks in the cases of condition keys, of what things, and what a case is.

The policy's Allow has a condition on the key: the right value lets the request pass, a wrong one does not. What the
backend then says of the request (there is no such bucket) is of no interest.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from gateway import raw
from gateway.conftest import ACCOUNT, Gateway
from gateway.raw import Ask, Keys, statement

REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "403"}


class World:
    """One user whose policy each case replaces, and things to name in requests."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.keys: Keys = gateway.user()
        self.tagged = gateway.user(Tags=[{"Key": "Team", "Value": "Blue"}]).name
        self.role = gateway.role(trust={"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:*"})
        self.boundary = gateway.iam.create_policy(
            PolicyName=gateway.name("boundary"), PolicyDocument=raw.document(statement("Allow", "*"))
        )["Policy"]["Arn"]
        self.profile = gateway.name("keys")
        gateway.iam.create_instance_profile(InstanceProfileName=self.profile)
        self.template = gateway.client("ec2").create_launch_template(
            LaunchTemplateName=gateway.name("keys"), LaunchTemplateData={"ImageId": "ami-12c6146b"}
        )["LaunchTemplate"]["LaunchTemplateId"]
        self.bucket = gateway.bucket()
        gateway.client("s3").put_object(Bucket=self.bucket, Key="tagged", Body=b"", Tagging="Team=Blue")
        self._clients: dict[str, Any] = {}

    def allow(self, *statements: dict[str, Any]) -> None:
        self.gateway.iam.put_user_policy(
            UserName=self.keys.name, PolicyName="own", PolicyDocument=raw.document(*statements)
        )

    def call(self, operation: str, params: dict[str, Any]) -> str:
        """The error code of a call, "" when there is none."""
        service, _, name = operation.partition(".")
        if service not in self._clients:
            self._clients[service] = self.gateway.client(service, self.keys)
        try:
            getattr(self._clients[service], name)(**params)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return ""

    def send(self, ask: Ask, *, presigned: bool = False, **how: Any) -> str:
        """The status of an S3 request that is signed by hand."""
        if presigned:
            return str(self.gateway.send(raw.presign(ask, self.keys, host=self.gateway.host, **how)).status)
        return str(self.gateway.ask(ask, self.keys, "s3", **how).status)


Params = Callable[[World], dict[str, Any]] | dict[str, Any]


@dataclass(frozen=True)
class Case:
    """`resource` and `action` are those that have the key, where an operation is checked on others that have not."""

    key: str
    operation: str
    params: Params
    right: Any
    wrong: str
    operator: str = "StringEquals"
    resource: str = "*"
    action: str = "*"
    send: Callable[[World], str] | None = None

    def __str__(self) -> str:
        return f"{self.key}-{self.operation}"

    def code(self, world: World) -> str:
        if self.send is not None:
            return self.send(world)
        return world.call(self.operation, self.params(world) if callable(self.params) else self.params)

    def statements(self, world: World, value: Any) -> Iterator[dict[str, Any]]:
        prefix = self.operation.partition(".")[0]
        value = value(world) if callable(value) else value
        action = self.action if ":" in self.action else f"{prefix}:{self.action}"
        yield statement("Allow", action, self.resource, condition={self.operator: {self.key: value}})
        if self.resource != "*":
            yield {"Effect": "Allow", "Action": f"{prefix}:*", "NotResource": self.resource}
        if self.action != "*":
            yield {"Effect": "Allow", "NotAction": action, "Resource": "*"}


TEAM = {"Tags": [{"Key": "Team", "Value": "Blue"}]}
ANY, NUMBER, BOOL, ARN, DATE = "ForAnyValue:StringEquals", "NumericEquals", "Bool", "ArnEquals", "DateEquals"
UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=10)
STAMP = UNTIL.strftime("%Y-%m-%dT%H:%M:%SZ")
LATER = (UNTIL + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
