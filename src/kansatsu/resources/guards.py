"""What a resource itself says about a request: its policy, whose it is, and what limits the policy's effect."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import Unimplemented
from kansatsu.policy import Policy, Principal
from kansatsu.resources import buses, kinds, log_policies, tables
from kansatsu.resources.conditions import Conditions
from kansatsu.resources.facts import Place, Unsupported
from kansatsu.resources.grants import Grant, with_grants
from kansatsu.resources.kinds import PolicyKind
from kansatsu.resources.knowledge import Ask, Knowledge
from kansatsu.resources.names import Named, resolved
from kansatsu.resources.owners import Accounts, Owners
from kansatsu.resources.public import is_public

_NOTHING: Mapping[str, str] = MappingProxyType({})
_MOST_GRANTED = 1024
# What no policy of the resource keeps from the root user of the account that owns it.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html (queues)
UNLOCKING = frozenset(
    {
        "s3:GetBucketPolicy",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
        "sqs:GetQueueAttributes",
        "sqs:SetQueueAttributes",
    }
)

# Names by which S3 reaches a bucket that they do not tell; no bucket may end so.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BEHIND_ALIAS = re.compile(r".*(-s3alias|--ol-s3|\.mrap)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Guard:
    """The policy of one resource. `place` is the resource that holds it, None where none does.

    `account` owns the resource, "" where nobody can tell. `own_only`: RestrictPublicBuckets is on and the policy is
    public. `supported`: the backend has such policies. `of_aws`: it is of a key that AWS manages.
    """

    account: str = ""
    place: Place | None = None
    policy: Policy | None = None
    own_only: bool = False
    supported: bool = True
    of_aws: bool = False

    def policy_for(self, principal: Principal, action: str) -> Policy | None:
        """The policy as far as it has an effect for this principal and action.

        INVARIANT: what Block Public Access restricts, and what only the owner's account may do, gives nothing to
        strangers and other accounts; without an Allow of the resource they are refused, so that no Deny is missed.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
        """
        if self.policy is None:
            return None
        if principal.account == self.account:
            return None if principal.kind == "root" and action in UNLOCKING else self.policy
        restricted = self.own_only and principal.kind != "service"
        return None if restricted or owners_only(action) else self.policy


# INVARIANT: an organization is its members' as well: its service itself sees to it that the caller is one of them, and
# names nothing of any other organization.
_ACCOUNT = re.compile(r"arn:[^:]*:(?!organizations:)[^:]*:[^:]*:([0-9]{12}):")


def owner_in(resource: str, guard: Guard | None) -> str:
    """The account that owns a resource: its guard's, else what its ARN tells; "" when nobody knows."""
    if guard is not None:
        return guard.account
    found = _ACCOUNT.match(resource)
    return found[1] if found else ""


# Actions that no policy of the resource gives to another account.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-examples-of-sqs-policies.html
_OWNERS = frozenset(
    f"sqs:{name.lower()}"
    for name in (
        *("AddPermission", "CancelMessageMoveTask", "CreateQueue", "DeleteQueue", "ListMessageMoveTasks"),
        *("ListQueues", "ListQueueTags", "RemovePermission", "SetQueueAttributes", "StartMessageMoveTask"),
        *("TagQueue", "UntagQueue"),
    )
)
# And the only ones of KMS that one gives; https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
_KMS_ABROAD = frozenset(
    f"kms:{name.lower()}"
    for name in (
        *("CreateGrant", "Decrypt", "DeriveSharedSecret", "DescribeKey", "Encrypt", "GenerateDataKey"),
        *("GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext", "GenerateDataKeyWithoutPlaintext"),
        *("GenerateMac", "GetKeyRotationStatus", "GetPublicKey", "ListGrants", "ReEncryptFrom", "ReEncryptTo"),
        *("RetireGrant", "RevokeGrant", "Sign", "Verify", "VerifyMac"),
    )
)


def owners_only(action: str) -> bool:
    """Is this for the account of the resource alone?"""
    lowered = action.lower()
    return lowered in _OWNERS or (lowered.startswith("kms:") and lowered not in _KMS_ABROAD)


@dataclass(frozen=True, slots=True)
class Holder:
    """Which resource of a service holds the policy that guards an ARN, by its ARN; None where none does.

    `alone`: what changes the policy of one changes that of no other.
    """

    kind: PolicyKind
    of: Callable[[arn.Arn], str | None]
    alone: bool = True


def _bucket(named: arn.Arn) -> str | None:
    bucket = named.resource.partition("/")[0]
    if named.account and bucket == "job":
        return None  # of S3 Batch Operations: it stands before no bucket, and has no policy
    if named.region or named.account or _BEHIND_ALIAS.fullmatch(bucket):
        # INVARIANT: what stands before a bucket does not hide the bucket's policy.
        raise Unimplemented("Kansatsu does not know which bucket is behind an access point, nor its policy, yet.")
    return f"arn:{named.partition}:s3:::{bucket}" if bucket and bucket != "*" else None


