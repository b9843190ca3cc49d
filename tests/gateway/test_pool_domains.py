"""Domains of Cognito's user pools: the embedded backend finds them by name, the policy is on the pool that is named."""

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import ACCOUNT, Gateway
from .raw import REGION, statement
from .test_resource_policies import refused

CERTIFICATE = f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/11111111-2222-3333-4444-555555555555"
CALLS: dict[str, Callable[[Any, str, str], Any]] = {
    "make": lambda pools, pool, domain: pools.create_user_pool_domain(UserPoolId=pool, Domain=domain),
    "change": lambda pools, pool, domain: pools.update_user_pool_domain(
        UserPoolId=pool, Domain=domain, CustomDomainConfig={"CertificateArn": CERTIFICATE}
    ),
    "take": lambda pools, pool, domain: pools.delete_user_pool_domain(UserPoolId=pool, Domain=domain),
}


@pytest.mark.parametrize("way", CALLS)
def test_who_may_change_one_pool_has_no_domain_of_another(gateway: Gateway, way: str) -> None:
    admin = gateway.client("cognito-idp")
    mine, theirs = (admin.create_user_pool(PoolName=name)["UserPool"]["Id"] for name in ("mine", "theirs"))
    own, other = gateway.name("own"), gateway.name("other")
    CALLS["make"](admin, theirs, other)
    may = statement("Allow", "cognito-idp:*", f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{mine}")
    pools = gateway.client("cognito-idp", gateway.user(may))
    CALLS["make"](pools, mine, own)
    refused(lambda: CALLS[way](pools, mine, other), "AccessDeniedException")
    assert admin.describe_user_pool_domain(Domain=other)["DomainDescription"]["UserPoolId"] == theirs
    if way != "make":
        CALLS[way](pools, mine, own)
