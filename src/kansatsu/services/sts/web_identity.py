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

from kansatsu import arn, wire
from kansatsu.errors import AwsError, Unimplemented, ValidationError
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
        found: dict[str, str | tuple[str, ...]] = {"aud": self.audience}
        known = [claim for provider, claims in CLAIMS_OF.items() if provider.fullmatch(name) for claim in claims]
        for claim in (*_CLAIMS, *known):
            value = self.claims.get(claim)
            if isinstance(value, list):
                found[claim] = tuple(str(item) for item in value if _is_text(str(item)))
            elif isinstance(value, str | int) and _is_text(str(value)):
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
    tags, lasting = _session_tags(shown.claims), _source_identity(shown.claims)
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
    except (JoseError, ValueError, RecursionError):
        raise _invalid("Couldn't verify the signature of the token.") from None
    given = claims.get("azp") or claims.get("aud")
    audiences = given if isinstance(given, list) and "azp" not in claims else [given]
    audience = next((one for one in audiences if one in provider.details["clients"]), None)
    if audience is None:
        raise _invalid("Incorrect token audience")
    _check_times(claims, call.now.timestamp())
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or not _is_text(subject):
        raise _invalid("Missing a required claim: sub")
    return Shown(provider, audience, claims)


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """INVARIANT: every token ends; what is no number, or none that a clock reaches, is no time."""
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if any(isinstance(time, bool) or not isinstance(time, int | float) for time in times.values()):
        raise _invalid("A time of the token is no number.")
    if not all(math.isfinite(time) for time in times.values()) or not {"exp", "iat"} <= times.keys():
        raise _invalid("Missing a required claim: exp, iat")
    if now >= times["exp"]:
        raise AwsError(
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(times['exp'])}",
            code="ExpiredTokenException",
        )
    if max(times["iat"], times.get("nbf", 0)) > now + _AHEAD:
        raise _invalid("The token is not valid yet.")


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
        raise _invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
    return claims


def _session_tags(claims: Mapping[str, Any]) -> SessionTags:
    """The tags of a token, held to what AssumeRole takes in a request.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
    """
    flat = [name for name in claims if name.startswith(f"{_TAGS}/")]
    if flat:
        raise Unimplemented(f"Tags in claims of their own, as {flat[0][:200]}, are not implemented: use {_TAGS}.")
    passed = claims.get(_TAGS, {})
    tags = passed.get("principal_tags", {}) if isinstance(passed, dict) else None
    transitive = passed.get("transitive_tag_keys", []) if isinstance(passed, dict) else None
    if not isinstance(tags, dict) or not isinstance(transitive, list):
        raise _invalid(f"The claim {_TAGS} is not of the documented form.")
    pairs = []
    for key, values in tags.items():
        if not isinstance(values, list) or len(values) != 1 or not isinstance(values[0], str):
            raise _invalid(f"The tag {key[:128]!r} of the token has not exactly one value.")
        pairs.append({"Key": key, "Value": values[0]})
    _as_of_a_request({"Tags": pairs, "TransitiveTagKeys": transitive})
    return SessionTags.of(pairs, transitive, None)


def _source_identity(claims: Mapping[str, Any]) -> str:
    """That of a token, held to what AssumeRole takes in a request; "" when it has none."""
    if _SOURCE_IDENTITY not in claims:
        return ""
    _as_of_a_request({"SourceIdentity": claims[_SOURCE_IDENTITY]})
    return str(claims[_SOURCE_IDENTITY])


def _as_of_a_request(params: dict[str, Any]) -> None:
    """INVARIANT: what a token passes on is no more than a request could pass. Raises ValidationError."""
    given = {"RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session"}
    if not isinstance(params.get("SourceIdentity", ""), str):
        raise _invalid(f"The claim {_SOURCE_IDENTITY} is no string.")
    if str(params.get("SourceIdentity", "")).lower().startswith("aws:"):
        raise ValidationError("aws: prefixed source identities are not allowed for external use.")
    if not all(isinstance(key, str) for key in params.get("TransitiveTagKeys", [])):
        raise _invalid(f"The claim {_TAGS} is not of the documented form.")
    wire.validate(wire.load_service("sts").operation("AssumeRole"), {**given, **params})


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
