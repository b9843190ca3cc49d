# ruff: noqa: E501 - lists are shorter to read in wide lines
"""No policy is stored unenforced: every operation of every model that could set one is refused or explained here."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from kansatsu import catalog, wire
from kansatsu.http import HttpRequest

# Operations and members that look as if they set a policy on a resource.
OPERATIONS = re.compile(
    r"(Put|Set|Add|Create|Attach|Update|Modify|Grant|Authorize|Register)\w*"
    r"(ResourcePolicy|ResourcePolicyStatement|ResourceBasedPolicy|RepositoryPolicy|AccessPolicy|Permissions?|QueuePolicy"
    r"|TopicPolicy|KeyPolicy|PolicyStatement|Acl|Grant|BucketPolicy|VaultPolicy|IdentityPolicy)$|(Put|Set)\w*Policy$"
)
MEMBERS = re.compile(
    r"^(policy|repositoryPolicy|.*resourcePolicy|accessPolic(y|ies)|.*policyDocument|policyText|acl|.*s3AccessPolicy)$",
    re.IGNORECASE,
)
CALL = re.compile(r"(Put|Set|Add|Create|Attach|Update|Modify|Replicate|Initiate|Copy)")

# What looks like it and is not: no principal is given anything by it, or it is a name or a setting.
HARMLESS = {
    # scaling, lifecycle, retention, backup, index, routing, caching: settings
    "application-autoscaling.PutScalingPolicy", "autoscaling.PutScalingPolicy", "gamelift.PutScalingPolicy",
    "emr.PutAutoScalingPolicy", "emr.PutAutoTerminationPolicy", "emr.PutManagedScalingPolicy", "efs.PutBackupPolicy",
    "cloudformation.SetStackPolicy", "ecr.PutLifecyclePolicy", "glacier.SetDataRetrievalPolicy", "fms.PutPolicy",
    "logs.PutAccountPolicy", "logs.PutDataProtectionPolicy", "logs.PutIndexPolicy", "logs.PutRetentionPolicy",
    "logs.PutStorageTierPolicy", "mediastore.PutCorsPolicy", "mediastore.PutLifecyclePolicy", "mediastore.PutMetricPolicy",
    "sns.PutDataProtectionPolicy", "workmail.PutRetentionPolicy", "sesv2.UpdateReputationEntityPolicy",
    "networkmanager.PutCoreNetworkPolicy", "networkmanager.CreateCoreNetwork", "resiliencehub.CreateResiliencyPolicy",
    "resiliencehub.UpdateResiliencyPolicy", "opensearchserverless.CreateLifecyclePolicy", "ec2.CreateNetworkAcl",
    "opensearchserverless.UpdateLifecyclePolicy", "opensearchserverless.CreateSecurityPolicy", "elasticache.ModifyUser",
    "opensearchserverless.UpdateSecurityPolicy", "cloudfront.CreateResponseHeadersPolicy", "redshift.CreateSnapshotCopyGrant",
    "ec2.CreateNetworkingFlexCostAllocationPolicy", "ec2.ModifyNetworkingFlexCostAllocationPolicy",
}  # fmt: skip
# Services with users and permissions of their own, which are data there and nothing that IAM would evaluate.
OWN_PERMISSIONS = {
    "cloudwatchomni", "dataexchange", "datazone", "grafana", "qapps", "quicksight", "ram", "sso-admin", "verifiedpermissions",
    "workmail", "bedrock-agentcore-control", "mailmanager", "memorydb", "workspaces", "iam", "sts", "organizations", "ecs",
    "cloudtrail", "lexv2-models",
}  # fmt: skip


def call_with_policies(operation: wire.Operation) -> dict[str, Any]:
    """Parameters with something in every member that may be a policy."""
    members = operation.input_members
    params: dict[str, Any] = {name: "x" for name in members if MEMBERS.match(name)}
    if "Attributes" in members:
        params["Attributes"] = {"Policy": "x"}
    if "AttributeName" in members:
        params["AttributeName"] = "Policy"
    return params


def suspects() -> Iterator[tuple[str, wire.Operation]]:
    for name in sorted(wire.service_metadata()):
        service = wire.load_service.__wrapped__(name)  # not kept: all models at once would be too much memory
        for operation_name in service.operation_names:
            operation = service.operation(operation_name)
            by_member = CALL.match(operation_name) and any(MEMBERS.match(member) for member in operation.input_members)
            if OPERATIONS.match(operation_name) or by_member:
                yield f"{name}.{operation_name}", operation


def test_every_suspect_is_refused_or_explained() -> None:
    found = dict.fromkeys(())
    passed = []
    for name, operation in suspects():
        service = name.partition(".")[0]
        found[name] = None
        refused = catalog.sets_unenforced_policy(operation, call_with_policies(operation))
        if not refused and name not in HARMLESS | catalog.ENFORCED and service not in OWN_PERMISSIONS:
            passed.append(name)
    assert passed == []
    assert len(found) > 150


def test_every_listed_operation_exists() -> None:
    from kansatsu.catalog import unenforced

    for name in {*catalog.ENFORCED, *unenforced._ALWAYS, *unenforced._WITH, *unenforced._ATTRIBUTES}:
        service, _, operation = name.partition(".")
        model = wire.load_service(service).operation(operation)
        assert set(unenforced._WITH.get(name, ((),))[0]) <= set(model.input_members), name


def test_a_protocol_without_a_model_hides_nothing() -> None:
    """SQS's older query protocol names attributes in a way that its model no longer tells."""
    body = b"Action=SetQueueAttributes&Version=2012-11-05&Attribute.1.Name=Policy&Attribute.1.Value=x"
    request = HttpRequest("POST", "/", "", {"content-type": "application/x-www-form-urlencoded"}, body)
    service = catalog.identify(request, "sqs")
    assert service is not None
    operation = wire.match(service, request)
    assert catalog.sets_unenforced_policy(operation, wire.decode(operation, request)) == "queue policy"


