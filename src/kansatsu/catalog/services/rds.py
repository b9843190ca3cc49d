"""Amazon RDS: names without regard to case, groups that are authorized where a request names them.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ResourcePermissions.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.ARN.html (the ARNs)
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html",
    names={
        "cev": (),
        "cluster": (
            *("DBClusterIdentifier", "SourceDBClusterIdentifier", "TargetDbClusterIdentifier", "DbClusterIdentifier"),
            *("NewDBClusterIdentifier", "DBClusterIdentifiers"),
        ),
        "CreateDBInstance:cluster": ("DBClusterIdentifier",),
        "EnableHttpEndpoint:cluster": ("ResourceArn",),
        "DisableHttpEndpoint:cluster": ("ResourceArn",),
        "cluster-pg": (
            *("DBClusterParameterGroupName", "SourceDBClusterParameterGroupIdentifier"),
            "TargetDBClusterParameterGroupIdentifier",
        ),
        "cluster-snapshot": (
            *("DBClusterSnapshotIdentifier", "SourceDBClusterSnapshotIdentifier", "TargetDBClusterSnapshotIdentifier"),
        ),
        "DeleteDBCluster:cluster-snapshot": ("FinalDBSnapshotIdentifier",),
        "db": (
            *("DBInstanceIdentifier", "SourceDBInstanceIdentifier", "TargetDBInstanceIdentifier"),
            *("NewDBInstanceIdentifier", "DBInstanceIdentifiers"),
        ),
        "es": ("SubscriptionName",),
        "global-cluster": ("GlobalClusterIdentifier", "NewGlobalClusterIdentifier"),
        "og": ("OptionGroupName", "SourceOptionGroupIdentifier", "TargetOptionGroupIdentifier"),
        "pg": ("DBParameterGroupName", "SourceDBParameterGroupIdentifier", "TargetDBParameterGroupIdentifier"),
        "secgrp": ("DBSecurityGroupName", "DBSecurityGroups"),
        "snapshot": ("DBSnapshotIdentifier", "SourceDBSnapshotIdentifier", "TargetDBSnapshotIdentifier"),
        "StopDBInstance:snapshot": ("DBSnapshotIdentifier",),
        "subgrp": ("DBSubnetGroupName",),
    },
    types={
        "CreateDBSnapshot": ("db", "snapshot"),
        "RestoreDBClusterFromSnapshot": ("cluster", "cluster-pg?", "cluster-snapshot=*?", "og?", "subgrp?"),
        "FailoverDBCluster": ("cluster", "db?"),
    },
    optional=frozenset({"cluster-pg", "og", "pg", "subgrp", "secgrp"}),
    lower=True,
    tagging="AddTagsToResource",
)
