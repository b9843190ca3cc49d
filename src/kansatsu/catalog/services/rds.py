"""Amazon RDS: names without regard to case, groups that are authorized where a request names them.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ResourcePermissions.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Tagging.ARN.html (the ARNs)
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Finder, Frame, Question, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe


def _questions(params: Params) -> Iterator[Question]:
    """ARNs of proxies have ids that no request gives.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-managing.html
    """
    for proxy in read(params, "DBProxyName"):
        given = {"DBProxyName": proxy}
        yield Question(f"db-proxy {proxy}", "rds", "DescribeDBProxies", given, "DBProxies.0.DBProxyArn")
        group = str(params.get("TargetGroupName") or "default")
        given = {**given, "TargetGroupName": group}
        path = "TargetGroups.0.TargetGroupArn"
        yield Question(f"target-group {proxy} {group}", "rds", "DescribeDBProxyTargetGroups", given, path)
    for name in read(params, "DBProxyEndpointName"):
        path = "DBProxyEndpoints.0.DBProxyEndpointArn"
        given = {"DBProxyEndpointName": name}
        yield Question(f"db-proxy-endpoint {name}", "rds", "DescribeDBProxyEndpoints", given, path)


def _versions(params: Params) -> Iterator[Question]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBEngineVersions.html (the ARN)"""
    given = {name: params[name] for name in ("Engine", "EngineVersion") if name in params}
    path = "DBEngineVersions.0.DBEngineVersionArn"
    yield Question(f"cev {given}", "rds", "DescribeDBEngineVersions", given, path)


def _version(params: Params, frame: Frame) -> Iterator[str]:
    given = {name: params[name] for name in ("Engine", "EngineVersion") if name in params}
    yield _told(frame.known.get(f"cev {given}", ""), "cev", frame, slashes=True)


def _versioned(params: Params, frame: Frame) -> Iterator[str]:
    """A version that is made gets an id.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateCustomDBEngineVersion.html
    """
    names = [value for name in ("Engine", "EngineVersion") for value in read(params, name)]
    if len(names) != 2 or not all(safe(name, False) for name in names):
        raise Unsure(names)
    yield frame.arn("rds", f"cev:{'/'.join(names)}/*")


def _backups(kind: str) -> Callable[[Params], Iterator[Question]]:
    """Automated backups have ids that no request gives; "DBInstance" or "DBCluster", by the id of its resource.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstanceAutomatedBackups.html
    """
    member = {"DBInstance": "DbiResourceId", "DBCluster": "DbClusterResourceId"}[kind]

    def ask(params: Params) -> Iterator[Question]:
        for value in read(params, member):
            path, where = f"{kind}AutomatedBackups.?.{kind}AutomatedBackupsArn", (member, value)
            yield Question("backup", "rds", f"Describe{kind}AutomatedBackups", {member: value}, path, where)

    return ask


def _backup(params: Params, frame: Frame) -> Iterator[str]:
    """INVARIANT: a backup that is named in two ways is both of them."""
    by_id = [*read(params, "DbiResourceId"), *read(params, "DbClusterResourceId")]
    for value in (*read(params, "DBInstanceAutomatedBackupsArn"), *(frame.known.get("backup", "") for _ in by_id)):
        yield _told(value, "cluster-auto-backup" if "DbClusterResourceId" in params else "auto-backup", frame)


def _tenants(params: Params) -> Iterator[Question]:
    """https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_TenantDatabase.html (TenantDatabaseARN)"""
    for name in read(params, "TenantDBName"):
        given = {"DBInstanceIdentifier": params.get("DBInstanceIdentifier"), "TenantDBName": name}
        path, where = "TenantDatabases.?.TenantDatabaseARN", ("TenantDBName", name)
        yield Question(f"tenant {name}", "rds", "DescribeTenantDatabases", given, path, where)


def _tenant(params: Params, frame: Frame) -> Iterator[str]:
    for name in read(params, "DBInstanceIdentifier"):
        if not safe(name, False):
            raise Unsure(name)
        yield frame.arn("rds", f"db:{name.lower()}")
    for name in read(params, "TenantDBName"):
        yield _told(frame.known.get(f"tenant {name}", ""), "tenant-database", frame)


def _integrated(params: Params, frame: Frame) -> Iterator[str]:
    """From a cluster or an instance, into what its own service authorizes.

    https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateIntegration.html
    """
    for value in read(params, "SourceArn"):
        kind = "cluster" if ":cluster:" in value else "db"
        yield _told(value, kind, frame)
    yield frame.arn("rds", "integration:*")


def _proxied(*kinds: str) -> Finder:
    """The proxies, their endpoints and target groups that a request names; "*" after a kind: one of it is made."""

    def find(params: Params, frame: Frame) -> Iterator[str]:
        names = {"db-proxy": list(read(params, "DBProxyName"))}
        names["db-proxy-endpoint"] = list(read(params, "DBProxyEndpointName"))
        group = str(params.get("TargetGroupName") or "default")
        names["target-group"] = [f"{proxy} {group}" for proxy in names["db-proxy"]]
        for kind in kinds:
            if kind.endswith("*"):
                yield frame.arn("rds", f"{kind[:-1]}:*")
                continue
            for name in names[kind]:
                yield _told(frame.known.get(f"{kind} {name}", ""), kind, frame)
        if not any(names.values()):
            yield frame.arn("rds", f"{kinds[0]}:*")
        for member, kind in (("DBInstanceIdentifiers", "db"), ("DBClusterIdentifiers", "cluster")):
            for value in read(params, member):
                if not safe(value, False):
                    raise Unsure(value)
                yield frame.arn("rds", f"{kind}:{value.lower()}")

    return find


