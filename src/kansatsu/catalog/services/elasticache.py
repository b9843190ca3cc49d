"""Amazon ElastiCache: names without regard to case; what a request does not name is not authorized.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/IAM.ResourceLevelPermissions.html
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticache.html",
    names={
        "parametergroup": ("CacheParameterGroupName",),
        "securitygroup": ("CacheSecurityGroupName", "CacheSecurityGroupNames"),
        "subnetgroup": ("CacheSubnetGroupName",),
        "snapshot": ("SnapshotName", "SourceSnapshotName", "TargetSnapshotName", "FinalSnapshotIdentifier"),
        "user": ("UserId", "UserIds", "UserIdsToAdd", "UserIdsToRemove"),
        "usergroup": ("UserGroupId", "UserGroupIds", "UserGroupIdsToAdd", "UserGroupIdsToRemove"),
    },
    optional=frozenset(
        {"parametergroup", "securitygroup", "subnetgroup", "snapshot", "usergroup", "replicationgroup", "user"}
    ),
    lower=True,
    tagging="AddTagsToResource",
)
