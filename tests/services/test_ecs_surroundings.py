"""What containers of tasks see besides: AWS's own names and who vouches for them, and nothing that they had goes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kansatsu.workload import trust
from kansatsu.workload.injection import AWS
from kansatsu.workload.providers import Inside, Mount
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import cloud, container, ecs_client, world

__all__ = ["cloud", "ecs_client", "engine", "world"]

BUNDLE, RESOLVER, DEBIAN = "/etc/kansatsu/ca-certificates.crt", "/etc/resolv.conf", trust.BUNDLES[0]
OURS = "-----OURS-----\n"


@pytest.fixture
def trusted(engine: Engine, tmp_path: Path) -> Engine:
    """An engine whose tasks are to trust an authority."""
    world = engine.cloud
    world.settings = replace(world.settings, authority=OURS, shown=tmp_path / "shown")
    world.restart()
    return engine


def seen(engine: Engine, task: str) -> dict[str, str]:
    """What the container sees at which path, as far as files of ours are mounted there."""
    found = {}
    for mount in engine.fake.options[engine.key(task)].mounts:
        if "/shown/" in mount.source:
            # INVARIANT: what several tasks see none of them can change.
            assert mount.read_only and Path(mount.source).stat().st_mode & 0o777 == 0o444
            found[mount.target] = Path(mount.source).read_text()
    return found


def told(engine: Engine, task: str) -> dict[str, str]:
    return {name: text for name, text in engine.environment(task).items() if name in trust.VARIABLES}


def test_an_image_without_authorities_gets_those_of_this_machine_and_ours(trusted: Engine) -> None:
    task = trusted.run()
    files = seen(trusted, task)
    assert files[BUNDLE] == trust.joined(trust.of_this_machine(), OURS) and files[BUNDLE].endswith(OURS)
    assert files[RESOLVER].splitlines()[0] == f"nameserver {AWS}"
    assert files.keys() == {BUNDLE, RESOLVER}
    assert told(trusted, task) == dict.fromkeys(trust.VARIABLES, BUNDLE)


def test_what_an_image_trusts_it_goes_on_trusting(trusted: Engine) -> None:
    files = {DEBIAN: b"-----ITS OWN-----\n", "/app/ca.pem": b"-----ITS APP'S-----\n"}
    trusted.fake.inside["web:latest"] = Inside({"SSL_CERT_FILE": "/app/ca.pem", "OTHER": "x"}, files)
    task = trusted.run()
    assert seen(trusted, task) | {RESOLVER: ""} == {
        BUNDLE: f"-----ITS OWN-----\n{OURS}",
        DEBIAN: f"-----ITS OWN-----\n{OURS}",
        "/app/ca.pem": f"-----ITS APP'S-----\n{OURS}",
        RESOLVER: "",
    }
    # The variable that the image sets is the image's.
    assert told(trusted, task) == dict.fromkeys(set(trust.VARIABLES) - {"SSL_CERT_FILE"}, BUNDLE)


@pytest.mark.parametrize("name", trust.VARIABLES)
def test_what_the_definition_sets_stands(trusted: Engine, name: str) -> None:
    task = trusted.run(container(environment=[{"name": name, "value": "/mine"}]))
    assert told(trusted, task) == dict.fromkeys(trust.VARIABLES, BUNDLE) | {name: "/mine"}


@pytest.mark.parametrize(("path", "kept"), [("/etc/ssl", False), (DEBIAN, False), ("/etc/ssl/certs-of-mine", True)])
def test_what_the_definition_mounts_stands(trusted: Engine, path: str, kept: bool) -> None:
    trusted.fake.inside["web:latest"] = Inside({}, {DEBIAN: b"-----ITS OWN-----\n"})
    points = [{"sourceVolume": "v", "containerPath": path}]
    made = container(mountPoints=points)
    trusted.ecs.register_task_definition(family="v", containerDefinitions=[made], volumes=[{"name": "v"}])
    task = trusted.ecs.run_task(taskDefinition="v")["tasks"][0]["taskArn"].rpartition("/")[2]
    trusted.cloud.settle()
    assert (DEBIAN in seen(trusted, task)) is kept
    assert any(mount == Mount(f"ecs-{task}.v", path) for mount in trusted.fake.options[trusted.key(task)].mounts)


def names(engine: Engine) -> Any:
    """The sockets of the one task that is served."""
    (handle,) = engine.cloud.task_server.open
    return len(handle.sockets)


def test_a_task_that_is_a_name_server_keeps_its_place(trusted: Engine) -> None:
    task = trusted.run()
    others = names(trusted)
    trusted.ecs.stop_task(task=task)
    trusted.cloud.settle()
    task = trusted.run(container(portMappings=[{"containerPort": 53, "protocol": "udp"}]))
    assert RESOLVER not in seen(trusted, task) and BUNDLE in seen(trusted, task)
    assert names(trusted) == others - 1


def test_the_names_of_its_network_are_searched_as_before(trusted: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = trusted.fake
    inspect = fake.inspect

    async def inspected(reference: str) -> Any:
        return replace(await inspect(reference), search=("dns.podman", "example.org"), nameservers=("10.89.0.1",))

    monkeypatch.setattr(fake, "inspect", inspected)
    assert "search dns.podman example.org\n" in seen(trusted, trusted.run())[RESOLVER]
