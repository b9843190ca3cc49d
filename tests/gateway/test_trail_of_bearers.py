"""The trail of requests that nobody signed: it names whom an identity provider vouched for, and nobody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from . import saml_provider as saml
from . import test_web_identity as web
from .conftest import Gateway
from .raw import statement
from .test_web_identity import AUDIENCE, STRANGER, Issuer

NOBODY = {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}


@pytest.fixture
def issuer(gateway: Gateway, tmp_path: Path) -> Issuer:
    return Issuer(gateway, tmp_path, f"{gateway.name('idp')}.example")


def told(gateway: Gateway, key: str, value: str) -> list[dict[str, Any]]:
    """The events that LookupEvents finds by that, the oldest first."""
    asked = {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}
    pages = gateway.client("cloudtrail").get_paginator("lookup_events").paginate(**asked)
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]][::-1]


def ends(gateway: Gateway, role: str) -> list[tuple[dict[str, Any], str]]:
    """Who wanted to become the role, and how it ended."""
    events = [one for one in told(gateway, "ResourceName", role) if one["eventName"].startswith("AssumeRoleWith")]
    return [(one["userIdentity"], one.get("errorCode", "")) for one in events]


def test_who_came_with_a_token_is_named_and_so_is_their_session(gateway: Gateway, issuer: Issuer) -> None:
    subject = gateway.name("repo:org/app")
    role = issuer.role(statement("Allow", "iam:GetRole"), StringEquals={"sub": subject})
    session = web.keys_of(web.assume(gateway, role["Arn"], issuer.token(sub=subject)))
    assert web.code(gateway, role["Arn"], issuer.token(sub="eve")) == "AccessDenied"

    def who(name: str) -> dict[str, Any]:
        named = f"{issuer.arn}:{AUDIENCE}:{name}"
        return {
            "type": "WebIdentityUser", "principalId": named, "userName": name, "identityProvider": issuer.arn,
        }  # fmt: skip

    assert ends(gateway, role["Arn"]) == [(who(subject), ""), (who("eve"), "AccessDenied")]
    [found] = told(gateway, "Username", subject)
    assert found["responseElements"]["credentials"]["accessKeyId"] == session.id
    gateway.client("iam", session).get_role(RoleName=role["RoleName"])
    [used] = told(gateway, "AccessKeyId", session.id)
    assert used["userIdentity"]["sessionContext"]["webIdFederationData"] == {
        "federatedProvider": issuer.arn,
        "attributes": {f"{issuer.name}:aud": AUDIENCE, f"{issuer.name}:sub": subject},
    }


# INVARIANT: a name that no provider has signed for is in no event: nobody puts another's name to what they tried.
def test_a_token_that_was_not_verified_names_nobody(gateway: Gateway, issuer: Issuer) -> None:
    role = issuer.role(StringEquals={"sub": "ana"})
    for token in (issuer.token(STRANGER), web.unsigned(issuer), issuer.token(aud="other"), issuer.token(exp=1)):
        assert web.code(gateway, role["Arn"], token)
    assert [who for who, _ in ends(gateway, role["Arn"])] == [NOBODY] * 4


def test_who_came_with_an_assertion_is_named_if_it_was_verified(gateway: Gateway) -> None:
    provider = saml.Provider(gateway)
    role, other = provider.role(), provider.role(StringEquals={"saml:sub": "ben"})
    qualifier = saml.assume(gateway, provider, role, provider.signed(role))["NameQualifier"]
    ana = {
        "type": "SAMLUser", "principalId": f"{qualifier}:ana", "userName": "ana", "identityProvider": qualifier,
    }  # fmt: skip
    assert saml.code(gateway, provider, role, saml.sign(provider.response(role), key=saml.OTHER))
    assert ends(gateway, role) == [(ana, ""), (NOBODY, "InvalidIdentityToken")]
    assert saml.code(gateway, provider, other, provider.signed(other)) == "AccessDenied"
    assert ends(gateway, other) == [(ana, "AccessDenied")]
