"""What is known of a task and its containers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kansatsu.workload.providers import Binding
from kansatsu.workload.tasks.records import Place

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
PROVISIONING, PENDING, RUNNING, STOPPED = "PROVISIONING", "PENDING", "RUNNING", "STOPPED"
HEALTHY, UNHEALTHY, UNKNOWN = "HEALTHY", "UNHEALTHY", "UNKNOWN"
LAUNCH_TYPE = "EC2"
DEFAULT_STOP_SECONDS = 30


@dataclass(frozen=True, slots=True)
class TaskContainer:
    """One container of a task; `definition` is that of the task definition with the overrides of this task."""

    id: str  # 32 hex digits, in its ARN
    definition: Mapping[str, Any]
    reference: str = ""  # the engine's full id, once it was created
    state: str = PENDING
    exit_code: int | None = None
    reason: str = ""
    logged: str = ""  # the place of the last line that was delivered, see providers.Line
    health: str = ""  # HEALTHY | UNHEALTHY, once that is known

    @property
    def name(self) -> str:
        return str(self.definition["name"])

    @property
    def essential(self) -> bool:
        return bool(self.definition.get("essential", True))


@dataclass(frozen=True, slots=True)
class Task:
    """One task. Times are epoch seconds; a role is "" where the task has none."""

    id: str  # 32 hex digits
    account: str
    region: str
    cluster: str
    family: str
    revision: int
    containers: tuple[TaskContainer, ...]
    credential_id: str  # 128 random bits
    created: float
    token: str = field(default="", repr=False)  # what proves it where the address names no credential id
    role_id: str = ""
    role_arn: str = ""
    execution_role_id: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    started_by: str = ""
    volumes: tuple[Mapping[str, Any], ...] = ()  # as in its definition
    service: str = ""  # id of the service that it belongs to; `started_by` is the deployment of it then
    client_token: str = ""
    digest: str = ""  # of the request that carried the client token
    index: int = 0  # among the tasks of one request
    engine: str = ""
    namespace: str = ""  # the container that holds the task's network
    ports: tuple[Binding, ...] = ()
    address: str = ""
    desired: str = RUNNING
    state: str = PROVISIONING
    version: int = 1
    started: float | None = None
    stopping: float | None = None
    stopped: float | None = None
    stop_code: str = ""
    stopped_reason: str = ""

    @property
    def place(self) -> Place:
        return Place(self.account, self.region)

    @property
    def ready(self) -> bool:
        """Whether it does what it was started for, as far as one can see."""
        checked = any(each.essential and each.definition.get("healthCheck") for each in self.containers)
        return self.state == RUNNING and self.health in ((HEALTHY,) if checked else (HEALTHY, UNKNOWN))

    @property
    def health(self) -> str:
        """Of the essential containers that have a health check; UNKNOWN where there is none.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/healthcheck.html
        """
        found = {each.health for each in self.containers if each.essential and each.definition.get("healthCheck")}
        return UNHEALTHY if UNHEALTHY in found else HEALTHY if found == {HEALTHY} else UNKNOWN

    @property
    def arn(self) -> str:
        return self.place.arn(f"task/{self.cluster}/{self.id}")

    @property
    def cluster_arn(self) -> str:
        return self.place.arn(f"cluster/{self.cluster}")

    @property
    def definition_arn(self) -> str:
        return self.place.arn(f"task-definition/{self.family}:{self.revision}")

    def container_arn(self, container: TaskContainer) -> str:
        return self.place.arn(f"container/{self.cluster}/{self.id}/{container.id}")
