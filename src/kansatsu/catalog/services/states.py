"""AWS Step Functions: state machines, their versions and aliases, and executions of both types, by ARN.

https://docs.aws.amazon.com/step-functions/latest/dg/concept-create-iam-advanced.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe


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


_EXECUTION = ("execution?", "express?", "labelled execution?", "labelled express?")
_MACHINE = ("statemachine?", "statemachinealias?", "statemachineversion?")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html",
    types={
        **dict.fromkeys(("DescribeExecution", "StopExecution", "GetExecutionHistory", "RedriveExecution"), _EXECUTION),
        "DescribeStateMachineForExecution": _EXECUTION,
        **dict.fromkeys(("StartExecution", "StartSyncExecution", "DescribeStateMachine"), _MACHINE),
        "ListExecutions": (*_MACHINE, "maprun?"),
    },
    finders={"CreateStateMachineAlias": _routed},
    names={
        **dict.fromkeys(("execution", "express", "labelled execution", "labelled express"), ("executionArn",)),
        **dict.fromkeys(("statemachine", "statemachinealias", "statemachineversion"), ("stateMachineArn",)),
        "CreateStateMachine:statemachine": ("name",),
        "activity": ("activityArn", "name"),
    },
    tagging="TagResource",
)
