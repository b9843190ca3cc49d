"""Attack: hold connections without ever finishing a request."""

from typing import Any

import pytest

from kansatsu.gateway import server


class Loop:
    now = 100.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    made = server._Protocol.__new__(server._Protocol)
    made.loop = Loop()  # type: ignore[assignment]
    made._since = 100.0
    return made


@pytest.mark.parametrize(
    ("head", "age", "late"),
    [(0, 19.0, False), (0, 21.0, True), (500, 21.0, True), (None, 3600.0, False)],
)
def test_a_head_that_does_not_come_is_late_and_a_body_never_is(
    connection: Any, head: int | None, age: float, late: bool
) -> None:
    connection._head = head
    assert connection.late(100.0 + age) is late
