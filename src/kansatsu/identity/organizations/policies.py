"""Service control policies and resource control policies: what they are, and what they hang on.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_authorization_policies.html
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from kansatsu import policy as engine
from kansatsu.errors import MalformedPolicyDocument
from kansatsu.identity.changes import touch
from kansatsu.identity.organization_tables import organization_attachment, organization_policy
from kansatsu.identity.organizations import tree
from kansatsu.identity.organizations.errors import error, invalid, violation
from kansatsu.identity.organizations.tree import RCP, SCP, Organization
from kansatsu.policy import QUOTAS, PolicyType

TYPES = {SCP: PolicyType.SCP, RCP: PolicyType.RCP}
# https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
SIZE = {SCP: QUOTAS["scp"].size, RCP: QUOTAS["rcp"].size}  # characters
PER_TARGET = {SCP: 10, RCP: 5}
PER_TYPE = {SCP: 10_000, RCP: 1_000}


@dataclass(frozen=True, slots=True)
class OrganizationPolicy:
    id: str
    type: str
    name: str
    description: str
    content: str

    @property
    def aws_managed(self) -> bool:
        return self.id in AWS_MANAGED


_FULL = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",%s"Action":"*","Resource":"*"}]}'
AWS_MANAGED = {
    policy.id: policy
    for policy in (
        OrganizationPolicy("p-FullAWSAccess", SCP, "FullAWSAccess", "Allows access to every operation", _FULL % ""),
        OrganizationPolicy(
            "p-RCPFullAWSAccess",
            RCP,
            "RCPFullAWSAccess",
            "Allows access to every resource",
            _FULL % '"Principal":"*",',
        ),
    )
}
FULL = {policy.type: policy.id for policy in AWS_MANAGED.values()}

_POLICY = (
    organization_policy.c.id,
    organization_policy.c.type,
    organization_policy.c.name,
    organization_policy.c.description,
    organization_policy.c.content,
)


def policy_arn(org: Organization, policy: OrganizationPolicy) -> str:
    """AWS's own policies belong to no organization."""
    if policy.aws_managed:
        return f"arn:aws:organizations::aws:policy/{policy.type.lower()}/{policy.id}"
    return org.arn("policy", policy.type.lower(), policy.id)


def find(conn: Connection, org: Organization, id: str) -> OrganizationPolicy | None:
    if id in AWS_MANAGED:
        return AWS_MANAGED[id]
    where = organization_policy.c.id == id, organization_policy.c.account == org.account
    row = conn.execute(select(*_POLICY).where(*where)).first()
    return None if row is None else OrganizationPolicy(*row)


def get(conn: Connection, org: Organization, id: str) -> OrganizationPolicy:
    """Raises PolicyNotFoundException."""
    found = find(conn, org, id)
    if found is None:
        raise error("PolicyNotFoundException")
    return found


def listing(conn: Connection, org: Organization, type: str) -> list[OrganizationPolicy]:
    """Those of a type, AWS's own first."""
    where = organization_policy.c.account == org.account, organization_policy.c.type == type
    own = conn.execute(select(*_POLICY).where(*where).order_by(organization_policy.c.id))
    return [AWS_MANAGED[FULL[type]], *(OrganizationPolicy(*row) for row in own)]


def create(
    conn: Connection, org: Organization, type: str, name: str, description: str, content: str, now: float
) -> OrganizationPolicy:
    """Raises PolicyTypeNotAvailableForOrganizationException, DuplicatePolicyException, ConstraintViolationException,
    MalformedPolicyDocumentException."""
    if org.feature_set != tree.ALL_FEATURES:
        raise error("PolicyTypeNotAvailableForOrganizationException")
    known = listing(conn, org, type)
    _check(known, name, content, type)
    if len(known) > PER_TYPE[type]:
        raise violation("POLICY_NUMBER_LIMIT_EXCEEDED", f"An organization can have {PER_TYPE[type]} such policies.")
    made = OrganizationPolicy(tree.make_id("p-", 8), type, name, description, content)
    values = {column.name: getattr(made, column.name) for column in _POLICY}
    conn.execute(insert(organization_policy).values(account=org.account, created=now, **values))
    return made


def change(conn: Connection, org: Organization, policy: OrganizationPolicy, **fields: str) -> OrganizationPolicy:
    """Set name, description, content. Raises as create()."""
    _not_aws(policy)
    changed = replace(policy, **fields)
    others = [known for known in listing(conn, org, policy.type) if known.id != policy.id]
    _check(others, changed.name, changed.content, policy.type)
    if fields:
        conn.execute(update(organization_policy).where(organization_policy.c.id == policy.id).values(**fields))
        touch(conn, org.account, "organization", policy.id)
    return changed


def remove(conn: Connection, org: Organization, policy: OrganizationPolicy) -> None:
    """Raises PolicyInUseException."""
    _not_aws(policy)
    if targets(conn, org, policy.id):
        raise error("PolicyInUseException")
    conn.execute(delete(organization_policy).where(organization_policy.c.id == policy.id))
    tree.forget_tags(conn, policy.id)
    touch(conn, org.account, "organization", policy.id)


