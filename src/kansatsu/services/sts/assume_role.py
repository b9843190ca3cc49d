"""AssumeRole: who may become which role, for how long, and with how much less than the role may do.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import AccessDenied, AwsError, ValidationError
from kansatsu.identity import EntityRecord, Snapshot
from kansatsu.policy import Decision, Request, evaluate
from kansatsu.resources import Guard
from kansatsu.services import callers
from kansatsu.services.deciding import decide, in_chain, resource_tags, trusting, untrusted
from kansatsu.services.registry import Call, Params, Refused, operation
from kansatsu.services.sts import _sessions as common
from kansatsu.services.sts._tags import SessionTags

DEFAULT_DURATION = 3600  # seconds
CHAINED_DURATION = 3600  # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining

Context = dict[str, str | tuple[str, ...]]


def _asked(call: Call, params: Params) -> Iterable[Authorization]:
    """What the call needs, for the record; it is decided below."""
    context = _recorded(call, params)
    yield Authorization("sts:AssumeRole", params["RoleArn"], context, True)
    if params.get("Tags") or SessionTags.inherited(call.caller.session):
        yield Authorization("sts:TagSession", params["RoleArn"], context, True)
    if _source_identity(call, params.get("SourceIdentity")):
        yield Authorization("sts:SetSourceIdentity", params["RoleArn"], context, True)
    if params.get("ProvidedContexts"):
        yield Authorization("sts:SetContext", params["RoleArn"], context, True)


def _recorded(call: Call, params: Params) -> Context:
    """The condition keys of the request, as far as they can be told before it is checked."""
    tags = SessionTags.unchecked(params.get("Tags"), params.get("TransitiveTagKeys"))
    lasting = params.get("SourceIdentity") or (call.caller.session.source_identity if call.caller.session else "")
    own = tags.context() | _context(params["RoleSessionName"], params.get("ExternalId"), lasting)
    own |= _providers(params.get("ProvidedContexts"))
    parsed = arn.Arn.parse(params["RoleArn"])
    name = parsed.resource.rpartition("/")[2] if parsed is not None else ""
    role = call.snapshot.find(parsed.account, "role", name) if parsed is not None else None
    return own | (resource_tags(role) if role is not None else {})


@operation("sts", "AssumeRole", resource=_asked, always_allowed=True)
def assume_role(
    call: Call,
    *,
    role_arn: str,
    role_session_name: str,
    policy_arns: list[dict[str, str]] | None = None,
    policy: str | None = None,
    duration_seconds: int | None = None,
    tags: list[dict[str, str]] | None = None,
    transitive_tag_keys: list[str] | None = None,
    external_id: str | None = None,
    serial_number: str | None = None,
    token_code: str | None = None,
    source_identity: str | None = None,
    minimum_session_token_size: int = 0,
    provided_contexts: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    # INVARIANT: nobody leaves a learning session for one that learns nothing and has other bounds.
    if call.caller.learning:
        raise AccessDenied("A learning session assumes no role: learn the policy of that role by itself.")
    session_tags = SessionTags.of(tags, transitive_tag_keys, call.caller.session)
    lasting = _source_identity(call, source_identity)
    asked = session_tags.context() | _context(role_session_name, external_id, lasting) | _providers(provided_contexts)
    actions = ["sts:AssumeRole"]
    if session_tags.tags:
        actions.append("sts:TagSession")
    if lasting:
        actions.append("sts:SetSourceIdentity")
    if provided_contexts:
        actions.append("sts:SetContext")
    if common.shows_device(call, serial_number, token_code) is not None:
        # For the trust policy alone: the session that comes of it carries nothing of it.
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
        asked |= {"aws:multifactorauthpresent": "true", "aws:multifactorauthage": "0"}
    role = _authorized_role(call, role_arn, actions, asked)
    if provided_contexts:
        # Context is vouched for by IAM Identity Center (its provider's ARN is AWS's), of which there is none here.
        # https://docs.aws.amazon.com/STS/latest/APIReference/API_ProvidedContext.html
        raise AwsError(
            "The context assertion is not that of a trusted context provider.",
            code="InvalidContextAssertion",
            status=400,
        )
    passed = common.Passed(policy, policy_arns, session_tags, lasting, minimum_session_token_size)
    seconds = _duration(call, role, duration_seconds)
    answer = common.assumed(call, role, role_session_name, seconds, passed, chain_depth=_chain_depth(call))
    common.prove_device(call, serial_number, token_code)
    return answer


def _authorized_role(call: Call, role_arn: str, actions: list[str], asked: Context) -> EntityRecord:
    """The role, once its trust policy and the caller's own policies allow every one of the actions.

    INVARIANT: a role that does not exist and one that does not trust the caller are the same AccessDenied.
    """
    role = find_role(call, role_arn)
    if call.caller.kind == "root":
        raise AccessDenied("Roles may not be assumed by root accounts.")
    snapshot = call.snapshot
    principal = callers.principal_of(call.caller, snapshot)
    own = callers.policies_of(call.caller, snapshot)
    for action in actions:
        if role is None or role.trust is None:
            raise _denied(call, untrusted(principal, Authorization(action, role_arn, asked), dict(call.context), own))
        item = Authorization(action, role.arn, {**resource_tags(role), **asked})
        decision = decide(principal, item, Guard(role.account), call.context, trusting(own, role), snapshot)
        if _chain_depth(call):
            decision = in_chain(decision, own)
        if not decision.allowed:
            raise _denied(call, decision)
    assert role is not None  # noqa: S101 - there is always the action AssumeRole, which has seen to it
    return role


def find_role(call: Call, role_arn: str) -> EntityRecord | None:
    """The role of that very ARN, of whatever account. Raises ValidationError for what is no role's ARN."""
    parsed = arn.Arn.parse(role_arn)
    if parsed is None or parsed.service != "iam" or not parsed.resource.startswith("role/"):
        raise ValidationError(f"{role_arn} is invalid")
    name = parsed.resource.rpartition("/")[2]
    role = call.snapshot.find(parsed.account, "role", name)
    return role if role is not None and role.arn == role_arn else None


