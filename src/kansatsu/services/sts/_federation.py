"""What all roles of federated users have in common: claims held to what a request could say, and trust policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_adding-assume-role-idp
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu import wire
from kansatsu.advisor import Vouched
from kansatsu.errors import AwsError, ValidationError
from kansatsu.identity import EntityRecord
from kansatsu.policy import Decision, Policies, PolicySet, PolicyType, Principal, Request, evaluate
from kansatsu.services.registry import Call, Refused
from kansatsu.services.sts._tags import SessionTags
from kansatsu.services.sts.assume_role import find_role, of_role

_LONGEST = 2048  # characters of a name on record; a provider may vouch for longer ones
Context = dict[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Passed:
    """What an identity provider passes to the session of a role. `source_identity` "": none."""

    role_arn: str
    session_name: str
    tags: SessionTags
    source_identity: str

    def context(self) -> Context:
        """The condition keys of the request."""
        found: Context = {**self.tags.context(), "sts:rolesessionname": self.session_name}
        return found | ({"sts:sourceidentity": self.source_identity} if self.source_identity else {})

    def actions(self, first: str) -> list[str]:
        """All that the trust policy must allow."""
        tagged = ["sts:TagSession"] * bool(self.tags.tags)
        return [first, *tagged, *["sts:SetSourceIdentity"] * bool(self.source_identity)]


def passed(
    role_arn: str, session_name: str, tags: list[dict[str, str]], transitive: list[str], source_identity: object
) -> Passed:
    """INVARIANT: what a provider passes on is no more than a request could pass. Raises ValidationError."""
    params: dict[str, Any] = {"RoleArn": role_arn, "RoleSessionName": session_name}
    params |= {"Tags": tags, "TransitiveTagKeys": transitive}
    if source_identity is not None:
        if not isinstance(source_identity, str):
            raise invalid("The source identity is no string.")
        if source_identity.lower().startswith("aws:"):
            raise ValidationError("aws: prefixed source identities are not allowed for external use.")
        params["SourceIdentity"] = source_identity
    wire.validate(wire.load_service("sts").operation("AssumeRole"), params)
    return Passed(role_arn, session_name, SessionTags.of(tags, transitive, None), str(source_identity or ""))


def trusting(call: Call, provider: str, action: str, what: Passed, asked: Mapping[str, Any]) -> EntityRecord:
    """The role, once its trust policy allows every action to who comes from `provider` (an ARN).

    INVARIANT: a role that does not exist and one that does not trust the provider are the same AccessDenied.
    """
    role = find_role(call, what.role_arn)
    principal = Principal("", provider, "federated")
    own = {**call.context, **asked, **what.context()}
    for each in what.actions(action):
        if role is None or role.trust is None:
            unknown = Request(principal, each, what.role_arn, own)
            raise denied(Decision(unknown, Policies(PolicySet()), False, False, PolicyType.TRUST))
        context = {**own, **of_role(role, call.snapshot)}
        request = Request(principal, each, role.arn, context, role.account)
        trusted = Policies(PolicySet(), trust=role.trust)
        decision = evaluate(request, call.snapshot.limited(trusted, "", role.account))
        if not decision.allowed:
            raise denied(decision)
    assert role is not None  # noqa: S101 - there is always the first action, which has seen to it
    return role


def vouch(call: Call, provider: str, audience: str, subject: str) -> None:
    """Keep for the record who came, once the provider's signature was verified.

    INVARIANT: what nobody signed names nobody.
    """
    call.vouched.append(Vouched(provider, audience[:_LONGEST], subject[:_LONGEST]))


def denied(decision: Decision) -> Refused:
    return Refused(f"Not authorized to perform {decision.request.action}", decision)


def invalid(message: str) -> AwsError:
    return AwsError(message, code="InvalidIdentityToken")
