"""`kansatsu task logs --since`: all that a task wrote since then, however long that is, and no waiting for more."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from kansatsu.cli import client, workloads
from kansatsu.cli.root import cli

TASK = {"Id": "a" * 32, "Name": "family", "Containers": [{"Name": "web"}, {"Name": "side"}]}
LATER = "9999-01-01T00:00:00.000000000Z"


class Control:
    """What answers GetTaskLogs: pieces of a long log, and in the end lines of a task that goes on writing."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def get_task_logs(self, **asked: Any) -> Any:
        self.asked.append(asked)
        number = len(self.asked)
        last = LATER if number == 3 else f"2026-01-01T00:00:0{number}.000000000Z"
        quiet = {"Container": "side", "Text": "", "Last": asked["After"][1]["Last"]}
        return {"State": "RUNNING", "Logs": [{"Container": "web", "Text": f"piece {number}\n", "Last": last}, quiet]}


@pytest.fixture
def control(monkeypatch: pytest.MonkeyPatch) -> Control:
    control = Control()
    monkeypatch.setattr(workloads, "describe", lambda *_, **__: {"Workloads": [TASK]})
    monkeypatch.setattr(client, "connect", lambda *_: control)
    return control


def test_a_long_log_is_read_in_pieces_up_to_now(control: Control) -> None:
    before = datetime.now(UTC) - timedelta(minutes=10)
    done = CliRunner().invoke(cli, ["task", "logs", "family", "--since", "10m"])
    assert (done.exit_code, done.stdout) == (0, "web: piece 1\nweb: piece 2\nweb: piece 3\n"), done.output
    start = {each["Container"]: each["Last"] for each in control.asked[0]["After"]}
    assert set(start) == {"web", "side"} and start["web"] == start["side"]
    assert before <= datetime.fromisoformat(start["web"]) <= datetime.now(UTC) - timedelta(minutes=10)
    assert [asked["After"][0]["Last"][17:19] for asked in control.asked[1:]] == ["01", "02"]
    assert {asked["After"][1]["Last"] for asked in control.asked} == {start["side"]}


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--since", "10m", "-n", "5"], "Give --lines or --since, not both."),
        (["--since", "yesterday"], "yesterday is neither a time like 90d, 12h or 3w, nor a date like 2026-11-05."),
    ],
)
def test_what_means_nothing_is_wrong_usage(control: Control, flags: list[str], sentence: str) -> None:
    done = CliRunner().invoke(cli, ["task", "logs", "family", *flags])
    assert (done.exit_code, done.stdout, control.asked) == (2, "", [])
    assert sentence in done.stderr
