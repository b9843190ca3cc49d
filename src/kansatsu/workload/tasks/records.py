"""Clusters and task definitions, and how they are kept: rows in, frozen dataclasses out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from kansatsu import arn
from kansatsu.identity import schema

ACTIVE, INACTIVE = "ACTIVE", "INACTIVE"
DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"  # of a task definition: it is never used again, nor is its number
DEFAULT_CLUSTER = "default"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose, and in which Region."""

    account: str
    region: str

    def arn(self, resource: str) -> str:
        return f"arn:{arn.PARTITION}:ecs:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True)
class Cluster:
    """A name under which tasks run."""

    place: Place
    name: str
    status: str = ACTIVE
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return self.place.arn(f"cluster/{self.name}")


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """One revision; `document` is what was registered, by AWS's names. Times are epoch seconds."""

    place: Place
    family: str
    revision: int
    status: str
    registered: float
    registered_by: str
    deregistered: float | None
    document: Mapping[str, Any]
    tags: Mapping[str, str]

    @property
    def arn(self) -> str:
        return self.place.arn(f"task-definition/{self.family}:{self.revision}")


# ---- clusters ------------------------------------------------------------------------------------------------------


def find_cluster(conn: Connection, place: Place, name: str) -> Cluster | None:
    """A cluster, deleted ones too. The default one is there until somebody deletes it.

    "By default, your account receives a default cluster when you launch your first container instance": this host is
    there from the start. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html
    """
    table = schema.cluster
    row = conn.execute(select(table).where(_at(table, place), table.c.name == name)).first()
    if row is None:
        return Cluster(place, DEFAULT_CLUSTER) if name == DEFAULT_CLUSTER else None
    return _cluster(row)


def list_clusters(conn: Connection, place: Place) -> list[Cluster]:
    """The active ones, by name."""
    table = schema.cluster
    known = {row.name: _cluster(row) for row in conn.execute(select(table).where(_at(table, place)))}
    known.setdefault(DEFAULT_CLUSTER, Cluster(place, DEFAULT_CLUSTER))
    return [known[name] for name in sorted(known) if known[name].status == ACTIVE]


def save_cluster(conn: Connection, cluster: Cluster) -> None:
    """Insert or overwrite."""
    table = schema.cluster
    values = {"status": cluster.status, "tags": json.dumps(dict(cluster.tags))}
    changed = conn.execute(update(table).where(_at(table, cluster.place), table.c.name == cluster.name).values(values))
    if changed.rowcount == 0:
        place = {"account": cluster.place.account, "region": cluster.place.region}
        conn.execute(insert(table).values({**place, "name": cluster.name, **values}))


# ---- task definitions ----------------------------------------------------------------------------------------------


def add_definition(
    conn: Connection, place: Place, document: Mapping[str, Any], tags: Mapping[str, str], by: str, now: float
) -> TaskDefinition:
    """A new revision of the document's family; the number of a revision is never used again."""
    table, family = schema.task_definition, document["family"]
    last = conn.execute(select(func.max(table.c.revision)).where(_at(table, place), table.c.family == family)).scalar()
    made = TaskDefinition(place, family, (last or 0) + 1, ACTIVE, now, by, None, document, tags)
    values = {
        "account": place.account,
        "region": place.region,
        "family": family,
        "revision": made.revision,
        "status": made.status,
        "registered": now,
        "registered_by": by,
        "document": json.dumps(document),
        "tags": json.dumps(dict(tags)),
    }
    conn.execute(insert(table).values(values))
    return made


def find_definition(conn: Connection, place: Place, family: str, revision: int | None) -> TaskDefinition | None:
    """One revision, or the newest active one of a family."""
    table = schema.task_definition
    query = select(table).where(_at(table, place), table.c.family == family).order_by(table.c.revision.desc()).limit(1)
    wanted = table.c.status == ACTIVE if revision is None else table.c.revision == revision
    row = conn.execute(query.where(wanted)).first()
    return _definition(row) if row is not None else None


def deregister(conn: Connection, definition: TaskDefinition, now: float, status: str = INACTIVE) -> None:
    """From now on no new task can be started from it."""
    table = schema.task_definition
    which = (table.c.family == definition.family, table.c.revision == definition.revision)
    conn.execute(update(table).where(_at(table, definition.place), *which).values(status=status, deregistered=now))


def tag_definition(conn: Connection, definition: TaskDefinition, tags: Mapping[str, str]) -> None:
    """Give a revision these tags and no others."""
    table = schema.task_definition
    which = (table.c.family == definition.family, table.c.revision == definition.revision)
    conn.execute(update(table).where(_at(table, definition.place), *which).values(tags=json.dumps(dict(tags))))


def revisions(conn: Connection, place: Place, status: str, family: str | None) -> list[tuple[str, int]]:
    """(family, revision) of all with that status, in that order."""
    table = schema.task_definition
    query = select(table.c.family, table.c.revision).where(_at(table, place), table.c.status == status)
    if family is not None:
        query = query.where(table.c.family == family)
    return [(row.family, row.revision) for row in conn.execute(query.order_by(table.c.family, table.c.revision))]


def families(conn: Connection, place: Place) -> dict[str, bool]:
    """Every family, and whether it has an active revision."""
    table = schema.task_definition
    rows = conn.execute(select(table.c.family, table.c.status).where(_at(table, place)).distinct())
    found: dict[str, bool] = {}
    for family, status in rows:
        found[family] = found.get(family, False) or status == ACTIVE
    return found


def _at(table: Any, place: Place) -> Any:
    return (table.c.account == place.account) & (table.c.region == place.region)


def _cluster(row: Row[Any]) -> Cluster:
    return Cluster(Place(row.account, row.region), row.name, row.status, json.loads(row.tags))


def _definition(row: Row[Any]) -> TaskDefinition:
    return TaskDefinition(
        Place(row.account, row.region),
        row.family,
        row.revision,
        row.status,
        row.registered,
        row.registered_by,
        row.deregistered,
        json.loads(row.document),
        json.loads(row.tags),
    )
