"""AWS Step Functions: state machines, their versions and aliases, and executions of both types, by ARN.

https://docs.aws.amazon.com/step-functions/latest/dg/concept-create-iam-advanced.html
"""

from kansatsu.catalog.rules import Rules

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
    names={
        **dict.fromkeys(("execution", "express", "labelled execution", "labelled express"), ("executionArn",)),
        **dict.fromkeys(("statemachine", "statemachinealias", "statemachineversion"), ("stateMachineArn",)),
        "CreateStateMachine:statemachine": ("name",),
        "activity": ("activityArn", "name"),
    },
    tagging="TagResource",
)
