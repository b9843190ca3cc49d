"""All of an account at once: https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html

What is shown is what policies are made of: who there is, what hangs on them, and every version of every policy.
"""

import sys
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from kansatsu.identity import attachments, entities, groups, inline, managed, profiles, tags
from kansatsu.identity.entities import Entity
from kansatsu.identity.managed import Managed, Usage
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources, roles
from kansatsu.services.iam._register import iam
from kansatsu.services.iam.profiles import listed as profile_listed
from kansatsu.services.registry import Call

Shown = dict[str, Any]
Keyed = list[tuple[str, Any]]
Usages = Callable[[], dict[str, Usage]]  # counted once, and only for pages that get as far as policies
_NAME = "GetAccountAuthorizationDetails"
_ALL = Cursor(_NAME, size=sys.maxsize - 1)
_KINDS = {"User": "user", "Group": "group", "Role": "role"}
_POLICIES = {"LocalManagedPolicy", "AWSManagedPolicy"}


@iam(_NAME, _resources.everything, slow=True)
def get_account_authorization_details(
    call: Call,
    filter: list[str] | None = None,
    marker: str | None = None,
    max_items: int | None = None,
) -> dict[str, Any]:
    cursor = Cursor.of(_NAME, marker, max_items)
    wanted = frozenset(filter or {*_KINDS, *_POLICIES})
    usages: Usages = cache(lambda: managed.usages(call.conn, call.account))
    page = cursor.page(_found(call, wanted, cursor, usages))
    shown: Shown = {member: [] for member, _ in _SECTIONS.values()}
    for item in page.items:
        member, show = _SECTIONS[item.kind if isinstance(item, Entity) else "policy"]
        shown[member].append(show(call, item, usages))
    return shown | {"IsTruncated": page.marker is not None} | ({"Marker": page.marker} if page.marker else {})


def _found(call: Call, wanted: frozenset[str], cursor: Cursor, usages: Usages) -> Keyed:
    """What comes after the cursor, one more than fits: users, groups, roles, policies, each by name.

    Sort keys begin with the number of the section, so that a page costs what it shows and not what came before.
    """
    found: Keyed = []
    for number, (word, kind) in enumerate(_KINDS.items()):
        left = cursor.size + 1 - len(found)
        if word not in wanted or cursor.after >= f"{number + 1}" or left <= 0:
            continue
        begin = cursor.after[1:] if cursor.after[:1] == f"{number}" else ""
        page = entities.listing(call.conn, call.account, kind, "/", Cursor(_NAME, begin, left))
        found += [(f"{number}{item.name.lower()}", item) for item in page.items]
    if wanted & _POLICIES and len(found) <= cursor.size:
        keyed = [(f"{len(_KINDS)}{item.name.lower()} {item.account}", item) for item in _policies(call, wanted, usages)]
        found += sorted((entry for entry in keyed if entry[0] > cursor.after), key=lambda entry: entry[0])
    return found


def _policies(call: Call, wanted: frozenset[str], usages: Usages) -> Iterable[Managed]:
    """The account's own, and those of AWS that are in use."""
    if "LocalManagedPolicy" in wanted:
        yield from managed.listing(call.conn, call.account, "/")
    if "AWSManagedPolicy" in wanted:
        yield from (item for item in managed.listing_aws("/") if item.arn in usages())


def _user(call: Call, user: Entity, _usages: object) -> Shown:
    names = [group.name for group in groups.of(call.conn, user, _ALL).items]
    return _held(call, user) | _render.details(user, tags.of(call.conn, user.id)) | {"GroupList": names}


def _group(call: Call, group: Entity, _usages: object) -> Shown:
    return _held(call, group)


def _role(call: Call, role: Entity, _usages: object) -> Shown:
    in_profiles = [profile_listed(call, profile) for profile in profiles.of_role(call.conn, role, _ALL).items]
    own = {
        "AssumeRolePolicyDocument": roles.listed(call, role)["AssumeRolePolicyDocument"],
        "InstanceProfileList": in_profiles,
        "RoleLastUsed": roles.last_used(call, role.id),
    }
    return _held(call, role) | _render.details(role, tags.of(call.conn, role.id)) | own


def _held(call: Call, owner: Entity) -> Shown:
    """What users, groups and roles have in common."""
    documents = inline.documents(call.conn, owner).items()
    attached = sorted(attachments.of(call.conn, owner), key=lambda item: item.name.lower())
    return _render.entity(owner) | {
        f"{owner.kind.capitalize()}PolicyList": [
            {"PolicyName": name, "PolicyDocument": _render.document(text)} for name, text in documents
        ],
        "AttachedManagedPolicies": [{"PolicyName": item.name, "PolicyArn": item.arn} for item in attached],
    }


def _policy(call: Call, policy: Managed, usages: Usages) -> Shown:
    versions = [
        _render.version(item) | {"Document": _render.document(item.document)}
        for item in managed.versions(call.conn, policy)
    ]
    shown = _render.policy(policy, usages().get(policy.arn, Usage())) | {"PolicyVersionList": versions}
    return shown | ({"Description": policy.description} if policy.description is not None else {})


_SECTIONS: dict[str, tuple[str, Callable[[Call, Any, Usages], Shown]]] = {
    "user": ("UserDetailList", _user),
    "group": ("GroupDetailList", _group),
    "role": ("RoleDetailList", _role),
    "policy": ("Policies", _policy),
}
