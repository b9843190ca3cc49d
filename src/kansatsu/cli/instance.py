"""`kansatsu instance`: adopt a container that runs, see which workload has which role; the rest is the AWS CLI's."""

from collections.abc import Mapping
from typing import Any

import click

from kansatsu.cli import client, options
from kansatsu.cli.output import Exit, Failure, emit, hint, output_option, say

_COLUMNS = ("id", "kind", "name", "state", "profile", "role", "served", "problems")
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
    hint("kansatsu instance show ID" if answer["Workloads"] else "kansatsu instance register --container NAME")


@instance.command()
@click.argument("instance_id", metavar="ID")
@output_option
@_PROFILE
@options.where_options
def show(instance_id: str, form: str, profile: str | None, **given: Any) -> None:
    """Show all that is known of one instance or process."""
    found = _describe(given, profile, instance_id)["Workloads"]
    if not found:
        raise Failure(f"There is no instance {instance_id}; see `kansatsu instance ls`.", Exit.FAILED)
    emit([{"field": name, "value": value} for name, value in _flat(found[0])], ("field", "value"), form)
    hint(f"aws ec2 describe-instances --instance-ids {instance_id}")


@instance.command()
@click.option("--container", required=True, metavar="NAME", help="Name or id of a container that runs.")
@click.option("--instance-profile", metavar="PROFILE", help="Associate this instance profile at once.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the instance.")
@output_option
@_PROFILE
@options.where_options
def register(
    *,
    container: str,
    instance_profile: str | None,
    tags: tuple[str, ...],
    form: str,
    profile: str | None,
    **given: Any,
) -> None:
    """Make a container that already runs an EC2 instance with a metadata service of its own."""
    asked: dict[str, Any] = {"Container": container}
    if instance_profile:
        asked["InstanceProfile"] = instance_profile
    if tags:
        asked["Tags"] = [_tag(text) for text in tags]
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        workload = control.register_instance(**asked)["Workload"]
    emit([_row(workload)], _COLUMNS, form)
    if instance_profile:
        hint(f"kansatsu instance show {workload['Id']}")
    else:
        hint(
            f"aws ec2 associate-iam-instance-profile --instance-id {workload['Id']} --iam-instance-profile Name=PROFILE"
        )


@instance.command()
@click.argument("instance_id", metavar="ID")
@_PROFILE
@options.where_options
def rm(instance_id: str, profile: str | None, **given: Any) -> None:
    """Take an adopted container's identity away; the container itself runs on."""
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        control.deregister_instance(InstanceId=instance_id)
    say(f"{instance_id} is no instance any more.")
    hint("kansatsu instance ls")


def _describe(given: Mapping[str, Any], profile: str | None, *ids: str) -> Mapping[str, Any]:
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        answer: Mapping[str, Any] = control.describe_workloads(**({"InstanceIds": list(ids)} if ids else {}))
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
            rows.append((prefix + name, member))
    return rows


def _tag(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Failure(f"'{text}' is not KEY=VALUE.", Exit.USAGE)
    return {"Key": key, "Value": value}
