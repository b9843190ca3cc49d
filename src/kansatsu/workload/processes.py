"""Processes that `kansatsu run` started: who each is, for as long as it lives, and not a moment longer."""

import asyncio
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from kansatsu import identity
from kansatsu.errors import AccessDenied, AwsError, InvalidParameterValue
from kansatsu.identity import EntityRecord, Session
from kansatsu.identity.profiles import Profile
from kansatsu.policy import Policy
from kansatsu.workload.associations import Associations
from kansatsu.workload.credentials import Grant, Issuer, trust_refusal
from kansatsu.workload.fleet import Fleet, Member
from kansatsu.workload.instance_view import FleetView
from kansatsu.workload.process_task import ProcessTask
from kansatsu.workload.records import DEFAULT_METADATA, TERMINATED, Details, Instance, new_id
from kansatsu.workload.views import CredentialsState, InstanceView

ECS_TASKS, PODS = "ecs-tasks.amazonaws.com", "pods.eks.amazonaws.com"
LEARNING = "learning"  # in the source of a session: its process learns, under the rights of its starter


class NoSuchProcess(AwsError):
    """DeregisterProcess of an id that is not, or no longer, registered."""

    code = "NoSuchProcess"
    status = 404


@dataclass(frozen=True, slots=True)
class Starter:
    """Whose rights bound a process that learns: by which credentials it was started, and of which user or role.

    `bound` is what bounds it further: the ARN of a managed policy, or a policy.
    """

    access_key_id: str
    principal_id: str
    session: Session | None
    bound: str | Policy | None = None


@dataclass(frozen=True, slots=True)
class RegisteredProcess:
    """`views.ProcessView`: `id` is the secret in the path, `authorization` the secret in the header."""

    id: str
    authorization: str
    handle: str  # what may be shown of it: p- and 17 hex digits, the instance id, or that of the task
    account: str
    region: str
    pid: int
    issuer: Issuer
    grant: Grant | None
    member: Member | None
    instance: InstanceView | None
    starter: Starter | None = None  # of a process that learns
    task: ProcessTask | None = None  # of one that is like an ECS task
    started: datetime | None = None

    def __repr__(self) -> str:
        return f"RegisteredProcess({self.handle})"

    def credentials(self) -> CredentialsState:
        """The credentials due now: the role's, or those of the instance that this process stands for."""
        if self.instance is not None:
            return self.instance.credentials("2.0")
        assert self.grant is not None  # noqa: S101 - one of the two is set by the registry
        return self.issuer.credentials(f"{self.handle}/", self.grant)


@dataclass(frozen=True, slots=True)
class _Subject:
    """Who a new process is to be: by a role's grant, or as an instance."""

    account: str
    region: str
    handle: str
    grant: Grant | None = None
    member: Member | None = None
    starter: Starter | None = None
    task: ProcessTask | None = None