@pytest.mark.parametrize(
    ("service", "operation", "params", "kind"),
    [
        ("s3", "PutBucketPolicy", {"Policy": "{}"}, ""),
        ("s3", "PutBucketAcl", {"ACL": "private"}, ""),
        ("s3", "PutBucketAcl", {"ACL": "public-read"}, "access control list"),
        ("s3", "PutBucketAcl", {"GrantRead": "uri=x"}, "access control list"),
        ("s3", "PutObjectAcl", {"AccessControlPolicy": {"Grants": []}}, "access control list"),
        ("s3", "PutBucketAcl", {"AccessControlPolicy": {}}, "access control list"),
        ("s3", "PutObject", {"ACL": "public-read"}, "access control list"),
        ("s3", "PutObject", {"ACL": "bucket-owner-full-control"}, ""),
        ("s3", "CopyObject", {"ACL": "authenticated-read"}, "access control list"),
        ("s3", "PutPublicAccessBlock", {}, ""),
        ("sqs", "SetQueueAttributes", {"Attributes": {"Policy": "{}"}}, ""),
        ("sqs", "SetQueueAttributes", {"Attributes": {"DelaySeconds": "1"}}, ""),
        ("sqs", "AddPermission", {}, ""),
        ("sns", "SetTopicAttributes", {"AttributeName": "Policy"}, ""),
        ("sns", "SetTopicAttributes", {"AttributeName": "DisplayName"}, ""),
        ("kms", "PutKeyPolicy", {}, ""),
        ("kms", "CreateGrant", {}, ""),
        ("kms", "CreateKey", {}, ""),
        ("kms", "CreateKey", {"Policy": "{}"}, ""),
        ("kms", "ReplicateKey", {"Policy": "{}"}, "key policy"),
        ("lambda", "AddPermission", {}, ""),
        ("lambda", "PutResourcePolicy", {}, "resource policy"),
        ("lambda", "AddLayerVersionPermission", {}, "resource policy statement"),
        ("secretsmanager", "PutResourcePolicy", {}, ""),
        ("dynamodb", "PutResourcePolicy", {}, ""),
        ("dynamodb", "CreateTable", {"ResourcePolicy": "{}"}, "resource policy"),
        ("ecr", "SetRepositoryPolicy", {}, ""),
        ("ecr", "CreateRepositoryCreationTemplate", {"repositoryPolicy": "{}"}, "repository policy"),
        ("events", "PutPermission", {}, ""),
        ("logs", "PutResourcePolicy", {"policyName": "p"}, ""),
        ("logs", "PutResourcePolicy", {"resourceArn": "arn:x"}, "resource policy"),
        ("iam", "CreateRole", {"AssumeRolePolicyDocument": "{}"}, ""),
    ],
)
def test_kinds(service: str, operation: str, params: dict[str, Any], kind: str) -> None:
    assert catalog.sets_unenforced_policy(wire.load_service(service).operation(operation), params) == kind
