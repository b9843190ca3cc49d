"""A store of the test's own, and a clock that the test moves."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import stores
from kansatsu.identity import Store, open_store


class MovingClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def forward(self, **amount: float) -> None:
        self.time += timedelta(**amount)


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where a store is: "" in its data directory, else on PostgreSQL. What is tested here holds on both."""
    if request.param == "sqlite":
        yield ""
        return
    with request.getfixturevalue("cluster").database() as made:
        yield made


@pytest.fixture
def store(tmp_path: Path, clock: MovingClock, url: str) -> Iterator[Store]:
    opened = stores.opened(tmp_path / "data", clock, url)
    yield opened
    opened.close()


@pytest.fixture
def other(store: Store, tmp_path: Path, clock: MovingClock, url: str) -> Iterator[Store]:
    """The same database, opened once more: what another process sees."""
    opened = open_store(tmp_path / "data", clock, url)
    yield opened
    opened.close()
