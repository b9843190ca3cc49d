"""Amazon EFS: file systems and access points by id; whose a mount target is, is asked.

https://docs.aws.amazon.com/efs/latest/ug/security_iam_service-with-iam.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe

_KINDS = {"fs": "file-system", "fsap": "access-point"}


def _of_either_kind(params: Params, frame: Frame) -> Iterator[str]:
    """The beginning of an id says what it is of: https://docs.aws.amazon.com/efs/latest/ug/API_TagResource.html"""
    given = params.get("ResourceId")
    kind = _KINDS.get(given.partition("-")[0]) if isinstance(given, str) and safe(given, False) else None
    if kind is None:
        raise Unsure(given)
    yield frame.arn("elasticfilesystem", f"{kind}/{given}")


def _of_target(params: Params, frame: Frame) -> Iterator[str]:
    """https://docs.aws.amazon.com/efs/latest/ug/API_DeleteMountTarget.html"""
    for value in read(params, "MountTargetId"):
        name = frame.known.get(value, "")
        if not safe(name, False):
            raise Unsure(value)
        yield frame.arn("elasticfilesystem", f"file-system/{name}")


def _asked(params: Params) -> Iterator[Question]:
    for value in read(params, "MountTargetId"):
        yield Question(value, "efs", "DescribeMountTargets", {"MountTargetId": value}, "MountTargets.0.FileSystemId")


_TARGETS = ("DeleteMountTarget", "DescribeMountTargetSecurityGroups", "ModifyMountTargetSecurityGroups")
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticfilesystem.html",
    names={"file-system": ("FileSystemId", "SourceFileSystemId"), "access-point": ("AccessPointId",)},
    finders={
        **dict.fromkeys(("TagResource", "UntagResource", "ListTagsForResource"), _of_either_kind),
        **dict.fromkeys(_TARGETS, _of_target),
    },
    questions=dict.fromkeys(_TARGETS, _asked),
    tagging="TagResource",
)
