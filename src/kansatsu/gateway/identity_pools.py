"""Identities of Amazon Cognito at the embedded backend, which gives one of any pool, and to anybody.

https://docs.aws.amazon.com/cognitoidentity/latest/APIReference/API_GetId.html
"""

from kansatsu.backends import EmbeddedBackend
from kansatsu.errors import AwsError
from kansatsu.gateway.exchange import Exchange
from kansatsu.gateway.forwarding import Forwarder

_GIVES = "cognito-identity.GetId"


async def verify(exchange: Exchange, account: str, forwarder: Forwarder) -> None:
    """Raises ResourceNotFoundException for a pool that there is not, NotAuthorizedException where it wants a login.

    https://docs.aws.amazon.com/cognito/latest/developerguide/identity-pools.html (unauthenticated identities)
    """
    pool = exchange.params.get("IdentityPoolId") if exchange.name == _GIVES else None
    if not pool or not isinstance(forwarder.backend("cognito-identity", account), EmbeddedBackend):
        return
    asked = {"IdentityPoolId": pool}
    found = await forwarder.ask(account, exchange.region, "cognito-identity", "DescribeIdentityPool", asked)
    if not found.get("AllowUnauthenticatedIdentities") and not exchange.params.get("Logins"):
        text = "Unauthenticated access is not supported for this identity pool."
        raise AwsError(text, code="NotAuthorizedException", status=400)
