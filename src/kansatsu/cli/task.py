"""`kansatsu task`: which ECS task has which role, and what it wrote; the rest is the AWS CLI's."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from kansatsu.cli import client, options, workloads
from kansatsu.cli.groups import Group
from kansatsu.cli.output import Exit, Failure, again, emit, example, hint, output_option
from kansatsu.cli.times import moment

_COLUMNS = ("id", "definition", "cluster", "state", "role", "served", "problems")
_MOST = 10000
_LINES = click.IntRange(1, _MOST)
_FEW = 100
_PAUSE = 0.5  # seconds between questions


@click.group(cls=Group)
def task() -> None:
    """Tasks: containers that ECS's RunTask started, each task with a role of its own."""


@task.command()
@output_option
@workloads.PROFILE
@options.where_options
def ls(form: str, profile: str | None, **given: Any) -> None:
    """List tasks with their roles and problems; those that ended, for an hour."""
    found = workloads.describe(given, profile, tasks=True)["Workloads"]
    emit([_row(each) for each in found], _COLUMNS, form)
    hint(again("task show ID") if found else "aws ecs run-task --task-definition FAMILY", form)


@task.command()
@click.argument("wanted", metavar="ID")
@output_option
@workloads.PROFILE
@options.where_options
def show(wanted: str, form: str, profile: str | None, **given: Any) -> None:
    """Show all that is known of one task: its id, its beginning, or its family where that is one task."""
    found = _find(wanted, given, profile)
    workloads.emit_one(found, form)
    hint(again(f"task logs {found['Id'][:12]}"), form)


@task.command(epilog=example("kansatsu task logs web --since 10m"))
@click.argument("wanted", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines arrive, until the task has stopped.")
@click.option("--container", metavar="NAME", help="Only this container of the task.")
@click.option("-n", "--lines", type=_LINES, help=f"How many of the last lines of each container ({_FEW}).")
@click.option("--since", metavar="TIME", help="All lines since then: 10m, or 2026-11-05T12:00.")
@workloads.PROFILE
@options.where_options
def logs(
    wanted: str,
    follow: bool,
    container: str | None,
    lines: int | None,
    since: str | None,
    profile: str | None,
    **given: Any,
) -> None:
    """Print what a task's containers wrote last; with several, each line begins with the container's name."""
    if since is not None and lines is not None:
        raise Failure("Give --lines or --since, not both.", Exit.USAGE)
    now, start = _stamp(datetime.now(UTC)), _stamp(moment(since)) if since is not None else ""
    found = _find(wanted, given, profile)
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    asked = {"Task": found["Id"], **({"Container": container} if container else {})}
    named = len(found["Containers"]) > 1 and container is None
    after = {each["Name"]: start for each in found["Containers"] if start}
    while True:
        known = [{"Container": name, "Last": last} for name, last in after.items()]
        going_on = {"After": known} if follow or start else {}
        with client.answers():
            answer = control.get_task_logs(**asked, Lines=_MOST if known else lines or _FEW, **going_on)
        said = [(log["Container"], line) for log in answer["Logs"] for line in log["Text"].splitlines()]
        for name, line in said:
            click.echo(f"{name}: {line}" if named else line)
        after.update({log["Container"]: log["Last"] for log in answer["Logs"] if "Last" in log})
        # A long log is read in pieces; what was written after the command began is not waited for.
        more = start and any(log["Text"] and log["Last"] < now for log in answer["Logs"])
        if follow and (answer["State"] != "STOPPED" or (known and said)):
            time.sleep(_PAUSE)
        elif not more:
            return


def _stamp(when: datetime) -> str:
    """As GetTaskLogs has the time of a line."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def _find(wanted: str, given: Mapping[str, Any], profile: str | None) -> Mapping[str, Any]:
    return workloads.find(workloads.describe(given, profile, tasks=True)["Workloads"], wanted, "task", "task ls")


def _row(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": found["Id"],
        "definition": found.get("TaskDefinition"),
        "cluster": found.get("Cluster"),
        "state": found.get("State"),
        "role": found.get("Role", {}).get("Name"),
        "served": found.get("Served"),
        "problems": found.get("Problems", []) or [found.get("StoppedReason", "")],
    }
