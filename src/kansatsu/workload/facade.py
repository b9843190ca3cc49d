"""Workloads as the services see them: one object over fleet, associations, engine and processes."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from kansatsu.clock import Clock
from kansatsu.errors import AwsError, ServiceUnavailable, UnsupportedOperation
from kansatsu.identity import Store
from kansatsu.workload.adoption import Home, Supervisor
from kansatsu.workload.associations import Associations, RevokeOn
from kansatsu.workload.attachment import Attacher, Injector, Refused, Serve, own_namespaces
from kansatsu.workload.credentials import Issuer
from kansatsu.workload.fleet import Fleet, Member
from kansatsu.workload.hosted import PROVIDER, Hosted, ServeHost
from kansatsu.workload.injection import InjectionError
from kansatsu.workload.instance_view import FleetView
from kansatsu.workload.launch import Launcher
from kansatsu.workload.placement import BackendCall
from kansatsu.workload.processes import Processes
from kansatsu.workload.providers import Image, NoSuchContainer, Provider, ProviderError
from kansatsu.workload.tasks.agent import Agents
from kansatsu.workload.tasks.attachment import ServeTask, TaskAttacher
from kansatsu.workload.tasks.execution import AskAs, Execution
from kansatsu.workload.tasks.hosts import Hosts
from kansatsu.workload.tasks.pod_tokens import TokenFiles
from kansatsu.workload.tasks.pulling import MISSING, Puller
from kansatsu.workload.tasks.roster import Roster
from kansatsu.workload.tasks.runner import Runner
from kansatsu.workload.tasks.scheduler import Scheduler
from kansatsu.workload.tasks.surroundings import Surroundings
from kansatsu.workload.views import InstanceView

log = logging.getLogger(__name__)

_PATIENCE = 10.0  # seconds that a request waits for the adoption of what ran before a start


@dataclass(frozen=True, slots=True)
class WorkloadSettings:
    """`account` and `region` are those of containers that are adopted by their label."""

    account: str
    region: str
    revoke_on: RevokeOn = "disassociate"
    session_duration: timedelta = timedelta(hours=1)
    poll: timedelta = timedelta(milliseconds=500)
    host_paths: frozenset[str] = frozenset()  # directories of this host that tasks may mount
    pull: str = MISSING  # when the images of tasks are pulled
    authority: str = ""  # who vouches for AWS's names towards tasks, in PEM; "" for nobody
    shown: Path = Path("shown")  # directory of files that tasks may see
    tokens: Path = Path("task-tokens")  # directory of files of which each is one container's


@dataclass(frozen=True, slots=True)
class PrivateGateway:
    """The gateway for processes with AWS's own names: http and https://127.0.0.1:PORT; who vouches for them, in PEM."""

    plain: str
    tls: str
    authority: str


class ContainerNotFound(AwsError):
    """RegisterInstance of a container that the engine does not know."""

    code = "NoSuchContainer"
    status = 404


