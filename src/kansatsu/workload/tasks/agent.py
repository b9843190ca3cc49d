"""The agent of a container instance: what it says to ECS, it says as the role of the EC2 instance that it runs on.

An EC2 instance with the tag `kansatsu:ecs-cluster` is the container instance of that cluster, and this its agent. A
cluster without one is served by Kansatsu itself. docs/decisions/007.

INVARIANT: the agent signs with the credentials of the instance's role and with nothing else, and goes through the
gateway: what the role may not do does not happen, and is said where one looks for it.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/instance_IAM_role.html
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kansatsu.errors import AwsError
from kansatsu.workload.credentials import Issuer
from kansatsu.workload.fleet import Fleet
from kansatsu.workload.fleet import Member as Instance
from kansatsu.workload.instance_view import FleetView
from kansatsu.workload.tasks.execution import AskAs
from kansatsu.workload.tasks.hosts import Host, Hosts
from kansatsu.workload.tasks.records import INACTIVE, Place
from kansatsu.workload.tasks.roster import Member, Roster
from kansatsu.workload.tasks.task import RUNNING, Task
from kansatsu.workload.views import CredentialError, Credentials

log = logging.getLogger(__name__)

CLUSTER_TAG = "kansatsu:ecs-cluster"
_HEARTBEAT = 10.0  # seconds
_PAUSE = 2.0  # seconds after a refusal


@dataclass(slots=True)
class _State:
    """Of one agent, in this run of ours."""

    connected: bool = False
    again_at: float = 0.0
    problem: str = ""


class Agents:
    """The agents of all container instances that are EC2 instances. `ask` is None where there is no gateway."""

    def __init__(self, fleet: Fleet, issuer: Issuer, hosts: Hosts, roster: Roster, ask: AskAs | None) -> None:
        self._fleet = fleet
        self._issuer = issuer
        self._hosts = hosts
        self._roster = roster
        self._ask = ask
        self._states: dict[str, _State] = {}

    def instance_of(self, place: Place, cluster: str) -> Instance | None:
        """The EC2 instance that is to be the container instance of a cluster; the oldest, where several are."""
        for member in self._fleet.live():
            here = (member.instance.account, member.instance.region) == (place.account, place.region)
            if here and self._cluster(member) == cluster:
                return member
        return None

    def _cluster(self, member: Instance) -> str:
        return self._fleet.tags.get(member.instance.id, {}).get(CLUSTER_TAG, "")

    def registered(self, host: Host) -> bool:
        """Whether ECS knows of it: until it is deregistered, where Kansatsu itself is the agent."""
        if host.status == INACTIVE:
            return False
        member = self.instance_of(Place(host.account, host.region), host.cluster)
        return member is None or host.instance == member.instance.id

    def connected(self, host: Host) -> bool:
        """Whether its agent can be told anything."""
        member = self.instance_of(Place(host.account, host.region), host.cluster)
        return self.registered(host) and (member is None or self._state(member).connected)

    def problem(self, instance_id: str) -> str:
        """What the agent on an instance was refused last; "" when all is well."""
        state = self._states.get(instance_id)
        return state.problem if state else ""

    def _state(self, member: Instance) -> _State:
        return self._states.setdefault(member.instance.id, _State())

    # ---- what it says ----------------------------------------------------------------------------------------------

    async def look(self, engine: str) -> None:
        """Register what is not registered, and keep in touch."""
        for member in self._fleet.live():
            cluster, state = self._cluster(member), self._state(member)
            place = Place(member.instance.account, member.instance.region)
            if not cluster or self._roster.now() < state.again_at or self.instance_of(place, cluster) is not member:
                continue
            host = self._hosts.of_cluster(place, cluster, engine)
            if host.status == INACTIVE:  # deregistered: the agent says no more until it is started again
                state.connected = False
                continue
            if host.instance != member.instance.id:
                state.connected = False
                done = await self._say(member, "RegisterContainerInstance", {"cluster": cluster})
                host = self._hosts.of_cluster(place, cluster, engine)
                if not done:
                    continue
            asked = {"cluster": cluster, "containerInstance": host.arn}
            state.connected = await self._say(member, "DiscoverPollEndpoint", asked)
            if state.connected:
                state.again_at = self._roster.now() + _HEARTBEAT
        for key in self._states.keys() - {member.instance.id for member in self._fleet.live()}:
            del self._states[key]

    async def submit(self, member: Member, state: str) -> None:
        """The task is in this state from now on, if ECS takes it from the agent; else it is tried again."""
        task, now = member.task, self._roster.now()
        instance = self.instance_of(task.place, task.cluster)
        if instance is None:
            await self.moved(member, state)
            return
        if now < member.report_at:
            return
        asked = {"cluster": task.cluster, "task": task.arn, "status": state, "reason": task.stopped_reason}
        if await self._say(instance, "SubmitTaskStateChange", {name: text for name, text in asked.items() if text}):
            member.unreported = ""
        else:
            member.unreported, member.report_at = self._state(instance).problem, now + _PAUSE

    async def ask(self, task: Task, region: str, service: str, operation: str, params: Mapping[str, Any]) -> Any:
        """One operation as the role of the instance that a task runs on. Raises AwsError."""
        member = self.instance_of(task.place, task.cluster)
        if member is None:
            raise AwsError(
                "The task has no execution role, and its cluster no container instance with a role: an EC2 instance "
                f"with the tag {CLUSTER_TAG}.",
                code="NoCredentials",
            )
        return await self._as_instance(member, region, service, operation, params)

    async def moved(self, member: Member, state: str) -> None:
        """Write down that a task has come to a state."""
        moment = "started" if state == RUNNING else "stopped"
        await self._roster.change(member, state=state, **{moment: self._roster.now()})

    async def _say(self, member: Instance, operation: str, params: Mapping[str, Any]) -> bool:
        """One call as the instance's role; False, and said, when it was refused."""
        state = self._state(member)
        try:
            await self._as_instance(member, member.instance.region, "ecs", operation, params)
        except AwsError as error:
            problem = f"The ECS agent was refused {operation}: {error.code}: {error.message}"
            if problem != state.problem:
                log.warning("%s: %s", member.instance.id, problem)
            state.problem, state.again_at = problem, self._roster.now() + _PAUSE
            return False
        if state.problem.startswith(f"The ECS agent was refused {operation}:"):
            state.problem = ""
        return True

    async def _as_instance(
        self, member: Instance, region: str, service: str, operation: str, params: Mapping[str, Any]
    ) -> Any:
        credentials = FleetView(self._fleet, self._issuer, member).credentials("2.0")
        if self._ask is None or not isinstance(credentials, Credentials):
            why = credentials.message if isinstance(credentials, CredentialError) else "it has no instance profile"
            raise AwsError(f"The instance has no credentials: {why}", code="NoCredentials")
        return await self._ask(credentials, region, service, operation, params)
