"""`kansatsu instance`: adopt a container that runs, see which workload has which role; the rest is the AWS CLI's."""

import pwd
from collections.abc import Mapping
from typing import Any

import click

from kansatsu.cli import client, names, options, workloads
from kansatsu.cli.groups import Group
from kansatsu.cli.output import Exit, Failure, again, emit, example, hint, output_option, say

_COLUMNS = ("id", "kind", "name", "state", "profile", "role", "served", "problems")


@click.group(cls=Group)
def instance() -> None:
    """Instances: containers and processes that have an instance profile or a role."""


@instance.command()
@output_option
@workloads.PROFILE
@options.where_options
def ls(form: str, profile: str | None, **given: Any) -> None:
    """List instances and processes with their roles and problems."""
    answer = workloads.describe(given, profile)
    emit([_row(workload) for workload in answer["Workloads"]], _COLUMNS, form)
    for refused in answer.get("Refused", []):
        say(f"Not adopted: {refused['Container']}: {refused['Reason']}")
    hint(again("instance show ID" if answer["Workloads"] else "instance register NAME"), form)


@instance.command()
@click.argument("wanted", metavar="ID")
@output_option
@workloads.PROFILE
@options.where_options
def show(wanted: str, form: str, profile: str | None, **given: Any) -> None:
    """Show all that is known of one instance or process: its id, its beginning, or its name."""
    found = workloads.find(
        workloads.describe(given, profile)["Workloads"], wanted, "instance or process", "instance ls"
    )
    workloads.emit_one(found, form)
    if found["Id"].startswith("i-"):
        hint(f"aws ec2 describe-instances --instance-ids {found['Id']}", form)
    else:
        hint(again("instance ls"), form)


@instance.command(epilog=example("kansatsu instance register app --instance-profile web"))
@click.argument("name", required=False)
@click.option("--container", metavar="NAME", help="Name or id of a container that runs; the same as NAME.")
@click.option("--uid", metavar="USER", help="A user of this host, not root, by number or name.")
@click.option("--cgroup", metavar="PATH", help="A service of this host, by its control group.")
@click.option("--instance-profile", metavar="PROFILE", help="Associate this instance profile at once.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the instance.")
@output_option
@workloads.PROFILE
@options.where_options
def register(
    *,
    name: str | None,
    container: str | None,
    uid: str | None,
    cgroup: str | None,
    instance_profile: str | None,
    tags: tuple[str, ...],
    form: str,
    profile: str | None,
    **given: Any,
) -> None:
    """Make what already runs an EC2 instance with a metadata service of its own: a container, a user, a service."""
    given_names = {"Container": name or container, "Uid": uid, "Cgroup": cgroup}
    asked: dict[str, Any] = {key: text for key, text in given_names.items() if text is not None}
    if len(asked) != 1 or None not in (name, container):
        raise Failure("Give the name or id of one container, or one of --uid and --cgroup.", Exit.USAGE)
    if uid is not None:
        asked["Uid"] = _user(uid)
    if instance_profile:
        asked["InstanceProfile"] = instance_profile
    if tags:
        asked["Tags"] = [_tag(text) for text in tags]
    settings = options.load(**given).settings
    control = client.connect(settings, "kansatsu", profile)
    kinds = ["instance-profile"]
    with names.meant(lambda: client.connect(settings, "iam", profile), instance_profile or "", kinds):
        workload = control.register_instance(**asked)["Workload"]
    emit([_row(workload)], _COLUMNS, form)
    if instance_profile:
        hint(again(f"instance show {workload['Id']}"), form)
    else:
        associate = "aws ec2 associate-iam-instance-profile --iam-instance-profile Name=PROFILE"
        hint(f"{associate} --instance-id {workload['Id']}", form)


@instance.command()
@click.argument("wanted", metavar="ID")
@workloads.PROFILE
@options.where_options
def rm(wanted: str, profile: str | None, **given: Any) -> None:
    """Take the identity of what was registered away; it runs on itself."""
    found = workloads.find(
        workloads.describe(given, profile)["Workloads"], wanted, "instance or process", "instance ls"
    )
    instance_id = found["Id"]
    if found.get("Kind") == "process":
        raise Failure(f"{instance_id} is {found.get('Name')}: its identity ends with the command; end that.")
    control = client.connect(options.load(**given).settings, "kansatsu", profile)
    with client.answers():
        control.deregister_instance(InstanceId=instance_id)
    say(f"{instance_id} is no instance any more.")
    hint(again("instance ls"))


def _find(wanted: str, given: Mapping[str, Any], profile: str | None) -> Mapping[str, Any]:
    known = workloads.describe(given, profile)["Workloads"]
    return workloads.find(known, wanted, "instance or process", "instance ls")


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


def _user(text: str) -> int:
    try:
        return int(text) if text.isascii() and text.isdigit() else pwd.getpwnam(text).pw_uid
    except KeyError:
        raise Failure(f"There is no user {text} on this machine.", Exit.USAGE) from None


def _tag(text: str) -> dict[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise Failure(f"'{text}' is not KEY=VALUE.", Exit.USAGE)
    return {"Key": key, "Value": value}