def _beginning(prefix: str) -> Callable[[arn.Arn], str | None]:
    """The resource itself, where its part of the ARN begins so; a pattern is no resource."""

    def find(named: arn.Arn) -> str | None:
        plain = named.account and not re.search(r"[*?]", named.resource)
        return str(named) if plain and named.resource.startswith(prefix) else None

    return find


HOLDERS: dict[str, Holder] = {
    "s3": Holder(kinds.BUCKET_POLICY, _bucket),
    "sqs": Holder(kinds.QUEUE_POLICY, _beginning("")),
    "sns": Holder(kinds.TOPIC_POLICY, lambda named: None if "/" in named.resource else _beginning("")(named)),
    "kms": Holder(kinds.KEY_POLICY, _beginning("key/")),
    "secretsmanager": Holder(kinds.SECRET_POLICY, _beginning("secret:")),
    "ecr": Holder(kinds.REPOSITORY_POLICY, _beginning("repository/")),
    "dynamodb": Holder(kinds.TABLE_POLICY, tables.holder),
    "events": Holder(kinds.BUS_POLICY, buses.holder),
    "lambda": Holder(kinds.FUNCTION_POLICY, _beginning("function:"), alone=False),
}
# And policies that let in services alone, and are asked of none but them.
FOR_SERVICES: dict[str, Holder] = {"logs": Holder(kinds.LOGS_POLICY, log_policies.holder)}
# Operations ("sqs.SetQueueAttributes") after which a resource may have another policy than before.
POLICY_CHANGES = frozenset[str]().union(
    *(holder.kind.changed_by for holder in (*HOLDERS.values(), *FOR_SERVICES.values()))
)
_FOR_ALL = {**HOLDERS, **FOR_SERVICES}
# Of these every resource that a request is about must be known by its own ARN, since it may have a policy.
_NAMED = frozenset(HOLDERS) - {"s3"}


def _held(resource: str, holders: Mapping[str, Holder] = HOLDERS) -> tuple[arn.Arn | None, Holder | None, str | None]:
    """The parts of the resource's ARN, what its policy is, and the ARN of the resource that holds it."""
    named = arn.Arn.parse(resource)
    holder = holders.get(named.service) if named is not None else None
    return named, holder, holder.of(named) if holder is not None and named is not None else None


def _alone(resource: str) -> str | None:
    """The ARN of the resource that holds the policy, None also where other policies go with it."""
    _, holder, held = _held(resource)
    return held if holder is not None and holder.alone else None


