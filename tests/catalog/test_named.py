"""Requests as AWS's pages show them are on the resources that they name: each of these once fell back to "*"."""

from typing import Any

import pytest

from kansatsu import catalog, wire

ACCOUNT, REGION = "123456789012", "eu-west-1"
PLACE = f"{REGION}:{ACCOUNT}"
ELB, GLUE, RDS = (f"arn:aws:{name}:{PLACE}" for name in ("elasticloadbalancing", "glue", "rds"))
STORE, LISTENER = f"{ELB}:truststore/t/0123456789abcdef", f"{ELB}:listener/app/l/0123456789abcdef/0123456789abcdef"
BALANCER = f"{ELB}:loadbalancer/app/l/0123456789abcdef"
REGISTRY, SCHEMA = f"{GLUE}:registry/r", f"{GLUE}:schema/r/s"
IN_REGISTRY = {"RegistryName": "r", "SchemaName": "s"}
VERSION = "11111111-2222-3333-4444-555555555555"
STREAM = f"arn:aws:kinesis:{PLACE}:stream/s"
CONSUMER = f"{STREAM}/consumer/c:1700000000"
BY_NAME = {"StreamARN": STREAM, "ConsumerName": "c"}
CONNECTION = f"arn:aws:events:{PLACE}:connection/c/{VERSION}"
STACK = f"arn:aws:cloudformation:{PLACE}:stack/a/{VERSION}"
BACKUP = f"{RDS}:auto-backup:ab-1"
CERTIFICATES = f"arn:aws:acm:{PLACE}:certificate"
CERTIFICATE, CLUSTER = f"{CERTIFICATES}/{VERSION}", f"arn:aws:kafka:{PLACE}:cluster/c/{VERSION}-1"
SERVICE, VIDEO = f"arn:aws:apprunner:{PLACE}:service/s/0a", f"arn:aws:kinesisvideo:{PLACE}:stream/s/1700000000000"
NAMED: list[tuple[str, dict[str, Any], dict[str, str], list[str]]] = [
    # https://docs.aws.amazon.com/glue/latest/webapi/API_RegistryId.html
    ("glue.GetRegistry", {"RegistryId": {"RegistryName": "r"}}, {}, [REGISTRY]),
    ("glue.UpdateRegistry", {"RegistryId": {"RegistryArn": REGISTRY}, "Description": "d"}, {}, [REGISTRY]),
    ("glue.ListSchemas", {"RegistryId": {"RegistryName": "r"}}, {}, [REGISTRY]),
    # https://docs.aws.amazon.com/glue/latest/webapi/API_SchemaId.html
    ("glue.CreateSchema", {"RegistryId": {"RegistryName": "r"}, "SchemaName": "s"}, {}, [REGISTRY, SCHEMA]),
    ("glue.GetSchema", {"SchemaId": {"SchemaArn": SCHEMA}}, {}, [REGISTRY, SCHEMA]),
    ("glue.RegisterSchemaVersion", {"SchemaId": IN_REGISTRY, "SchemaDefinition": "{}"}, {}, [REGISTRY, SCHEMA]),
    ("glue.GetSchemaVersion", {"SchemaVersionId": VERSION}, {f"version {VERSION}": SCHEMA}, [REGISTRY, SCHEMA]),
    (
        "glue.GetSchemaVersion",
        {"SchemaId": {"RegistryName": "q", "SchemaName": "s"}, "SchemaVersionId": VERSION},
        {f"version {VERSION}": SCHEMA},
        [REGISTRY, SCHEMA, f"{GLUE}:registry/q", f"{GLUE}:schema/q/s"],
    ),
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/Welcome.html
    ("elbv2.DeleteTrustStore", {"TrustStoreArn": STORE}, {}, [STORE]),
    ("elbv2.AddTrustStoreRevocations", {"TrustStoreArn": STORE}, {}, [STORE]),
    ("elbv2.GetTrustStoreRevocationContent", {"TrustStoreArn": STORE, "RevocationId": 1}, {}, [STORE]),
    ("elbv2.GetResourcePolicy", {"ResourceArn": STORE}, {}, [STORE]),
    ("elbv2.ModifyListenerAttributes", {"ListenerArn": LISTENER, "Attributes": []}, {}, [LISTENER]),
    ("elbv2.RemoveListenerCertificates", {"ListenerArn": LISTENER, "Certificates": []}, {}, [LISTENER]),
    ("elbv2.ModifyIpPools", {"LoadBalancerArn": BALANCER}, {}, [BALANCER]),
    ("elbv2.ModifyCapacityReservation", {"LoadBalancerArn": BALANCER}, {}, [BALANCER]),
    # https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamConsumer.html
    ("kinesis.DescribeStreamConsumer", BY_NAME, {"consumer": CONSUMER}, [CONSUMER]),
    ("kinesis.DeregisterStreamConsumer", {"ConsumerARN": CONSUMER}, {}, [CONSUMER]),
    # https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateApiDestination.html
    (
        "events.CreateApiDestination",
        {"Name": "d", "ConnectionArn": CONNECTION, "InvocationEndpoint": "https://a.example", "HttpMethod": "GET"},
        {},
        [f"arn:aws:events:{PLACE}:api-destination/d", CONNECTION],
    ),
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBCluster.html
    ("rds.DeleteDBCluster", {"DBClusterIdentifier": "c", "SkipFinalSnapshot": True}, {}, [f"{RDS}:cluster:c"]),
    (
        "rds.DeleteDBCluster",
        {"DBClusterIdentifier": "c", "FinalDBSnapshotIdentifier": "f"},
        {},
        [f"{RDS}:cluster:c", f"{RDS}:cluster-snapshot:f"],
    ),
    (
        "rds.CreateGlobalCluster",
        {"GlobalClusterIdentifier": "g", "Engine": "aurora-mysql"},
        {},
        [f"arn:aws:rds::{ACCOUNT}:global-cluster:g"],
    ),
    (
        "rds.CreateDBInstanceReadReplica",
        {"DBInstanceIdentifier": "new", "SourceDBInstanceIdentifier": "old"},
        {},
        [f"{RDS}:db:new", f"{RDS}:db:old"],
    ),
    ("rds.CreateCustomDBEngineVersion", {"Engine": "e", "EngineVersion": "19.x"}, {}, [f"{RDS}:cev:e/19.x/*"]),
    ("rds.DeleteDBInstanceAutomatedBackup", {"DbiResourceId": "db-A"}, {"backup": BACKUP}, [BACKUP]),
    ("rds.DeleteDBInstanceAutomatedBackup", {"DBInstanceAutomatedBackupsArn": BACKUP}, {}, [BACKUP]),
    # https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_PurchaseReservedCacheNodesOffering.html
    (
        "elasticache.PurchaseReservedCacheNodesOffering",
        {"ReservedCacheNodesOfferingId": "o"},
        {},
        [f"arn:aws:elasticache:{PLACE}:reserved-instance:*"],
    ),
    # https://docs.aws.amazon.com/acm/latest/APIReference/API_ImportCertificate.html
    ("acm.ImportCertificate", {"Certificate": b"c", "PrivateKey": b"k"}, {}, [f"{CERTIFICATES}/*"]),
    ("acm.ImportCertificate", {"Certificate": b"c", "CertificateArn": CERTIFICATE}, {}, [CERTIFICATE]),
    # https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZoneLimit.html
    ("route53.GetHostedZoneLimit", {"HostedZoneId": "Z1", "Type": "t"}, {}, ["arn:aws:route53:::hostedzone/Z1"]),
    (
        "route53.GetReusableDelegationSetLimit",
        {"DelegationSetId": "N1", "Type": "t"},
        {},
        ["arn:aws:route53:::delegationset/N1"],
    ),
    # A name and an id in one ARN, which the request gives.
    ("kafka.DeleteCluster", {"ClusterArn": CLUSTER}, {}, [CLUSTER]),
    ("apprunner.DeleteService", {"ServiceArn": SERVICE}, {}, [SERVICE]),
    ("kinesisvideo.DeleteStream", {"StreamARN": VIDEO}, {}, [VIDEO]),
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html
    ("cloudformation.DescribeStackResources", {"PhysicalResourceId": "p"}, {"resource p": STACK}, [STACK]),
]


