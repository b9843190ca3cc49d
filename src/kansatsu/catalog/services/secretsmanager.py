"""AWS Secrets Manager: a secret's ARN ends with six characters of its own, so that a name alone does not say it.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_iam-permissions.html
"""

import re
from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.catalog.rules import Finder, Frame, Question, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read
from kansatsu.wire import Operation

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


_GIVEN = re.compile(r"(?:(?P<prefix>arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:))?[A-Za-z0-9/_+=.@-]{1,512}")


def secrets(member: str) -> Finder:
    """The secret that a member of another service's request names: the ARN that the backend says it has."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        for value in read(params, member):
            given, meant = _GIVEN.fullmatch(value), frame.known.get(f"secret {value}", "")
            prefix = (given and given["prefix"]) or frame.arn("secretsmanager", "secret:")
            if given is None or not meant.startswith(prefix) or arn_parts(meant) is None:
                raise Unsure(value)
            yield meant

    return find


def asked(member: str) -> Callable[[Params], Iterator[Question]]:
    """Which secret it is."""

    def ask(params: Params) -> Iterator[Question]:
        for value in read(params, member):
            if _GIVEN.fullmatch(value):
                yield Question(f"secret {value}", "secretsmanager", "DescribeSecret", {"SecretId": value}, "ARN")

    return ask


def _made(params: Params, frame: Frame) -> Iterator[str]:
    """A secret that is about to be made: the six characters are still unknown.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html (secret:Name-??????)
    """
    for value in read(params, "Name"):
        if _NAME.fullmatch(value) is None:
            raise Unsure(value)
        yield frame.arn("secretsmanager", f"secret:{value}-??????")


def _replica(params: Params, frame: Frame) -> Iterator[str]:
    for value in read(params, "CrossAccountReplicaARN"):
        parts = arn_parts(value)
        if parts is None or parts[:3] != ["arn", "aws", "secretsmanager"] or not parts[5].startswith("secret:"):
            raise Unsure(value)
        yield value


def _batch(_operation: Operation, params: Params, frame: Frame) -> list[Authorization]:
    """The call itself, and GetSecretValue of each secret.

    INVARIANT: a secret that is read with others is authorized as one that is read alone, by its own policy too. Those
    that filters find are asked for once the backend has found them (kansatsu.gateway.secrets).
    https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
    """
    found = [Authorization("secretsmanager:BatchGetSecretValue", "*")]
    if params.get("Filters"):
        found.append(Authorization("secretsmanager:ListSecrets", "*"))
        if not params.get("SecretIdList"):
            return found
    try:
        names = list(read(params, "SecretIdList")) or [""]
    except Unsure:
        names = [""]
    for secret in dict.fromkeys(frame.known.get(name, "") for name in names):
        found.append(Authorization("secretsmanager:GetSecretValue", secret or "*", exact=bool(secret)))
    return found


_ACROSS = ("AssociateCrossAccountReplica", "DisassociateCrossAccountReplica", "ListResourcePolicies")
_BY_SECRET = (
    *("CancelRotateSecret", "DeleteResourcePolicy", "DeleteSecret", "DescribeSecret", "GetResourcePolicy"),
    *("GetSecretValue", "ListSecretVersionIds", "PutResourcePolicy", "PutSecretValue", "RemoveRegionsFromReplication"),
    *_ACROSS,
    *("ReplicateSecretToRegions", "RestoreSecret", "RotateSecret", "StopReplicationToReplica", "TagResource"),
    *("UntagResource", "UpdateSecret", "UpdateSecretVersionStage", "ValidateResourcePolicy"),
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html",
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_AssociateCrossAccountReplica.html
    actions={"AssociateCrossAccountReplica": ("AssociateCrossAccountReplica", "GetSecretValue")},
    also={"AssociateCrossAccountReplica": (("secretsmanager:AcceptCrossAccountReplication", _replica),)},
    elsewhere=frozenset(_ACROSS),
    custom=_batch,
    custom_of=frozenset({"BatchGetSecretValue"}),
    finders={**dict.fromkeys(_BY_SECRET, _secret), "CreateSecret": _made},
    tagging="TagResource",
)
