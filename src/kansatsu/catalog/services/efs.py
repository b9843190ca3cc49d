"""Amazon EFS: file systems and access points by id; a mount target does not say whose it is.

https://docs.aws.amazon.com/efs/latest/ug/security_iam_service-with-iam.html
"""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, safe

_KINDS = {"fs": "file-system", "fsap": "access-point"}


def _of_either_kind(params: Params, frame: Frame) -> Iterator[str]:
    """The beginning of an id says what it is of: https://docs.aws.amazon.com/efs/latest/ug/API_TagResource.html"""
    given = params.get("ResourceId")
    kind = _KINDS.get(given.partition("-")[0]) if isinstance(given, str) and safe(given, False) else None
    if kind is None:
        raise Unsure(given)
    yield frame.arn("elasticfilesystem", f"{kind}/{given}")


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticfilesystem.html",
    names={"file-system": ("FileSystemId", "SourceFileSystemId"), "access-point": ("AccessPointId",)},
    finders=dict.fromkeys(("TagResource", "UntagResource", "ListTagsForResource"), _of_either_kind),
    tagging="TagResource",
)
