# ruff: noqa: E501 - cases are shorter to read in wide lines
"""Resources that a request does not name: what is asked of the backend for them, and when its answer is believed."""

import base64
import json
from typing import Any

import pytest

from kansatsu import catalog, wire

from .test_services import HANDLE, KEY, OTHER, at, resolve

VOLUMES = {"InstanceSpecification": {"InstanceId": "i-1", "ExcludeDataVolumeIds": ["vol-3"]}}
ROOTLESS = {"InstanceSpecification": {"InstanceId": "i-1", "ExcludeBootVolume": True}}
ATTACHED = {"volumes i-1": "vol-1\nvol-2\nvol-3", "root i-1": "vol-1"}
CEV = {"Engine": "custom-oracle-ee", "EngineVersion": "19.cdb"}


@pytest.mark.parametrize(
    ("service", "operation", "params", "known", "expected"),
    [
        ("athena", "StopCalculationExecution", {"CalculationExecutionId": "c"}, {"calculation c": "w"}, [at("athena", "workgroup/w")]),
        ("cloudformation", "ExecuteStackRefactor", {"StackRefactorId": "r"}, {"refactor r": f"{at('cloudformation', 'stack/a/1')}\n{at('cloudformation', 'stack/b/2')}"}, [at("cloudformation", f"stack/{s}") for s in ("a/1", "b/2")]),
        ("cloudwatch", "GetMetricDataQueryDefinition", {"Id": "d"}, {"definition d": at("cloudwatch", "x/d")}, [at("cloudwatch", "x/d")]),
        ("ec2", "CreateSnapshots", VOLUMES, ATTACHED, [at("ec2", "instance/i-1"), at("ec2", "snapshot/*", account=""), at("ec2", "volume/vol-1"), at("ec2", "volume/vol-2")]),
        ("ec2", "CreateSnapshots", ROOTLESS, ATTACHED, [at("ec2", "instance/i-1"), at("ec2", "snapshot/*", account=""), at("ec2", "volume/vol-2"), at("ec2", "volume/vol-3")]),
        ("glue", "BatchGetDataQualityResult", {"ResultIds": ["a", "b"]}, {"result a": "x", "result b": "y"}, [at("glue", f"dataQualityRuleset/{n}") for n in "xy"]),
        ("logs", "GetLogRecord", {"logRecordPointer": "p"}, {"record p": "123456789012:/aws/lambda/f"}, [at("logs", "log-group:/aws/lambda/f:log-stream:")]),
        ("rds", "ModifyCustomDBEngineVersion", CEV, {f"cev {CEV}": at("rds", "cev:custom-oracle-ee/19.cdb/1")}, [at("rds", "cev:custom-oracle-ee/19.cdb/1")]),
        ("rds", "DeleteTenantDatabase", {"DBInstanceIdentifier": "D", "TenantDBName": "t"}, {"tenant t": at("rds", "tenant-database:tdb-1")}, [at("rds", "db:d"), at("rds", "tenant-database:tdb-1")]),
        ("redshift-serverless", "GetCredentials", {"workgroupName": "w"}, {"workgroup w": at("redshift-serverless", "workgroup/u")}, [at("redshift-serverless", "workgroup/u")]),
        ("redshift-serverless", "RestoreTableFromSnapshot", {"namespaceName": "n", "snapshotName": "s"}, {"namespace n": at("redshift-serverless", "namespace/u"), "snapshot s": at("redshift-serverless", "snapshot/v")}, [at("redshift-serverless", r) for r in ("namespace/u", "snapshot/v")]),
        ("redshift-data", "ListTables", {"WorkgroupName": "w", "Database": "d"}, {"workgroup w": at("redshift-serverless", "workgroup/u")}, [at("redshift-serverless", "workgroup/u")] * 2),
        ("sqs", "CancelMessageMoveTask", {"TaskHandle": HANDLE}, {f"task {HANDLE}": at("sqs", "q")}, [at("sqs", "q")]),
    ],
)  # fmt: skip
def test_what_a_backend_tells_of_a_request(
    service: str, operation: str, params: dict[str, Any], known: dict[str, str], expected: list[str]
) -> None:
    found = resolve(service, operation, params, known=known)
    assert sorted(item.resource for item in found) == sorted(expected) and all(item.exact for item in found)
    # What it does not tell, or tells of another place, or names in two ways, is not believed.
    for wrong in ({}, dict.fromkeys(known, "*"), dict.fromkeys(known, "arn:aws:iam::1:role/r")):
        assert not all(item.exact for item in resolve(service, operation, params, known=wrong))
    assert catalog.questions(wire.load_service(service).operation(operation), params)


