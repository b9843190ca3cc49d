"""Amazon API Gateway: the action is the HTTP method, the resource is the path.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/security_iam_service-with-iam.html
"""

import re
from collections.abc import Iterator
from urllib.parse import quote

from kansatsu.catalog import passing
from kansatsu.catalog.authorization import Authorization, Params
from kansatsu.catalog.definitions import members
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe
from kansatsu.wire import Operation
from kansatsu.wire.model import Shape

_LABEL = re.compile(r"\{([^}+]+)\+?\}")


def by_path(operation: Operation, params: Params, frame: Frame) -> list[Authorization]:
    """The method and path of the operation, its labels filled; and the roles that patches and definitions pass."""
    return [_on_path(operation, params, frame), *_passed(operation, params, frame)]


def _on_path(operation: Operation, params: Params, frame: Frame) -> Authorization:
    action = f"apigateway:{operation.http_method}"
    path = operation.uri.partition("?")[0].removeprefix("/v2")
    labels = {member.get("locationName", name): name for name, member in _members(operation)}
    try:
        filled = _LABEL.sub(lambda found: _segment(labels[found[1]], found[1], params), path)
    except Unsure:
        return Authorization(action, "*", {}, exact=False)
    return Authorization(action, f"arn:aws:apigateway:{frame.region}::{filled}")


# Where a patch or a definition has the role that API Gateway will act with.
# https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-integration.html
_PATCHED = re.compile(r"(.*/)?((authorizer)?credentials|cloudwatchrolearn)", re.IGNORECASE)
_IMPORTS = {"ImportRestApi": "body", "PutRestApi": "body", "ImportApi": "Body", "ReimportApi": "Body"}
_DEFINED = re.compile(r"(authorizer)?credentials", re.IGNORECASE)
_ROLES = passing.Pass("roles[]", "apigateway.amazonaws.com")


def _passed(operation: Operation, params: Params, frame: Frame) -> Iterator[Authorization]:
    """INVARIANT: a role is passed by whoever writes it, in whatever form: in a parameter, a patch or a definition."""
    found = [
        patch.get("value")
        for patch in params.get("patchOperations") or ()
        if _PATCHED.fullmatch(str(patch.get("path"))) and patch.get("op") != "remove"
    ]
    found += members(params.get(_IMPORTS.get(operation.name, "")), _DEFINED)
    yield from _ROLES.resolve({"roles": [value for value in found if value]}, frame)


def _members(operation: Operation) -> Iterator[tuple[str, Shape]]:
    for name, member in operation.input.members if operation.input else ():
        if member.get("location") == "uri":
            yield name, member


def _segment(member: str, label: str, params: Params) -> str:
    value = next(read(params, member), "")
    if "arn" in label.lower():
        if not safe(value.replace(":", "-"), True):
            raise Unsure(value)
        return quote(value, safe="")
    if not safe(value, False):
        raise Unsure(value)
    return value


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html",
    custom=by_path,
)
