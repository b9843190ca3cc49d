"""Condition keys of RDS, ElastiCache and Batch, as the Service Authorization Reference has them; true and false too."""

from typing import Any

import pytest

from kansatsu import catalog, wire

IMAGE = {"image": "good", "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g"}}}
LIMITS = {"DataStorage": {"Maximum": 5, "Unit": "GB"}, "ECPUPerSecond": {"Minimum": 1000}}
CASES: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (
        "rds.CreateDBInstance",
        {"DBInstanceClass": "db.m5", "Engine": "mysql", "Tags": [{"Key": "Env", "Value": "x"}], "DBName": "n"},
        {
            "rds:DatabaseClass": "db.m5", "rds:DatabaseEngine": "mysql", "rds:DatabaseName": "n",
            "rds:MultiAz": "false", "rds:Piops": "0", "rds:StorageEncrypted": "false", "rds:req-tag/Env": "x",
        },
    ),
    (
        "rds.CreateDBInstance",
        {"MultiAZ": True, "Iops": 1000, "AllocatedStorage": 20, "PubliclyAccessible": False, "StorageEncrypted": True},
        {
            "rds:MultiAz": "true", "rds:Piops": "1000", "rds:StorageSize": "20", "rds:PubliclyAccessible": "false",
            "rds:StorageEncrypted": "true",
        },
    ),
    ("rds.ModifyDBInstance", {"ManageMasterUserPassword": True}, {"rds:ManageMasterUserPassword": "true"}),
    (
        "rds.CreateDBCluster", {"DBClusterInstanceClass": "c"},
        {"rds:DatabaseClass": "c", "rds:StorageEncrypted": "false", "rds:Piops": "0"},
    ),
    ("rds.ModifyTenantDatabase", {"TenantDBName": "a", "NewTenantDBName": "b"}, {"rds:TenantDatabaseName": "b"}),
    ("rds.DescribeDBEngineVersions", {"Engine": "mysql"}, {}),
    (
        "elasticache.CreateReplicationGroup",
        {"AuthToken": "a secret", "CacheNodeType": "t", "NumNodeGroups": 2, "TransitEncryptionEnabled": True},
        {
            "elasticache:AuthTokenEnabled": "true", "elasticache:AtRestEncryptionEnabled": "false",
            "elasticache:TransitEncryptionEnabled": "true", "elasticache:EngineType": "redis",
            "elasticache:CacheNodeType": "t", "elasticache:NumNodeGroups": "2",
        },
    ),
    (
        "elasticache.CreateCacheCluster", {"AZMode": "cross-az"},
        {"elasticache:MultiAZEnabled": "true", "elasticache:AuthTokenEnabled": "false"},
    ),
    ("elasticache.ModifyReplicationGroup", {"ClusterMode": "enabled"}, {"elasticache:ClusterModeEnabled": "true"}),
    ("elasticache.IncreaseReplicaCount", {"NewReplicaCount": 3}, {"elasticache:ReplicasPerNodeGroup": "3"}),
    ("elasticache.CreateUser", {"AuthenticationMode": {"Type": "iam"}}, {"elasticache:UserAuthenticationMode": "iam"}),
    (
        "elasticache.CreateServerlessCache", {"CacheUsageLimits": LIMITS, "Engine": "valkey"},
        {
            "elasticache:MaximumDataStorage": "5", "elasticache:DataStorageUnit": "GB",
            "elasticache:EngineType": "valkey", "elasticache:MinimumECPUPerSecond": "1000",
        },
    ),
    (
        "batch.RegisterJobDefinition", {"containerProperties": {**IMAGE, "privileged": True, "user": "root"}},
        {
            "batch:Image": "good", "batch:Privileged": "true", "batch:User": "root", "batch:LogDriver": "awslogs",
            "batch:AWSLogsGroup": "g",
        },
    ),
    (
        "batch.SubmitServiceJob", {"schedulingPriority": 1, "shareIdentifier": "s"},
        {"batch:SchedulingPriority": "1", "batch:ShareIdentifier": "s"},
    ),
    ("ssm.PutParameter", {"Name": "n", "Overwrite": False}, {"ssm:Overwrite": "false"}),
    (
        "redshift.GetClusterCredentials",
        {"ClusterIdentifier": "c", "DbUser": "u", "DbName": "d", "DurationSeconds": 900},
        {"redshift:DbUser": "u", "redshift:DbName": "d", "redshift:DurationSeconds": "900"},
    ),
    (
        "redshift.GetClusterCredentialsWithIAM", {"ClusterIdentifier": "c", "DbName": "d", "DurationSeconds": 900},
        {"redshift:DbName": "d", "redshift:DurationSeconds": "900"},
    ),
]  # fmt: skip


def checks(name: str, params: dict[str, Any]) -> tuple[catalog.Authorization, ...]:
    service, _, operation = name.partition(".")
    return catalog.resolve(wire.load_service(service).operation(operation), params, "123456789012", "eu-west-1")


@pytest.mark.parametrize(("name", "params", "expected"), CASES)
def test_keys_that_a_request_gives(name: str, params: dict[str, Any], expected: dict[str, str]) -> None:
    service = name.partition(".")[0]
    context = checks(name, params)[0].context
    found = {key: value for key, value in context.items() if key.startswith(f"{service}:")}
    assert found == {key.lower(): value for key, value in expected.items()}
    assert "a secret" not in str(context)


@pytest.mark.parametrize(
    "params",
    [
        {"ecsProperties": {"taskProperties": [{"containers": [IMAGE, {"image": "evil"}]}]}},
        {"nodeProperties": {"nodeRangeProperties": [{"container": {"image": "evil"}}]}, "containerProperties": IMAGE},
    ],
)
def test_a_container_is_not_covered_by_its_neighbour(params: dict[str, Any]) -> None:
    """The attack: a policy allows one image; a second container has another."""
    found = checks("batch.RegisterJobDefinition", {"jobDefinitionName": "j", "type": "container", **params})
    assert {check.context["batch:image"] for check in found} == {"good", "evil"}


@pytest.mark.parametrize(
    ("name", "member", "qualifier"),
    [
        ("StartExecution", "stateMachineArn", "PROD"),
        ("StartSyncExecution", "stateMachineArn", "3"),
        ("DeleteStateMachineAlias", "stateMachineAliasArn", "PROD"),
        ("DeleteStateMachineVersion", "stateMachineVersionArn", "3"),
        ("StartExecution", "stateMachineArn", ""),
    ],
)
def test_a_version_or_alias_of_a_state_machine_is_a_key(name: str, member: str, qualifier: str) -> None:
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:m"
    (check,) = checks(f"stepfunctions.{name}", {member: f"{machine}:{qualifier}".rstrip(":")})
    expected = {"states:statemachinequalifier": qualifier} if qualifier else {}
    assert (check.resource, check.context, check.exact) == (machine, expected, True)


def test_a_user_that_is_made_has_the_key_of_its_name() -> None:
    """https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-access-control-identity-based.html"""
    found = checks("redshift.GetClusterCredentials", {"ClusterIdentifier": "c", "DbUser": "u", "AutoCreate": True})
    assert found[1].action == "redshift:CreateClusterUser" and found[1].context == {"redshift:dbuser": "u"}
