"""The whole path of a request: an unmodified SDK in another network namespace, at the real address."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys

import pytest
import uvloop

from injector.conftest import Namespace, join
from kansatsu.workload.injection import METADATA, InjectorClient, start_time
from kansatsu.workload.views import MetadataOptions

pytestmark = pytest.mark.root
REFUSED = "ConnectionRefusedError"  # and not unreachable: the packets arrive

SDK = """
import json
from botocore.session import Session
found = Session().get_credentials()
frozen = found.get_frozen_credentials()
print(json.dumps([found.method, frozen.access_key, frozen.token]))
"""


async def run_inside(pid: int, *command: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    process = await asyncio.create_subprocess_exec(
        "nsenter", "--net", "-t", str(pid), *command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_botocore_in_a_namespace_gets_the_credentials_of_that_namespace(bench, instance, make_instance):
    injector = InjectorClient()
    sleepers = [
        subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 100"], stdout=subprocess.PIPE) for _ in "ab"
    ]
    try:
        instances = [instance, make_instance(id="i-0fedcba9876543210", options=instance.options)]
        for sleeper, view in zip(sleepers, instances, strict=True):
            assert sleeper.stdout is not None
            sleeper.stdout.readline()
            [listener] = await injector.listen(sleeper.pid, start_time(sleeper.pid), [METADATA])
            bench.handles.append(await bench.metadata.serve(listener, view))
        first, second = (sleeper.pid for sleeper in sleepers)
        got = json.loads(await run_inside(first, sys.executable, "-c", SDK))
        assert got == ["iam-role", "ASIA20EXAMPLE", "token-2.0"]
        for pid, view in ((first, instances[0]), (second, instances[1])):
            assert (
                await run_inside(pid, "curl", "-sf", "http://169.254.169.254/latest/meta-data/instance-id") == view.id
            )
        ttl = "X-aws-ec2-metadata-token-ttl-seconds: 60"
        url = "http://169.254.169.254/latest/"
        token = await run_inside(first, "curl", "-sf", "-X", "PUT", "-H", ttl, url + "api/token")
        status = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"X-aws-ec2-metadata-token: {token}"]
        assert await run_inside(first, *status, url + "meta-data/") == "200"
        assert await run_inside(second, *status, url + "meta-data/") == "401"
    finally:
        await injector.stop()
        for sleeper in sleepers:
            with sleeper:
                sleeper.kill()


@pytest.mark.parametrize("hops", [1, 2])
async def test_a_container_nested_in_a_workload_gets_nothing(bench, instance, hops):
    """Nor one that is nested in that one: whatever the hop limit, what comes by another interface is nobody's."""
    injector = InjectorClient()
    workload, nested, deeper = made = [Namespace() for _ in range(3)]
    try:
        join(workload, nested, 98)
        join(nested, deeper, 97)
        for outer, inner, number in ((workload, nested, 98), (nested, deeper, 97)):
            outer.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
            inner.run("ip", "route", "add", "default", "via", f"10.{number}.0.1")
        workload.run("ip", "route", "add", "10.97.0.0/24", "via", "10.98.0.2")
        instance.options = MetadataOptions(http_tokens="required", hop_limit=hops)
        [listener] = await injector.listen(workload.pid, workload.start_time, [METADATA])
        bench.handles.append(await bench.metadata.serve(listener, instance))
        for namespace, seen in ((workload, "connected"), (nested, REFUSED), (deeper, REFUSED)):
            assert await asyncio.to_thread(namespace.attempt, *METADATA) == seen
    finally:
        await injector.stop()
        for namespace in made:
            namespace.close()


def descriptors() -> list[str]:
    """What this process has open, as the kernel calls it."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/self/fd/{name}").partition(":[")[0])
    return sorted(found)


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_closing_gives_back_every_descriptor(make_bench, make_instance, new_loop):
    """The listener and what steers connections to it; whichever event loop closes them."""

    async def run(pid: int) -> list[list[str]]:
        bench, injector = make_bench(), InjectorClient()
        await injector.start()
        counts = []
        for _ in range(3):
            [listener] = await injector.listen(pid, start_time(pid), [METADATA])
            handle = await bench.metadata.serve(listener, make_instance())
            assert await run_inside(pid, "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", METADATA[0]) == "401"
            await handle.close()
            del listener
            counts.append(descriptors())
        await injector.stop()
        return counts

    with subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 100"], stdout=subprocess.PIPE) as sleeper:
        assert sleeper.stdout is not None
        sleeper.stdout.readline()
        loop = new_loop()
        asyncio.set_event_loop(loop)  # where asyncio finds the watcher of child processes
        first, *others = loop.run_until_complete(run(sleeper.pid))
        loop.close()
        asyncio.set_event_loop(None)
        sleeper.kill()
    assert others == [first] * 2  # the first round opens what the loop itself keeps
