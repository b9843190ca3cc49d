"""Operations whose answer has credentials that the backend made: nobody here knows them, so they are refused.

A client that signs with them is turned away here; where it reaches the backend itself, no policy of ours is asked.
tests/catalog/test_lending.py holds the list against the outputs of every model.
"""

from collections.abc import Mapping
from typing import Any

from kansatsu.wire import Operation

LENDS: Mapping[str, tuple[str, ...]] = {
    "account-access-runtime": ("GetRoleCredentials",),
    "cloudwatchomni": ("GetSpaceCredentialsForOrganization", "GetSpaceDataAccess"),
    "codepipeline": ("GetJobDetails", "GetThirdPartyJobDetails", "PollForJobs"),
    "cognito-identity": ("GetCredentialsForIdentity",),
    "datazone": ("GetConnection", "GetEnvironmentCredentials"),
    "deadline": (
        *("AssumeFleetRoleForRead", "AssumeFleetRoleForWorker", "AssumeQueueRoleForRead", "AssumeQueueRoleForUser"),
        "AssumeQueueRoleForWorker",
    ),
    "eks-auth": ("AssumeRoleForPodIdentity",),
    "gamelift": ("CreateBuild", "GetComputeAccess", "RequestUploadCredentials"),
    "lakeformation": (
        *("AssumeDecoratedRoleWithSAML", "GetTemporaryDataLocationCredentials", "GetTemporaryGlueFunctionCredentials"),
        *("GetTemporaryGluePartitionCredentials", "GetTemporaryGlueTableCredentials"),
    ),
    "lightsail": ("CreateBucketAccessKey", "GetBucketAccessKeys"),
    "s3": ("CreateSession",),
    "s3control": ("GetDataAccess",),
    "signin": ("CreateOAuth2Token",),
    "ssm": ("GetAccessToken",),
    "sso": ("GetRoleCredentials",),
}


def lends(operation: Operation, params: Mapping[str, Any]) -> bool:
    """Whether the answer to a call has such credentials."""
    name = operation.name
    if name not in LENDS.get(operation.service.name, ()):
        return False
    if name == "GetConnection":  # https://docs.aws.amazon.com/datazone/latest/APIReference/API_GetConnection.html
        return bool(params.get("withSecret"))
    # Only of a build that is not in a bucket yet.
    # https://docs.aws.amazon.com/gameliftservers/latest/apireference/API_CreateBuild.html
    return name != "CreateBuild" or not params.get("StorageLocation")
