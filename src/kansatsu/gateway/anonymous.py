"""Requests that nobody signed: the policy of the resource alone may let them in.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-anonymous
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kansatsu import arn
from kansatsu.errors import Unimplemented
from kansatsu.gateway.authentication import Identity
from kansatsu.http import HttpRequest
from kansatsu.identity import Snapshot
from kansatsu.services import deciding
from kansatsu.services.deciding import OPEN
from kansatsu.services.registry import Caller
from kansatsu.signing import AuthFailure, SigningError
from kansatsu.wire import Operation

# Operations that nobody signs, because a token in the request speaks for its bearer.
_BEARER = frozenset({("sts", "AssumeRoleWithWebIdentity"), ("sts", "AssumeRoleWithSAML")})
# Services with operations of which AWS asks no IAM policy, because an application's user has no credentials of AWS:
# https://docs.aws.amazon.com/cognito/latest/developerguide/authentication-flows-public-server-side.html
# https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html ("This is a public API.")
_OF_USERS = frozenset({"cognito-idp", "cognito-identity"})
# What a request that nobody signed can be for.
SERVICES = OPEN | _OF_USERS | {service for service, _ in _BEARER}
_REGION = re.compile(r"[./:]((?:us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+)[./:]", re.ASCII)
_DEFAULT_REGION = "us-east-1"
_MOST_A_SECOND = 10

NOBODY = Identity(Caller("", "anonymous", "", "anonymous", "anonymous", ""), None, deciding.NOBODY, deciding.OF_NOBODY)


def admitted(operation: Operation, request: HttpRequest) -> Identity:
    """Nobody, where nobody may ask at all. Raises SigningError elsewhere."""
    service = operation.service
    if service.name not in OPEN and (service.name, operation.name) not in _BEARER and not is_of_users(operation):
        raise SigningError(AuthFailure.MISSING)
    headers = request.headers
    streaming = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if streaming or "aws-chunked" in headers.get("content-encoding", ""):
        raise Unimplemented("Kansatsu takes no body in chunks that nobody signed.")
    return NOBODY


def is_of_users(operation: Operation) -> bool:
    """Whether it is open to whoever has what it asks for: a password, a code, a token, the id of a pool."""
    return operation.service.name in _OF_USERS and operation.unsigned


def bearer(params: Mapping[str, Any], snapshot: Snapshot) -> Identity:
    """Nobody still, but for the record in the account of the role that is asked for, if there is one."""
    asked = arn.Arn.parse(str(params.get("RoleArn", "")))
    role = snapshot.find(asked.account, "role", asked.resource.rpartition("/")[2]) if asked is not None else None
    return replace(NOBODY, caller=replace(NOBODY.caller, account=role.account)) if role is not None else NOBODY


def is_stranger(identity: Identity) -> bool:
    return identity.caller.kind == NOBODY.caller.kind


def region_of(request: HttpRequest, params: Mapping[str, Any]) -> str:
    """The Region that a request is for, where no signature tells: that of its host, its queue or its topic."""
    for text in (request.headers.get("host", ""), params.get("QueueUrl"), params.get("TopicArn")):
        if isinstance(text, str) and (found := _REGION.search(text)):
            return found[1]
    return _DEFAULT_REGION


class Rate:
    """How much of nobody's requests is recorded: some a second, so that strangers do not fill the disk."""

    def __init__(self) -> None:
        self._second = 0
        self._count = 0

    def allows(self, time: float) -> bool:
        """Whether one more is recorded at that time (epoch seconds)."""
        if int(time) != self._second:
            self._second, self._count = int(time), 0
        self._count += 1
        return self._count <= _MOST_A_SECOND