def _not_aws(policy: OrganizationPolicy) -> None:
    if policy.aws_managed:
        raise invalid("IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified.")


def _check(others: list[OrganizationPolicy], name: str, content: str, type: str) -> None:
    if any(known.name == name for known in others):
        raise error("DuplicatePolicyException")
    if len(content) > SIZE[type]:
        raise violation("POLICY_CONTENT_LIMIT_EXCEEDED", f"The policy exceeds the maximum of {SIZE[type]} characters.")
    try:
        engine.parse(content, TYPES[type])
    except MalformedPolicyDocument as fault:
        sentence = f"The provided policy document does not meet the requirements of the specified policy type: {fault}"
        raise error("MalformedPolicyDocumentException", sentence) from None


# ---- what they hang on ----------------------------------------------------------------------------------------------


def attached(conn: Connection, target: str, type: str) -> list[str]:
    """The ids of the policies of a type that hang on a root, unit or account itself."""
    where = organization_attachment.c.target == target, organization_attachment.c.type == type
    query = select(organization_attachment.c.policy).where(*where).order_by(organization_attachment.c.policy)
    return list(conn.execute(query).scalars())


def targets(conn: Connection, org: Organization, id: str) -> list[str]:
    """The ids of what a policy hangs on."""
    where = organization_attachment.c.policy == id, organization_attachment.c.account == org.account
    query = select(organization_attachment.c.target).where(*where).order_by(organization_attachment.c.target)
    return list(conn.execute(query).scalars())


def attach(conn: Connection, org: Organization, policy: OrganizationPolicy, target: str) -> None:
    """Raises PolicyTypeNotEnabledException, DuplicatePolicyAttachmentException, ConstraintViolationException."""
    if policy.type not in org.types:
        raise error("PolicyTypeNotEnabledException")
    held = attached(conn, target, policy.type)
    if policy.id in held:
        raise error("DuplicatePolicyAttachmentException")
    if len(held) >= PER_TARGET[policy.type]:
        raise violation(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            f"You have attached the maximum number of {PER_TARGET[policy.type]} policies of this type to the target.",
        )
    _hang(conn, org, policy.id, policy.type, target)


def detach(conn: Connection, org: Organization, policy: OrganizationPolicy, target: str) -> None:
    """Raises PolicyTypeNotEnabledException, PolicyNotAttachedException, ConstraintViolationException.

    INVARIANT: every root, unit and account keeps an SCP, and RCPFullAWSAccess.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html
    """
    if policy.type not in org.types:
        raise error("PolicyTypeNotEnabledException")
    held = attached(conn, target, policy.type)
    if policy.id not in held:
        raise error("PolicyNotAttachedException")
    if policy.id == FULL[RCP]:
        raise invalid("NON_DETACHABLE_POLICY", "You can't detach this AWS managed policy.")
    if len(held) == 1:
        raise violation(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot detach the last policy of this type from the target.",
        )
    where = organization_attachment.c.policy == policy.id, organization_attachment.c.target == target
    conn.execute(delete(organization_attachment).where(*where))
    touch(conn, org.account, "organization", target)


def hang_defaults(conn: Connection, org: Organization, target: str) -> None:
    """What AWS attaches by itself to whatever comes into the tree."""
    for kind in org.types:
        _hang(conn, org, FULL[kind], kind, target)


def take_down(conn: Connection, target: str) -> None:
    """Detach everything from what leaves the tree."""
    conn.execute(delete(organization_attachment).where(organization_attachment.c.target == target))


def enable(conn: Connection, org: Organization, type: str) -> Organization:
    """Raises PolicyTypeAlreadyEnabledException, PolicyTypeNotAvailableForOrganizationException."""
    if org.feature_set != tree.ALL_FEATURES:
        raise error("PolicyTypeNotAvailableForOrganizationException")
    if type in org.types:
        raise error("PolicyTypeAlreadyEnabledException")
    everything = [org.root, *(unit.id for unit in tree.units(conn, org))]
    everything += [member.id for member in tree.members(conn, org)]
    rows = [{"policy": FULL[type], "target": each, "account": org.account, "type": type} for each in everything]
    conn.execute(insert(organization_attachment), rows)
    return tree.change(conn, org, types=sorted({*org.types, type}, reverse=True))


def disable(conn: Connection, org: Organization, type: str) -> Organization:
    """All policies of the type are detached, and kept. Raises PolicyTypeNotEnabledException.

    https://docs.aws.amazon.com/organizations/latest/userguide/disable-policy-type.html
    """
    if type not in org.types:
        raise error("PolicyTypeNotEnabledException")
    where: tuple[Any, ...] = organization_attachment.c.account == org.account, organization_attachment.c.type == type
    conn.execute(delete(organization_attachment).where(*where))
    return tree.change(conn, org, types=[known for known in org.types if known != type])


def _hang(conn: Connection, org: Organization, id: str, type: str, target: str) -> None:
    conn.execute(insert(organization_attachment).values(policy=id, target=target, account=org.account, type=type))
    touch(conn, org.account, "organization", target)
