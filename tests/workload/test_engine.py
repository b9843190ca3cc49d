"""The same, with podman, the real injector and the real metadata service: containers that run and that are launched."""

import asyncio
import hashlib
import io
import json
import struct
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.client_exceptions import UnixClientConnectorError
from aiohttp.client_reqrep import ConnectionKey

from containers import PODMAN, Engine, engine, image, network, run, run_container
from kansatsu.cli import trial
from kansatsu.cli.settings import load
from kansatsu.delivery import MetadataService, load_keys
from kansatsu.identity import open_store
from kansatsu.workload import ProviderError, pause
from kansatsu.workload.engine import DockerEngine
from kansatsu.workload.engine_images import translated
from kansatsu.workload.injection import InjectorClient
from kansatsu.workload.providers import PROFILE_LABEL, NoSuchContainer
from services.conftest import TestClock
from services.ec2_world import Ec2World

__all__ = ["engine", "image", "network", "run_container"]

KEY = "import boto3; c = boto3.Session().get_credentials(); print(c.get_frozen_credentials().access_key if c else None)"


@pytest.fixture
def real(tmp_path: Path, engine: Engine) -> Iterator[Ec2World]:
    """An account whose engine is podman; the clock stands at the present, as SDKs look at their own."""
    clock = TestClock(datetime.now(UTC))
    cloud = Ec2World(open_store(tmp_path / "data", clock), clock, tokens=tmp_path / "tokens")
    cloud.run(cloud.workload.close())
    metadata = MetadataService(load_keys(tmp_path / "data", clock), clock)

    async def serve(view: Any, sockets: Any) -> Any:
        sockets[1].close()  # the gateway's; there is none here
        return await metadata.serve(sockets[0], view)

    async def provider() -> DockerEngine:
        return DockerEngine(engine.url)

    cloud.server, cloud.injector = serve, InjectorClient()  # type: ignore[assignment]
    cloud.provider = cloud.run(provider())
    cloud.workload = cloud.fresh_workload()
    cloud.begin()
    yield cloud
    cloud.run(cloud.workload.clear())
    cloud.run(cloud.injector.stop())  # type: ignore[attr-defined]
    cloud.close()
    cloud.store.close()


def inside(cloud: Ec2World, container: str, *command: str) -> str:
    """Standard output of a command in a container, while the metadata service goes on answering."""
    ended = cloud.run(asyncio.to_thread(run, PODMAN, "exec", container, *command, check=False))
    return str(ended.stdout.strip() or ended.stderr)


@pytest.mark.root
def test_a_container_that_already_runs(real: Ec2World, run_container: Any) -> None:
    real.profile("P", role="R")
    container = run_container("python")
    item = real.control.register_instance(Container=container.name)["Workload"]
    assert item["Served"] and item["Problems"] == []
    assert inside(real, container.id, "python3", "-c", KEY) == "None"
    made = real.ec2.associate_iam_instance_profile(InstanceId=item["Id"], IamInstanceProfile={"Name": "P"})
    view = real.workload.view(real.workload.fleet.get(item["Arn"].split(":")[4], "us-east-1", item["Id"]))
    issued = view.credentials("2.0")
    assert inside(real, container.id, "python3", "-c", KEY) == issued.access_key_id  # type: ignore[union-attr]
    container.restart()
    real.run(real.workload.refresh())
    issued = view.credentials("2.0")  # the address is another one, and is part of the session
    assert inside(real, container.id, "python3", "-c", KEY) == issued.access_key_id  # type: ignore[union-attr]
    association = made["IamInstanceProfileAssociation"]["AssociationId"]
    real.ec2.disassociate_iam_instance_profile(AssociationId=association)
    assert inside(real, container.id, "python3", "-c", KEY) == "None"
    container.stop()
    real.run(real.workload.refresh())
    assert real.control.describe_workloads()["Workloads"][0]["State"] == "stopped"
    container.remove()
    real.run(real.workload.refresh())
    assert real.control.describe_workloads()["Workloads"] == []


@pytest.mark.root
def test_a_label_and_a_control_plane_that_restarts(real: Ec2World, run_container: Any) -> None:
    real.profile("P", role="R")
    container = run_container("python", labels={PROFILE_LABEL: "P"})
    real.run(real.workload.refresh())
    (item,) = real.control.describe_workloads()["Workloads"]
    first = inside(real, container.id, "python3", "-c", KEY)
    assert first.startswith("ASIA")
    real.provider = real.run(_again(real))
    real.restart()
    (again,) = real.control.describe_workloads()["Workloads"]
    assert again["Id"] == item["Id"]
    assert inside(real, container.id, "python3", "-c", KEY).startswith("ASIA")


