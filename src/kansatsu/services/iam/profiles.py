"""Instance profiles: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateInstanceProfile.html"""

from collections.abc import Iterable
from typing import Any

from kansatsu.catalog import Authorization
from kansatsu.identity import entities, profiles, tags
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.identity.profiles import Profile
from kansatsu.services.iam import _render, _resources, roles
from kansatsu.services.iam._register import changeable, iam, twins
from kansatsu.services.registry import Call, Params


@iam("CreateInstanceProfile", _resources.new("instance-profile"), write=True)
def create_instance_profile(
    call: Call, instance_profile_name: str, path: str = "/", tags: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    call.store.quotas.check_room("InstanceProfilesPerAccount", call.conn, call.account, profiles.KIND)
    created = profiles.create(call.conn, call.account, instance_profile_name, path=path, now=int(call.now.timestamp()))
    _put_tags(call, created, tags)
    return {"InstanceProfile": _show(call, created)}


@iam("GetInstanceProfile", _resources.profile)
def get_instance_profile(call: Call, instance_profile_name: str) -> dict[str, Any]:
    return {"InstanceProfile": _show(call, profiles.get(call.conn, call.account, instance_profile_name))}


@iam("ListInstanceProfiles", _resources.below("instance-profile"))
def list_instance_profiles(
    call: Call, path_prefix: str = "/", marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListInstanceProfiles", marker, max_items)
    found = profiles.listing(call.conn, call.account, path_prefix, cursor)
    return _render.page("InstanceProfiles", found, lambda profile: listed(call, profile))


@twins("ListInstanceProfilesFor{}", "role")
def list_instance_profiles_for_role(
    call: Call, role: Entity, marker: str | None = None, max_items: int | None = None
) -> dict[str, Any]:
    cursor = Cursor.of("ListInstanceProfilesForRole", marker, max_items)
    found = profiles.of_role(call.conn, role, cursor)
    return _render.page("InstanceProfiles", found, lambda profile: listed(call, profile))


@iam("DeleteInstanceProfile", _resources.profile, write=True)
def delete_instance_profile(call: Call, instance_profile_name: str) -> dict[str, Any]:
    profiles.remove(call.conn, profiles.get(call.conn, call.account, instance_profile_name), call.now)
    return {}


def _pass_role(call: Call, params: Params) -> Iterable[Authorization]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html

    INVARIANT: whoever puts a role into an instance profile hands it to instances, so the role must be theirs to pass.
    """
    target, context = _resources.role_target(call, params["RoleName"])
    context["iam:passedtoservice"] = "ec2.amazonaws.com"
    context["iam:associatedresourcearn"] = f"arn:aws:ec2:*:{call.account}:instance/*"
    yield Authorization("iam:PassRole", target, context, True)


@iam("AddRoleToInstanceProfile", _resources.profile, write=True, authorize=_pass_role)
def add_role_to_instance_profile(call: Call, instance_profile_name: str, role_name: str) -> dict[str, Any]:
    profile = profiles.get(call.conn, call.account, instance_profile_name)
    profiles.add_role(call.conn, profile, changeable(call, role_name))
    return {}


@iam("RemoveRoleFromInstanceProfile", _resources.profile, write=True)
def remove_role_from_instance_profile(call: Call, instance_profile_name: str, role_name: str) -> dict[str, Any]:
    profile = profiles.get(call.conn, call.account, instance_profile_name)
    profiles.remove_role(call.conn, profile, changeable(call, role_name))
    return {}


def listed(call: Call, profile: Profile) -> dict[str, Any]:
    """A profile as it stands in listings."""
    role = entities.by_id(call.conn, profile.role_id) if profile.role_id is not None else None
    return _render.profile(profile, [roles.listed(call, role)] if role is not None else [])


def _show(call: Call, profile: Profile) -> dict[str, Any]:
    return listed(call, profile) | {"Tags": _render.tags(tags.of(call.conn, profile.id))}


def _put_tags(call: Call, profile: Profile, requested: list[dict[str, str]] | None) -> None:
    tags.put(call.conn, profile.id, _render.pairs(requested))