def resolved(name: str, params: dict[str, Any], known: dict[str, str]) -> list[tuple[str, bool]]:
    service, _, operation = name.partition(".")
    found = catalog.resolve(wire.load_service(service).operation(operation), params, ACCOUNT, REGION, known=known)
    return [(item.resource, item.exact) for item in found]


@pytest.mark.parametrize(("name", "params", "known", "resources"), NAMED, ids=[row[0] for row in NAMED])
def test_what_a_request_names(name: str, params: dict[str, Any], known: dict[str, str], resources: list[str]) -> None:
    assert sorted(resolved(name, params, known)) == sorted((resource, True) for resource in resources)


UNSURE: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("glue.GetSchema", {"SchemaId": {"SchemaName": "s"}}, {}),
    ("glue.GetSchema", {"SchemaId": {"SchemaArn": f"{GLUE}:schema/*"}}, {}),
    ("glue.GetSchema", {"SchemaId": {"SchemaArn": f"{GLUE}:schema/r/s/t"}}, {}),
    ("glue.GetSchema", {"SchemaId": {"SchemaArn": f"arn:aws:glue:{REGION}:210987654321:schema/r/s"}}, {}),
    ("glue.CreateSchema", {"SchemaName": "s"}, {}),
    ("glue.GetSchemaVersion", {"SchemaVersionId": VERSION}, {}),
    ("kinesis.DescribeStreamConsumer", BY_NAME, {}),
    ("kinesis.DescribeStreamConsumer", BY_NAME, {"consumer": CONSUMER.replace("/s/", "/t/")}),
    ("kinesis.DescribeStreamConsumer", {**BY_NAME, "ConsumerARN": CONSUMER}, {"consumer": CONSUMER}),
    ("rds.DeleteDBInstanceAutomatedBackup", {"DbiResourceId": "db-A", "DBInstanceAutomatedBackupsArn": BACKUP}, {}),
    ("cloudformation.DescribeStackResources", {"StackName": "a", "PhysicalResourceId": "p"}, {}),
]


