"""What a resource itself says about a request: its policy, whose it is, and what limits the policy's effect."""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import Unimplemented
from kansatsu.policy import Policy, Principal
from kansatsu.resources import kinds
from kansatsu.resources.conditions import Conditions
from kansatsu.resources.facts import UNSUPPORTED, Place, Unsupported
from kansatsu.resources.kinds import PolicyKind
from kansatsu.resources.knowledge import Ask, Knowledge
from kansatsu.resources.owners import Accounts, Owners
from kansatsu.resources.public import is_public

# Names by which S3 reaches a bucket that they do not tell; no bucket may end so.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BEHIND_ALIAS = re.compile(r".*(-s3alias|--ol-s3|\.mrap)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Guard:
    """The policy of one resource. `place` is the resource that holds it, None where none does.

    `account` owns the resource, "" where nobody can tell. `own_only`: RestrictPublicBuckets is on and the policy is
    public. `supported`: the backend has such policies.
    """

    account: str = ""
    place: Place | None = None
    policy: Policy | None = None
    own_only: bool = False
    supported: bool = True

    def policy_for(self, principal: Principal) -> Policy | None:
        """The policy as far as it has an effect for this principal.

        INVARIANT: what Block Public Access restricts gives nothing to strangers and other accounts; without an Allow
        of the resource they are refused, so that its Denies are not missed.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
        """
        stranger = principal.account != self.account and principal.kind != "service"
        return None if self.own_only and stranger else self.policy


@dataclass(frozen=True, slots=True)
class Holder:
    """Which resource of a service holds the policy that guards an ARN, by its ARN; None where none does."""

    kind: PolicyKind
    of: Callable[[arn.Arn], str | None]


def _bucket(named: arn.Arn) -> str | None:
    bucket = named.resource.partition("/")[0]
    if named.region or named.account or _BEHIND_ALIAS.fullmatch(bucket):
        # INVARIANT: what stands before a bucket does not hide the bucket's policy.
        raise Unimplemented("Kansatsu does not know which bucket is behind an access point, nor its policy, yet.")
    return f"arn:{named.partition}:s3:::{bucket}" if bucket and bucket != "*" else None


HOLDERS: dict[str, Holder] = {
    "s3": Holder(kinds.BUCKET_POLICY, _bucket),
}


def _held(resource: str) -> tuple[arn.Arn | None, Holder | None, str | None]:
    """The parts of the resource's ARN, what its policy is, and the ARN of the resource that holds it."""
    named = arn.Arn.parse(resource)
    holder = HOLDERS.get(named.service) if named is not None else None
    return named, holder, holder.of(named) if holder is not None and named is not None else None


class Resources:
    """What is known of the backend's resources, for authorizing requests on them.

    `home` is the account that owns what no ARN tells the owner of.
    """

    def __init__(self, knowledge: Knowledge, ask: Ask, home: str, accounts: Accounts) -> None:
        self._knowledge = knowledge
        self._home = home
        self.owners = Owners(knowledge, home, accounts)
        self.conditions = Conditions(knowledge, ask)

    async def guards(self, items: Sequence[Authorization], account: str, region: str) -> tuple[Guard, ...]:
        """The guard of each authorization of a request in an account ("" of nobody) and Region.

        Raises ServiceUnavailable where the backend does not say.
        """
        if items and items[0].action == "s3:CreateBucket":
            # Whoever else has a bucket of that name: what is asked for is one of one's own.
            return tuple(Guard(account) for _ in items)
        return tuple([await self._guard(item.resource, account or self._home, region) for item in items])

    async def _guard(self, resource: str, account: str, region: str) -> Guard:
        named, holder, held = _held(resource)
        if named is None or holder is None or held is None:
            return Guard(named.account if named is not None else "")
        owner = named.account
        if not owner and named.service == "s3":
            owner = await self.owners.of_bucket(held, account)
        place = Place(owner or account, held, named.region or region)
        policy = await self._knowledge.learn(holder.kind, place)
        if policy is UNSUPPORTED:
            return Guard(place.account, place, supported=False)
        policy = cast("Policy | None", policy)
        own_only = policy is not None and named.service == "s3" and await self._own_only(policy, place)
        return Guard(place.account, place, policy, own_only)

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
        held = [found for item in items if (found := _held(item.resource)[2]) is not None]
        return self._knowledge.changing(operation, held if len(held) == len(items) else None)

    def clear(self) -> None:
        """Forget everything: the backend was emptied."""
        self._knowledge.clear()
