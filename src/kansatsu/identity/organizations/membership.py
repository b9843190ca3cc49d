"""What an organization means for a request of or on one account: compiled policies level by level, and its place.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kansatsu import policy as engine
from kansatsu.errors import InternalFailure, MalformedPolicyDocument
from kansatsu.identity.organizations import policies, tree
from kansatsu.identity.organizations.tree import RCP, SCP, Organization
from kansatsu.policy import Policy, PolicySet, Source

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from kansatsu.identity.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Membership:
    """One account in its organization.

    `path` is the value of aws:PrincipalOrgPaths: "o-.../r-.../ou-.../". `scps` and `rcps` hold one set for each level
    from the root down to the account; they are empty for the management account and where the type is not enabled.
    """

    id: str
    management: str
    path: str
    suspended: bool
    features: tuple[str, ...]
    scps: tuple[PolicySet, ...]
    rcps: tuple[PolicySet, ...]

    def keys(self, whose: str) -> dict[str, str | tuple[str, ...]]:
        """aws:PrincipalOrgID and aws:PrincipalOrgPaths, or those of "resource" or "source".

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid
        """
        return {f"aws:{whose}orgid": self.id, f"aws:{whose}orgpaths": (self.path,)}


OUTSIDE = Membership("", "", "", False, (), (), ())  # an account that is in no organization


@dataclass(frozen=True, slots=True)
class Level:
    """What hangs on one root, unit or account, of one type; `depends`: the ids in the log of changes beside its own."""

    rules: PolicySet
    depends: tuple[str, ...]


def load(snapshot: "Snapshot", conn: "Connection", account: str) -> tuple[Membership | None, tuple[str, ...]]:
    """The membership of an account, and the ids that it was made of."""
    org = tree.find(conn, account)
    if org is None:
        # Kept for accounts that there are, so that their requests need no lock; who guesses others fills nothing.
        return (OUTSIDE if account in snapshot.accounts() else None), (account,)
    way = tree.levels(conn, org, account)
    depends = [org.id, *way]
    enforced: dict[str, tuple[PolicySet, ...]] = {SCP: (), RCP: ()}
    # INVARIANT: the management account, and it alone, is limited by neither SCPs nor RCPs.
    # https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
    for kind in org.types if account != org.account else ():
        found = [snapshot.organization_level(org.account, kind, target) for target in way]
        enforced[kind] = tuple(level.rules for level in found)
        depends += [each for level in found for each in level.depends]
    member = tree.known_member(conn, org, account)
    path = "/".join((org.id, *way[:-1], ""))
    suspended = member.status == tree.SUSPENDED
    if suspended:
        # INVARIANT: in a closed account nobody does anything, its own people nor those of others.
        # https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-closing.html
        enforced = dict.fromkeys(enforced, (PolicySet(),))
    made = Membership(org.id, org.account, path, suspended, org.features, enforced[SCP], enforced[RCP])
    return made, tuple(dict.fromkeys(depends))


def load_level(conn: "Connection", management: str, type: str, target: str) -> Level:
    """What hangs on one level. INVARIANT: a policy that cannot be read refuses everything; it might hold a Deny."""
    org = tree.get(conn, management)
    kinds = {org.root: "root", management: "account"}
    kind = kinds.get(target) or ("ou" if target.startswith("ou-") else "account")
    owner = org.arn(kind, target)
    ids = policies.attached(conn, target, type)
    held = (policies.get(conn, org, each) for each in ids)
    return Level(PolicySet(_compiled(org, policy, owner) for policy in held), (org.id, *ids))


def _compiled(org: Organization, held: policies.OrganizationPolicy, owner: str) -> Policy:
    kind = policies.TYPES[held.type]
    source = Source(kind, arn=policies.policy_arn(org, held), owner=owner, name=held.name)
    try:
        return engine.compile_policy(engine.parse(held.content, kind), source)
    except MalformedPolicyDocument as error:
        raise InternalFailure(f"The policy {source.arn} of the organization cannot be read.") from error
