"""What `kansatsu instance` and `kansatsu task` have in common: ask for workloads, find one, lay it out."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.output import Failure, again, emit
from kansatsu.cli.values import nearest

PROFILE = click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")

ENDED = frozenset({"shutting-down", "terminated", "STOPPED"})


def find(workloads: Sequence[Mapping[str, Any]], wanted: str, kind: str, listing: str) -> Mapping[str, Any]:
    """The one whose id or name it is, else whose id or container's id begins so; what has ended comes last."""
    ways: tuple[Callable[[Mapping[str, Any]], bool], ...] = (
        lambda w: wanted == w["Id"],
        lambda w: wanted == w.get("Name"),
        lambda w: wanted != "" and (w["Id"].startswith(wanted) or w.get("Container", "").startswith(wanted)),
    )
    alive = [workload for workload in workloads if workload.get("State") not in ENDED]
    for some in (alive, workloads):
        for fits in ways:
            found = [workload for workload in some if fits(workload)]
            if len(found) == 1:
                return found[0]
            if found:
                ids = ", ".join(workload["Id"] for workload in found)
                raise Failure(f"{wanted} could be any of {ids}; give more of the id.")
    near = nearest(wanted, [text for each in workloads for text in (each["Id"], each.get("Name", ""))])
    mean = near if near != "." else f"; see `{again(listing)}`."
    raise Failure(f"There is no {kind} {wanted}{mean}")


def text(value: object) -> str:
    """Times as ISO 8601, as the AWS CLI prints them."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def describe(given: Mapping[str, Any], profile: str | None, *, tasks: bool = False) -> Mapping[str, Any]:
    """The answer of DescribeWorkloads with its tasks alone, or without them."""
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        answer: Mapping[str, Any] = control.describe_workloads()
    wanted = [workload for workload in answer["Workloads"] if (workload.get("Kind") == "task") is tasks]
    return {**answer, "Workloads": wanted}


def emit_one(found: Mapping[str, Any], form: str) -> None:
    """All that is known of one."""
    if form == "json":
        click.echo(json.dumps(found, indent=2, default=text))
    else:
        emit([{"field": name, "value": value} for name, value in flat(found)], ("field", "value"), form)


def flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested members as dotted names, list entries by position, in the order of the answer."""
    rows: list[tuple[str, Any]] = []
    for name, member in value.items():
        if isinstance(member, Mapping):
            rows += flat(member, f"{prefix}{name}.")
        elif isinstance(member, list) and member and isinstance(member[0], Mapping):
            for index, entry in enumerate(member):
                rows += flat(entry, f"{prefix}{name}.{index}.")
        else:
            rows.append((prefix + name, text(member) if isinstance(member, datetime) else member))
    return rows