class Workload:
    """Instances and processes with their identities.

    `provider` is None without a container engine, `injector` without the privileged helper: what needs them says so.
    `serve` starts serving an instance's sockets, `serve_task` a task's; delivery lies above this package. `backend`
    answers for subnets, `ask_as` asks the gateway as a role.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: WorkloadSettings,
        serve: Serve,
        *,
        serve_task: ServeTask,
        serve_host: ServeHost | None = None,
        provider: Provider | None = None,
        injector: Injector | None = None,
        backend: BackendCall | None = None,
        ask_as: AskAs | None = None,
    ) -> None:
        self.fleet = Fleet(store, clock)
        self.issuer = Issuer(store, clock, settings.session_duration)
        self.associations = Associations(self.fleet, self.issuer, settings.revoke_on)
        self.processes = Processes(self.fleet, self.issuer, self.associations)
        self.hosted = Hosted(self.fleet, self.issuer, self.associations, serve_host)
        self.tasks = Roster(store, clock)
        self.hosts = Hosts(store, clock)
        self.agents = Agents(self.fleet, self.issuer, self.hosts, self.tasks, ask_as)
        self.backend = backend
        self.runner: Runner | None = None  # of tasks; None without a container engine
        self.process_endpoint = ""  # http://127.0.0.1:PORT of the credential endpoint; the composition root sets it
        self.process_gateway = PrivateGateway("", "", "")  # so is this
        self.known_images: frozenset[str] = frozenset()  # AMI ids of the local images when they were last looked at
        self._provider = provider
        self._poll = settings.poll
        self._watch: asyncio.Task[None] | None = None
        self._adopted = asyncio.Event()
        self._supervisor: Supervisor | None = None
        self._launcher: Launcher | None = None
        if provider is not None:
            attacher = self._attacher = Attacher(self.fleet, self.issuer, injector, serve, own_namespaces())
            home = Home(settings.account, settings.region)
            self._supervisor = Supervisor(self.fleet, provider, attacher, self.associations, home)
            self._launcher = Launcher(
                self.fleet, provider, attacher, self._supervisor, associations=self.associations, backend=backend
            )
            execution = Execution(self.issuer, ask_as)
            self.runner = Runner(
                self.tasks,
                provider,
                TaskAttacher(attacher, injector, serve_task),
                self.issuer,
                execution,
                self.agents,
                settings.host_paths,
                Surroundings(provider, settings.authority, settings.shown),
                Puller(provider, execution, settings.pull),
                TokenFiles(settings.tokens, self.tasks),
            )
        self.services = Scheduler(self.tasks, self.runner, self.hosts, self.agents)

    # ---- life ------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Load what is known, and watch from now on. What runs is adopted by the first look of the watch.

        It waits for no engine: whoever can be answered without it (every role that has credentials) is answered at
        once; who cannot waits in `adopted`.
        """
        self.fleet.load()
        self.tasks.load()
        self.services.load()
        self.hosts.load()
        await self.processes.recover()
        if self._launcher is not None:
            await self._launcher.recover()
        self._watch = asyncio.get_running_loop().create_task(self._keep_watching())

    async def adopted(self) -> None:
        """Return once what ran before this start has been looked at. Raises ServiceUnavailable: try again.

        INVARIANT: nobody is told of a workload what was true before the start and may not be so any more.
        """
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._adopted.wait()
        except TimeoutError:
            raise ServiceUnavailable("Kansatsu has just started and is adopting what runs: try again.") from None

    async def refresh(self) -> None:
        """One round of what the watch does all the time: deletions elsewhere, the engine, labels."""
        await self.associations.follow_changes()
        await self.hosted.refresh()
        if self.runner is not None:  # before instances: a namespace is that of the task which was launched into it
            await self.runner.reconcile()
            await self.runner.forget_ended()
        await self.services.reconcile()
        if self._supervisor is not None:
            await self._supervisor.reconcile()
            await self._supervisor.apply_labels()

    async def close(self) -> None:
        """Stop watching and serving; containers run on and keep their instance ids for the next start."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self.processes.close()
        await self.hosted.close()
        if self.runner is not None:
            await self.runner.close()
        if self._launcher is not None:
            await self._launcher.close()
        for member in self.fleet:
            if member.handle is not None:
                await self._attacher.detach(member)
        if self._provider is not None:
            await self._provider.close()

    async def clear(self) -> None:
        """Forget every instance and process: for tests. What we launched is removed, what we adopted runs on."""
        await self.processes.close()
        await self.hosted.close()
        await self.services.clear()
        self.hosts.clear()
        if self.runner is not None:
            await self.runner.clear()
        if self._launcher is not None:
            await self._launcher.clear()
        for member in self.fleet:
            if member.handle is not None:
                await self._attacher.detach(member)
        await self.fleet.clear()

    async def _keep_watching(self) -> None:
        with suppress(AwsError):
            await self.images()
        while True:
            try:
                await self.refresh()
                self._adopted.set()
            except ServiceUnavailable:
                pass  # the log says when the database is away
            except Exception:  # the watch must outlive any one failure
                log.exception("looking after instances failed; it is tried again")
            await asyncio.sleep(self._poll.total_seconds())

    # ---- what the services ask -------------------------------------------------------------------------------------

    @property
    def launcher(self) -> Launcher:
        """Raises UnsupportedOperation where there is no container engine."""
        if self._launcher is None:
            raise _no_engine()
        return self._launcher

    def view(self, member: Member) -> InstanceView:
        """A member as its own metadata service sees it."""
        return FleetView(self.fleet, self.issuer, member)

    async def images(self) -> list[Image]:
        """The local images; none where there is no engine."""
        if self._provider is None:
            return []
        try:
            images = list(await self._provider.images())
        except ProviderError as error:
            raise AwsError(str(error), code="ServiceUnavailable", status=503) from error
        self.known_images = frozenset(image.ami for image in images)
        return images

    async def register(self, account: str, region: str, reference: str, tags: Mapping[str, str]) -> Member:
        """Adopt a container that runs. Raises ContainerNotFound, UnsupportedOperation, ServiceUnavailable."""
        if self._supervisor is None:
            raise _no_engine()
        await self.adopted()  # before that, nobody knows which networks are those of tasks
        try:
            return await self._supervisor.register(account, region, reference, tags)
        except NoSuchContainer:
            raise ContainerNotFound(f"There is no container {reference}.") from None
        except (Refused, InjectionError) as error:
            raise UnsupportedOperation(str(error)) from error
        except ProviderError as error:
            raise AwsError(str(error), code="ServiceUnavailable", status=503) from error

    async def deregister(self, member: Member) -> None:
        """Take the identity of what was registered away; it runs on. Raises UnsupportedOperation for launched ones."""
        if member.instance.provider == PROVIDER:
            await self.hosted.deregister(member)
            return
        if self._supervisor is None:
            raise _no_engine()
        if not member.instance.adopted or member.instance.provider != "container":
            raise UnsupportedOperation(f"{member.instance.id} was not registered: terminate it.")
        await self._supervisor.deregister(member)

    @property
    def engine(self) -> str:
        """What is known of the container engine: none | ready | away."""
        if self._supervisor is None:
            return "none"
        return "away" if self._supervisor.away else "ready"

    @property
    def refused(self) -> Mapping[str, str]:
        """Containers whose label was not honoured, by id, and why."""
        return self._supervisor.refused if self._supervisor else {}


def _no_engine() -> UnsupportedOperation:
    return UnsupportedOperation("There is no container engine: start podman or docker, then see: kansatsu doctor")
