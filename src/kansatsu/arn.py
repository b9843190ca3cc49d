"""Amazon Resource Names: the one place that takes them apart and puts them together."""

from dataclasses import dataclass

PARTITION = "aws"


@dataclass(frozen=True, slots=True)
class Arn:
    """arn:partition:service:region:account:resource; the resource may hold further colons and slashes.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    """

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> "Arn | None":
        """The parts of an ARN, or None when the text is not one."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            return None
        return cls(*parts[1:])

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def iam(account: str, resource: str) -> str:
    """An ARN of the global service iam, e.g. iam("123456789012", "role/path/Name")."""
    return f"arn:{PARTITION}:iam::{account}:{resource}"


def entity(account: str, kind: str, path: str, name: str) -> str:
    """The ARN of a user, group, role, policy or instance-profile, whose path keeps its slashes, or of the root user."""
    if kind == "root":
        return iam(account, kind)
    return iam(account, f"{kind}{path}{name}")


def federated_user(account: str, name: str) -> str:
    """The ARN of a session of GetFederationToken: it carries the name that the session was given, not the user's."""
    return f"arn:{PARTITION}:sts::{account}:federated-user/{name}"


def assumed_role(account: str, role_name: str, session_name: str) -> str:
    """The ARN of a role session; it carries the role's name without its path."""
    return f"arn:{PARTITION}:sts::{account}:assumed-role/{role_name}/{session_name}"