class Resources:
    """What is known of the backend's resources, for authorizing requests on them.

    `home` is the account that owns what no ARN tells the owner of.
    """

    def __init__(self, knowledge: Knowledge, ask: Ask, home: str, accounts: Accounts) -> None:
        self._knowledge = knowledge
        self._home = home
        self.owners = Owners(knowledge, home, accounts)
        self.conditions = Conditions(knowledge, ask)
        # What a key's policy and its grants are together, of those that were asked last.
        self._granted: dict[str, tuple[Policy, tuple[Grant, ...], Policy]] = {}

    async def named(self, service: str, operation: str, params: Mapping[str, Any], account: str, region: str) -> Named:
        """The parameters of a request as far as only the backend knows what they mean."""
        return await resolved(self._knowledge, service, operation, params, account, region)

    async def guards(
        self, items: Sequence[Authorization], account: str, region: str, names: Mapping[str, str] = _NOTHING
    ) -> tuple[Guard, ...]:
        """The guard of each authorization of a request in an account ("" of nobody) and Region.

        `names` are those of the request. Raises ServiceUnavailable where the backend does not say, Unimplemented where
        nobody can tell what the request is about.
        """
        if items and items[0].action == "s3:CreateBucket":
            # Whoever else has a bucket of that name: what is asked for is one of one's own.
            return tuple(Guard(account) for _ in items)
        for item in items:
            # INVARIANT: who leaves open which resource he means does not get past its policy. What does not exist
            # has none.
            service = item.action.partition(":")[0]
            # What another service does with a key by itself (S3 for an encrypted object) is the backend's doing.
            direct = service in _NAMED and items[0].action.startswith(f"{service}:")
            open_ = direct and not item.exact and item.resource == "*"
            if open_ and "" not in names.values():
                raise Unimplemented(f"Kansatsu cannot tell which resource {item.action} is about here.")
        return tuple([await self._guard(item.resource, account or self._home, region) for item in items])

    async def for_service(self, resource: str, account: str, region: str) -> Guard:
        """The guard of what a service acts on by itself, for one of an account and Region."""
        return await self._guard(resource, account, region, _FOR_ALL)

    async def _guard(self, resource: str, account: str, region: str, holders: Mapping[str, Holder] = HOLDERS) -> Guard:
        named, holder, held = _held(resource, holders)
        if named is None or holder is None or held is None:
            return Guard(named.account if named is not None else "")
        owner = named.account
        if not owner and named.service == "s3":
            owner = await self.owners.of_bucket(held, account)
        place = Place(owner or account, held, named.region or region)
        policy = await self._knowledge.learn(holder.kind, place)
        if isinstance(policy, Unsupported):
            return Guard(place.account, place, supported=False)
        # INVARIANT: only a table's policy says by its Id which one it is of; that of another resource always counts.
        if policy is None or (holder.kind is kinds.TABLE_POLICY and not await self._of_this_table(policy, place)):
            return Guard(place.account, place)
        if holder.kind is kinds.KEY_POLICY:
            if (own := await self._of_aws(place)) is not None:
                return Guard(place.account, place, own, of_aws=True)
            policy = await self._with_grants(place, policy)
        own_only = holder.kind is kinds.BUCKET_POLICY and await self._own_only(policy, place)
        return Guard(place.account, place, policy, own_only)

    async def _of_this_table(self, policy: Policy, place: Place) -> bool:
        """INVARIANT: what an earlier table of the name allowed, or denied, is not this one's."""
        table = tables.of(policy.document.id)
        return not table or table == await self.table(place)

    async def table(self, place: Place) -> str:
        """What tells a table from others of its name, "" where there is none. Raises ServiceUnavailable."""
        found = await self._knowledge.learn(kinds.TABLE, place)
        return "" if isinstance(found, Unsupported) else found

    async def default_key(self, bucket: Place) -> str:
        """The key of KMS that a bucket encrypts with, as it was named; "" for none."""
        found = await self._knowledge.learn(kinds.BUCKET_KEY, bucket)
        return "" if isinstance(found, Unsupported) else found

    async def key(self, name: str, place: Place) -> str:
        """A key's id or ARN for any name of it, also an alias; the name itself where it means none."""
        if "alias/" not in name:
            return name
        alias = name if name.startswith("arn:") else f"arn:{arn.PARTITION}:kms:{place.region}:{place.account}:{name}"
        found = await self._knowledge.learn(kinds.ALIAS, Place(place.account, alias, place.region))
        return name if isinstance(found, Unsupported) or not found else found

    async def _of_aws(self, place: Place) -> Policy | None:
        """The policy of a key that AWS manages, whatever the backend has for it; None for a customer's."""
        service = await self._knowledge.learn(kinds.OWN_KEY, place)
        return None if isinstance(service, Unsupported) or not service else kinds.own_key_policy(place, service)

    async def _with_grants(self, place: Place, policy: Policy) -> Policy:
        grants = await self._knowledge.learn(kinds.KEY_GRANTS, place)
        if isinstance(grants, Unsupported) or not grants:
            return policy
        known = self._granted.get(place.arn)
        if known is None or known[0] is not policy or known[1] is not grants:
            if len(self._granted) >= _MOST_GRANTED:
                self._granted.clear()
            known = self._granted[place.arn] = (policy, grants, with_grants(place, policy, grants))
        return known[2]

    async def policy(self, place: Place) -> Policy | None:
        """The policy of a resource, as it is now. Raises ServiceUnavailable where the backend does not say."""
        service = place.arn.split(":", 3)[2]
        found = await self._knowledge.learn(HOLDERS[service].kind, place)
        return None if isinstance(found, Unsupported) else found

    async def _own_only(self, policy: Policy, place: Place) -> bool:
        return is_public(policy.document) and "RestrictPublicBuckets" in await self.block(place)

    async def block(self, place: Place) -> frozenset[str]:
        """The settings of Block Public Access that hold for a bucket: its own and its account's together."""
        account = place._replace(arn=f"arn:{arn.PARTITION}:s3::{place.account}:")
        found: frozenset[str] = frozenset()
        for kind, where in ((kinds.BUCKET_BLOCK, place), (kinds.ACCOUNT_BLOCK, account)):
            settings = await self._knowledge.learn(kind, where)
            found |= frozenset() if isinstance(settings, Unsupported) else settings
        return found

    def changing(self, operation: str, items: Sequence[Authorization]) -> AbstractContextManager[None]:
        """Around a call of `operation` ("s3.DeleteBucket") that was authorized so: what it may change is forgotten."""
        if not self._knowledge.changed_by(operation):
            return nullcontext()
        held = [found for item in items if (found := _alone(item.resource)) is not None]
        return self._knowledge.changing(operation, held if len(held) == len(items) else None)

    def clear(self) -> None:
        """Forget everything: the backend was emptied."""
        self._knowledge.clear()
