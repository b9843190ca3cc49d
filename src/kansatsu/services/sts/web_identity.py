"""AssumeRoleWithWebIdentity: whoever shows a token of an identity provider that the role trusts becomes the role.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
Nobody signs such a request; the token alone speaks for its bearer.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from kansatsu import arn
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.identity import EntityRecord, credentials
from kansatsu.identity.credentials import Credential
from kansatsu.policy import Decision, Policies, PolicySet, PolicyType, Principal, Request, evaluate
from kansatsu.services.iam.oidc_providers import KIND, provider_arn
from kansatsu.services.registry import Call, Params, Refused, operation
from kansatsu.services.sts import _sessions as common
from kansatsu.services.sts._tags import SessionTags
from kansatsu.services.sts.assume_role import duration_of, find_role, resource_tags

_ACTION = "sts:AssumeRoleWithWebIdentity"
# INVARIANT: signatures of key pairs only; neither "none" nor one whose key is a secret counts.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html
_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512")
_TAGS, _SOURCE_IDENTITY = "https://aws.amazon.com/tags", "https://aws.amazon.com/source_identity"
_AHEAD = 300  # seconds that the clock of an issuer may be fast

# Claims that are condition keys: of every provider, and of those that AWS knows by name.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
_CLAIMS = ("sub", "amr", "email", "oaud")
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
    """What a token says that was verified. `audience` is one of the provider's client ids."""

    provider: Credential
    audience: str
    claims: Mapping[str, Any]

    @property
    def subject(self) -> str:
        return str(self.claims["sub"])

    def context(self) -> dict[str, str | tuple[str, ...]]:
        """The condition keys that the token has, under the name of its provider."""
        name = self.provider.name
        found = {"aud": self.audience}
        known = [claim for provider, claims in CLAIMS_OF.items() if provider.fullmatch(name) for claim in claims]
        for claim in (*_CLAIMS, *known):
            value = self.claims.get(claim)
            if isinstance(value, list):
                found[claim] = tuple(str(item) for item in value)  # type: ignore[assignment]  # amr has several
            elif isinstance(value, str | int):
                found[claim] = str(value).lower() if isinstance(value, bool) else str(value)
        return {f"{name}:{claim}".lower(): value for claim, value in found.items()}


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
) -> dict[str, Any]:
    if provider_id is not None:
        raise Unimplemented("OAuth 2.0 access tokens of Login with Amazon and Facebook are not implemented.")
    shown = await _verified(call, arn.Arn.parse(role_arn), web_identity_token)
    tags, lasting = _session_tags(shown.claims), str(shown.claims.get(_SOURCE_IDENTITY, ""))
    asked = shown.context() | tags.context() | {"sts:rolesessionname": role_session_name}
    if lasting:
        asked["sts:sourceidentity"] = lasting
    actions = [_ACTION] + ["sts:TagSession"] * bool(tags.tags) + ["sts:SetSourceIdentity"] * bool(lasting)
    with call.store.read() as conn:
        call.enter(lambda: conn)
        role = _trusting(call, role_arn, shown, actions, asked)
        seconds, passed = duration_of(role, duration_seconds), common.Passed(policy, policy_arns, tags, lasting)
        answer = common.assumed(call, role, role_session_name, seconds, passed, source=_source(shown))
    return answer | {
        "SubjectFromWebIdentityToken": shown.subject,
        "Provider": provider_arn(role.account, shown.provider.name),
        "Audience": shown.audience,
    }


def _source(shown: Shown) -> dict[str, str]:
    """What the session remembers: its provider, and what policies may ask of the token later on."""
    single = {key: value for key, value in shown.context().items() if isinstance(value, str)}
    return {"provider": shown.provider.name, **single}


async def _verified(call: Call, role: arn.Arn | None, token: str) -> Shown:
    """The claims of a token. Raises InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError."""
    claims = _unverified(token)
    issuer = str(claims.get("iss", ""))
    with call.store.read() as conn:
        bare = issuer.removeprefix("https://")
        known = bare != issuer and role is not None
        provider = credentials.named(conn, role.account, KIND, bare) if known and role is not None else None
    if provider is None or provider.name != bare:
        raise _invalid(f"No OpenIDConnect provider found in your account for {issuer}")
    keys = await call.issuers.keys(issuer)
    try:
        claims = jwt.decode(token, keys, algorithms=list(_ALGORITHMS)).claims
    except (JoseError, ValueError):
        raise _invalid("Couldn't verify the signature of the token.") from None
    given = claims.get("azp") or claims.get("aud")
    audiences = given if isinstance(given, list) else [given]
    audience = next((one for one in audiences if one in provider.details["clients"]), None)
    if audience is None:
        raise _invalid("Incorrect token audience")
    if not isinstance(claims.get("sub"), str) or not isinstance(claims.get("exp"), int | float):
        raise _invalid("Missing a required claim: sub, exp")
    now = call.now.timestamp()
    if now >= claims["exp"]:
        raise AwsError(
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(claims['exp'])}",
            code="ExpiredTokenException",
        )
    if any(isinstance(claims.get(name), int | float) and claims[name] > now + _AHEAD for name in ("nbf", "iat")):
        raise _invalid("The token is not valid yet.")
    return Shown(provider, audience, claims)


def _unverified(token: str) -> dict[str, Any]:
    try:
        claims = json.loads(jws.extract_compact(token.encode()).payload)
    except (JoseError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        raise _invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    return claims


def _session_tags(claims: Mapping[str, Any]) -> SessionTags:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp"""
    passed = claims.get(_TAGS) or {}
    try:
        pairs = [{"Key": str(key), "Value": str(values[0])} for key, values in passed.get("principal_tags", {}).items()]
        transitive = [str(key) for key in passed.get("transitive_tag_keys", [])]
    except (AttributeError, TypeError, IndexError, KeyError):
        raise _invalid(f"The claim {_TAGS} is not of the documented form.") from None
    return SessionTags.of(pairs, transitive, None)


def _trusting(
    call: Call, role_arn: str, shown: Shown, actions: list[str], asked: dict[str, str | tuple[str, ...]]
) -> EntityRecord:
    """The role, once its trust policy allows every action to the provider's bearer.

    INVARIANT: a role that does not exist and one that does not trust the provider are the same AccessDenied.
    """
    role = find_role(call, role_arn)
    principal = Principal("", provider_arn(shown.provider.account, shown.provider.name), "federated")
    for action in actions:
        if role is None or role.trust is None:
            unknown = Request(principal, action, role_arn, {**call.context, **asked})
            raise _denied(Decision(unknown, Policies(PolicySet()), False, False, PolicyType.TRUST))
        context = {**call.context, **asked, **resource_tags(role), "aws:resourceaccount": role.account}
        request = Request(principal, action, role.arn, context, role.account)
        decision = evaluate(request, Policies(PolicySet(), trust=role.trust))
        if not decision.allowed:
            raise _denied(decision)
    assert role is not None  # noqa: S101 - there is always the first action, which has seen to it
    return role


def _denied(decision: Decision) -> Refused:
    return Refused(f"Not authorized to perform {decision.request.action}", decision)


def _invalid(message: str) -> AwsError:
    return AwsError(message, code="InvalidIdentityToken")


def issued_for(source: Mapping[str, str], account: str) -> dict[str, str | tuple[str, ...]]:
    """Condition keys of a session that came of a token, in every request that it makes.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-federatedprovider
    """
    if "provider" not in source:
        return {}
    own = {key: value for key, value in source.items() if key.startswith(f"{source['provider'].lower()}:")}
    return {**own, "aws:federatedprovider": provider_arn(account, source["provider"])}
