"""Amazon EFS: file systems and access points by id; a mount target does not say whose it is.

https://docs.aws.amazon.com/efs/latest/ug/security_iam_service-with-iam.html
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticfilesystem.html",
    names={"file-system": ("FileSystemId", "SourceFileSystemId"), "access-point": ("AccessPointId",)},
    tagging="TagResource",
)
