"""AWS Batch: job definitions with or without a revision, queues and environments by name or ARN.

https://docs.aws.amazon.com/batch/latest/userguide/batch-supported-iam-actions-resources.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe


def _definition(value: str, frame: Frame) -> str:
    parts = arn_parts(value)
    if parts is not None and parts[:5] == ["arn", "aws", "batch", frame.region, frame.account]:
        value = parts[5].removeprefix("job-definition/")
    name, colon, revision = value.partition(":")
    if not safe(name, False) or (colon and not revision.isdecimal()):
        raise Unsure(value)
    return frame.arn("batch", f"job-definition/{value}")


def _deregistered(params: Params, frame: Frame) -> Iterator[str]:
    return (_definition(value, frame) for value in read(params, "jobDefinition"))


def _named(kind: str, path: str, params: Params, frame: Frame) -> Iterator[str]:
    """What is given by its name or its ARN."""
    for value in read(params, path):
        parts = arn_parts(value)
        name = parts[5].removeprefix(f"{kind}/") if parts else value
        if not safe(name, False) or (parts and parts[:4] != ["arn", "aws", "batch", frame.region]):
            raise Unsure(value)
        yield value if parts else frame.arn("batch", f"{kind}/{name}")


def _submitted(params: Params, frame: Frame) -> Iterator[str]:
    """A job is submitted to a queue by a definition; the job itself has no id yet."""
    yield from _deregistered(params, frame)
    yield from _named("job-queue", "jobQueue", params, frame)
    yield frame.arn("batch", "job/*")


def _served(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/batch/latest/APIReference/API_SubmitServiceJob.html"""
    if params.get("quotaShareName"):
        raise Unsure("quotaShareName")
    yield from _named("job-queue", "jobQueue", params, frame)
    yield frame.arn("batch", "service-job/*")


def _environments(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/batch/latest/APIReference/API_CreateJobQueue.html"""
    return _named("compute-environment", "computeEnvironmentOrder[].computeEnvironment", params, frame)


def _jobs(kind: str) -> Finder:
    """https://docs.aws.amazon.com/batch/latest/APIReference/API_CancelJobs.html: each job needs what it needs alone"""
    return lambda params, frame: _named(kind, "jobs", params, frame)


# Of every container that a definition has, however its kind has it.
# https://docs.aws.amazon.com/batch/latest/userguide/iam-example-restrict-image-log.html
_CONTAINERS = ("containerProperties", "nodeProperties.nodeRangeProperties[].container")
_OF_ECS = (
    *("ecsProperties.taskProperties[].containers[]",),
    "nodeProperties.nodeRangeProperties[].ecsProperties.taskProperties[].containers[]",
)
_PODS = ("eksProperties.podProperties", "nodeProperties.nodeRangeProperties[].eksProperties.podProperties")
_OPTIONS = "logConfiguration.options.awslogs"
_OF_CONTAINER = {
    "image": "batch:Image",
    "privileged": "batch:Privileged",
    "user": "batch:User",
    "logConfiguration.logDriver": "batch:LogDriver",
    f"{_OPTIONS}-group": "batch:AWSLogsGroup",
    f"{_OPTIONS}-region": "batch:AWSLogsRegion",
    f"{_OPTIONS}-stream-prefix": "batch:AWSLogsStreamPrefix",
    f"{_OPTIONS}-create-group": "batch:AWSLogsCreateGroup",
}
_OF_POD = {
    "serviceAccountName": "batch:EKSServiceAccountName",
    "metadata.namespace": "batch:EKSNamespace",
    **{
        f"{kind}[].{path}": key
        for kind in ("containers", "initContainers")
        for path, key in {
            "image": "batch:EKSImage",
            "securityContext.privileged": "batch:EKSPrivileged",
            "securityContext.runAsUser": "batch:EKSRunAsUser",
            "securityContext.runAsGroup": "batch:EKSRunAsGroup",
        }.items()
    },
}
_REGISTERED = {
    f"{place}.{path}": key
    for places, keys in (((*_CONTAINERS, *_OF_ECS), _OF_CONTAINER), (_PODS, _OF_POD))
    for place in places
    for path, key in keys.items()
}
_SUBMITTED = {
    "eksPropertiesOverride.podProperties.containers[].image": "batch:EKSImage",
    "eksPropertiesOverride.podProperties.initContainers[].image": "batch:EKSImage",
    "eksPropertiesOverride.podProperties.metadata.namespace": "batch:EKSNamespace",
}

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbatch.html",
    actions={"CancelJobs": "CancelJob", "TerminateJobs": "TerminateJob", "TerminateServiceJobs": "TerminateServiceJob"},
    finders={
        "DeregisterJobDefinition": _deregistered,
        "SubmitJob": _submitted,
        "SubmitServiceJob": _served,
        **dict.fromkeys(("CancelJobs", "TerminateJobs"), _jobs("job")),
        "TerminateServiceJobs": _jobs("service-job"),
    },
    also={name: ((f"batch:{name}", _environments),) for name in ("CreateJobQueue", "UpdateJobQueue")},
    keys={"RegisterJobDefinition": _REGISTERED, "SubmitJob": _SUBMITTED},
    one_by_one=True,
    tagging="TagResource",
)
