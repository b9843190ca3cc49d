"""What is known of an instance and of its association, and how that is kept: rows in, frozen dataclasses out."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from kansatsu import arn
from kansatsu.identity import schema
from kansatsu.workload.views import MetadataOptions

TERMINATED = "terminated"

# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html
STATE_CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}


def new_id(prefix: str) -> str:
    """A resource id in EC2's long form: the prefix, a hyphen and 17 hex digits.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html
    """
    return f"{prefix}-{secrets.token_hex(9)[:17]}"


# The API's own default, unlike the console's. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataOptionsRequest.html
DEFAULT_METADATA = MetadataOptions(http_tokens="optional")


@dataclass(frozen=True, slots=True)
class Details:
    """What need not be searched by: stored as one JSON text. Times are epoch seconds."""

    name: str = ""  # the container's name
    image_id: str = ""  # ami-...
    image_name: str = ""
    instance_type: str = "t3.micro"
    reservation_id: str = ""
    launch_index: int = 0
    zone: str = ""
    zone_id: str = ""
    subnet_id: str = ""
    vpc_id: str = ""
    security_groups: tuple[tuple[str, str], ...] = ()  # (id, name)
    private_ip: str = ""
    mac: str = ""
    interface_id: str = ""
    metadata: MetadataOptions = DEFAULT_METADATA
    user_data: str = ""  # base64
    user_data_done: bool = False
    namespace: str = ""  # the container that holds the network namespace of an instance that we launched
    label_profile: str = ""  # the profile that the container's label asks for, until it is associated
    reason_code: str = ""  # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
    reason: str = ""
    request_digest: str = ""  # of the RunInstances that carried the client token
    architecture: str = "x86_64"
    engine: str = ""  # which container engine has it, see Provider.home


@dataclass(frozen=True, slots=True)
class Instance:
    """One EC2 instance: a container (later: a machine) with an identity."""

    id: str
    account: str
    region: str
    provider: str
    reference: str  # the full container id
    adopted: bool
    state: str
    launched: float
    details: Details
    ended: float | None = None
    client_token: str = ""

    @property
    def arn(self) -> str:
        return f"arn:{arn.PARTITION}:ec2:{self.region}:{self.account}:instance/{self.id}"

    @property
    def private_dns(self) -> str:
        """ip-10-88-0-6.REGION.compute.internal; us-east-1 says ec2.internal.

        https://docs.aws.amazon.com/vpc/latest/userguide/vpc-dns.html
        """
        if not self.details.private_ip:
            return ""
        domain = "ec2.internal" if self.region == "us-east-1" else f"{self.region}.compute.internal"
        return f"ip-{self.details.private_ip.replace('.', '-')}.{domain}"


@dataclass(frozen=True, slots=True)
class Association:
    """An instance profile on an instance; `changed` is epoch seconds."""

    id: str
    account: str
    instance_id: str
    profile_id: str
    profile_arn: str
    state: str  # associating | associated | disassociating | disassociated
    changed: float


# ---- instances -----------------------------------------------------------------------------------------------------


def save_instance(conn: Connection, item: Instance, *, new: bool = False, node: str = "") -> None:
    """Insert the row of an instance, as this node's, or overwrite it."""
    values: dict[str, Any] = {
        "id": item.id,
        "account": item.account,
        "region": item.region,
        "provider": item.provider,
        "reference": item.reference,
        "adopted": int(item.adopted),
        "state": item.state,
        "launched": item.launched,
        "ended": item.ended,
        "client_token": item.client_token or None,
        "details": msgspec.json.encode(item.details).decode(),
    }
    if new:
        conn.execute(insert(schema.instance).values({**values, "node": node}))
    else:
        conn.execute(update(schema.instance).where(schema.instance.c.id == item.id).values(values))


def load_instances(conn: Connection, node: str) -> list[Instance]:
    """All instances of a node, the terminated ones too, oldest first."""
    table = schema.instance
    rows = conn.execute(select(table).where(table.c.node == node).order_by(table.c.launched, table.c.id))
    return [_instance(row) for row in rows]


def forget_instance(conn: Connection, instance_id: str) -> None:
    """Delete an instance's row, association and tags: an hour after its end, as AWS forgets it."""
    conn.execute(delete(schema.instance).where(schema.instance.c.id == instance_id))
    conn.execute(delete(schema.association).where(schema.association.c.instance_id == instance_id))
    conn.execute(delete(schema.tag).where(schema.tag.c.resource_id == instance_id))


def _instance(row: Row[Any]) -> Instance:
    return Instance(
        id=row.id,
        account=row.account,
        region=row.region,
        provider=row.provider,
        reference=row.reference,
        adopted=bool(row.adopted),
        state=row.state,
        launched=row.launched,
        ended=row.ended,
        client_token=row.client_token or "",
        details=msgspec.json.decode(row.details, type=Details),
    )


# ---- associations --------------------------------------------------------------------------------------------------


def save_association(conn: Connection, item: Association) -> None:
    """Add the row of a new association."""
    conn.execute(insert(schema.association).values({name: getattr(item, name) for name in Association.__slots__}))


def delete_association(conn: Connection, association_id: str) -> None:
    """A disassociated profile leaves no row: AWS no longer describes it either."""
    conn.execute(delete(schema.association).where(schema.association.c.id == association_id))


def load_associations(conn: Connection) -> list[Association]:
    """The associations of all instances."""
    return [
        Association(*row) for row in conn.execute(select(*(schema.association.c[n] for n in Association.__slots__)))
    ]


# ---- tags ----------------------------------------------------------------------------------------------------------


def load_tags(conn: Connection, prefixes: Sequence[str]) -> dict[str, dict[str, str]]:
    """Tags by resource id, of all resources whose id starts with one of the prefixes ("i-", "ami-")."""
    tags: dict[str, dict[str, str]] = {}
    for prefix in prefixes:
        rows = conn.execute(
            select(schema.tag.c.resource_id, schema.tag.c.key, schema.tag.c.value).where(
                schema.tag.c.resource_id.startswith(prefix, autoescape=True)
            )
        )
        for resource_id, key, value in rows:
            tags.setdefault(resource_id, {})[key] = value
    return tags


def put_tags(conn: Connection, resource_id: str, tags: Mapping[str, str]) -> None:
    """Add tags or overwrite their values. EC2's keys are case-sensitive."""
    remove_tags(conn, resource_id, tags)
    if tags:
        rows = [{"resource_id": resource_id, "key_lower": k, "key": k, "value": v} for k, v in tags.items()]
        conn.execute(insert(schema.tag), rows)


def remove_tags(conn: Connection, resource_id: str, keys: Iterable[str]) -> None:
    """Delete tags by key; keys that are not there are no error."""
    names = list(keys)
    if names:
        table = schema.tag
        conn.execute(delete(table).where(table.c.resource_id == resource_id, table.c.key.in_(names)))
