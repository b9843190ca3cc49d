"""An account as `aws iam get-account-authorization-details` tells of it: who is there, and which policies they have.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from kansatsu import policy as engine
from kansatsu.advisor.last_access import Who
from kansatsu.arn import Arn
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.identity import aws_managed
from kansatsu.policy import Policy, PolicySet, PolicyType, Source

_KINDS = {"UserDetailList": "User", "GroupDetailList": "Group", "RoleDetailList": "Role"}


class NoAccount(ValueError):
    """What was given is no output of get-account-authorization-details; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A user, group or role. `policies` are its own, direct ones; `groups` the ARNs of a user's groups."""

    who: Who
    policies: tuple[Policy, ...]
    groups: tuple[str, ...] = ()
    boundary: str = ""
    created: str = ""

    @property
    def elsewhere(self) -> str:
        """Who manages it, where that is not the account's administrator; else "".

        https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
        """
        if self.who.kind != "role":
            return ""
        if self.who.path.startswith("/aws-service-role/"):
            return "a service-linked role: AWS manages its policies"
        if self.who.path.startswith("/aws-reserved/") or self.who.name.startswith("AWSReservedSSO_"):
            return "a role of IAM Identity Center: its permission set has its policies"
        return ""


@dataclass(slots=True)
class Account:
    """All of it, by ARN. `unread` names policies whose documents are missing or cannot be read: what they grant is
    not known.
    """

    entities: dict[str, Entity] = field(default_factory=dict)
    managed: dict[str, Policy] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def people(self) -> Iterator[Entity]:
        """Users and roles."""
        return (item for item in self.entities.values() if item.who.kind != "group")

    def members(self, group: str) -> list[Entity]:
        return [item for item in self.entities.values() if group in item.groups]

    def held(self, entity: Entity) -> PolicySet:
        """All identity-based policies of an entity, those of a user's groups among them, each once."""
        groups = (self.entities[arn] for arn in entity.groups if arn in self.entities)
        found = dict.fromkeys((*entity.policies, *(policy for group in groups for policy in group.policies)))
        return PolicySet(found)

    def holders(self, policy: str) -> list[Entity]:
        """The users and roles that a managed policy is attached to, through groups too."""

        def holds(entity: Entity) -> bool:
            return any(item.source.arn == policy for item in self.held(entity))

        return [item for item in self.people() if holds(item)]


def read(text: bytes) -> Account:
    """The account of such output, one page or all of them. Raises NoAccount."""
    try:
        details = json.loads(text)
    except (ValueError, RecursionError):
        raise NoAccount("it is no JSON") from None
    return of(details)


def of(details: Any) -> Account:
    """The same, decoded. Raises NoAccount."""
    if not isinstance(details, dict) or not any(isinstance(details.get(name), list) for name in _KINDS):
        raise NoAccount("it has none of UserDetailList, GroupDetailList and RoleDetailList")
    if details.get("IsTruncated") or details.get("NextToken"):
        raise NoAccount("it is only a part: more users, roles or policies follow; let the AWS CLI fetch all pages")
    try:
        return _Reader().account(details)
    except (KeyError, TypeError, AttributeError) as error:
        raise NoAccount(f"a member is missing or of another type: {error}") from None


class _Reader:
    """Puts an account together."""

    def __init__(self) -> None:
        self._found = Account()

    def account(self, details: Mapping[str, Any]) -> Account:
        for item in details.get("Policies") or ():
            versions = item.get("PolicyVersionList") or ()
            document = next((one["Document"] for one in versions if one["IsDefaultVersion"]), None)
            source = Source(PolicyType.IDENTITY, arn=item["Arn"], name=item["PolicyName"])
            if document is not None and (policy := self._policy(document, source)) is not None:
                self._found.managed[item["Arn"]] = policy
        groups = {item["GroupName"]: item["Arn"] for item in details.get("GroupDetailList") or ()}
        for section, word in _KINDS.items():
            for item in details.get(section) or ():
                entity = self._entity(item, word, groups)
                self._found.entities[entity.who.arn] = entity
        return self._found

    def _entity(self, item: Mapping[str, Any], word: str, groups: Mapping[str, str]) -> Entity:
        arn = str(item["Arn"])
        own = [
            self._policy(one["PolicyDocument"], Source(PolicyType.IDENTITY, owner=arn, name=one["PolicyName"]))
            for one in item.get(f"{word}PolicyList") or ()
        ]
        attached = [self._managed(one["PolicyArn"]) for one in item.get("AttachedManagedPolicies") or ()]
        return Entity(
            Who(item[f"{word}Id"], arn, word.lower(), item[f"{word}Name"], item["Path"]),
            tuple(policy for policy in (*own, *attached) if policy is not None),
            tuple(groups[name] for name in item.get("GroupList") or () if name in groups),
            (item.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", ""),
            str(item.get("CreateDate", "")),
        )

    def _managed(self, arn: str) -> Policy | None:
        """One that is attached. The document of one of AWS's is known even where it was not asked for."""
        if arn not in self._found.managed and arn not in self._found.unread:
            text = aws_managed.document(arn)
            source = Source(PolicyType.IDENTITY, arn=arn, name=arn.rpartition("/")[2])
            if text is None:
                self._found.unread[arn] = "its document is not among the authorization details"
            elif (policy := self._policy(text, source)) is not None:
                self._found.managed[arn] = policy
        return self._found.managed.get(arn)

    def _policy(self, document: Any, source: Source) -> Policy | None:
        """The AWS CLI decodes documents, the API does not."""
        text = unquote(document) if isinstance(document, str) else json.dumps(document, indent=2)
        try:
            return engine.compile_policy(engine.parse(text), source)
        except MalformedPolicyDocument as error:
            self._found.unread[source.arn or f"{source.owner} {source.name}"] = str(error)
            return None


def named(account: Account, text: str) -> Entity | None:
    """The entity of an ARN, or of user/NAME, group/NAME, role/NAME."""
    if text in account.entities:
        return account.entities[text]
    kind, _, name = text.partition("/")
    found: Iterable[Entity] = account.entities.values()
    return next((item for item in found if (item.who.kind, item.who.name) == (kind, name)), None)


def is_policy(arn: str) -> bool:
    parsed = Arn.parse(arn)
    return parsed is not None and parsed.service == "iam" and parsed.resource.startswith("policy/")
