"""AWS CloudFormation: stacks by name, whose id only the service knows, or by ARN.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/control-access-with-iam.html (stack/NAME/*)
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
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
    *("DescribeStackResourceDrifts", "DescribeStackResources", "DetectStackDrift", "DetectStackResourceDrift"),
    *("ExecuteChangeSet", "GetStackPolicy", "GetTemplate", "ListChangeSets", "ListStackResources", "RollbackStack"),
    *("SetStackPolicy", "SignalResource", "UpdateStack", "UpdateTerminationProtection"),
)
_SETS = (
    *("CreateStackInstances", "DeleteStackInstances", "DeleteStackSet", "DescribeStackInstance", "DescribeStackSet"),
    *("DescribeStackSetOperation", "DetectStackSetDrift", "ImportStacksToStackSet", "ListStackInstances"),
    *("ListStackInstanceResourceDrifts", "ListStackSetAutoDeploymentTargets", "ListStackSetOperationResults"),
    *("ListStackSetOperations", "StopStackSetOperation", "UpdateStackInstances", "UpdateStackSet"),
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html",
    finders={**dict.fromkeys(_STACKS, _stack), **dict.fromkeys(_SETS, _set), "DescribeStacks": _described},
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
