"""Looking into images of a real engine: their files, and never more of them than is needed."""

import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from containers import Engine, engine, image, network
from kansatsu.workload.engine import DockerEngine

__all__ = ["engine", "image", "network"]


@pytest.mark.root
async def test_what_variables_of_an_image_name_is_read_only_as_far_as_it_is_a_file(
    engine: Engine, image: Callable[[str], str], tmp_path: Path
) -> None:
    """The attack: an image whose bundle is a directory with all of the image in it, or a file that fills the memory."""
    (tmp_path / "own.pem").write_text("own")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(1 << 26)
    lines = [f"FROM {image('python')}", "COPY own.pem large /opt/", "ENV A=/ B=/opt/large C=/opt/own.pem D=/opt/none"]
    (tmp_path / "Containerfile").write_text("\n".join(lines))
    name = f"localhost/kansatsu-test/large:{time.monotonic_ns()}"
    engine.podman("build", "-q", "--pull=never", "--network=none", "-t", name, str(tmp_path))
    try:
        provider = DockerEngine(engine.url)
        tracemalloc.start()
        try:
            found = await provider.look(name, f"kansatsu-test-look-{time.monotonic_ns()}", {}, ["/etc"], list("ABCD"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            await provider.close()
        assert found.files == {"/opt/own.pem": b"own"}
        assert peak < 3 * (1 << 24)  # bytes
    finally:
        engine.podman("rmi", "-f", "-i", name, check=False)