@pytest.mark.parametrize(("name", "params", "known"), UNSURE)
def test_what_nobody_can_tell_is_on_everything(name: str, params: dict[str, Any], known: dict[str, str]) -> None:
    assert resolved(name, params, known) == [("*", False)]


GROUP, PROVIDER = f"arn:aws:logs:{PLACE}:log-group:/g", f"arn:aws:lambda:{PLACE}:capacity-provider:p"
ON_PROVIDER = {"LambdaManagedInstancesCapacityProviderConfig": {"CapacityProviderArn": PROVIDER}}
READ = {"logGroupName": "/g", "logStreamName": "s"}
# (call, what it also needs, parameters that ask for that, and the same without)
FURTHER: list[tuple[str, str, dict[str, Any], dict[str, Any], str]] = [
    # https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html (revealSecrets)
    ("stepfunctions.TestState", "states:RevealSecrets", {"revealSecrets": True}, {"revealSecrets": False}, "*"),
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html (unmask)
    ("logs.GetLogEvents", "logs:Unmask", {**READ, "unmask": True}, READ, f"{GROUP}:log-stream:"),
    (
        "logs.FilterLogEvents",
        "logs:Unmask",
        {"logGroupIdentifier": GROUP, "unmask": True},
        {"logGroupIdentifier": GROUP, "unmask": False},
        f"{GROUP}:log-stream:",
    ),
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html (PassCapacityProvider)
    (
        "lambda.CreateFunction",
        "lambda:PassCapacityProvider",
        {"FunctionName": "f", "CapacityProviderConfig": ON_PROVIDER},
        {"FunctionName": "f"},
        PROVIDER,
    ),
]


@pytest.mark.parametrize(("name", "action", "params", "without", "resource"), FURTHER, ids=[row[0] for row in FURTHER])
def test_what_a_parameter_needs_beside_the_operation(
    name: str, action: str, params: dict[str, Any], without: dict[str, Any], resource: str
) -> None:
    service, _, operation = name.partition(".")
    for given, needed in ((params, [(resource, True)]), (without, [])):
        found = catalog.resolve(wire.load_service(service).operation(operation), given, ACCOUNT, REGION)
        assert [(item.resource, item.exact) for item in found if item.action == action] == needed