@pytest.mark.parametrize(
    "handle", ["x", HANDLE[:-4], base64.b64encode(b'{"sourceArn": 1}').decode(), base64.b64encode(b"[]").decode()]
)
def test_a_handle_that_names_no_queue_raises_no_question(handle: str) -> None:
    operation = wire.load_service("sqs").operation("CancelMessageMoveTask")
    assert catalog.questions(operation, {"TaskHandle": handle}) == ()


def test_what_only_the_backend_knows_is_asked_and_believed_where_it_fits() -> None:
    query, proxy, text = (
        {"QueryExecutionId": "q"},
        {"DBProxyName": "p"},
        {"Bucket": "b", "Key": "k", "SSEKMSKeyId": "alias/prod"},
    )
    for service, operation, params, known, expected in (
        (
            "athena",
            "GetQueryExecution",
            query,
            {"query q": "w"},
            ("athena:GetQueryExecution", at("athena", "workgroup/w")),
        ),
        ("athena", "GetQueryExecution", query, {"query q": "*"}, ("athena:GetQueryExecution", "*")),
        ("athena", "GetQueryExecution", query, {}, ("athena:GetQueryExecution", "*")),
        *(
            (
                "athena",
                operation,
                {member: value},
                {f"{kind} n": "w"},
                (f"athena:{operation}", at("athena", "workgroup/w")),
            )
            for operation, member, value, kind in (
                ("BatchGetQueryExecution", "QueryExecutionIds", ["n"], "query"),
                ("DeleteNamedQuery", "NamedQueryId", "n", "named"),
                ("UpdateNotebook", "NotebookId", "n", "notebook"),
                ("TerminateSession", "SessionId", "n", "session"),
            )
        ),
        (
            *("efs", "DeleteMountTarget", {"MountTargetId": "fsmt-1"}, {"fsmt-1": "fs-1"}),
            ("elasticfilesystem:DeleteMountTarget", at("elasticfilesystem", "file-system/fs-1")),
        ),
        (
            "rds",
            "DeleteDBProxy",
            proxy,
            {"db-proxy p": at("rds", "db-proxy:prx-1")},
            ("rds:DeleteDBProxy", at("rds", "db-proxy:prx-1")),
        ),
        ("rds", "DeleteDBProxy", proxy, {"db-proxy p": at("rds", "db:prx-1")}, ("rds:DeleteDBProxy", "*")),
        (
            "rds",
            "DeleteDBProxy",
            proxy,
            {"db-proxy p": at("rds", "db-proxy:prx-1", account=OTHER)},
            ("rds:DeleteDBProxy", "*"),
        ),
        (
            *("rds", "RegisterDBProxyTargets", {**proxy, "DBInstanceIdentifiers": ["DB"]}),
            *(
                {"target-group p default": at("rds", "target-group:prx-tg-1")},
                ("rds:RegisterDBProxyTargets", at("rds", "db:db")),
            ),
        ),
        (
            "s3",
            "PutObject",
            text,
            {"alias/prod": at("kms", "key/" + KEY)},
            ("kms:GenerateDataKey", at("kms", "key/" + KEY)),
        ),
        ("s3", "PutObject", text, {}, ("kms:GenerateDataKey", "*")),
    ):
        found = resolve(service, operation, params, known=known)[-1]
        assert (found.action, found.resource, found.exact) == (*expected, expected[1] != "*")
        assert catalog.questions(wire.load_service(service).operation(operation), params)
    assert catalog.questions(wire.load_service("s3").operation("PutObject"), {**text, "SSEKMSKeyId": KEY}) == ()


@pytest.mark.parametrize("operation", ["CreateEnvironment", "UpdateEnvironment"])
def test_the_roles_of_a_saved_configuration_are_passed(operation: str) -> None:
    """The attack: an environment by a configuration that somebody with more rights saved."""
    role, params = "arn:aws:iam::123456789012:role/r", {"ApplicationName": "a", "TemplateName": "t"}
    saved = {"OptionSettings": [{"OptionName": "ServiceRole", "Value": role}]}
    (question,) = catalog.questions(wire.load_service("elasticbeanstalk").operation(operation), params)
    assert question.whole and question.operation == "DescribeConfigurationSettings" and question.params == params
    for answer, expected in (
        (json.dumps(saved), [(role, True)]),
        (json.dumps({"OptionSettings": []}), []),
        ("", [("*", False)]),
    ):
        found = resolve("elasticbeanstalk", operation, params, known={question.key: answer})
        assert [(item.resource, item.exact) for item in found if item.action == "iam:PassRole"] == expected
    assert not catalog.questions(wire.load_service("elasticbeanstalk").operation("CreateConfigurationTemplate"), params)
