"""AssumeRoleWithWebIdentity: whoever shows a token of an identity provider that the role trusts becomes the role.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
Nobody signs such a request; the token alone speaks for its bearer.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from kansatsu import arn
from kansatsu.errors import AwsError
from kansatsu.identity import credentials
from kansatsu.identity.credentials import Credential
from kansatsu.services.iam.oidc_providers import KIND, provider_arn
from kansatsu.services.registry import Call, Params, operation
from kansatsu.services.sts import _federation as federation
from kansatsu.services.sts import _sessions as common
from kansatsu.services.sts._federation import invalid
from kansatsu.services.sts.assume_role import duration_of

_ACTION = "sts:AssumeRoleWithWebIdentity"
# INVARIANT: signatures of key pairs only; neither "none" nor one whose key is a secret counts.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_TAGS, _SOURCE_IDENTITY = "https://aws.amazon.com/tags", "https://aws.amazon.com/source_identity"
_FLAT = f"{_TAGS}/principal_tags/"
_AHEAD = 300  # seconds that the clock of an issuer may be fast

# Claims that are condition keys: of every provider, and of those that AWS knows by name.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
_CLAIMS = ("sub", "amr", "email")
_GOOGLE = "accounts.google.com"
# Providers of every account, unless it made one of that name: the trust policy alone says for which audience.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
_BUILT_IN = {
    name: Credential(f"{KIND}:{name}", "", KIND, "", name, "Active", 0.0)
    for name in (_GOOGLE, "cognito-identity.amazonaws.com")
}
_GITHUB = """actor actor_id enterprise_id environment job_workflow_ref ref repository repository_id repository_owner_id
    workflow"""
CLAIMS_OF = {
    re.compile(provider): claims.split()
    for provider, claims in (
        (r"token\.actions\.githubusercontent\.com(/.+)?", _GITHUB),
        (r"token\.actions\.[^/]+\.ghe\.com|github\.com/enterprises/[^/]+", _GITHUB),
        (
            r"gitlab\.com",
            """namespace_id pipeline_source project_id ref_protected runner_environment user_access_level user_email
            user_id user_login""",
        ),
        (
            r"agent\.buildkite\.com|agent\.[^/]+\.buildkite\.(dev|site)",
            "build_branch cluster_id cluster_name organization_id organization_slug pipeline_id pipeline_slug",
        ),
        (r"oidc\.circleci\.com/org/[^/]+", "oidc.circleci.com/project-id"),
        (r"idcs-[^/]+\.identity\.oraclecloud\.com", "rpst_id"),
    )
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a token says that was verified. `audience` is one of the provider's client ids, if it has any."""

    provider: Credential
    audience: str
    claims: Mapping[str, Any]

    @property
    def subject(self) -> str:
        return str(self.claims["sub"])

    @property
    def federated(self) -> str:
        """The provider as trust policies name it: its ARN, or the name of one that is built in."""
        name, account = self.provider.name, self.provider.account
        return provider_arn(account, name) if account else name

    def context(self) -> dict[str, str | tuple[str, ...]]:
        """The condition keys that the token has, under the name of its provider."""
        name = self.provider.name
        found: dict[str, str | tuple[str, ...]] = {"aud": self.audience}
        known = [claim for provider, claims in CLAIMS_OF.items() if provider.fullmatch(name) for claim in claims]
        values = {claim: self.claims.get(claim) for claim in (*_CLAIMS, *known)}
        for claim, value in (values | (_of_google(self.claims) if name == _GOOGLE else {})).items():
            if isinstance(value, list):
                found[claim] = tuple(str(item) for item in value if _is_text(str(item)))
            elif isinstance(value, str | int) and _is_text(str(value)):
                found[claim] = str(value).lower() if isinstance(value, bool) else str(value)
        return {f"{name}:{claim}".lower(): value for claim, value in found.items()}


def _of_google(claims: Mapping[str, Any]) -> dict[str, Any]:
    """What only Google's tokens have: their aud, also where azp is the audience, and the organization of a workload."""
    within = claims.get("google")
    number = within.get("organization_number") if isinstance(within, dict) else None
    return {"oaud": claims.get("aud"), "google/organization_number": number}


def _role_arn(_call: Call, params: Params) -> str:
    return str(params["RoleArn"])


