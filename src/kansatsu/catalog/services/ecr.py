"""Amazon ECR: repositories have slashes in their names and may be in another registry.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_service-with-iam.html
"""

from kansatsu.catalog.rules import Rules

RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html",
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html
    actions={"ListImageReferrers": "BatchGetImage"},
    names={"repository": ("repositoryName", "repositoryNames", "resourceArn")},
    types={"CreateRepositoryCreationTemplate": (), "UpdateRepositoryCreationTemplate": ()},
    paths=frozenset({"repository"}),
    account="registryId",
    tagging="TagResource",
)