async def _again(real: Ec2World) -> DockerEngine:
    """A client of the same engine: that of the workload which stops is closed with it."""
    return DockerEngine(f"unix://{real.provider._docker.connector.path}")  # type: ignore[attr-defined]


@pytest.mark.root
def test_the_hosts_network_is_refused(real: Ec2World, refused: Any, run_container: Any) -> None:
    container = run_container("python", on="host")
    message = refused("UnsupportedOperation", real.control.register_instance, Container=container.name)
    assert "host's network" in message


@pytest.mark.root
def test_a_launched_instance(real: Ec2World, image: Any) -> None:
    real.profile("P", role="R")
    name = image("python")
    found = real.ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [name]}])["Images"]
    script = "#!/bin/sh\nid -u >/tmp/user-data-ran\n"
    launched = real.ec2.run_instances(
        ImageId=found[0]["ImageId"], MinCount=1, MaxCount=1, IamInstanceProfile={"Name": "P"}, UserData=script
    )
    instance_id = launched["Instances"][0]["InstanceId"]
    real.settle()
    shown = real.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]
    assert shown["State"]["Name"] == "running", shown
    assert inside(real, instance_id, "cat", "/tmp/user-data-ran") == "0"
    key = inside(real, instance_id, "python3", "-c", KEY)
    assert key.startswith("ASIA")
    assert inside(real, instance_id, "sh", "-c", "echo $AWS_ENDPOINT_URL") == "http://127.0.0.1:4566"
    real.ec2.reboot_instances(InstanceIds=[instance_id])
    real.settle()
    assert inside(real, instance_id, "python3", "-c", KEY) == key
    real.ec2.stop_instances(InstanceIds=[instance_id], Force=True)
    real.settle()
    real.ec2.start_instances(InstanceIds=[instance_id])
    real.settle()
    assert inside(real, instance_id, "python3", "-c", KEY) == key
    real.ec2.terminate_instances(InstanceIds=[instance_id])
    real.settle()
    names = run(PODMAN, "ps", "-a", "--format", "{{.Names}}").stdout
    assert instance_id not in names


@pytest.mark.root
def test_what_the_engine_does_not_know(real: Ec2World) -> None:
    provider = real.provider
    with pytest.raises(NoSuchContainer):
        real.run(provider.inspect("nowhere"))
    real.run(provider.remove("nowhere"))


async def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    provider = DockerEngine(f"unix://{tmp_path}/none.sock")
    with pytest.raises(ProviderError, match="does not answer") as caught:
        await provider.list()
    await provider.close()
    assert str(caught.value) == (
        f"the container engine does not answer: {tmp_path}/none.sock: No such file or directory; "
        "start podman or docker, or say --engine"
    )


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (
            PermissionError(13, "Permission denied"),
            ": /run/e.sock: Permission denied; start Kansatsu as somebody who may",
        ),
        (
            ConnectionRefusedError(111, "Connection refused"),
            ": /run/e.sock: Connection refused; start podman or docker",
        ),
        (None, " in time"),
    ],
)
async def test_why_an_engine_does_not_answer(raised: OSError | None, said: str) -> None:
    key = ConnectionKey("localhost", None, False, True, None, None, None)
    error = TimeoutError() if raised is None else UnixClientConnectorError("/run/e.sock", key, raised)
    with pytest.raises(ProviderError) as caught:
        async with translated(NoSuchContainer):
            raise error
    assert str(caught.value).startswith(f"the container engine does not answer{said}")


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", 62), ("arm64", 183)])
def test_the_pause_image(architecture: str, machine: int) -> None:
    code = pause.program(architecture)
    assert code[:4] == b"\x7fELF" and struct.unpack_from("<H", code, 18) == (machine,)
    key, archive = pause.image(architecture)
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:
        files = {name: outer.extractfile(name).read() for name in outer.getnames()}  # type: ignore[union-attr]
    config = files[f"{key}.json"]
    assert hashlib.sha256(config).hexdigest() == key
    assert json.loads(config)["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(files['layer.tar']).hexdigest()}"]
    with tarfile.open(fileobj=io.BytesIO(files["layer.tar"])) as layer:
        assert layer.extractfile("pause").read() == code and layer.getmember("pause").mode == 0o755  # type: ignore[union-attr]


def test_no_pause_program_for_other_processors() -> None:
    with pytest.raises(ProviderError, match="riscv64"):
        pause.program("riscv64")


def test_doctor_starts_a_container_and_leaves_nothing(engine: Engine, tmp_path: Path) -> None:
    given = {"data-dir": [str(tmp_path)], "engine": [engine.url]}
    outcome = trial.run(load(given, environ={}).settings)
    assert outcome == trial.Outcome(True, "one was started, and an endpoint put into it")
    assert "kansatsu-doctor" not in engine.podman("ps", "-a").stdout
