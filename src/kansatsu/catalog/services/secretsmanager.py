"""AWS Secrets Manager: a secret's ARN ends with six characters of its own, so that a name alone does not say it.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
"""

import re
from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, read

_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")


def _secret(params: Params, frame: Frame) -> Iterator[str]:
    """The ARN that the backend says a name has.

    INVARIANT: a name, or an ARN without the six characters, authorizes nothing that a policy could mean otherwise.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
    """
    for value in read(params, "SecretId"):
        if not frame.known.get(value):
            raise Unsure(value)
        yield frame.known[value]


def _made(params: Params, frame: Frame) -> Iterator[str]:
    """A secret that is about to be made: the six characters are still unknown.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html (secret:Name-??????)
    """
    for value in read(params, "Name"):
        if _NAME.fullmatch(value) is None:
            raise Unsure(value)
        yield frame.arn("secretsmanager", f"secret:{value}-??????")


_BY_SECRET = (
    *("CancelRotateSecret", "DeleteResourcePolicy", "DeleteSecret", "DescribeSecret", "GetResourcePolicy"),
    *("GetSecretValue", "ListSecretVersionIds", "PutResourcePolicy", "PutSecretValue", "RemoveRegionsFromReplication"),
    *("ReplicateSecretToRegions", "RestoreSecret", "RotateSecret", "StopReplicationToReplica", "TagResource"),
    *("UntagResource", "UpdateSecret", "UpdateSecretVersionStage", "ValidateResourcePolicy"),
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html",
    finders={**dict.fromkeys(_BY_SECRET, _secret), "CreateSecret": _made},
    tagging="TagResource",
)
