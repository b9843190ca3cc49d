"""Reads what a snapshot lacks: rows become compiled, immutable entries that name what they were made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, and_, select

from kansatsu import arn as arns
from kansatsu import policy as engine
from kansatsu.errors import InternalFailure, MalformedPolicyDocument
from kansatsu.identity import aws_managed, schema
from kansatsu.identity.accounts import listing
from kansatsu.identity.changes import ACCOUNTS
from kansatsu.identity.organizations import membership
from kansatsu.identity.records import AccessKey, EntityPolicies, EntityRecord
from kansatsu.policy import Policy, PolicySet, PolicyType, Source

if TYPE_CHECKING:
    from kansatsu.identity.snapshot import Snapshot
    from kansatsu.identity.store import Store

T = TypeVar("T")
DEFAULT_SESSION_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Loaded(Generic[T]):
    """What was found, None for nothing; `depends`: the ids in the log of changes that make it stale."""

    value: T | None
    depends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Own:
    """What hangs on one entity itself: compiled inline policies, ARNs of attached ones, ids of its groups."""

    inline: tuple[Policy, ...]
    attached: tuple[str, ...]
    groups: tuple[str, ...]
    boundary_arn: str | None


def accounts(store: "Store") -> Loaded[tuple[str, ...]]:
    """The ids of all accounts; never kept while there is none, which is before the first start."""
    with store.read() as conn:
        found = tuple(account.id for account in listing(conn))
    return Loaded(found or None, (ACCOUNTS,))


def organization(snapshot: "Snapshot", store: "Store", account: str) -> Loaded[membership.Membership]:
    """What an organization means for an account."""
    with store.read() as conn:
        return Loaded(*membership.load(snapshot, conn, account))


def organization_level(store: "Store", management: str, type: str, target: str) -> Loaded[membership.Level]:
    """The policies of a type that hang on one root, unit or account."""
    with store.read() as conn:
        found = membership.load_level(conn, management, type, target)
    return Loaded(found, (target, *found.depends))


def access_key(store: "Store", id: str) -> Loaded[AccessKey]:
    """The key with its secret unsealed."""
    table = schema.access_key
    with store.read() as conn:
        row = conn.execute(select(table).where(table.c.id == id)).first()
    if row is None:
        return Loaded(None, (id,))
    secret = store.sealer.open_secret(row.secret, row.id)
    return Loaded(AccessKey(row.id, secret, row.status, row.account, row.user_id, row.created), (id,))


def entity(store: "Store", id: str) -> Loaded[EntityRecord]:
    """A user, group or role by id."""
    return _entity(store, schema.entity.c.id == id, (id,))


def entity_named(store: "Store", account: str, kind: str, name: str) -> Loaded[EntityRecord]:
    """The same by name; the index is on the lower-cased name, the answer only for the exact one."""
    table = schema.entity
    named = and_(table.c.account == account, table.c.kind == kind, table.c.name_key == name.lower())
    return _entity(store, and_(named, table.c.name == name), ())


def _entity(store: "Store", where: ColumnElement[bool], depends: tuple[str, ...]) -> Loaded[EntityRecord]:
    with store.read() as conn:
        row = conn.execute(select(schema.entity).where(where)).first()
        if row is None:
            return Loaded(None, depends)
        return Loaded(_record(row, _tags(conn, row.id)), (row.id,))


def _tags(conn: Connection, id: str) -> dict[str, str]:
    query = select(schema.tag.c.key, schema.tag.c.value).where(schema.tag.c.resource_id == id)
    return dict(tuple(row) for row in conn.execute(query))


def _record(row: Any, tags: dict[str, str]) -> EntityRecord:
    arn = arns.entity(row.account, row.kind, row.path, row.name)
    trust = None
    if row.trust_document is not None:
        trust = _compile(row.trust_document, Source(PolicyType.TRUST, owner=arn))
    return EntityRecord(
        row.id,
        row.account,
        row.kind,
        row.name,
        row.path,
        arn,
        row.created,
        tags,
        row.boundary_arn,
        trust,
        row.max_session_duration or DEFAULT_SESSION_SECONDS,
        row.description,
        row.max_signin_duration,
    )


def own(store: "Store", id: str) -> Loaded[Own]:
    """What hangs on the entity itself."""
    inline, attached, member = schema.inline_policy, schema.attachment, schema.membership
    with store.read() as conn:
        row = conn.execute(select(schema.entity).where(schema.entity.c.id == id)).first()
        if row is None:
            return Loaded(None, (id,))
        documents = conn.execute(select(inline).where(inline.c.entity_id == id).order_by(inline.c.name)).all()
        arn_query = select(attached.c.policy_arn).where(attached.c.entity_id == id).order_by(attached.c.policy_arn)
        attached_arns = tuple(conn.execute(arn_query).scalars())
        group_query = select(member.c.group_id).where(member.c.user_id == id).order_by(member.c.group_id)
        groups = tuple(conn.execute(group_query).scalars())
    owner = arns.entity(row.account, row.kind, row.path, row.name)
    compiled = tuple(
        _compile(item.document, Source(PolicyType.IDENTITY, owner=owner, name=item.name)) for item in documents
    )
    return Loaded(Own(compiled, attached_arns, groups, row.boundary_arn), (id,))


def policies(snapshot: "Snapshot", id: str) -> Loaded[EntityPolicies]:
    """All policies of an entity, put together of parts that other entities share."""
    mine = snapshot.own_policies(id)
    if mine is None:
        return Loaded(None, (id,))
    holders = [mine, *(found for group in mine.groups if (found := snapshot.own_policies(group)) is not None)]
    managed_arns = tuple(dict.fromkeys(arn for holder in holders for arn in holder.attached))
    parts = [policy for holder in holders for policy in holder.inline]
    parts += _all_of(snapshot, managed_arns, id)
    boundary = None
    if mine.boundary_arn is not None:
        boundary = snapshot.boundary(mine.boundary_arn)
        if boundary is None:
            raise InternalFailure(f"The permissions boundary {mine.boundary_arn} of {id} is missing.")
    depends = (id, *mine.groups, *managed_arns, *([mine.boundary_arn] if mine.boundary_arn else []))
    return Loaded(EntityPolicies(PolicySet(parts), boundary), depends)


def _all_of(snapshot: "Snapshot", managed_arns: Iterable[str], id: str) -> list[Policy]:
    """INVARIANT: a policy that is attached but cannot be found or read refuses everything; it might hold a Deny."""
    found = []
    for arn in managed_arns:
        policy = snapshot.managed(arn)
        if policy is None:
            raise InternalFailure(f"The policy {arn} attached to {id} is missing.")
        found.append(policy)
    return found


def managed(store: "Store", arn: str, kind: PolicyType = PolicyType.IDENTITY) -> Loaded[Policy]:
    """The default version of a managed policy, compiled as what it is used for."""
    source = Source(kind, arn=arn, name=arn.rsplit("/", 1)[-1])
    if aws_managed.is_aws(arn):
        document = aws_managed.document(arn)
        return Loaded(None if document is None else _compile(document, source), (arn,))
    table, versions = schema.policy, schema.policy_version
    joined = and_(versions.c.policy_id == table.c.id, versions.c.version == table.c.default_version)
    with store.read() as conn:
        text = conn.execute(select(versions.c.document).join(table, joined).where(table.c.arn == arn)).scalar()
    return Loaded(None if text is None else _compile(text, source), (arn,))


def _compile(text: str, source: Source) -> Policy:
    """INVARIANT: a stored document that the engine cannot read is an error, never an absent policy."""
    try:
        return engine.compile_policy(engine.parse(text, source.type), source)
    except MalformedPolicyDocument as error:
        raise InternalFailure(f"A stored policy cannot be read: {source.arn or source.owner} {source.name}") from error
