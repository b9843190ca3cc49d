"""The composition root: settings -> object graph -> a server that runs until it is told to stop."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, cast

from kansatsu import __version__, identity, services
from kansatsu.advisor import DEFAULT_WORKER, Recorder, RecorderSettings
from kansatsu.cli import backends, credentials, engine, sites, trails, values
from kansatsu.cli.output import Failure
from kansatsu.cli.settings import BY_NAME, NOT_ENFORCED, OBSERVE, Settings
from kansatsu.cli.surroundings import Keys
from kansatsu.clock import Clock, SystemClock
from kansatsu.delivery import Authority, CredentialEndpoint, MetadataService, Names, TaskEndpoint, load_keys
from kansatsu.errors import ServiceUnavailable
from kansatsu.gateway.app import App
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.gateway.pipeline import Pipeline
from kansatsu.gateway.server import HttpServer
from kansatsu.gateway.spool import Spool
from kansatsu.gateway.within import Within
from kansatsu.identity import Store
from kansatsu.identity.issuers import published
from kansatsu.identity.quotas import Quotas
from kansatsu.resources import KINDS, Accounts, Knowledge, Resources
from kansatsu.services import issued
from kansatsu.services.issuers import Issuers
from kansatsu.workload import Handle, PrivateGateway, Workload, WorkloadSettings
from kansatsu.workload.associations import RevokeOn
from kansatsu.workload.hosted import Admit
from kansatsu.workload.injection import AWS, InjectorClient
from kansatsu.workload.tasks.attachment import Opened, ServeTask
from kansatsu.workload.views import InstanceView, TaskView

log = logging.getLogger(__name__)


async def serve(settings: Settings, sock: socket.socket) -> None:
    """Run Kansatsu on a bound, listening socket until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        server = await _assemble(settings, stack)
        await server.listen(sock)
        gc.freeze()  # what a start made lives as long as the process: no collection needs to look at it again
        log.info("ready on %s", settings.listen.url)
        if settings.mode == OBSERVE:
            log.warning(NOT_ENFORCED)
        await stop.wait()
        log.info("stopping")


async def _assemble(settings: Settings, stack: AsyncExitStack) -> HttpServer:
    """Build everything, from the store upwards; the stack takes it down in the reverse order."""
    services.load()
    clock = SystemClock()
    store, others = _open(settings, clock, stack)
    account = _first_start(store, settings)
    recorder = Recorder(
        store,
        settings.data_dir,
        clock,
        worker=store.node or DEFAULT_WORKER,
        settings=RecorderSettings(
            sync_seconds=settings.event_fsync_interval.total_seconds(), retention_days=settings.event_retention_days
        ),
    )
    recorder.start()
    stack.callback(recorder.close)
    route, default, embedded = await backends.open_backends(settings, stack)
    forwarder = Forwarder(route, default, account)
    if (trail := trails.opened(settings, recorder, clock, account, forwarder.ask)) is not None:
        trail.start()
        stack.push_async_callback(asyncio.to_thread, trail.close)

    metadata = MetadataService(load_keys(settings.data_dir, clock), clock)
    provider = await stack.enter_async_context(engine.open_engine(settings))
    injector = InjectorClient() if provider is not None else None
    if injector is not None:
        stack.push_async_callback(injector.stop)
    servers: list[HttpServer] = []

    async def serve_instance(view: InstanceView, sockets: Sequence[socket.socket]) -> Handle:
        return _All(await metadata.serve(sockets[0], view), await servers[0].listen(sockets[1], inside=True))

    endpoint = CredentialEndpoint(metadata, clock)

    authority = Authority(settings.data_dir, clock)

    async def serve_host(view: InstanceView, sock: socket.socket, admit: Admit) -> Handle:
        return await metadata.serve(sock, view, admit)

    within = Within(clock)
    workload = Workload(
        store,
        clock,
        WorkloadSettings(
            account=account,
            region=settings.region,
            revoke_on=cast(RevokeOn, settings.revoke_on),  # one of three, as the settings check
            session_duration=settings.session_duration,
            host_paths=frozenset(settings.task_host_paths),
            pull=settings.task_pull,
            authority=authority.pem,
            shown=settings.data_dir / "shown",
            tokens=settings.data_dir / "task-tokens",
        ),
        serve_instance,
        serve_task=_serving_tasks(TaskEndpoint(endpoint, clock), authority, servers),
        serve_host=serve_host,
        provider=provider,
        injector=injector,
        backend=forwarder.ask,
        ask_as=within,
    )
    workload.issuer.when_issued = issued.recording(recorder, settings.region)
    lifetime = backends.fact_lifetime(settings)
    accounts = Accounts(lambda: store.held().accounts(), forwarder.keeps_apart)
    resources = Resources(Knowledge(forwarder.ask, clock, KINDS, lifetime), forwarder.ask, account, accounts)
    if embedded is not None:
        embedded.supervisor.when_emptied = resources.clear
    issuers = Issuers(settings.oidc_keys, values.base(settings.token_issuer, settings.listen.url))
    pipeline = Pipeline(
        *(store, recorder, workload, forwarder, resources, clock),
        observe=settings.mode == OBSERVE,
        spool=Spool(settings.upload_spool),
        issuers=issuers,
    )

    within.pipeline = pipeline

    async def reset() -> None:
        await workload.clear()
        await asyncio.to_thread(identity.reset, store, account)
        await asyncio.to_thread(_forget_profiles, settings)
        if embedded is not None:
            await embedded.reset()
        resources.clear()

    def health() -> dict[str, Any]:
        return {
            "status": "ok",
            "version": __version__,
            "account": account,
            "mode": settings.mode,
            "backends": backends.conditions(route, default),
            "engine": workload.engine,
            "database": store.condition(),
            "nodes": others,
            "data_dir": str(settings.data_dir),
        }

    server = HttpServer(
        App(
            pipeline,
            health,
            reset if settings.test_mode else None,
            published(store),
            issuers.url,
            sites.opened(settings, account, store, recorder, within.passed_on, clock),
        )
    )
    servers.append(server)
    stack.push_async_callback(server.close)
    stack.push_async_callback(_stop, asyncio.get_running_loop().create_task(_keep_up(store)))
    await _serve_processes(workload, endpoint, server, authority, stack)
    await workload.start()
    stack.push_async_callback(workload.close)
    return server


