"""Operations by which a client would set a policy that nothing here enforces: they are refused, never stored.

A bucket policy that is stored but not enforced would be a promise broken in silence. The lists below are held against
every model by tests/catalog/test_unenforced.py.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from kansatsu.catalog import definitions
from kansatsu.wire import Operation

_RESOURCE = "resource policy"
_ACL = "access control list"
_GRANT = "grant"
_PERMISSION = "resource policy statement"
_PRINCIPALS = "sharing permission"

# Operations whose name says what they set.
_BY_NAME = re.compile(
    r"(?P<policy>(Put|Create|Update|Set)[A-Za-z]*?(ResourcePolicy|ResourcePolicyStatement|ResourceBasedPolicy)"
    r"|PutAccessGrantsInstanceResourcePolicy)$"
)
# service.operation -> kind, for those whose name does not.
_ALWAYS = {
    "acm-pca.CreatePermission": _PERMISSION,
    "acm-pca.PutPolicy": _RESOURCE,
    "aiops.PutInvestigationGroupPolicy": _RESOURCE,
    "apigatewayv2.PutPortalProductSharingPolicy": _RESOURCE,
    "apiportal.PutProductSharingPolicy": _RESOURCE,
    "appstream.UpdateImagePermissions": _PRINCIPALS,
    "backup.PutBackupVaultAccessPolicy": "vault access policy",
    "cleanroomsml.PutConfiguredAudienceModelPolicy": _RESOURCE,
    "cloudsearch.UpdateServiceAccessPolicies": "domain access policy",
    "codeartifact.PutDomainPermissionsPolicy": _RESOURCE,
    "codeartifact.PutRepositoryPermissionsPolicy": _RESOURCE,
    "codeguruprofiler.PutPermission": _PERMISSION,
    "dsql.PutClusterPolicy": _RESOURCE,
    "ec2.CreateNetworkInterfacePermission": _PRINCIPALS,
    "ec2.ModifyImageAttribute": _PRINCIPALS,
    "ec2.ModifySnapshotAttribute": _PRINCIPALS,
    "ec2.ModifyClientVpnEndpointAuthorizationPolicy": "authorization policy",
    "ec2.ModifyVerifiedAccessEndpointPolicy": "Verified Access policy",
    "ec2.ModifyVerifiedAccessGroupPolicy": "Verified Access policy",
    "ec2.ModifyVpcEndpointServicePermissions": _PRINCIPALS,
    "ecr-public.SetRepositoryPolicy": "repository policy",
    "ecr.PutRegistryPolicy": "registry policy",
    "ecr.SetRepositoryPolicy": "repository policy",
    "efs.PutFileSystemPolicy": "file system policy",
    "elementalinference.PutFeedPolicy": _RESOURCE,
    "entityresolution.PutPolicy": _RESOURCE,
    "entityresolution.AddPolicyStatement": _PERMISSION,
    "events.PutPermission": "event bus policy",
    "glacier.InitiateVaultLock": "vault lock policy",
    "glacier.SetVaultAccessPolicy": "vault access policy",
    "imagebuilder.PutComponentPolicy": _RESOURCE,
    "imagebuilder.PutContainerRecipePolicy": _RESOURCE,
    "imagebuilder.PutImagePolicy": _RESOURCE,
    "imagebuilder.PutImageRecipePolicy": _RESOURCE,
    "iot.AttachPolicy": "IoT policy",
    "iot.AttachPrincipalPolicy": "IoT policy",
    "iot.CreatePolicy": "IoT policy",
    "iot.CreatePolicyVersion": "IoT policy",
    "iotsitewise.CreateAccessPolicy": "access policy",
    "iotsitewise.UpdateAccessPolicy": "access policy",
    "kafka.PutClusterPolicy": _RESOURCE,
    "kms.CreateGrant": _GRANT,
    "kms.PutKeyPolicy": "key policy",
    "lakeformation.GrantPermissions": _GRANT,
    "lakeformation.BatchGrantPermissions": _GRANT,
    "lambda.AddLayerVersionPermission": _PERMISSION,
    "lambda.AddPermission": _PERMISSION,
    "license-manager.CreateGrant": _GRANT,
    "logs.PutDeliveryDestinationPolicy": _RESOURCE,
    "logs.PutDestinationPolicy": _RESOURCE,
    "mediaconvert.PutPolicy": "input policy",
    "mediapackagev2.PutChannelPolicy": _RESOURCE,
    "mediapackagev2.PutOriginEndpointPolicy": _RESOURCE,
    "mediastore.PutContainerPolicy": "container policy",
    "mediatailor.PutChannelPolicy": _RESOURCE,
    "oam.PutSinkPolicy": _RESOURCE,
    "omics.PutS3AccessPolicy": _RESOURCE,
    "opensearchserverless.CreateAccessPolicy": "data access policy",
    "opensearchserverless.UpdateAccessPolicy": "data access policy",
    "rekognition.PutProjectPolicy": _RESOURCE,
    "rds.ModifyDBSnapshotAttribute": _PRINCIPALS,
    "rds.ModifyDBClusterSnapshotAttribute": _PRINCIPALS,
    "docdb.ModifyDBClusterSnapshotAttribute": _PRINCIPALS,
    "neptune.ModifyDBClusterSnapshotAttribute": _PRINCIPALS,
    "redshift.AuthorizeDataShare": _PRINCIPALS,
    "redshift.AuthorizeEndpointAccess": _PRINCIPALS,
    "redshift.AuthorizeSnapshotAccess": _PRINCIPALS,
    "route53resolver.PutFirewallRuleGroupPolicy": _RESOURCE,
    "route53resolver.PutResolverQueryLogConfigPolicy": _RESOURCE,
    "route53resolver.PutResolverRulePolicy": _RESOURCE,
    # With it, tags of the bucket decide; the embedded backend would say yes and forget it.
    "s3.PutBucketAbac": "attribute-based access control by the tags of buckets",
    "s3.PutBucketPolicy": "bucket policy",
    "s3control.CreateAccessGrant": _GRANT,
    "s3control.PutAccessPointPolicy": "access point policy",
    "s3control.PutAccessPointPolicyForObjectLambda": "access point policy",
    "s3control.PutBucketPolicy": "bucket policy",
    "s3control.PutMultiRegionAccessPointPolicy": "access point policy",
    "s3files.PutFileSystemPolicy": "file system policy",
    "s3tables.PutTableBucketPolicy": _RESOURCE,
    "s3tables.PutTablePolicy": _RESOURCE,
    "s3vectors.PutVectorBucketPolicy": _RESOURCE,
    "sagemaker.PutEndpointPolicy": _RESOURCE,
    "sagemaker.PutModelPackageGroupPolicy": _RESOURCE,
    "serverlessrepo.PutApplicationPolicy": _RESOURCE,
    "ses.PutIdentityPolicy": "sending authorization policy",
    "sesv2.CreateEmailIdentityPolicy": "sending authorization policy",
    "sesv2.UpdateEmailIdentityPolicy": "sending authorization policy",
    "signer.AddProfilePermission": _PERMISSION,
    "sns.AddPermission": "topic policy",
    "sqs.AddPermission": "queue policy",
    "ssm-contacts.PutContactPolicy": _RESOURCE,
    "ssm-sap.PutResourcePermission": _PERMISSION,
    "ssm.ModifyDocumentPermission": _PRINCIPALS,
    "vpc-lattice.PutAuthPolicy": "auth policy",
    "waf-regional.PutPermissionPolicy": _RESOURCE,
    "waf.PutPermissionPolicy": _RESOURCE,
    "wafv2.PutPermissionPolicy": _RESOURCE,
    "wellarchitected.PutAgentProfilePolicy": _RESOURCE,
    "wellarchitected.PutAgentRecommendationPolicy": _RESOURCE,
    "workdocs.AddResourcePermissions": _PRINCIPALS,
    "workspaces.UpdateConnectionAliasPermission": _PRINCIPALS,
    "workspaces.UpdateWorkspaceImagePermission": _PRINCIPALS,
}
# service.operation -> (members that set a policy when they are given, kind).
_WITH = {
    "apigateway.CreateDomainName": (("policy",), _RESOURCE),
    "apigateway.CreateRestApi": (("policy",), _RESOURCE),
    "dsql.CreateCluster": (("policy",), _RESOURCE),
    "dynamodb.CreateTable": (("ResourcePolicy",), _RESOURCE),
    "ec2.CreateVerifiedAccessEndpoint": (("PolicyDocument",), "Verified Access policy"),
    "ec2.CreateVerifiedAccessGroup": (("PolicyDocument",), "Verified Access policy"),
    "ec2.CreateVpcEndpoint": (("PolicyDocument",), "VPC endpoint policy"),
    "ec2.ModifyVpcEndpoint": (("PolicyDocument",), "VPC endpoint policy"),
    "ecr.CreateRepositoryCreationTemplate": (("repositoryPolicy",), "repository policy"),
    "ecr.UpdateRepositoryCreationTemplate": (("repositoryPolicy",), "repository policy"),
    "eks.CreatePodIdentityAssociation": (("policy",), "session policy"),
    "eks.UpdatePodIdentityAssociation": (("policy",), "session policy"),
    "es.CreateElasticsearchDomain": (("AccessPolicies",), "domain access policy"),
    "es.UpdateElasticsearchDomainConfig": (("AccessPolicies",), "domain access policy"),
    "kms.CreateKey": (("Policy",), "key policy"),
    "kms.ReplicateKey": (("Policy",), "key policy"),
    "odb.CreateOdbNetwork": (("s3PolicyDocument", "stsPolicyDocument", "kmsPolicyDocument"), "network policy"),
    "odb.UpdateOdbNetwork": (("s3PolicyDocument", "stsPolicyDocument", "kmsPolicyDocument"), "network policy"),
    "opensearch.AddDirectQueryDataSource": (("DataSourceAccessPolicy",), "data source access policy"),
    "opensearch.CreateDomain": (("AccessPolicies",), "domain access policy"),
    "opensearch.UpdateDirectQueryDataSource": (("DataSourceAccessPolicy",), "data source access policy"),
    "opensearch.UpdateDomainConfig": (("AccessPolicies",), "domain access policy"),
    "s3control.CreateBucket": (
        ("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP"),
        _ACL,
    ),
    "transfer.CreateAccess": (("Policy",), "session policy"),
    "transfer.CreateUser": (("Policy",), "session policy"),
    "transfer.UpdateAccess": (("Policy",), "session policy"),
    "transfer.UpdateUser": (("Policy",), "session policy"),
}
# service.operation -> (member that holds attributes by name, attribute, kind).
_ATTRIBUTES = {
    "sns.CreateTopic": ("Attributes", "Policy", "topic policy"),
    "sqs.CreateQueue": ("Attributes", "Policy", "queue policy"),
    "sqs.SetQueueAttributes": ("Attributes", "Policy", "queue policy"),
}
# A definition that may bring the policy along, and changes told by a path ("/policy").
# https://docs.aws.amazon.com/apigateway/latest/developerguide/openapi-extensions-policy.html
# https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
_IMPORTED = re.compile("x-amazon-apigateway-policy", re.IGNORECASE)
_IN_BODY = frozenset({"apigateway.ImportRestApi", "apigateway.PutRestApi"})
_PATCHED = frozenset({"apigateway.UpdateRestApi", "apigateway.UpdateDomainName"})
_S3_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
_S3_WITH_ACL = {"CopyObject", "CreateBucket", "CreateMultipartUpload", "PutBucketAcl", "PutObject", "PutObjectAcl"}
# These give nobody more than the bucket's owner has, and in one account that is nobody new.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
_HARMLESS_ACLS = {None, "", "private", "bucket-owner-full-control"}
# What sets a policy that is enforced: the gateway checks it and passes it on (kansatsu.resources).
ENFORCED = frozenset(
    {
        *("kms.CreateGrant", "kms.CreateKey", "kms.PutKeyPolicy"),
        "s3.PutBucketPolicy",
        *("dynamodb.PutResourcePolicy", "ecr.SetRepositoryPolicy", "events.PutPermission", "lambda.AddPermission"),
        *("logs.PutResourcePolicy", "secretsmanager.PutResourcePolicy"),
        *("sns.AddPermission", "sns.CreateTopic", "sns.SetTopicAttributes"),
        *("sqs.AddPermission", "sqs.CreateQueue", "sqs.SetQueueAttributes"),
    }
)
# What IAM, STS and Organizations are given is ours: enforced, or refused by themselves.
_OURS = {"iam", "sts", "organizations", "ecs", "cloudtrail", "iam-toolbox", "kansatsu"}


def sets_unenforced_policy(operation: Operation, params: Mapping[str, Any]) -> str:
    """The kind of policy that this call would set and that is not enforced ("bucket policy"), or "".

    INVARIANT: a call for which this is not empty must be refused (501); the backend must not see it.
    """
    service = operation.service.name
    if service in _OURS:
        return ""
    name = f"{service}.{operation.name}"
    # A protocol that the model no longer describes (SQS by query) hides its parameters from us.
    hidden = operation.service.protocol not in operation.service.protocols
    if name not in ENFORCED or hidden:
        return _kind(name, operation, params, hidden)
    if service == "sqs" and _limits_redrive(params):
        return "redrive allow policy"
    # Of one log group instead of the account's: the embedded backend takes it for the latter.
    return _RESOURCE if name == "logs.PutResourcePolicy" and params.get("resourceArn") else ""


def _limits_redrive(params: Mapping[str, Any]) -> bool:
    """Is it said which queues may have this one for their dead letters? The embedded backend forgets it.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    """
    text = (params.get("Attributes") or {}).get("RedriveAllowPolicy")
    if not text:
        return False
    try:
        return bool(json.loads(text)["redrivePermission"] != "allowAll")
    except (ValueError, KeyError, TypeError):
        return True


def _kind(name: str, operation: Operation, params: Mapping[str, Any], hidden: bool) -> str:
    if name in _ALWAYS:
        return _ALWAYS[name]
    if _BY_NAME.match(operation.name):
        return _RESOURCE
    if name in _WITH:
        members, kind = _WITH[name]
        return kind if hidden or any(params.get(member) for member in members) else ""
    if name in _ATTRIBUTES:
        member, attribute, kind = _ATTRIBUTES[name]
        return kind if hidden or (params.get(member) or {}).get(attribute) else ""
    if name == "sns.SetTopicAttributes":
        return "topic policy" if params.get("AttributeName") == "Policy" else ""
    if name in _IN_BODY:
        return _RESOURCE if hidden or definitions.members(params.get("body"), _IMPORTED) else ""
    if name in _PATCHED:
        paths = (str(change.get("path", "")).lower() for change in params.get("patchOperations") or ())
        return _RESOURCE if any("policy" in path for path in paths) else ""
    if name.startswith("s3.") and operation.name in _S3_WITH_ACL:
        return _acl(params)
    return ""


def _acl(params: Mapping[str, Any]) -> str:
    """Any grant at all, or a canned ACL beyond the owner's own."""
    if params.get("ACL") not in _HARMLESS_ACLS or any(params.get(grant) for grant in _S3_GRANTS):
        return _ACL
    return _ACL if "AccessControlPolicy" in params else ""
