"""Instance profiles on instances that run already.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AssociateIamInstanceProfile.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from kansatsu.catalog import Authorization
from kansatsu.services.ec2 import _filters, _render
from kansatsu.services.ec2._resources import ec2_arn, one_instance, pass_role, profile_named
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload import Association, Member, find_profile


def _associate_checks(call: Call, params: Params) -> Iterator[Authorization]:
    yield from _hand_over(call, "AssociateIamInstanceProfile", params["InstanceId"], params["IamInstanceProfile"])


def _replace_checks(call: Call, params: Params) -> Iterator[Authorization]:
    instance_id = _instance_of(call, params["AssociationId"])
    yield from _hand_over(call, "ReplaceIamInstanceProfileAssociation", instance_id, params["IamInstanceProfile"])


def _hand_over(call: Call, action: str, instance_id: str, wanted: Mapping[str, str]) -> Iterator[Authorization]:
    profile = profile_named(call, wanted)
    yield one_instance(call, action, instance_id, {"ec2:newinstanceprofile": profile.arn} if profile else {})
    yield from pass_role(call, profile, ec2_arn(call, f"instance/{instance_id}"))


def _disassociate_check(call: Call, params: Params) -> Authorization:
    instance_id = _instance_of(call, params["AssociationId"])
    return one_instance(call, "DisassociateIamInstanceProfile", instance_id)


def _instance_of(call: Call, association_id: str) -> str:
    """The instance behind an association; "*" when the caller has no such association: only who may all learns that."""
    member = call.workload.fleet.by_association(association_id)
    if member is None or (member.instance.account, member.instance.region) != (call.account, call.region):
        return "*"
    return member.instance.id


@operation("ec2", "AssociateIamInstanceProfile", resource=_associate_checks)
async def associate_iam_instance_profile(
    call: Call, iam_instance_profile: dict[str, str], instance_id: str
) -> dict[str, Any]:
    member = call.workload.fleet.get(call.account, call.region, instance_id)
    with call.store.read() as conn:
        profile = find_profile(conn, call.account, iam_instance_profile)
    made = await call.workload.associations.associate(member, profile)
    return {"IamInstanceProfileAssociation": _render.association(made)}


@operation("ec2", "ReplaceIamInstanceProfileAssociation", resource=_replace_checks)
async def replace_iam_instance_profile_association(
    call: Call, iam_instance_profile: dict[str, str], association_id: str
) -> dict[str, Any]:
    member = call.workload.associations.get(call.account, call.region, association_id)
    with call.store.read() as conn:
        profile = find_profile(conn, call.account, iam_instance_profile)
    made = await call.workload.associations.replace(member, association_id, profile)
    return {"IamInstanceProfileAssociation": _render.association(made)}


@operation("ec2", "DisassociateIamInstanceProfile", resource=_disassociate_check)
async def disassociate_iam_instance_profile(call: Call, association_id: str) -> dict[str, Any]:
    member = call.workload.associations.get(call.account, call.region, association_id)
    ended = await call.workload.associations.disassociate(member, association_id)
    return {"IamInstanceProfileAssociation": _render.association(ended)}


@operation("ec2", "DescribeIamInstanceProfileAssociations")
async def describe_iam_instance_profile_associations(
    call: Call,
    association_ids: list[str] | None = None,
    filters: list[dict[str, Any]] | None = None,
    max_results: int | None = None,
    next_token: str | None = None,
) -> dict[str, Any]:
    _filters.forbid_both(association_ids, max_results, "associationIds")
    if association_ids:
        members = [call.workload.associations.get(call.account, call.region, key) for key in association_ids]
    else:
        members = [m for m in call.workload.fleet.live() if _is_callers(call, m)]
    held = [member.association for member in members if member.association is not None]
    found = _filters.select(held, filters, _FIELDS)
    shown, rest = _filters.page(found, max_results, next_token)
    return {"IamInstanceProfileAssociations": [_render.association(item) for item in shown], **rest}


def _is_callers(call: Call, member: Member) -> bool:
    return (member.instance.account, member.instance.region) == (call.account, call.region)


_FIELDS: _filters.Fields[Association] = {
    "instance-id": lambda item: [item.instance_id],
    "state": lambda item: [item.state],
}