def _serving_tasks(endpoint: TaskEndpoint, authority: Authority, servers: Sequence[HttpServer]) -> ServeTask:
    """What serves the sockets of a task: its credentials, the gateway, and AWS's own names, which are the gateway's."""
    context = authority.context()

    async def serve_task(view: TaskView, opened: Opened) -> Handle:
        sockets, server = opened.sockets, servers[0]
        return _All(
            await endpoint.serve(sockets["credentials"], view),
            await endpoint.serve_pod(sockets["pods"], view),
            await server.listen(sockets["gateway"], inside=True),
            await server.listen(sockets["https"], inside=True, tls=context),
            await server.listen(sockets["http"], inside=True),
            await Names().serve(AWS, opened),
        )

    return serve_task


def _open(settings: Settings, clock: Clock, stack: AsyncExitStack) -> tuple[Store, list[str]]:
    """The store, and the other nodes on the same database."""
    if settings.database_url.value and settings.test_mode:
        raise Failure("test-mode empties the database of all nodes; it is for SQLite only: leave database-url out.")
    store = identity.open_store(settings.data_dir, clock, settings.database_url.value, quotas=Quotas(settings.quotas))
    stack.callback(store.close)
    others = sorted(store.claim_node())
    if others:
        log.info("this is node %s; connected already: %s", store.node, ", ".join(others))
    if store.node:
        stack.push_async_callback(_stop, asyncio.get_running_loop().create_task(_ask(store)))
    return store, others


async def _keep_up(store: Store) -> None:
    """Rotate the sealing key and prune, now and every hour."""
    while True:
        try:
            await asyncio.to_thread(store.upkeep)
        except Exception:
            log.exception("the upkeep of the store failed; it is tried again in an hour")
        await asyncio.sleep(3600)


async def _ask(store: Store) -> None:
    """Look every few seconds whether the database answers, for `kansatsu status` and the log to say so unasked."""
    while True:
        with suppress(ServiceUnavailable):
            await store.current()
        await asyncio.sleep(5)


async def _stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _serve_processes(
    workload: Workload, endpoint: CredentialEndpoint, server: HttpServer, authority: Authority, stack: AsyncExitStack
) -> None:
    """What `kansatsu run` needs: loopback, free ports, the same for all processes."""
    sock = _loopback()
    handle = await endpoint.serve(sock, workload.processes.find)
    stack.push_async_callback(handle.close)
    workload.process_endpoint = _url("http", sock)
    plain, tls = _loopback(), _loopback()
    await server.listen(plain, inside=True)
    await server.listen(tls, inside=True, tls=authority.context())
    workload.process_gateway = PrivateGateway(_url("http", plain), _url("https", tls), authority.pem)


def _loopback() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def _url(scheme: str, sock: socket.socket) -> str:
    return f"{scheme}://127.0.0.1:{sock.getsockname()[1]}"


def _first_start(store: Store, settings: Settings) -> str:
    """Make the admin user of the first account; write every administrator's key down that is not written down yet."""
    account = identity.accounts.found(store, settings.account)
    if settings.account not in (account, BY_NAME["account"].default):
        raise Failure(
            f"The first account in {settings.data_dir} is {account}, not {settings.account}: leave the setting account "
            "out, or choose another --data-dir. `kansatsu account create` opens further accounts."
        )
    with store.read() as conn:
        known = identity.accounts.listing(conn)
    with credentials.editing(settings.data_dir) as profiles:
        for item in known:
            if item.member:
                continue  # on AWS, too, whoever opened it gets there by a role
            section = credentials.section_of(item.name)
            key = identity.bootstrap(store, item.id)
            if key is not None and (key.created or section not in profiles):
                profiles[section] = Keys(key.access_key_id, key.secret.value)
    return account


def _forget_profiles(settings: Settings) -> None:
    """Those of further accounts, which are gone."""
    with credentials.editing(settings.data_dir) as profiles:
        for section in set(profiles) - {credentials.SECTION}:
            del profiles[section]


class _All:
    """Several handles as one: what the same workload is served."""

    def __init__(self, *handles: Handle) -> None:
        self._handles = handles

    async def close(self) -> None:
        for handle in self._handles:
            await handle.close()
