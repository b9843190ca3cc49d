"""Amazon Cognito user pools by id; what an application's user does with a token is authorized on everything."""

from collections.abc import Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Question, Rules
from kansatsu.catalog.values import Unsure, read, safe

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
_OF_DOMAINS = ("CreateUserPoolDomain", "DeleteUserPoolDomain", "UpdateUserPoolDomain")


def _domains(params: Params) -> Iterator[Question]:
    for domain in read(params, "Domain"):
        call = ("cognito-idp", "DescribeUserPoolDomain", {"Domain": domain})
        yield Question("pool", *call, "DomainDescription.UserPoolId")


def _of_domain(params: Params, frame: Frame) -> Iterator[str]:
    """The pool that is named, and the one that has the domain.

    INVARIANT: a backend may find a domain by its name alone, in whosever pool.
    https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_DescribeUserPoolDomain.html
    """
    for pool in dict.fromkeys(filter(None, (*read(params, "UserPoolId"), frame.known.get("pool", "")))):
        if not safe(pool, False):
            raise Unsure(pool)
        yield frame.arn("cognito-idp", f"userpool/{pool}")


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncognitouserpools.html",
    names={"userpool": ("UserPoolId", "ResourceArn"), "webacl": ()},
    types={**dict.fromkeys(_POOLS, ("userpool",)), **dict.fromkeys(_USERS, ())},
    elsewhere=frozenset((*_POOLS, *_USERS)),
    finders=dict.fromkeys(_OF_DOMAINS, _of_domain),
    questions=dict.fromkeys(_OF_DOMAINS, _domains),
)
