"""Volumes of real containers: who has those of another one may write no more than that one."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from containers import Engine, engine, image, network
from kansatsu.workload.engine import DockerEngine
from kansatsu.workload.providers import Mount, Options

__all__ = ["engine", "image", "network"]

TOUCH = ("sh", "-c", "for d in ro rw; do touch /$d/$0 && echo $d; done; echo done")


@pytest.mark.root
@pytest.mark.parametrize("read_only", [True, False])
async def test_volumes_from_a_container_that_may_only_read(
    engine: Engine, image: Callable[[str], str], tmp_path: Path, read_only: bool
) -> None:
    for name in ("ro", "rw"):
        (tmp_path / name).mkdir()
    mounts = (Mount(str(tmp_path / "ro"), "/ro", read_only=True), Mount(str(tmp_path / "rw"), "/rw"))
    provider, made = DockerEngine(engine.url), f"kansatsu-test-volumes-{time.monotonic_ns()}"
    names = [f"{made}-{name}" for name in ("network", "source", "other")]
    try:
        held = await provider.create_namespace(names[0], "h", {})
        source = await provider.create(names[1], image("python"), held, {}, {}, Options(mounts=mounts))
        options = Options(command=(*TOUCH, "x"), volumes_from=((source, read_only),))
        other = await provider.create(names[2], image("python"), held, {}, {}, options)
        await provider.start(other)
        limit = time.monotonic() + 180
        while (await provider.inspect(other)).running and time.monotonic() < limit:
            pass
        said = [line.text for line in await provider.logs(other, 10) if "touch" not in line.text]
        assert said == (["done"] if read_only else ["rw", "done"])
        assert (list((tmp_path / "ro").iterdir()), len(list((tmp_path / "rw").iterdir()))) == ([], not read_only)
    finally:
        for name in reversed(names):
            await provider.remove(name)
        await provider.close()
