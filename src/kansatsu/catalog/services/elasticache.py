"""Amazon ElastiCache: names without regard to case; what a request does not name is not authorized.

https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/IAM.ResourceLevelPermissions.html
"""

from kansatsu.catalog.rules import Rules

# https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/IAM.ConditionKeys.html
_AUTH = {"AuthToken|given": "elasticache:AuthTokenEnabled"}
_ENGINE = {"Engine": "elasticache:EngineType"}
_MODE = {"ClusterMode|is-on": "elasticache:ClusterModeEnabled"}
_ZONES = {"AZMode|is-on": "elasticache:MultiAZEnabled"}
_GROUPS = {"NodeGroupCount": "elasticache:NumNodeGroups"}
_REPLICAS = {"NewReplicaCount": "elasticache:ReplicasPerNodeGroup"}
_USER = {"AuthenticationMode.Type": "elasticache:UserAuthenticationMode"}
_SERVERLESS = {
    "CacheUsageLimits.DataStorage.Unit": "elasticache:DataStorageUnit",
    "CacheUsageLimits.DataStorage.Maximum": "elasticache:MaximumDataStorage",
    "CacheUsageLimits.DataStorage.Minimum": "elasticache:MinimumDataStorage",
    "CacheUsageLimits.ECPUPerSecond.Maximum": "elasticache:MaximumECPUPerSecond",
    "CacheUsageLimits.ECPUPerSecond.Minimum": "elasticache:MinimumECPUPerSecond",
    "MajorEngineVersion": "elasticache:EngineVersion",
}
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
    made=frozenset({"PurchaseReservedCacheNodesOffering"}),
    lower=True,
    keys={
        "CreateCacheCluster": {**_AUTH, **_ENGINE, **_ZONES},
        "ModifyCacheCluster": {**_AUTH, **_ZONES},
        "CreateReplicationGroup": {**_AUTH, **_ENGINE, **_MODE},
        "ModifyReplicationGroup": {**_AUTH, **_MODE},
        "CreateServerlessCache": {**_SERVERLESS, **_ENGINE},
        "ModifyServerlessCache": _SERVERLESS,
        "ModifyReplicationGroupShardConfiguration": _GROUPS,
        "IncreaseNodeGroupsInGlobalReplicationGroup": _GROUPS,
        "DecreaseNodeGroupsInGlobalReplicationGroup": _GROUPS,
        **dict.fromkeys(("IncreaseReplicaCount", "DecreaseReplicaCount"), _REPLICAS),
        **dict.fromkeys(("CreateUser", "ModifyUser"), _USER),
    },
    key_defaults={
        "CreateCacheCluster": {"elasticache:AuthTokenEnabled": "false"},
        "CreateReplicationGroup": {
            "elasticache:AtRestEncryptionEnabled": "false",
            "elasticache:AuthTokenEnabled": "false",
            "elasticache:EngineType": "redis",
            "elasticache:TransitEncryptionEnabled": "false",
        },
    },
    tagging="AddTagsToResource",
)
