"""Amazon Cognito user pools by id; what an application's user does with a token is authorized on everything."""

from kansatsu.catalog.rules import Rules

# "Amazon Cognito evaluates IAM policies in requests for this API operation", on the page of each.
# https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_Operations.html
_POOLS = (
    *("CancelPointInTimeRecovery", "CreateCIMDPolicy", "DeleteCIMDPolicy", "DescribeCIMDPolicy"),
    *("DescribePointInTimeRecovery", "InitiatePointInTimeRecovery", "ListCIMDPolicies", "ListClientMetadataURLs"),
    *("ListPointInTimeRecoveries", "StartPointInTimeRecovery", "UpdateCIMDPolicy", "UpdateClientMetadataURLState"),
)
# "Amazon Cognito doesn't evaluate IAM policies": what a user does with a token. Here they are on everything, like the
# others of their kind, which the reference has without a type of resources.
_USERS = (
    *("CompleteWebAuthnRegistration", "DeleteWebAuthnCredential", "GetClientToken", "GetUserAuthFactors"),
    *("ListUserSessions", "ListWebAuthnCredentials", "RevokeUserSession", "StartWebAuthnRegistration"),
)
RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitouserpools.html",
    names={"userpool": ("UserPoolId", "ResourceArn"), "webacl": ()},
    types={**dict.fromkeys(_POOLS, ("userpool",)), **dict.fromkeys(_USERS, ())},
    elsewhere=frozenset((*_POOLS, *_USERS)),
)