class Processes:
    """The registry: in memory only, because a process outlives neither its endpoint nor this one."""

    def __init__(self, fleet: Fleet, issuer: Issuer, associations: Associations) -> None:
        self._fleet = fleet
        self._issuer = issuer
        self._associations = associations
        self._processes: dict[str, RegisteredProcess] = {}
        self._pidfds: dict[str, int] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def all(self) -> list[RegisteredProcess]:
        return list(self._processes.values())

    def find(self, id: str) -> RegisteredProcess | None:
        """The process whose secret id this is; what the credential endpoint looks up."""
        return self._processes.get(id)

    def named(self, account: str, handle: str) -> RegisteredProcess | None:
        """The process with this handle, as long as it lives."""
        found = (item for item in self._processes.values() if item.handle == handle and item.account == account)
        return next(found, None)

    async def register_role(
        self, account: str, region: str, pid: int, role: EntityRecord, service: str, starter: Starter | None = None
    ) -> RegisteredProcess:
        """A process that has a role as `service` would get it. Raises AccessDenied when the role does not trust it.

        With a starter its sessions learn, and say so in their source.
        """
        handle = new_id("p")
        task_arn = f"arn:aws:kansatsu:{region}:{account}:process/{handle}"
        grant = Grant(
            account=account,
            role_id=role.id,
            service=service,
            session_name=handle,
            source={"process": handle, "region": region} | ({LEARNING: handle} if starter is not None else {}),
            trust_context={"aws:sourcearn": task_arn, "aws:sourceaccount": account},
        )
        if refusal := trust_refusal(role, grant, self._fleet.clock.now(), self._fleet.store.snapshot()):
            raise AccessDenied(refusal)
        return self._add(_Subject(account, region, handle, grant, starter=starter), pid)

    async def register_task(self, account: str, region: str, pid: int, role: EntityRecord) -> RegisteredProcess:
        """A process that has a role as an ECS task would get it. Raises AccessDenied when the role does not trust ECS.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
        """
        task = ProcessTask(secrets.token_hex(16), account, region, self._fleet.clock.now())
        grant = Grant(
            account=account,
            role_id=role.id,
            service=ECS_TASKS,
            session_name=task.id,
            source={"process": task.id, "region": region},
            trust_context={"aws:sourcearn": task.arn, "aws:sourceaccount": account},
        )
        if refusal := trust_refusal(role, grant, self._fleet.clock.now(), self._fleet.store.snapshot()):
            raise AccessDenied(refusal)
        return self._add(_Subject(account, region, task.id, grant, task=task), pid)

    async def register_profile(
        self, account: str, region: str, pid: int, profile: Profile, tags: Mapping[str, str]
    ) -> RegisteredProcess:
        """A process that is an EC2 instance: it shows in DescribeInstances and has a metadata service."""
        instance = Instance(
            id=new_id("i"),
            account=account,
            region=region,
            provider="process",
            reference=str(pid),
            adopted=True,
            state="running",
            launched=self._fleet.now(),
            details=Details(
                name=f"process {pid}",
                image_id="",
                instance_type="process",
                reservation_id=new_id("r"),
                zone=f"{region}a",
                private_ip="127.0.0.1",
                metadata=DEFAULT_METADATA,
            ),
        )
        pidfd = _open(pid)  # before anything is written: a process that is gone leaves no instance behind
        os.close(pidfd)
        member = await self._fleet.add(instance, tags)
        await self._associations.associate(member, profile)
        return self._add(_Subject(account, region, instance.id, member=member), pid)

    def _add(self, subject: _Subject, pid: int) -> RegisteredProcess:
        member = subject.member
        process = RegisteredProcess(
            id=secrets.token_hex(16),
            authorization=secrets.token_urlsafe(32),
            handle=subject.handle,
            account=subject.account,
            region=subject.region,
            pid=pid,
            issuer=self._issuer,
            grant=subject.grant,
            member=member,
            instance=FleetView(self._fleet, self._issuer, member) if member is not None else None,
            starter=subject.starter,
            task=subject.task,
            started=self._fleet.clock.now(),
        )
        pidfd = _open(pid)
        self._processes[process.id] = process
        self._pidfds[process.id] = pidfd
        # INVARIANT: a pidfd names this very process; another one that gets its number inherits nothing.
        asyncio.get_running_loop().add_reader(pidfd, self._ended, process.id)
        return process

    async def deregister(self, account: str, handle: str) -> None:
        """End a process's identity by its handle. Raises NoSuchProcess."""
        process = self.named(account, handle)
        if process is None:
            raise NoSuchProcess(f"There is no process {handle}.")
        await self._remove(process.id)

    def _ended(self, id: str) -> None:
        asyncio.get_running_loop().remove_reader(self._pidfds[id])
        task = asyncio.get_running_loop().create_task(self._remove(id))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _remove(self, id: str) -> None:
        process = self._processes.pop(id, None)
        if process is None:
            return
        pidfd = self._pidfds.pop(id)
        asyncio.get_running_loop().remove_reader(pidfd)
        os.close(pidfd)
        self._issuer.drop(f"{process.handle}/")
        if process.grant is not None:
            await self._fleet.write(lambda conn: _revoke(conn, process, self._fleet.clock.now()))
        if process.member is not None:
            await self._end(process.member)

    async def _end(self, member: Member) -> None:
        await self._associations.release(member)
        async with member.lock:
            await self._fleet.detail(
                member, reason_code="Client.InstanceInitiatedShutdown", reason="The process ended."
            )
            await self._fleet.change(member, state=TERMINATED, ended=self._fleet.now())

    async def recover(self) -> None:
        """Processes of an earlier run of the control plane have lost their endpoint: they are over."""
        for member in self._fleet.live():
            if member.instance.provider == "process":
                await self._end(member)

    async def close(self) -> None:
        """End them all."""
        for process in self.all():
            await self._remove(process.id)
        await asyncio.gather(*self._ending)


def _revoke(conn: Connection, process: RegisteredProcess, now: datetime) -> None:
    """What was issued to a process ends with it; its handle, in the session's name, is never used again."""
    assert process.grant is not None  # noqa: S101 - the caller has looked
    subject = f"{process.grant.role_id}:{process.grant.session_name}"
    identity.revoke(conn, process.account, "principal", subject, now + timedelta(seconds=1))


def _open(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (ProcessLookupError, OSError) as error:
        raise InvalidParameterValue(f"There is no process {pid} on the host of Kansatsu: {error.strerror}.") from error
