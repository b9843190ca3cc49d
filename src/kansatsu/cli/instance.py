"""`kansatsu instance`: adopt a container that runs, see which workload has which role; the rest is the AWS CLI's."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.output import Exit, Failure, again, emit, hint, output_option, say

_COLUMNS = ("id", "kind", "name", "state", "profile", "role", "served", "problems")
_ENDED = frozenset({"shutting-down", "terminated"})
_PROFILE = click.option("--profile", metavar="NAME", help="Ask as this profile of your AWS files.")


@click.group()
def instance() -> None:
    """Instances: containers and processes that have an instance profile or a role."""


@instance.command()
@output_option
@_PROFILE
@options.where_options
def ls(form: str, profile: str | None, **given: Any) -> None:
    """List instances and processes with their roles and problems."""
    answer = _describe(given, profile)
    emit([_row(workload) for workload in answer["Workloads"]], _COLUMNS, form)
    for refused in answer.get("Refused", []):
        say(f"Not adopted: {refused['Container']}: {refused['Reason']}")
    hint(again("instance show ID" if answer["Workloads"] else "instance register NAME"), form)


@instance.command()
@click.argument("wanted", metavar="ID")
@output_option
@_PROFILE
@options.where_options
def show(wanted: str, form: str, profile: str | None, **given: Any) -> None:
    """Show all that is known of one instance or process: its id, its beginning, or its name."""
    found = _find(_describe(given, profile)["Workloads"], wanted)
    if form == "json":
        click.echo(json.dumps(found, indent=2, default=_text))
        return
    emit([{"field": name, "value": value} for name, value in _flat(found)], ("field", "value"), form)
    if found["Id"].startswith("i-"):
        hint(f"aws ec2 describe-instances --instance-ids {found['Id']}", form)
    else:
        hint(again("instance ls"), form)


@instance.command()
@click.argument("name", required=False)
@click.option("--container", metavar="NAME", help="Name or id of a container that runs; the same as NAME.")
@click.option("--instance-profile", metavar="PROFILE", help="Associate this instance profile at once.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the instance.")
@output_option
@_PROFILE
@options.where_options
def register(
    *,
    name: str | None,
    container: str | None,
    instance_profile: str | None,
    tags: tuple[str, ...],
    form: str,
    profile: str | None,
    **given: Any,
) -> None:
    """Make a container that already runs an EC2 instance with a metadata service of its own."""
    if (name is None) == (container is None):
        raise Failure("Give the name or id of one container.", Exit.USAGE)
    asked: dict[str, Any] = {"Container": name or container}
    if instance_profile:
        asked["InstanceProfile"] = instance_profile
    if tags:
        asked["Tags"] = [_tag(text) for text in tags]
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        workload = control.register_instance(**asked)["Workload"]
    emit([_row(workload)], _COLUMNS, form)
    if instance_profile:
        hint(again(f"instance show {workload['Id']}"), form)
    else:
        associate = "aws ec2 associate-iam-instance-profile --iam-instance-profile Name=PROFILE"
        hint(f"{associate} --instance-id {workload['Id']}", form)


@instance.command()
@click.argument("wanted", metavar="ID")
@_PROFILE
@options.where_options
def rm(wanted: str, profile: str | None, **given: Any) -> None:
    """Take an adopted container's identity away; the container itself runs on."""
    found = _find(_describe(given, profile)["Workloads"], wanted)
    instance_id = found["Id"]
    if found.get("Kind") == "process":
        raise Failure(f"{instance_id} is {found.get('Name')}: its identity ends with the command; end that.")
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        control.deregister_instance(InstanceId=instance_id)
    say(f"{instance_id} is no instance any more.")
    hint(again("instance ls"))


def _find(workloads: Sequence[Mapping[str, Any]], wanted: str) -> Mapping[str, Any]:
    """The one whose id or name it is, else whose id or container's id begins so; what has ended comes last."""
    ways: tuple[Callable[[Mapping[str, Any]], bool], ...] = (
        lambda w: wanted == w["Id"],
        lambda w: wanted == w.get("Name"),
        lambda w: wanted != "" and (w["Id"].startswith(wanted) or w.get("Container", "").startswith(wanted)),
    )
    alive = [workload for workload in workloads if workload.get("State") not in _ENDED]
    for some in (alive, workloads):
        for fits in ways:
            found = [workload for workload in some if fits(workload)]
            if len(found) == 1:
                return found[0]
            if found:
                ids = ", ".join(workload["Id"] for workload in found)
                raise Failure(f"{wanted} could be any of {ids}; give more of the id.")
    raise Failure(f"There is no instance or process {wanted}; see `{again('instance ls')}`.")


def _text(value: object) -> str:
    """Times as ISO 8601, as the AWS CLI prints them."""
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _describe(given: Mapping[str, Any], profile: str | None) -> Mapping[str, Any]:
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        answer: Mapping[str, Any] = control.describe_workloads()
    return answer


def _row(workload: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": workload["Id"],
        "kind": workload.get("Kind"),
        "name": workload.get("Name"),
        "state": workload.get("State"),
        "profile": workload.get("InstanceProfile", {}).get("Name"),
        "role": workload.get("Role", {}).get("Name"),
        "served": workload.get("Served"),
        "problems": workload.get("Problems", []),
    }


def _flat(value: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested members as dotted names, list entries by position, in the order of the answer."""
    rows: list[tuple[str, Any]] = []
    for name, member in value.items():
        if isinstance(member, Mapping):
            rows += _flat(member, f"{prefix}{name}.")
        elif isinstance(member, list) and member and isinstance(member[0], Mapping):
            for index, entry in enumerate(member):
                rows += _flat(entry, f"{prefix}{name}.{index}.")
        else:
            rows.append((prefix + name, _text(member) if isinstance(member, datetime) else member))
    return rows


def _tag(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Failure(f"'{text}' is not KEY=VALUE.", Exit.USAGE)
    return {"Key": key, "Value": value}