def _denied(call: Call, decision: Decision) -> AccessDenied:
    """INVARIANT: details are kept in the role's own account alone: nobody else learns of a role or its trust policy.

    Another account is told its own side, which is the same for a role that there is and one that there is not.
    """
    request, own = decision.request, decision.policies
    message = f"User: {call.caller.arn} is not authorized to perform: {request.action} on resource: {request.resource}"
    parsed = arn.Arn.parse(request.resource)
    if parsed is None or parsed.account == call.account:
        return Refused(message, decision)
    keys = {key: value for key, value in request.context.items() if not key.startswith(_OF_ROLE)}
    asked = Request(request.principal, request.action, request.resource, keys, parsed.account)
    return Refused(message, evaluate(asked, replace(own, trust=None)))


_OF_ROLE = ("aws:resourcetag/", "iam:resourcetag/", "aws:resourceaccount", "aws:resourceorg")


def _context(session_name: str, external_id: str | None, source_identity: str) -> Context:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html"""
    context: Context = {"sts:rolesessionname": session_name}
    if external_id is not None:
        context["sts:externalid"] = external_id
    if source_identity:
        context["sts:sourceidentity"] = source_identity
    return context


def _providers(contexts: list[dict[str, str]] | None) -> Context:
    """Who is said to vouch for the context. What an assertion says is no key, before somebody has verified it."""
    found = tuple(item["ProviderArn"] for item in contexts or () if "ProviderArn" in item)
    return {"sts:requestcontextproviders": found} if found else {}


def of_role(role: EntityRecord, snapshot: Snapshot) -> Context:
    """All condition keys that the role brings: its tags, and whose it is."""
    return {
        **resource_tags(role),
        "aws:resourceaccount": role.account,
        **snapshot.organization_keys("resource", role.account),
    }


def _chain_depth(call: Call) -> int:
    """How many roles were assumed before this one, one from the other."""
    session = call.caller.session
    return session.chain_depth + 1 if session is not None and session.kind == "role" else 0


def _source_identity(call: Call, requested: str | None) -> str:
    """The source identity of the new session.

    INVARIANT: once set it persists through a chain; nobody further down can name somebody else.
    """
    held = call.caller.session.source_identity if call.caller.session is not None else ""
    if held and requested is not None and requested != held:
        raise AccessDenied("The source identity of the calling session is set and cannot be changed.")
    return held or requested or ""


def _duration(call: Call, role: EntityRecord, requested: int | None) -> int:
    if requested is not None and requested > CHAINED_DURATION and _chain_depth(call):
        raise ValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    return duration_of(role, requested)


def duration_of(role: EntityRecord, requested: int | None) -> int:
    """Seconds. Raises ValidationError for more than the role allows."""
    if requested is not None and requested > role.max_session_duration:
        raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return requested or DEFAULT_DURATION