def _told(value: str, kind: str, frame: Frame, slashes: bool = False) -> str:
    parts = arn_parts(value)
    if parts is None or parts[:5] != ["arn", "aws", "rds", frame.region, frame.account]:
        raise Unsure(value)
    if not parts[5].startswith(f"{kind}:") or not safe(parts[5].partition(":")[2], slashes):
        raise Unsure(value)
    return value


_PROXIES = {
    **dict.fromkeys(("DeleteDBProxy", "DescribeDBProxies", "DescribeDBProxyTargetGroups"), _proxied("db-proxy")),
    "ModifyDBProxy": _proxied("db-proxy"),
    **dict.fromkeys(("DeleteDBProxyEndpoint", "ModifyDBProxyEndpoint"), _proxied("db-proxy-endpoint")),
    "DescribeDBProxyEndpoints": _proxied("db-proxy-endpoint", "db-proxy"),
    "CreateDBProxyEndpoint": _proxied("db-proxy", "db-proxy-endpoint*"),
    **dict.fromkeys(("DescribeDBProxyTargets", "DeregisterDBProxyTargets"), _proxied("db-proxy", "target-group")),
    **dict.fromkeys(("ModifyDBProxyTargetGroup", "RegisterDBProxyTargets"), _proxied("target-group")),
}

_VERSIONS = ("DeleteCustomDBEngineVersion", "ModifyCustomDBEngineVersion")
_BACKUPS = {kind: f"Delete{kind}AutomatedBackup" for kind in ("DBInstance", "DBCluster")}
_TENANTS = ("DeleteTenantDatabase", "ModifyTenantDatabase")
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/security_iam_service-with-iam.html (the keys of what is made)
_KEYS = {
    "DBInstanceClass": "rds:DatabaseClass",
    "DBClusterInstanceClass": "rds:DatabaseClass",
    "TargetDBInstanceClass": "rds:DatabaseClass",
    "Engine": "rds:DatabaseEngine",
    "DBName": "rds:DatabaseName",
    "DatabaseName": "rds:DatabaseName",
    "MultiAZ": "rds:MultiAz",
    "Iops": "rds:Piops",
    "TargetIops": "rds:Piops",
    "AllocatedStorage": "rds:StorageSize",
    "TargetAllocatedStorage": "rds:StorageSize",
    "StorageEncrypted": "rds:StorageEncrypted",
}
_WITH_KEYS = (
    *("CreateBlueGreenDeployment", "CreateDBCluster", "CreateDBInstance", "CreateDBInstanceReadReplica"),
    *("ModifyDBCluster", "ModifyDBInstance", "RestoreDBClusterFromS3", "RestoreDBClusterFromSnapshot"),
    *("RestoreDBClusterToPointInTime", "RestoreDBInstanceFromDBSnapshot", "RestoreDBInstanceFromS3"),
    "RestoreDBInstanceToPointInTime",
)
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
        "ri": ("ReservedDBInstanceId",),
        "secgrp": ("DBSecurityGroupName", "DBSecurityGroups"),
        "snapshot": ("DBSnapshotIdentifier", "SourceDBSnapshotIdentifier", "TargetDBSnapshotIdentifier"),
        "StopDBInstance:snapshot": ("DBSnapshotIdentifier",),
        "subgrp": ("DBSubnetGroupName",),
    },
    finders={
        **_PROXIES,
        **dict.fromkeys(_VERSIONS, _version),
        **dict.fromkeys(_TENANTS, _tenant),
        "CreateCustomDBEngineVersion": _versioned,
        "CreateIntegration": _integrated,
        **dict.fromkeys(_BACKUPS.values(), _backup),
    },
    questions={
        **dict.fromkeys(_PROXIES, _questions),
        **dict.fromkeys(_VERSIONS, _versions),
        **dict.fromkeys(_TENANTS, _tenants),
        **{operation: _backups(kind) for kind, operation in _BACKUPS.items()},
    },
    made=frozenset({"PurchaseReservedDBInstancesOffering"}),
    types={
        "CreateDBSnapshot": ("db", "snapshot"),
        "RestoreDBClusterFromSnapshot": ("cluster", "cluster-pg?", "cluster-snapshot=*?", "og?", "subgrp?"),
        "FailoverDBCluster": ("cluster", "db?"),
        "CreateDBInstanceReadReplica": ("db", "cluster?", "og?", "pg?", "subgrp?"),
        "CreateGlobalCluster": ("global-cluster", "cluster?"),
        "DeleteDBCluster": ("cluster", "cluster-snapshot?"),
    },
    optional=frozenset({"cluster-pg", "og", "pg", "subgrp", "secgrp"}),
    lower=True,
    keys={
        **dict.fromkeys(_WITH_KEYS, _KEYS),
        "CreateTenantDatabase": {"TenantDBName": "rds:TenantDatabaseName"},
        "ModifyTenantDatabase": {"NewTenantDBName": "rds:TenantDatabaseName"},
    },
    key_defaults={
        "CreateDBInstance": {"rds:MultiAz": "false", "rds:Piops": "0", "rds:StorageEncrypted": "false"},
        "CreateDBCluster": {"rds:Piops": "0", "rds:StorageEncrypted": "false"},
    },
    request_tag="rds:req-tag/",
    tagging="AddTagsToResource",
)