@operation("sts", "AssumeRoleWithWebIdentity", resource=_role_arn, always_allowed=True)
async def assume_role_with_web_identity(
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    web_identity_token: str,
    provider_id: str | None = None,
    policy_arns: list[dict[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int | None = None,
    minimum_session_token_size: int = 0,
) -> dict[str, Any]:
    if provider_id is not None:
        # INVARIANT: nothing in an access token of Login with Amazon or Facebook proves whose it is; only these know,
        # and nobody asks them here.
        raise invalid("The web identity token that was passed could not be validated by AWS. Get a new identity token "
                      "from the identity provider and then retry the request.")  # fmt: skip
    shown = await _verified(call, arn.Arn.parse(role_arn), web_identity_token)
    provider = shown.federated
    federation.vouch(call, provider, shown.audience, shown.subject)
    passed = _passed(shown.claims, role_arn, role_session_name)
    with call.store.read() as conn:
        call.enter(lambda: conn)
        role = federation.trusting(call, provider, _ACTION, passed, shown.context())
        own = common.Passed(policy, policy_arns, passed.tags, passed.source_identity, minimum_session_token_size)
        seconds = duration_of(role, duration_seconds)
        answer = common.assumed(call, role, role_session_name, seconds, own, source=_source(shown))
    return answer | {
        "SubjectFromWebIdentityToken": shown.subject,
        "Provider": provider,
        "Audience": shown.audience,
    }


def _source(shown: Shown) -> dict[str, str]:
    """What the session remembers: its provider, and what policies may ask of the token later on."""
    single = {key: value for key, value in shown.context().items() if isinstance(value, str)}
    built_in = {} if shown.provider.account else {"federated": shown.federated}
    return {"provider": shown.provider.name, **built_in, **single}


async def _verified(call: Call, role: arn.Arn | None, token: str) -> Shown:
    """The claims of a token. Raises InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError."""
    claims = _unverified(token)
    issuer = str(claims.get("iss", ""))
    issuer = f"https://{_GOOGLE}" if issuer == _GOOGLE else issuer  # it writes both
    if call.issuers.own(issuer):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_getting_started.html
        raise invalid("Tokens of GetWebIdentityToken are for others: they make nobody a role here.")
    with call.store.read() as conn:
        bare = issuer.removeprefix("https://")
        known = bare != issuer and role is not None
        provider = credentials.named(conn, role.account, KIND, bare) if known and role is not None else None
    provider = provider or (_BUILT_IN.get(bare) if known else None)
    if provider is None or provider.name != bare:
        raise invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    keys = await call.issuers.keys(issuer)
    try:
        claims = jwt.decode(token, keys, algorithms=list(_ALGORITHMS)).claims
    except (JoseError, ValueError, RecursionError):
        raise invalid("Couldn't verify the signature of the token.") from None
    given = claims.get("azp") or claims.get("aud")
    audiences = given if isinstance(given, list) and "azp" not in claims else [given]
    clients = provider.details["clients"] if provider.account else [one for one in audiences if isinstance(one, str)]
    audience = next((one for one in audiences if one in clients), None)
    if not audience or not _is_text(audience):
        raise invalid("Incorrect token audience")
    _check_times(claims, call.now.timestamp())
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or not _is_text(subject):
        raise invalid("Missing a required claim: sub")
    return Shown(provider, audience, claims)


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """INVARIANT: every token ends; what is no number, or none that a clock reaches, is no time."""
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if any(isinstance(time, bool) or not isinstance(time, int | float) for time in times.values()):
        raise invalid("A time of the token is no number.")
    if not all(math.isfinite(time) for time in times.values()) or not {"exp", "iat"} <= times.keys():
        raise invalid("Missing a required claim: exp, iat")
    if now >= times["exp"]:
        raise AwsError(
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(times['exp'])}",
            code="ExpiredTokenException",
        )
    if max(times["iat"], times.get("nbf", 0)) > now + _AHEAD:
        raise invalid("The token is not valid yet.")


def _is_text(value: str) -> bool:
    """Can it be written down? JSON may spell halves of characters."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unverified(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    return claims


def _passed(claims: Mapping[str, Any], role_arn: str, session_name: str) -> federation.Passed:
    """What a token passes to the session, in one claim or in one for each tag.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
    """
    whole = claims.get(_TAGS, {})
    tags = whole.get("principal_tags", {}) if isinstance(whole, dict) else None
    transitive = whole.get("transitive_tag_keys", []) if isinstance(whole, dict) else None
    if not isinstance(tags, dict) or not isinstance(transitive, list):
        raise invalid(f"The claim {_TAGS} is not of the documented form.")
    # Each a text of its own, or a list of one. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    flat = {name.removeprefix(_FLAT): claims[name] for name in claims if name.startswith(_FLAT)}
    flat = {key: [value] if isinstance(value, str) else value for key, value in flat.items()}
    further = claims.get(f"{_TAGS}/transitive_tag_keys", [])
    further = [further] if isinstance(further, str) else further
    if not isinstance(further, list) or not all(isinstance(key, str) for key in (*transitive, *further)):
        raise invalid("The claims of transitive tag keys are not of the documented form.")
    pairs = []
    for key, values in (*tags.items(), *flat.items()):
        if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
            raise invalid(f"The tag {key[:128]!r} of the token has not exactly one value.")
        pairs.append({"Key": key, "Value": values[0]})
    return federation.passed(role_arn, session_name, pairs, [*transitive, *further], claims.get(_SOURCE_IDENTITY))


def issued_for(source: Mapping[str, str], account: str) -> dict[str, str | tuple[str, ...]]:
    """Condition keys of a session that came of a token, in every request that it makes.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-federatedprovider
    """
    if "provider" not in source:
        return {}
    own = {key: value for key, value in source.items() if key.startswith(f"{source['provider'].lower()}:")}
    return {**own, "aws:federatedprovider": source.get("federated") or provider_arn(account, source["provider"])}
