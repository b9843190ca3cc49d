"""A container that runs already, started with plain podman, is given an identity; its neighbour cannot take it."""

import asyncio
import json
import os

import aiodocker
import pytest

from containers import engine, image, network, run_container
from kansatsu.workload.injection import CONTAINER_CREDENTIALS, GATEWAY, METADATA, InjectorClient, start_time

pytestmark = pytest.mark.root
__all__ = ["engine", "image", "network", "run_container"]

NODE = """
const {fromNodeProviderChain} = require("@aws-sdk/credential-providers");
fromNodeProviderChain()().then(c => console.log(c.accessKeyId)).catch(e => console.log(String(e)));
"""
PYTHON = "import boto3; c = boto3.Session().get_credentials(); print(c.access_key if c else c)"


@pytest.fixture
async def attach(bench):
    """`await attach(container, view)`: what the control plane does with an adopted container."""
    injector = InjectorClient()

    async def attach(container, view):
        metadata, gateway = await injector.listen(container.pid(), start_time(container.pid()), [METADATA, GATEWAY])
        gateway.close()
        bench.handles.append(await bench.metadata.serve(metadata, view))

    yield attach
    await injector.stop()


@pytest.mark.parametrize("on", ["kansatsu-test", "none"])
async def test_unmodified_sdks_in_running_containers(bench, instance, attach, run_container, on):
    bench.clock.moment = bench.clock.moment.replace(year=2099)  # SDKs compare with their own clock
    instance.states = {key: _until_2100(value) for key, value in instance.states.items()}
    for kind, command in (("python", ["python3", "-c", PYTHON]), ("node", ["node", "-e", NODE])):
        container = run_container(kind, on=on)
        await attach(container, instance)
        assert (await asyncio.to_thread(container.exec, *command)).stdout == "ASIA20EXAMPLE\n"


async def test_unmodified_sdks_get_task_credentials(bench, process, run_container):
    """AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, as ECS sets it: the address is ECS's own."""
    injector = InjectorClient()
    bench.clock.moment = bench.clock.moment.replace(year=2099)
    process.state = _until_2100(process.state)
    environment = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": f"/v2/credentials/{process.id}"}
    for kind, command in (("python", ["python3", "-c", PYTHON]), ("node", ["node", "-e", NODE])):
        container = run_container(kind, env=environment)
        pid = container.pid()
        [listener] = await injector.listen(pid, start_time(pid), [CONTAINER_CREDENTIALS])
        known = {process.id: process}.get
        serving = bench.containers.serve(listener, known, shared=False, address=CONTAINER_CREDENTIALS)
        bench.handles.append(await serving)
        assert (await asyncio.to_thread(container.exec, *command)).stdout == "ASIA20EXAMPLE\n"
    await injector.stop()


def _until_2100(credentials):
    return type(credentials)(
        **{name: getattr(credentials, name) for name in credentials.__slots__ if name != "expiration"},
        expiration=credentials.expiration.replace(year=2100),
    )


READ = "import socket,sys; socket.create_connection(('169.254.169.254', 80), 3); print('connected')"


async def test_a_neighbour_with_net_admin_and_a_restarted_container(instance, attach, run_container):
    victim, neighbour = run_container(), run_container(cap_add=["NET_ADMIN"])
    await attach(victim, instance)
    victim_address = victim.address()
    assert victim_address
    neighbour.exec("ip", "route", "add", "169.254.169.254/32", "via", victim_address)
    assert (await asyncio.to_thread(victim.exec, "python3", "-c", READ)).stdout == "connected\n"
    attempt = await asyncio.to_thread(neighbour.exec, "python3", "-c", READ, check=False)
    assert attempt.code != 0
    assert "refused" in attempt.stderr or "timed out" in attempt.stderr
    # A restart is a new namespace: nothing of the old identity is left in it.
    before = os.stat(f"/proc/{victim.pid()}/ns/net").st_ino
    victim.restart()
    assert os.stat(f"/proc/{victim.pid()}/ns/net").st_ino != before
    assert (await asyncio.to_thread(victim.exec, "python3", "-c", READ, check=False)).code != 0
    await attach(victim, instance)
    assert (await asyncio.to_thread(victim.exec, "python3", "-c", READ)).stdout == "connected\n"


async def test_the_engines_api_knows_what_the_command_line_started(engine, run_container):
    container = run_container(labels={"kansatsu.instance-profile": "P"})
    async with aiodocker.Docker(url=engine.url) as docker:
        shown = await (await docker.containers.get(container.name)).show()
    assert shown["Id"] == container.id
    assert shown["State"]["Pid"] == container.pid()
    assert shown["Config"]["Labels"]["kansatsu.instance-profile"] == "P"
    assert json.loads(engine.podman("inspect", container.id).stdout)[0]["State"]["Running"]
