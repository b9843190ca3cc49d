"""The whole path of a request: an unmodified SDK in another network namespace, at the real address."""

import asyncio
import json
import subprocess
import sys

import pytest

from kansatsu.workload.injection import METADATA, InjectorClient, start_time

pytestmark = pytest.mark.root

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
