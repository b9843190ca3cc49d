"""AWS Systems Manager: parameters without their leading slash, documents of AWS and of the account, nodes of two kinds.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
https://docs.aws.amazon.com/systems-manager/latest/userguide/security_iam_id-based-policy-examples.html
"""

import re
from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe

_PARAMETER = re.compile(
    r"arn:aws:ssm:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):parameter/(?P<name>[^:]+)(?P<selector>:[^:/]+)?"
)
_DOCUMENT = re.compile(r"arn:aws:ssm:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}|):document/(?P<name>[A-Za-z0-9_.-]+)")
_NODE = re.compile(r"(?P<managed>m)?i-[0-9a-f]+")
# https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-creating-content.html: nobody else's begin so
_AMAZONS = ("aws", "amazon", "amzn")


def _parameters(*paths: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        for path in paths:
            for value in read(params, path):
                yield from _parameter(value, frame)

    return find


def _parameter(value: str, frame: Frame) -> Iterator[str]:
    """ "a", "/a" and "/a:3" (a version or label) are `parameter/a`; what is shared is named by its ARN."""
    if value.startswith("arn:"):
        found = _PARAMETER.fullmatch(value)
        if found is None or not safe(found["name"], True):
            raise Unsure(value)
        for region in dict.fromkeys((found["region"], frame.region)):
            yield f"arn:aws:ssm:{region}:{found['account']}:parameter/{found['name'].removeprefix('/')}"
        return
    name, _, selector = value.partition(":")
    if not safe(name, True) or ":" in selector:
        raise Unsure(value)
    yield frame.arn("ssm", f"parameter/{name.removeprefix('/')}")


def _below(params: Params, frame: Frame) -> Iterator[str]:
    """Everything below a path: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html"""
    for value in read(params, "Path"):
        if value == "/":
            yield frame.arn("ssm", "parameter/")
        elif not safe(value.removesuffix("/"), True):
            raise Unsure(value)
        else:
            yield frame.arn("ssm", f"parameter/{value.removeprefix('/')}")


def _document(value: str, frame: Frame) -> Iterator[str]:
    found = _DOCUMENT.fullmatch(value)
    name = found["name"] if found else value
    if not safe(name, False):
        raise Unsure(value)
    account = found["account"] if found else "" if name.lower().startswith(_AMAZONS) else frame.account
    for region in dict.fromkeys((found["region"] if found else frame.region, frame.region)):
        yield f"arn:aws:ssm:{region}:{account}:document/{name}"


def _node(value: str, frame: Frame) -> str:
    found = _NODE.fullmatch(value)
    if found is None:
        raise Unsure(value)
    return frame.arn("ssm", f"managed-instance/{value}") if found["managed"] else frame.arn("ec2", f"instance/{value}")


def _run(documents: tuple[str, ...], nodes: tuple[str, ...]) -> Callable[[Params, Frame], Iterator[str]]:
    """A document, and the nodes that it runs on; targets by tag are any node."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        for path in documents:
            for value in read(params, path):
                yield from _document(value, frame)
        for path in nodes:
            for value in read(params, path):
                yield _node(value, frame)
        for target in params.get("Targets") or () if nodes else ():
            if str(target.get("Key", "")).lower() == "instanceids":
                yield from (_node(value, frame) for value in target.get("Values") or ())
            else:
                yield frame.arn("ec2", "instance/*")
                yield frame.arn("ssm", "managed-instance/*")
        for bucket in read(params, "OutputS3BucketName"):
            if not safe(bucket, False):
                raise Unsure(bucket)
            yield f"arn:aws:s3:::{bucket}"

    return find


def _session(params: Params, frame: Frame) -> Iterator[str]:
    for value in read(params, "Target"):
        yield _node(value, frame)
    for value in read(params, "DocumentName"):
        yield from _document(value, frame)


def _associated(params: Params, frame: Frame) -> Iterator[str]:
    """What is associated with nodes, one by one or many at once; an association has no id yet."""
    entries = params.get("Entries")
    for entry in (params,) if entries is None else entries:
        yield from _run(("Name",), ("InstanceId",))(entry, frame)
    if entries is None:
        yield frame.arn("ssm", "association/*")


def _automated(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartChangeRequestExecution.html"""
    yield from _run(("DocumentName", "Runbooks[].DocumentName"), ())(params, frame)
    yield frame.arn("ssm", "automation-execution/*")


# https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_AddTagsToResource.html (ResourceType, ResourceId)
_TAGGED = {
    "Association": "association",
    "Automation": "automation-execution",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "OpsItem": "opsitem",
    "OpsMetadata": "opsmetadata",
    "Parameter": "parameter",
    "PatchBaseline": "patchbaseline",
}


def _tagged(params: Params, frame: Frame) -> Iterator[str]:
    kind = _TAGGED.get(str(params.get("ResourceType")))
    for value in read(params, "ResourceId"):
        if kind == "parameter":
            yield from _parameter(value, frame)
        elif kind == "document":
            yield from _document(value, frame)
        elif kind is None or not safe(value, False):
            raise Unsure(value)
        else:
            yield frame.arn("ssm", f"{kind}/{value}")


def _setting(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetServiceSetting.html (SettingId)"""
    for value in read(params, "SettingId"):
        name = value.removeprefix(frame.arn("ssm", "servicesetting"))
        if not safe(name, True):
            raise Unsure(value)
        yield frame.arn("ssm", f"servicesetting/{name.removeprefix('/')}")


_HOSTS = "ssm/managed-instance/default-ec2-instance-management-role"


def _hosts(params: Params, frame: Frame) -> Iterator[str]:
    """The service setting that the default configuration of hosts is kept in.

    https://docs.aws.amazon.com/systems-manager/latest/userguide/fleet-manager-default-host-management-configuration.html
    """
    yield frame.arn("ssm", f"servicesetting/{_HOSTS}")


def _requested(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_StartAccessRequest.html: nodes by ids"""
    for target in params.get("Targets") or ():
        if target.get("Key") != "InstanceIds":
            raise Unsure("Targets")
        yield from (_node(value, frame) for value in target.get("Values") or ())


def _registered(params: Params, frame: Frame) -> Iterator[str]:
    """The role that is registered; one that the service makes by itself has no name yet."""
    found = list(read(params, "RoleArn"))
    if not found or not all(value.startswith(f"arn:aws:iam::{frame.account}:role/") for value in found):
        raise Unsure("RoleArn")
    yield from found


_DOCUMENTS = (
    *("CreateDocument", "DeleteDocument", "DescribeDocument", "DescribeDocumentParameters", "GetDocument"),
    *("DescribeDocumentPermission", "ModifyDocumentPermission", "ListDocumentMetadataHistory", "ListDocumentVersions"),
    *("UpdateDocument", "UpdateDocumentDefaultVersion", "UpdateDocumentMetadata"),
)
RULES = Rules(
    actions={
        "RegisterDefaultHostManagementConfiguration": ("GetServiceSetting", "UpdateServiceSetting"),
        "DeregisterDefaultHostManagementConfiguration": ("GetServiceSetting", "ResetServiceSetting"),
    },
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html",
    finders={
        **dict.fromkeys(
            (
                *("DeleteParameter", "GetParameter", "GetParameterHistory", "LabelParameterVersion", "PutParameter"),
                "UnlabelParameterVersion",
            ),
            _parameters("Name"),
        ),
        **dict.fromkeys(("DeleteParameters", "GetParameters"), _parameters("Names")),
        "GetParametersByPath": _below,
        **dict.fromkeys(_DOCUMENTS, _run(("Name",), ())),
        "GetCalendarState": _run(("CalendarNames",), ()),
        **dict.fromkeys(("CreateAssociation", "CreateAssociationBatch"), _associated),
        "UpdateAssociationStatus": _run(("Name",), ("InstanceId",)),
        **dict.fromkeys(("StartAutomationExecution", "StartChangeRequestExecution"), _automated),
        "SendCommand": _run(("DocumentName",), ("InstanceIds",)),
        "StartSession": _session,
        "GetConnectionStatus": _session,
        **dict.fromkeys(("AddTagsToResource", "ListTagsForResource", "RemoveTagsFromResource"), _tagged),
        "RegisterDefaultHostManagementConfiguration": _hosts,
        "DeregisterDefaultHostManagementConfiguration": _hosts,
        "StartAccessRequest": _requested,
        **dict.fromkeys(("GetServiceSetting", "ResetServiceSetting", "UpdateServiceSetting"), _setting),
    },
    also={"RegisterDefaultHostManagementConfiguration": (("iam:GetRole", _registered),)},
    names={
        "maintenancewindow": ("WindowId",),
        "patchbaseline": ("BaselineId",),
        "DeregisterManagedInstance:managed-instance": ("InstanceId",),
        "opsitem": ("OpsItemId",),
        "GetAccessToken:opsitem": ("AccessRequestId",),
        "resourcedatasync": ("SyncName",),
    },
    types={
        **dict.fromkeys(
            ("DeleteMaintenanceWindow", "UpdateMaintenanceWindow", "GetMaintenanceWindow"), ("maintenancewindow",)
        ),
        "CancelMaintenanceWindowExecution": ("maintenancewindow=*",),
        "GetDefaultPatchBaseline": ("patchbaseline=*",),
    },
    keys={"PutParameter": {"Overwrite": "ssm:Overwrite", "Policies": "ssm:Policies"}},
    tagging="AddTagsToResource",
)
