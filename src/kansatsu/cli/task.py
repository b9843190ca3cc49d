"""`kansatsu task`: which ECS task has which role, and what it wrote; the rest is the AWS CLI's."""

import time
from collections.abc import Mapping
from typing import Any

import click

from kansatsu.cli import client, options, workloads
from kansatsu.cli.groups import Group
from kansatsu.cli.output import again, emit, hint, output_option

_COLUMNS = ("id", "definition", "cluster", "state", "role", "served", "problems")
_MOST = 10000
_LINES = click.IntRange(1, _MOST)
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


@task.command()
@click.argument("wanted", metavar="ID")
@click.option("-f", "--follow", is_flag=True, help="Go on printing as lines arrive, until the task has stopped.")
@click.option("--container", metavar="NAME", help="Only this container of the task.")
@click.option("-n", "--lines", type=_LINES, default=100, show_default=True, help="How many lines of each container.")
@workloads.PROFILE
@options.where_options
def logs(wanted: str, follow: bool, container: str | None, lines: int, profile: str | None, **given: Any) -> None:
    """Print what a task's containers wrote last; with several, each line begins with the container's name."""
    found = _find(wanted, given, profile)
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    asked = {"Task": found["Id"], **({"Container": container} if container else {})}
    named = len(found["Containers"]) > 1 and container is None
    after: dict[str, str] = {}
    while True:
        known = [{"Container": name, "Last": last} for name, last in after.items()]
        going_on = {"After": known} if follow else {}
        with client.answers():
            answer = control.get_task_logs(**asked, Lines=_MOST if known else lines, **going_on)
        said = [(log["Container"], line) for log in answer["Logs"] for line in log["Text"].splitlines()]
        for name, line in said:
            click.echo(f"{name}: {line}" if named else line)
        after.update({log["Container"]: log["Last"] for log in answer["Logs"] if "Last" in log})
        if not follow or (answer["State"] == "STOPPED" and not (known and said)):
            return
        time.sleep(_PAUSE)


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
