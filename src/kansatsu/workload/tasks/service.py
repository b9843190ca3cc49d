"""What is known of a service: how many tasks of which definition it is to have, and how far it has come with that.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from kansatsu.workload.tasks.records import Place

ACTIVE, DRAINING, INACTIVE = "ACTIVE", "DRAINING", "INACTIVE"
REPLICA, DAEMON = "REPLICA", "DAEMON"
IN_PROGRESS, COMPLETED, FAILED = "IN_PROGRESS", "COMPLETED", "FAILED"

_MOST_EVENTS = 100
_SAME_AGAIN = 6 * 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Event:
    """What the scheduler did or could not do. `time` is epoch seconds."""

    id: str
    time: float
    message: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """One revision being brought out. Its tasks are those that it started (`Task.started_by`)."""

    id: str
    family: str
    revision: int
    created: float
    updated: float
    state: str = IN_PROGRESS
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """One service. Times are epoch seconds; the first deployment is the primary one."""

    id: str  # 32 hex digits; another service of the same name has another one
    account: str
    region: str
    cluster: str
    name: str
    created: float
    created_by: str
    desired: int  # of a REPLICA service; a DAEMON has one task for each container instance
    deployments: tuple[Deployment, ...]
    scheduling: str = REPLICA
    launch_type: str = "EC2"
    minimum: int = 100  # percent of the desired count
    maximum: int = 200
    breaker: bool = False
    rollback: bool = False
    propagate: str = ""  # whose tags its tasks get: SERVICE | TASK_DEFINITION | ""
    managed_tags: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    digest: str = ""  # of the request that made it
    status: str = ACTIVE
    steady: bool = False
    completed: tuple[str, int] | None = None  # the definition of the last deployment that came to its end
    events: tuple[Event, ...] = ()  # newest first
    ended: float | None = None

    @property
    def place(self) -> Place:
        return Place(self.account, self.region)

    @property
    def arn(self) -> str:
        return self.place.arn(f"service/{self.cluster}/{self.name}")

    @property
    def cluster_arn(self) -> str:
        return self.place.arn(f"cluster/{self.cluster}")

    @property
    def primary(self) -> Deployment:
        return self.deployments[0]

    def told(self, message: str, now: float, *, again: bool = False) -> "Service":
        """With a further event, unless the same was said within the last six hours; `again` says it all the same.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html
        """
        text = f"(service {self.name}) {message}"
        if not again and any(event.message == text and now - event.time < _SAME_AGAIN for event in self.events):
            return self
        return replace(self, events=(Event(_uuid(), now, text), *self.events)[:_MOST_EVENTS])

    def deploying(self, family: str, revision: int, now: float, reason: str = "") -> "Service":
        """With a new primary deployment."""
        made = new_deployment(family, revision, now, reason)
        return replace(self, deployments=(made, *self.deployments), steady=False)


def new_deployment(family: str, revision: int, now: float, reason: str = "") -> Deployment:
    number = f"ecs-svc/{10**18 + secrets.randbelow(9 * 10**18)}"
    return Deployment(number, family, revision, now, now, reason=reason or f"ECS deployment {number} in progress.")


def _uuid() -> str:
    text = secrets.token_hex(16)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
