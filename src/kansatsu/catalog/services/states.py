"""AWS Step Functions: state machines, their versions and aliases, and executions of both types, by ARN.

https://docs.aws.amazon.com/step-functions/latest/dg/concept-create-iam-advanced.html
"""

import re
from collections.abc import Iterator

from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe
from kansatsu.wire import Operation


def _routed(params: Params, frame: Frame) -> Iterator[str]:
    """The state machine of the versions that an alias leads to.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachineAlias.html
    """
    for value in read(params, "routingConfiguration[].stateMachineVersionArn"):
        parts = arn_parts(value) or [""] * 6
        kind, name, version = [*parts[5].split(":", 2), "", ""][:3]
        place = ["arn", "aws", "states", frame.region, frame.account]
        if parts[:5] != place or kind != "stateMachine" or not version.isdecimal() or not safe(name, False):
            raise Unsure(value)
        yield frame.arn("states", f"stateMachine:{name}")


_MACHINE = re.compile(
    r"(?P<head>arn:aws:states):(?P<region>[a-z0-9-]+):(?P<rest>[0-9]{12}:stateMachine:(?P<name>[^:]+))"
    r"(?::(?P<qualifier>[A-Za-z0-9_.-]+))?"
)
# operation -> the member that holds a state machine, a version or an alias
_QUALIFIED = {
    **dict.fromkeys(
        (
            *("StartExecution", "StartSyncExecution", "DescribeStateMachine", "DeleteStateMachine", "ListExecutions"),
            *("UpdateStateMachine", "ListStateMachineAliases", "ListStateMachineVersions"),
        ),
        "stateMachineArn",
    ),
    **dict.fromkeys((f"{verb}StateMachineAlias" for verb in ("Delete", "Describe", "Update")), "stateMachineAliasArn"),
    "DeleteStateMachineVersion": "stateMachineVersionArn",
    "PublishStateMachineVersion": "stateMachineArn",
}


def _machines(operation: Operation, params: Params, frame: Frame) -> list[Authorization] | None:
    """A version and an alias are their state machine, with states:StateMachineQualifier.

    INVARIANT: a Deny on a state machine is not passed by under the name of a version or an alias.
    https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html
    """
    given = params.get(_QUALIFIED[operation.name])
    found = _MACHINE.fullmatch(given) if isinstance(given, str) else None
    if found is None or not safe(found["name"], False):
        return None
    own: Context = {"states:statemachinequalifier": found["qualifier"]} if found["qualifier"] else {}
    regions = dict.fromkeys((found["region"], frame.region))
    arns = [f"{found['head']}:{region}:{found['rest']}" for region in regions]
    return [Authorization(f"states:{operation.name}", arn, own) for arn in arns]


def _revealed(params: Params, _frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html (states:RevealSecrets)"""
    yield from ["*"] * bool(params.get("revealSecrets"))


_EXECUTION = ("execution?", "express?", "labelled execution?", "labelled express?")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html",
    types={
        **dict.fromkeys(("DescribeExecution", "StopExecution", "GetExecutionHistory", "RedriveExecution"), _EXECUTION),
        "DescribeStateMachineForExecution": _EXECUTION,
        "ListExecutions": ("statemachine?", "maprun?"),
    },
    custom=_machines,
    custom_of=frozenset(_QUALIFIED),
    finders={"CreateStateMachineAlias": _routed},
    also={"TestState": (("states:RevealSecrets", _revealed),)},
    keys={"CreateStateMachineAlias": {"name": "states:StateMachineQualifier"}},
    names={
        **dict.fromkeys(("execution", "express", "labelled execution", "labelled express"), ("executionArn",)),
        "statemachine": ("stateMachineArn",),
        "CreateStateMachine:statemachine": ("name",),
        "activity": ("activityArn", "name"),
    },
    tagging="TagResource",
)
