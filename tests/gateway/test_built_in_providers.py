"""Google and Cognito are providers of every account; nobody here can tell whose an access token of OAuth 2.0 is.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
"""

import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import KeySet

from .conftest import ACCOUNT, Gateway
from .raw import statement
from .test_tags import code_of
from .test_web_identity import RSA, STRANGER, Case, Issuer, assume, code, keys_of

APP = "app.apps.googleusercontent.com"


class BuiltIn(Issuer):
    """Google, or another one that no account has to make."""

    def __init__(self, gateway: Gateway, directory: Path, name: str) -> None:
        self.gateway, self.name, self.arn = gateway, name, name
        keys = directory / "keys.json"
        keys.write_text(json.dumps(KeySet([RSA]).as_dict(private=False)))
        gateway.key_sources[f"https://{name}"] = str(keys)
        gateway.issuers._known.clear()


@pytest.fixture(params=["accounts.google.com", "cognito-identity.amazonaws.com"])
def issuer(request: pytest.FixtureRequest, gateway: Gateway, tmp_path: Path) -> BuiltIn:
    return BuiltIn(gateway, tmp_path, request.param)


def test_a_bearer_becomes_the_role_that_names_its_audience(gateway: Gateway, issuer: BuiltIn) -> None:
    asked = {"aws:FederatedProvider": issuer.name, f"{issuer.name}:sub": "ana"}
    own = statement("Allow", "sqs:ListQueues") | {"Condition": {"StringEquals": asked}}
    role = issuer.role(own, StringEquals={"aud": APP})
    got = assume(gateway, role["Arn"], issuer.token(aud=APP))
    assert (got["Provider"], got["Audience"], got["SubjectFromWebIdentityToken"]) == (issuer.name, APP, "ana")
    assert code_of(gateway.client("sqs", keys_of(got)).list_queues) == ""


@pytest.mark.parametrize(
    ("claims", "key", "expected"),
    [
        ({"aud": "evil.apps.googleusercontent.com"}, RSA, "AccessDenied"),
        ({"aud": APP, "azp": "evil"}, RSA, "AccessDenied"),
        ({"aud": APP, "sub": "bob"}, RSA, "AccessDenied"),
        ({"aud": APP}, STRANGER, "InvalidIdentityToken"),
        ({"aud": None}, RSA, "InvalidIdentityToken"),
        ({"aud": ""}, RSA, "InvalidIdentityToken"),
        ({"aud": 5}, RSA, "InvalidIdentityToken"),
        ({"aud": [["a"]]}, RSA, "InvalidIdentityToken"),
        ({"aud": APP, "exp": 5}, RSA, "ExpiredTokenException"),
        ({"aud": APP, "iss": "https://accounts.google.com.evil.example"}, RSA, "InvalidIdentityToken"),
        ({"aud": APP, "iss": "http://accounts.google.com"}, RSA, "InvalidIdentityToken"),
    ],
)
def test_attack_of_another_app_or_another_issuer(
    gateway: Gateway, issuer: BuiltIn, claims: dict[str, Any], key: Any, expected: str
) -> None:
    role = issuer.role(StringEquals={"aud": APP, "sub": "ana"})
    assert code(gateway, role["Arn"], issuer.token(key, **claims)) == expected


GOOGLE, COGNITO = "accounts.google.com", "cognito-identity.amazonaws.com"
# What a token says, and what it must not say for the role to be refused.
_TOLD: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (GOOGLE, "aud", {"aud": "yes"}, {"aud": "no"}),
    (GOOGLE, "sub", {"aud": "x", "sub": "yes"}, {"aud": "x", "sub": "no"}),
    (GOOGLE, "oaud", {"aud": "yes", "azp": "phone"}, {"aud": "no", "azp": "yes"}),
    (
        GOOGLE,
        "google/organization_number",
        {"aud": "x", "google": {"organization_number": "yes"}},
        {"aud": "x", "google": "yes", "organization_number": "yes"},
    ),
    (COGNITO, "aud", {"aud": "yes"}, {"aud": "no"}),
    (COGNITO, "sub", {"aud": "x", "sub": "yes"}, {"aud": "x", "sub": "no"}),
    (COGNITO, "amr", {"aud": "x", "amr": ["authenticated", "yes"]}, {"aud": "x", "amr": ["unauthenticated"]}),
]
CASES = [Case(f"{provider}:{claim}", provider, claim) for provider, claim, _, _ in _TOLD]


@pytest.mark.parametrize(("provider", "claim", "right", "wrong"), _TOLD)
def test_claims_that_are_condition_keys(
    gateway: Gateway, tmp_path: Path, provider: str, claim: str, right: dict[str, Any], wrong: dict[str, Any]
) -> None:
    issuer = BuiltIn(gateway, tmp_path, provider)
    condition = {"ForAnyValue:StringEquals" if claim == "amr" else "StringEquals": {claim: "yes"}}
    if provider == COGNITO and claim != "aud":
        condition["StringLike"] = {"aud": "?"}
    role = issuer.role(**condition)
    assert code(gateway, role["Arn"], issuer.token(**right)) == ""
    assert code(gateway, role["Arn"], issuer.token(**wrong)) == "AccessDenied"


def test_google_writes_its_name_in_two_ways(gateway: Gateway, tmp_path: Path) -> None:
    google = BuiltIn(gateway, tmp_path, "accounts.google.com")
    role = google.role(StringEquals={"aud": "phone", "oaud": APP})
    assert code(gateway, role["Arn"], google.token(iss="accounts.google.com", aud=APP, azp="phone")) == ""


def test_attack_a_role_that_trusts_another_provider(gateway: Gateway, issuer: BuiltIn) -> None:
    trust = {"Effect": "Allow", "Principal": {"Federated": "graph.facebook.com"}, "Action": "sts:*"}
    assert code(gateway, gateway.role(trust=trust)["Arn"], issuer.token(aud=APP)) == "AccessDenied"


def test_a_provider_that_the_account_made_takes_its_place(gateway: Gateway, tmp_path: Path) -> None:
    google = BuiltIn(gateway, tmp_path, "accounts.google.com")
    role = google.role(StringEquals={"aud": APP})
    token = google.token(aud=APP)
    made = gateway.iam.create_open_id_connect_provider(Url="https://accounts.google.com", ClientIDList=[APP])
    own = made["OpenIDConnectProviderArn"]
    assert own == f"arn:aws:iam::{ACCOUNT}:oidc-provider/accounts.google.com"
    try:
        assert code(gateway, role["Arn"], token) == "AccessDenied"
        google.arn = own
        assert assume(gateway, google.role()["Arn"], token)["Provider"] == own
        assert code(gateway, google.role()["Arn"], google.token(aud="other")) == "InvalidIdentityToken"
    finally:
        gateway.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=own)
    assert code(gateway, role["Arn"], token) == ""


@pytest.mark.parametrize("provider", ["www.amazon.com", "graph.facebook.com"])
def test_an_access_token_proves_nothing(gateway: Gateway, provider: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity"}
    role = gateway.role(trust=trust)
    assert code(gateway, role["Arn"], "Atza|opaque", ProviderId=provider) == "InvalidIdentityToken"
