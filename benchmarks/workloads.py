"""How fast workloads get what they are due: an attached role, credentials under load, and a started task.

    .venv/bin/python benchmarks/workloads.py [attach] [flows] [tasks]      (tasks: as root, with podman)

`attach`: 100 instances with metadata services on loopback; from the association to the first answer with
credentials, and from its end to the first without; at the gateway a session ends with its association's transaction.
`flows`: 300 clients of container endpoints at once, each asking again when it has its answer, against uvicorn with an
application that answers a constant document. `tasks`: from RunTask to RUNNING, against `podman run`.
"""

import asyncio
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvloop

from kansatsu import identity
from kansatsu.clock import SystemClock
from kansatsu.delivery import CredentialEndpoint, MetadataService, load_keys
from kansatsu.identity import entities, profiles
from kansatsu.workload import Workload, WorkloadSettings
from kansatsu.workload.fakes import FakeProvider
from kansatsu.workload.views import Credentials

ACCOUNT, REGION = "123456789012", "us-east-1"
INSTANCES, FLOWS, TURNS, TASKS = 100, 300, 20, 10
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, '
    '"Action": "sts:AssumeRole"}]}'
)


def shown(name: str, seconds: Sequence[float]) -> tuple[float, float]:
    cut = statistics.quantiles(seconds, n=100, method="inclusive")
    print(f"  {name:<34} p50 {cut[49] * 1e3:8.1f} ms   p99 {cut[98] * 1e3:8.1f} ms   of {len(seconds)}")
    return cut[49], cut[98]


async def ask(port: int, path: str, head: str = "") -> tuple[int, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{head}\r\n".encode())
    answer = await reader.read()
    writer.close()
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


# ---- attach --------------------------------------------------------------------------------------------------------


class Loopback:
    """In the injector's place: sockets on this host instead of in a namespace."""

    async def listen(self, _pid: int, _start: int, binds: Sequence[tuple[str, int]]) -> list[socket.socket]:
        return [socket.create_server(("127.0.0.1", 0), backlog=256) for _ in binds]


async def attach() -> None:
    clock, ports = SystemClock(), {}
    with tempfile.TemporaryDirectory() as directory:
        store = identity.open_store(Path(directory), clock)
        identity.accounts.found(store, ACCOUNT)
        with store.write() as conn:
            role = entities.create(conn, ACCOUNT, "role", "R", path="/", now=0.0, trust_document=TRUST)
            profile = profiles.add_role(conn, profiles.create(conn, ACCOUNT, "P", path="/", now=0.0), role)
        metadata = MetadataService(load_keys(Path(directory), clock), clock)

        async def serve(view: Any, sockets: Any) -> Any:
            ports[view.id] = sockets[0].getsockname()[1]
            sockets[0].setblocking(False)
            sockets[1].close()
            return await metadata.serve(sockets[0], view)

        provider = FakeProvider()
        settings = WorkloadSettings(ACCOUNT, REGION, poll=timedelta(milliseconds=500))
        workload = Workload(
            store,
            clock,
            settings,
            serve,
            serve_task=serve,
            provider=provider,
            injector=Loopback(),  # type: ignore[arg-type]
        )
        await workload.start()
        await workload.adopted()
        for number in range(INSTANCES):
            provider.add(f"c{number}")
        members = [await workload.register(ACCOUNT, REGION, f"c{number}", {}) for number in range(INSTANCES)]

        async def until(member: Any, wanted: int, begun: float) -> float:
            path = "/latest/meta-data/iam/security-credentials/R"
            while (await ask(ports[member.instance.id], path))[0] != wanted:
                await asyncio.sleep(0.005)
            return time.perf_counter() - begun

        async def one(member: Any) -> float:
            begun = time.perf_counter()
            await workload.associations.associate(member, profile)
            return await until(member, 200, begun)

        async def gone(member: Any) -> float:
            begun = time.perf_counter()
            await workload.associations.disassociate(member, member.association.id)
            return await until(member, 404, begun)

        print(f"attach to credentials visible, {INSTANCES} instances")
        half = INSTANCES // 2
        shown("one after another", [await one(member) for member in members[:half]])
        shown(f"{half} at once", await asyncio.gather(*(one(member) for member in members[half:])))
        shown(f"{INSTANCES} ended at once", await asyncio.gather(*map(gone, members)))
        await workload.close()
        store.close()


# ---- flows ---------------------------------------------------------------------------------------------------------


class Process:
    """A process with credentials that are not to be renewed during the run."""

    authorization, instance, task = "word", None, None

    def __init__(self, number: int) -> None:
        self.id, now = f"{number:032x}", datetime.now(UTC)
        self._held = Credentials(
            "R", "arn:aws:iam::1:role/R", "ASIA", "s" * 40, "t" * 800, now, now + timedelta(hours=1)
        )

    def credentials(self) -> Credentials:
        return self._held


def serve_flows(ports: Any) -> None:
    async def serve() -> None:
        clock = SystemClock()
        with tempfile.TemporaryDirectory() as directory:
            endpoint = CredentialEndpoint(MetadataService(load_keys(Path(directory), clock), clock), clock)
            known = {process.id: process for process in map(Process, range(FLOWS))}
            listeners = [socket.create_server(("127.0.0.1", 0), backlog=512) for _ in range(3)]
            for listener in listeners:
                listener.setblocking(False)
                await endpoint.serve(listener, known.get)  # type: ignore[arg-type]
            ports.send([listener.getsockname()[1] for listener in listeners])
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        uvloop.run(serve())


def serve_peer(ports: Any) -> None:
    import uvicorn

    async def app(scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"Token": "' + b"t" * 900 + b'"}'})

    sock = socket.create_server(("127.0.0.1", 0), backlog=512)
    ports.send([sock.getsockname()[1]])
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan="off")
    asyncio.run(uvicorn.Server(config).serve(sockets=[sock]))


