"""AWS CloudFormation: stacks by name, whose id only the service knows, or by ARN.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html (stack/NAME/*)
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe


def _named(path: str, kind: str, separator: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        for value in read(params, path):
            parts = arn_parts(value)
            if parts is not None:
                if parts[:4] != ["arn", "aws", "cloudformation", frame.region] or not parts[5].startswith(kind + "/"):
                    raise Unsure(value)
                yield value
            elif value.startswith("arn:") or not safe(value, False):
                raise Unsure(value)
            else:
                yield frame.arn("cloudformation", f"{kind}/{value}{separator}*")

    return find


def _described(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html: all, or one"""
    yield from _named("StackName", "stack", "/")(params, frame) if params.get("StackName") else ("*",)


def _summarized(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetTemplateSummary.html: of a stack, of a
    set, or of a template that the request itself holds or points to."""
    found = [*_stack(params, frame), *_set(params, frame)]
    if not found and not (params.get("TemplateBody") or params.get("TemplateURL")):
        raise Unsure("StackName")
    yield from found or ("*",)


def _events(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeEvents.html

    An operation's id alone does not tell its stack.
    """
    for value in read(params, "ChangeSetName"):
        parts = arn_parts(value)
        if parts is not None:
            yield from _named("ChangeSetName", "changeSet", "/")(params, frame)
        elif not params.get("StackName") or not safe(value, False):
            raise Unsure(value)
        else:
            yield frame.arn("cloudformation", f"changeSet/{value}/*")
    if params.get("OperationId") and not params.get("StackName"):
        raise Unsure("OperationId")
    yield from _stack(params, frame)


def _refactored(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStackRefactor.html"""
    for member, path in (("StackDefinitions", "StackName"), ("ResourceMappings", "Source.StackName")):
        yield from _inside(params, member, path, frame)
    yield from _inside(params, "ResourceMappings", "Destination.StackName", frame)


def _inside(params: Params, member: str, path: str, frame: Frame) -> Iterator[str]:
    for name in read(params, f"{member}[].{path}"):
        yield from _stack({"StackName": name}, frame)


def _refactoring(params: Params) -> Iterator[Question]:
    """Of which stacks a refactoring is, only the service tells.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackRefactor.html
    """
    for value in read(params, "StackRefactorId"):
        given = {"StackRefactorId": value}
        yield Question(f"refactor {value}", "cloudformation", "DescribeStackRefactor", given, "StackIds[]")


def _of_refactoring(params: Params, frame: Frame) -> Iterator[str]:
    for value in read(params, "StackRefactorId"):
        stacks = frame.known.get(f"refactor {value}", "").splitlines()
        if not stacks:
            raise Unsure(value)
        for stack in stacks:
            yield from _stack({"StackName": stack}, frame)


def _physical(params: Params) -> Iterator[Question]:
    """Of which stack a resource is, the call itself tells.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
    """
    for value in read(params, "PhysicalResourceId"):
        asked, path = {"PhysicalResourceId": value}, "StackResources[].StackId"
        yield Question(f"resource {value}", "cloudformation", "DescribeStackResources", asked, path)


def _holding(params: Params, frame: Frame) -> Iterator[str]:
    """INVARIANT: a stack and a resource of another one are both asked for."""
    yield from _stack(params, frame)
    for value in read(params, "PhysicalResourceId"):
        stacks = frame.known.get(f"resource {value}", "")
        if not stacks:
            raise Unsure(value)
        for stack in stacks.splitlines():
            yield from _stack({"StackName": stack}, frame)


_stack, _set = _named("StackName", "stack", "/"), _named("StackSetName", "stackset", ":")
_STACKS = (
    *(
        "CancelUpdateStack",
        "ContinueUpdateRollback",
        "CreateChangeSet",
        "CreateStack",
        "DeleteStack",
        "DeleteChangeSet",
    ),
    *("DescribeChangeSet", "DescribeChangeSetHooks", "DescribeStackEvents", "DescribeStackResource"),
    *("DescribeStackResourceDrifts", "DetectStackDrift", "DetectStackResourceDrift"),
    *("ExecuteChangeSet", "GetStackPolicy", "GetTemplate", "ListChangeSets", "ListStackResources", "RollbackStack"),
    *("SetStackPolicy", "SignalResource", "UpdateStack", "UpdateTerminationProtection"),
)
_SETS = (
    *("CreateStackInstances", "DeleteStackInstances", "DeleteStackSet", "DescribeStackInstance", "DescribeStackSet"),
    *("DescribeStackSetOperation", "DetectStackSetDrift", "ImportStacksToStackSet", "ListStackInstances"),
    *("ListStackInstanceResourceDrifts", "ListStackSetAutoDeploymentTargets", "ListStackSetOperationResults"),
    *("ListStackSetOperations", "StopStackSetOperation", "UpdateStackInstances", "UpdateStackSet"),
)
_REFACTORINGS = ("DescribeStackRefactor", "ExecuteStackRefactor", "ListStackRefactorActions")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html",
    finders={
        **dict.fromkeys(_STACKS, _stack),
        **dict.fromkeys(_SETS, _set),
        "DescribeStacks": _described,
        "CreateStackRefactor": _refactored,
        "DescribeEvents": _events,
        "DescribeStackResources": _holding,
        "GetTemplateSummary": _summarized,
        **dict.fromkeys(_REFACTORINGS, _of_refactoring),
    },
    questions={**dict.fromkeys(_REFACTORINGS, _refactoring), "DescribeStackResources": _physical},
    types={"ListStackRefactors": ("stack=*",)},
    defaults={"StackName": "*"},
    keys={
        "*": {
            "ChangeSetName": "cloudformation:ChangeSetName",
            "ResourceTypes": "cloudformation:ResourceTypes",
            "RoleARN": "cloudformation:RoleArn",
            "StackPolicyURL": "cloudformation:StackPolicyUrl",
            "TemplateURL": "cloudformation:TemplateUrl",
        }
    },
    tagging="TagResource",
)
