"""Containers become instances and cease to be; what runs is shown with its role, its credentials and its problems."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import IncorrectState, InvalidParameterCombination
from kansatsu.identity import profiles
from kansatsu.services.ec2 import _tagging
from kansatsu.services.ec2._resources import ec2_arn, instance_context, member_of, pass_role, profile_named
from kansatsu.services.ecs._resources import place_of
from kansatsu.services.kansatsu import tasks
from kansatsu.services.kansatsu._shown import issued, role_shown, trouble
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload import Member, RegisteredProcess, find_profile
from kansatsu.workload.tasks.roster import Member as Task


def _register_checks(call: Call, params: Params) -> Iterator[Authorization]:
    """What the same would take in two or three calls: register, associate (with iam:PassRole), tag."""
    anything = ec2_arn(call, "instance/*")
    tags = asked_tags(params)
    yield Authorization("kansatsu:RegisterInstance", anything, tags, True)
    if name := params.get("InstanceProfile"):
        profile = profile_named(call, {"Name": name})
        context = {"ec2:newinstanceprofile": profile.arn} if profile else {}
        yield Authorization("ec2:AssociateIamInstanceProfile", anything, context, True)
        yield from pass_role(call, profile, anything)
    if tags:
        yield Authorization("ec2:CreateTags", anything, {**tags, "ec2:createaction": "RegisterInstance"}, True)


@operation("kansatsu", "RegisterInstance", resource=_register_checks)
async def register_instance(
    call: Call,
    container: str | None = None,
    uid: int | None = None,
    cgroup: str | None = None,
    instance_profile: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> dict[str, Any]:
    """Registering what is an instance already answers with that instance."""
    if [container, uid, cgroup].count(None) != 2:
        raise InvalidParameterCombination("Give one of Container, Uid and Cgroup.")
    profile = None
    if instance_profile is not None:
        with call.store.read() as conn:
            profile = find_profile(conn, call.account, {"Name": instance_profile})
    wanted = _tagging.to_dict(tags)
    place = (call.account, call.region)
    if container is not None:
        member = await call.workload.register(*place, container, wanted)
    else:
        member = await call.workload.hosted.register(*place, uid, cgroup, wanted)
    if profile is not None:
        held = member.association
        if held is not None and held.profile_id != profile.id:
            raise IncorrectState(f"There is an existing association for instance {member.instance.id}")
        if held is None:
            await call.workload.associations.associate(member, profile)
    return {"Workload": _instance(call, member)}


def _one(call: Call, params: Params) -> Authorization:
    instance_id = params["InstanceId"]
    context = instance_context(call, member_of(call, instance_id))
    return Authorization("kansatsu:DeregisterInstance", ec2_arn(call, f"instance/{instance_id}"), context, True)


@operation("kansatsu", "DeregisterInstance", resource=_one)
async def deregister_instance(call: Call, instance_id: str) -> dict[str, Any]:
    await call.workload.deregister(call.workload.fleet.get(call.account, call.region, instance_id))
    return {}


@operation("kansatsu", "DescribeWorkloads", looks=True)
async def describe_workloads(call: Call, instance_ids: list[str] | None = None) -> dict[str, Any]:
    shown = [_instance(call, member) for member in _members(call, instance_ids)]
    processes = [p for p in call.workload.processes.all() if p.member is None and p.account == call.account]
    shown += [_process(call, p) for p in processes if not instance_ids or p.handle in instance_ids]
    shown += [tasks.task(call, member) for member in _tasks(call, instance_ids)]
    refused = [{"Container": key, "Reason": why} for key, why in sorted(call.workload.refused.items())]
    return {"Workloads": shown, "Refused": refused}


def _members(call: Call, instance_ids: Sequence[str] | None) -> list[Member]:
    if instance_ids:
        theirs = {member.task.id for member in _tasks(call, instance_ids)}
        wanted = [key for key in instance_ids if not key.startswith("p-") and key not in theirs]
        return [call.workload.fleet.get(call.account, call.region, key) for key in wanted]
    place = (call.account, call.region)
    return [m for m in call.workload.fleet.live() if (m.instance.account, m.instance.region) == place]


def _tasks(call: Call, wanted: Sequence[str] | None) -> list[Task]:
    """The tasks, those that ended within an hour too."""
    here = place_of(call)
    found = [member for member in call.workload.tasks if member.task.place == here]
    return [member for member in found if not wanted or member.task.id in wanted]


def _instance(call: Call, member: Member) -> dict[str, Any]:
    item = member.instance
    state = call.workload.view(member).credentials("2.0")
    agent = call.workload.agents.problem(item.id)
    shown: dict[str, Any] = {
        "Id": item.id,
        "Kind": item.provider,
        "Name": item.details.name,
        "State": item.state,
        "Arn": item.arn,
        "Region": item.region,
        "Launched": datetime.fromtimestamp(item.launched, UTC),
        "Adopted": item.adopted,
        "Served": member.handle is not None or (item.provider == "process" and item.state == "running"),
        "Problems": [text for text in (member.problem, member.waiting, trouble(state), agent) if text],
        "Credentials": [issued(call, f"{item.id}/{delivery}", delivery) for delivery in ("1.0", "2.0")],
    }
    shown["Credentials"] = [entry for entry in shown["Credentials"] if entry]
    optional = {
        "Container": item.reference if item.provider == "container" else "",
        "ImageId": item.details.image_id,
        "PrivateIpAddress": item.details.private_ip,
    }
    shown.update({name: value for name, value in optional.items() if value})
    if member.association is not None:
        held = member.association
        name = held.profile_arn.rpartition("/")[2]
        shown["InstanceProfile"] = {"Name": name, "Arn": held.profile_arn, "Id": held.profile_id}
        shown["AssociationId"] = held.id
        with call.store.read() as conn:
            profile = profiles.by_id(conn, held.profile_id)
        if profile is not None and profile.role_id:
            shown.update(role_shown(call, profile.role_id))
    return shown


def _process(call: Call, process: RegisteredProcess) -> dict[str, Any]:
    problem = trouble(process.credentials())
    held = issued(call, f"{process.handle}/", "")
    shown = {
        "Id": process.handle,
        "Kind": "process",
        "Name": f"process {process.pid}",
        "State": "running",
        "Region": process.region,
        "Adopted": True,
        "Served": True,
        "Problems": [problem] if problem else [],
        "Credentials": [held] if held else [],
    }
    return shown | (role_shown(call, process.grant.role_id) if process.grant else {})
