"""One embedded backend for the tests of a module, on a loop that lasts as long."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from kansatsu.backends import EmbeddedBackend
from kansatsu.clock import SystemClock


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def backend(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedBackend]:
    directory: Path = tmp_path_factory.mktemp("b")
    embedded = EmbeddedBackend(directory, SystemClock(), wait_seconds=60)
    embedded.start()
    try:
        yield embedded
    finally:
        await embedded.stop()
