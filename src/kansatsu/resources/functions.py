"""Permissions of Lambda functions: each is one statement, for the function, one version or one alias.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from kansatsu.catalog import is_action
from kansatsu.errors import AwsError, MalformedPolicyDocument, Unimplemented
from kansatsu.identity.principals import InvalidPrincipal, People, kept
from kansatsu.policy import QUOTAS, PolicyType, parse

Params = Mapping[str, Any]
Statement = dict[str, Any]
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)
_ACTION = re.compile(r"lambda:(\*|[A-Za-z]+)|\*", re.ASCII)
_ACCOUNT = re.compile(r"[0-9]{12}", re.ASCII)
_ORG = re.compile(r"o-[a-z0-9]{10,32}", re.ASCII)
_TYPES = re.compile(r"AWS_IAM|NONE", re.ASCII)
_ARN = re.compile(r"arn:(aws[a-zA-Z0-9-]*):[a-zA-Z0-9-]+:[^:\s]*:[0-9]*:\S+", re.ASCII)
# The embedded backend drops the condition that these would set, so that everybody would be let in.
_NOT_KEPT = ("EventSourceToken", "InvokedViaFunctionUrl")
_AUTH_TYPE = "FunctionUrlAuthType"  # which the embedded backend keeps beside the statement's other members


def target(function: str) -> dict[str, str]:
    """The parameters that name a function, a version or an alias by its ARN."""
    _, name, *qualifier = function.split(":", 5)[5].split(":")
    return {"FunctionName": name, **({"Qualifier": qualifier[0]} if qualifier else {})}


def document(text: str) -> dict[str, Any]:
    """A policy in the form that all policies have, whatever the backend makes of a principal.

    Raises MalformedPolicyDocument for what is no policy.
    """
    try:
        found: dict[str, Any] = json.loads(text)
        return {**found, "Statement": [_plain(one) for one in found["Statement"]]}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise MalformedPolicyDocument("The policy of the function is none.") from None


def _plain(statement: Statement) -> Statement:
    who = statement.get("Principal")
    if isinstance(who, str) and who != "*":
        statement = {**statement, "Principal": {"AWS": who}}
    if _AUTH_TYPE not in statement:
        return statement
    plain = {name: value for name, value in statement.items() if name != _AUTH_TYPE}
    return plain | _conditioned(plain.get("Condition") or {}, f"lambda:{_AUTH_TYPE}", statement[_AUTH_TYPE])


def _conditioned(condition: Mapping[str, Any], key: str, value: str) -> dict[str, Any]:
    return {"Condition": {**condition, "StringEquals": {**condition.get("StringEquals", {}), key: value}}}


def of(statements: list[Statement], function: str) -> list[Statement]:
    """Those of one function, version or alias: the embedded backend keeps all of a function together."""
    return [one for one in statements if one.get("Resource") == function]


def added(params: Params, function: str, held: list[Statement], people: People) -> Statement:
    """The statement that AddPermission makes of its parameters. Raises Lambda's errors.

    https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
    """
    for name in _NOT_KEPT:
        if params.get(name):
            raise Unimplemented(
                f"Kansatsu does not enforce {name} of a permission yet, so lambda:AddPermission is refused."
            )
    if function.endswith(":$LATEST"):
        raise _invalid("We currently do not support adding policies for $LATEST.")
    _, _, action = str(params["Action"]).partition(":")
    _fits(params, "StatementId", _ID)
    _fits(params, "Action", _ACTION)
    if action not in ("", "*") and not is_action("lambda", action):
        raise _invalid(f"The action {params['Action']} is not one of AWS Lambda.")
    condition: dict[str, dict[str, str]] = {}
    if params.get("SourceAccount"):
        condition["StringEquals"] = {"AWS:SourceAccount": _fits(params, "SourceAccount", _ACCOUNT)}
    if params.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": _fits(params, "SourceArn", _ARN)}
    if params.get("PrincipalOrgID"):
        condition = _conditioned(condition, "aws:PrincipalOrgID", _fits(params, "PrincipalOrgID", _ORG))["Condition"]
    if params.get(_AUTH_TYPE):
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        if params["Action"] != "lambda:InvokeFunctionUrl":
            raise _invalid(f"{_AUTH_TYPE} is only supported for lambda:InvokeFunctionUrl action")
        condition = _conditioned(condition, f"lambda:{_AUTH_TYPE}", _fits(params, _AUTH_TYPE, _TYPES))["Condition"]
    sid = str(params["StatementId"])
    if any(one.get("Sid") == sid for one in held):
        text = (
            f"The statement id ({sid}) provided already exists. Please provide a new statement id, or remove the "
            "existing statement."
        )
        raise AwsError(text, code="ResourceConflictException", status=409)
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": _principal(str(params["Principal"]), people),
        "Action": params["Action"],
        "Resource": function,
        **({"Condition": condition} if condition else {}),
    }
    _not_too_long([*held, statement])
    return statement


def _principal(value: str, people: People) -> Any:
    kind = "Service" if value.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS"
    try:
        return value if value == "*" else {kind: kept(kind, value, people)}
    except InvalidPrincipal:
        text = "The provided principal was invalid. Please check the principal and try again."
        raise _invalid(text) from None


def passed(params: Params, statement: Statement) -> dict[str, Any]:
    """The parameters of AddPermission as they are passed on: with the principal as it is kept."""
    who = statement["Principal"]
    (value,) = who.values() if isinstance(who, dict) else (who,)
    return {**params, **target(statement["Resource"]), "Principal": value}


def _not_too_long(statements: list[Statement]) -> None:
    quota = QUOTAS["function"]
    whole = parse(json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements}), PolicyType.RESOURCE)
    if not quota.fits(whole):
        text = f"The final policy size ({quota.measure(whole)}) is bigger than the limit ({quota.size})."
        raise AwsError(text, code="PolicyLengthExceededException", status=400)


def _fits(params: Params, name: str, pattern: re.Pattern[str]) -> str:
    value = str(params[name])
    if not pattern.fullmatch(value):
        member = name[0].lower() + name[1:]
        text = (
            f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: Member must "
            f"satisfy regular expression pattern: {pattern.pattern}"
        )
        raise AwsError(text, code="ValidationException", status=400)
    return value


def _invalid(text: str) -> AwsError:
    return AwsError(text, code="InvalidParameterValueException", status=400)


def missing(sid: str = "") -> AwsError:
    """There is no policy; or no statement of this id in it."""
    text = f"Statement {sid} is not found in resource policy." if sid else "The resource you requested does not exist."
    return AwsError(text, code="ResourceNotFoundException", status=404)
