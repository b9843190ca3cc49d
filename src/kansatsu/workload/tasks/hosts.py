"""Container instances: where tasks of a cluster run. It is this host, with the one container engine that it has.

Every cluster has it from the start: nothing needs to be registered first. What somebody said of it (draining, tags) is
kept. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ECS_instances.html
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kansatsu.clock import Clock
from kansatsu.identity import Store, schema
from kansatsu.workload.tasks import documents
from kansatsu.workload.tasks.records import ACTIVE, INACTIVE, Place

DRAINING = "DRAINING"


@dataclass(frozen=True, slots=True)
class Host:
    """One container instance of one cluster. `created` is epoch seconds."""

    id: str  # 32 hex digits: of the cluster and the engine, so that it is the same after a restart
    account: str
    region: str
    cluster: str
    engine: str  # see Provider.home
    created: float
    status: str = ACTIVE
    instance: str = ""  # the EC2 instance that registered it; "" where Kansatsu itself is the agent
    tags: Mapping[str, str] = field(default_factory=dict)
    version: int = 1

    @property
    def arn(self) -> str:
        return host_arn(Place(self.account, self.region), self.cluster, self.engine)


def host_arn(place: Place, cluster: str, engine: str) -> str:
    """The container instance that an engine is to a cluster."""
    return place.arn(f"container-instance/{cluster}/{_id(place, cluster, engine)}")


def _id(place: Place, cluster: str, engine: str) -> str:
    return hashlib.sha256("\0".join((place.account, place.region, cluster, engine)).encode()).hexdigest()[:32]


class Hosts:
    """Container instances by id; those that nobody ever changed have no row."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self.engine = ""  # the one that answered last
        self._since = clock.now().timestamp()
        self._known: dict[str, Host] = {}

    def load(self) -> None:
        """Read everything from the store."""
        with self._store.read() as conn:
            known = documents.load(conn, schema.container_instance, Host, self._store.node)
        # An agent that starts registers again what was deregistered.
        here = (replace(host, status=ACTIVE) if host.status == INACTIVE else host for host in known)
        self._known = {host.id: host for host in here}

    def of_cluster(self, place: Place, cluster: str, engine: str) -> Host:
        """This host, as that cluster sees it."""
        self.engine, key = engine, _id(place, cluster, engine)
        return self._known.get(key) or Host(key, place.account, place.region, cluster, engine, self._since)

    def known(self, arn: str) -> Host | None:
        """One that something was said of, by its ARN."""
        return next((host for host in self._known.values() if host.arn == arn), None)

    def named(self, place: Place, cluster: str, arn: str) -> Host | None:
        """One by its ARN: with the engine that there is now, or one that something was said of."""
        here = self.of_cluster(place, cluster, self.engine) if self.engine else None
        return here if here is not None and here.arn == arn else self.known(arn)

    async def change(self, host: Host, **values: Any) -> Host:
        """Set fields: in the store first."""
        changed = replace(host, **values, version=host.version + 1)
        new = host.id not in self._known
        table, node = schema.container_instance, self._store.node
        await self._store.transact(lambda conn: documents.save(conn, table, changed, new=new, node=node))
        self._known[host.id] = changed
        return changed

    def clear(self) -> None:
        """Forget what was said of them; their rows go with the account."""
        self._known.clear()
