"""GetWebIdentityToken: what a caller is, in a token that others verify with nothing but the issuer's URL.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html
"""

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from joserfc import jws, jwt
from joserfc.jwk import KeySet

from .conftest import ACCOUNT, REGION, Gateway
from .raw import Keys, statement
from .test_tags import code_of

OWN = "https://sts.amazonaws.com/"
ASKED = {"Audience": ["https://api.example"], "SigningAlgorithm": "RS256"}


def fetched(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:  # a loopback address, as the issuer of these tests is
        return json.loads(answer.read())


def verified(token: str) -> dict[str, Any]:
    """As whoever is shown a token does it: by OpenID Connect discovery from its issuer."""
    issuer = json.loads(jws.extract_compact(token.encode()).payload)["iss"]
    found = fetched(f"{issuer}/.well-known/openid-configuration")
    assert found["issuer"] == issuer
    keys = KeySet.import_key_set(fetched(found["jwks_uri"]))
    return dict(jwt.decode(token, keys, algorithms=found["id_token_signing_alg_values_supported"]).claims)


@pytest.fixture(scope="module")
def issuer(gateway: Gateway) -> str:
    try:
        made = gateway.iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    except gateway.iam.exceptions.FeatureEnabledException:
        made = gateway.iam.get_outbound_web_identity_federation_info()["IssuerIdentifier"]
    return str(made)


def token(gateway: Gateway, keys: Keys, **asked: Any) -> Any:
    return gateway.client("sts", keys).get_web_identity_token(**{**ASKED, **asked})


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_a_user_proves_elsewhere_who_it_is(gateway: Gateway, issuer: str, algorithm: str) -> None:
    user = gateway.user(statement("Allow", "sts:GetWebIdentityToken"), Tags=[{"Key": "Team", "Value": "Blue"}])
    got = token(gateway, user, SigningAlgorithm=algorithm, DurationSeconds=60)
    claims = verified(got["WebIdentityToken"])
    arn = f"arn:aws:iam::{ACCOUNT}:user/{user.name}"
    assert (claims["iss"], claims["aud"], claims["sub"]) == (issuer, "https://api.example", arn)
    assert claims["exp"] - claims["iat"] == 60
    assert got["Expiration"] == datetime.fromtimestamp(claims["exp"], UTC)
    assert claims[OWN] == {
        "aws_account": ACCOUNT, "source_region": REGION, "principal_id": arn, "principal_tags": {"Team": "Blue"},
    }  # fmt: skip
    assert "d" not in json.dumps([sorted(key) for key in fetched(f"{issuer}/.well-known/jwks.json")["keys"]]).split('"')


def test_a_session_tells_of_its_role_its_tags_and_its_end(gateway: Gateway, issuer: str) -> None:
    allowed = statement("Allow", ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"])
    role = gateway.role(allowed, Tags=[{"Key": "team", "Value": "red"}, {"Key": "own", "Value": "1"}])
    session = gateway.assume(role, Tags=[{"Key": "Team", "Value": "Blue"}])
    got = token(gateway, session, Audience=["a", "b"], Tags=[{"Key": "job", "Value": "7"}])
    claims = verified(got["WebIdentityToken"])
    assert (claims["sub"], claims["aud"]) == (role["Arn"], ["a", "b"])
    own = claims[OWN]
    assert (own["principal_tags"], own["request_tags"]) == ({"Team": "Blue", "own": "1"}, {"job": "7"})
    assert own["original_session_exp"].endswith("Z")
    delivered = gateway.session(role, source={"instance": "i-1", "region": REGION, "delivery": "2.0"})
    told = verified(token(gateway, delivered)["WebIdentityToken"])[OWN]
    assert told["ec2_source_instance_arn"] == f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-1"
    assert told["ec2_role_delivery"] == "2.0"


def test_what_gives_no_token(gateway: Gateway, issuer: str) -> None:
    allowed = statement("Allow", "sts:GetWebIdentityToken")
    role = gateway.role(allowed)
    short = gateway.session(role, minutes=2)
    many = [{"Key": f"{number:02}" + "k" * 100, "Value": "v" * 250} for number in range(50)]
    user = gateway.user(allowed)
    able = gateway.user(statement("Allow", "sts:*"))
    cases: list[tuple[str, Keys, dict[str, Any]]] = [
        ("SessionDurationEscalationException", short, {}),
        ("", short, {"DurationSeconds": 60}),
        ("ValidationError", user, {"SigningAlgorithm": "HS256"}),
        ("ValidationError", user, {"SubjectMode": "OriginIdentity"}),
        ("ValidationError", user, {"Scope": "read"}),
        ("AccessDenied", user, {"Tags": [{"Key": "k", "Value": "v"}]}),
        ("JWTPayloadSizeExceededException", able, {"Tags": many}),
        ("AccessDenied", gateway.user(statement("Allow", "sqs:*")), {}),
    ]
    for code, keys, asked in cases:
        assert code_of(gateway.client("sts", keys).get_web_identity_token, **{**ASKED, **asked}) == code, asked


def test_a_token_of_ours_makes_nobody_a_role_here(gateway: Gateway, issuer: str) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html"""
    got = token(gateway, gateway.admin)["WebIdentityToken"]
    asked = {"RoleArn": gateway.common_role["Arn"], "RoleSessionName": "session", "WebIdentityToken": got}
    with pytest.raises(ClientError, match="InvalidIdentityToken"):
        gateway.client("sts").assume_role_with_web_identity(**asked)


def test_it_is_off_until_it_is_enabled_and_the_issuer_stays(gateway: Gateway) -> None:
    """In the second account, which nothing else enables."""
    iam, sts = gateway.client("iam", gateway.stranger), gateway.client("sts", gateway.stranger)
    disabled = "OutboundWebIdentityFederationDisabledException"
    assert code_of(iam.get_outbound_web_identity_federation_info) == "FeatureDisabled"
    assert code_of(iam.disable_outbound_web_identity_federation) == "FeatureDisabled"
    assert code_of(sts.get_web_identity_token, **ASKED) == disabled
    made = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert code_of(iam.enable_outbound_web_identity_federation) == "FeatureEnabled"
    info = iam.get_outbound_web_identity_federation_info()
    assert (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (made, True)
    got = sts.get_web_identity_token(**ASKED)["WebIdentityToken"]
    iam.disable_outbound_web_identity_federation()
    assert code_of(sts.get_web_identity_token, **ASKED) == disabled
    assert verified(got)["iss"] == made, "what was given stays valid"
    assert iam.enable_outbound_web_identity_federation()["IssuerIdentifier"] == made
    iam.disable_outbound_web_identity_federation()


def test_the_keys_of_an_account_are_its_own(gateway: Gateway, issuer: str) -> None:
    with gateway.store.read() as conn:
        kept = conn.exec_driver_sql("SELECT secret, details FROM credential WHERE kind = 'issuer'").all()
    assert kept
    assert all(b'"d"' not in row[0] and '"d"' not in row[1] for row in kept), "private keys are sealed"
    for path in ("", "/", "/.well-known/", "/.well-known/jwks.json/x", "/../health"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetched(f"{issuer}{path}")
        caught.value.close()
        assert caught.value.code == 404
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetched(f"{issuer[:-1]}/.well-known/jwks.json")
    caught.value.close()