async def drive(ports: Sequence[int]) -> list[float]:
    async def flow(number: int) -> list[float]:
        took = []
        for _ in range(TURNS):
            begun = time.perf_counter()
            path = f"/v2/credentials/{number:032x}"
            status, body = await ask(ports[number % len(ports)], path, "Authorization: word\r\n")
            assert status == 200 and b"Token" in body, (status, body)
            took.append(time.perf_counter() - begun)
        return took

    return [each for took in await asyncio.gather(*(flow(number) for number in range(FLOWS))) for each in took]


def flows() -> None:
    print(f"credentials, {FLOWS} flows at once")
    found = {}
    for name, serve in (("kansatsu", serve_flows), ("uvicorn, a constant answer", serve_peer)):
        ours, theirs = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
        server.start()
        ports = ours.recv()
        time.sleep(1)
        uvloop.run(drive(ports))
        found[name] = shown(name, uvloop.run(drive(ports)))
        server.terminate()
        server.join()
    (own, own99), (peer, peer99) = found.values()
    print(f"  ratio: p50 {own / peer:.2f}, p99 {own99 / peer99:.2f}")


# ---- tasks ---------------------------------------------------------------------------------------------------------


def tasks() -> None:
    here = Path(__file__).parents[1] / "tests"
    sys.path += [str(here), str(here / "e2e")]
    from story import eventually, running

    from containers import IMAGES, NETWORK, PODMAN
    from containers import _joining as joining

    image = subprocess.run(
        [str(IMAGES / "build.sh"), "python"], capture_output=True, text=True, check=True
    ).stdout.strip()
    command = ["sleep", "600"]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "podman.sock"
        # No container of this ever has a way out of the machine: to no metadata service but ours.
        subprocess.run([PODMAN, "network", "create", "--internal", NETWORK], capture_output=True, check=False)
        joined = {**os.environ, "KANSATSU_TEST_CONTAINERS_CONF": str(joining(NETWORK, Path(directory)))}
        service = subprocess.Popen([PODMAN, "system", "service", "--time=0", f"unix://{path}"], env=joined)
        try:
            eventually(path.exists)
            network = ["--network", NETWORK]
            podman = []
            names = [f"bench-{os.getpid()}-{number}" for number in range(TASKS)]
            try:
                for name in names:
                    begun = time.perf_counter()
                    run = [PODMAN, "run", "-d", "--name", name, *network, image, *command]
                    subprocess.run(run, capture_output=True, check=True)
                    podman.append(time.perf_counter() - begun)
            finally:
                subprocess.run([PODMAN, "rm", "-f", "-i", "-t", "0", *names], capture_output=True, check=False)
            with running(Path(directory), f"unix://{path}", real_time=True) as server:
                ecs = server.client("ecs")
                app = {"name": "app", "image": image, "memory": 64, "command": command, "stopTimeout": 1}
                ecs.register_task_definition(family="app", containerDefinitions=[app])
                ours, arns = [], []
                for _ in range(TASKS):
                    begun = time.perf_counter()
                    arns.append(ecs.run_task(taskDefinition="app")["tasks"][0]["taskArn"])
                    eventually(lambda: ecs.describe_tasks(tasks=arns[-1:])["tasks"][0]["lastStatus"] == "RUNNING")
                    ours.append(time.perf_counter() - begun)
        finally:
            service.terminate()
            service.wait()
    print("a task, from RunTask to RUNNING")
    peer, own = shown("podman run", podman), shown("kansatsu", ours)
    print(f"  ratio: p50 {own[0] / peer[0]:.2f}")


def main() -> None:
    chosen = sys.argv[1:] or ["attach", "flows", "tasks"]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    parts: dict[str, Callable[[], None]] = {"attach": lambda: uvloop.run(attach()), "flows": flows, "tasks": tasks}
    for name in chosen:
        parts[name]()


if __name__ == "__main__":
    main()
