"""Stored things as IAM shows them: members by AWS's names, times as datetimes, documents percent-encoded."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote

from kansatsu.identity import EntityRecord
from kansatsu.identity.entities import Entity
from kansatsu.identity.managed import Managed, Usage, Version
from kansatsu.identity.pages import Page
from kansatsu.identity.profiles import Profile

T = TypeVar("T")
Shown = dict[str, Any]


def when(seconds: float) -> datetime:
    """A time as IAM tells it: whole seconds."""
    return datetime.fromtimestamp(int(seconds), UTC)


@lru_cache(1024)
def document(text: str) -> str:
    """A policy document as answers carry it: RFC 3986 percent-encoding.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetPolicyVersion.html
    """
    return quote(text, safe="-_.~")


def page(name: str, found: Page[T], show: Callable[[T], Any]) -> Shown:
    """A page of a listing under its member name."""
    shown: Shown = {name: [show(item) for item in found.items], "IsTruncated": found.marker is not None}
    if found.marker is not None:
        shown["Marker"] = found.marker
    return shown


def tags(held: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    pairs = held.items() if isinstance(held, Mapping) else held
    return [{"Key": key, "Value": value} for key, value in pairs]


def pairs(requested: list[dict[str, str]] | None) -> list[tuple[str, str]]:
    """The Tags of a request."""
    return [(item["Key"], item["Value"]) for item in requested or ()]


def entity(item: Entity | EntityRecord) -> Shown:
    """What users, groups and roles have in common."""
    word = item.kind.capitalize()
    return {
        "Path": item.path,
        f"{word}Name": item.name,
        f"{word}Id": item.id,
        "Arn": item.arn,
        "CreateDate": when(item.created),
    }


def details(item: Entity | EntityRecord, held: Mapping[str, str]) -> Shown:
    """What listings leave out: the boundary and the tags."""
    shown: Shown = {}
    if item.boundary_arn is not None:
        shown["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "Policy",
            "PermissionsBoundaryArn": item.boundary_arn,
        }
    if held:
        shown["Tags"] = tags(held)
    return shown


def role(item: Entity | EntityRecord, trust: str) -> Shown:
    """A role as listings show it; `trust` is its trust policy with principals as ARNs."""
    shown = entity(item) | {
        "AssumeRolePolicyDocument": document(trust),
        "MaxSessionDuration": item.max_session_duration,
    }
    if item.description is not None:
        shown["Description"] = item.description
    if item.max_signin_duration is not None:
        shown["MaxSigninSessionDuration"] = item.max_signin_duration
    return shown


def policy(item: Managed, used: Usage) -> Shown:
    return {
        "PolicyName": item.name,
        "PolicyId": item.id,
        "Arn": item.arn,
        "Path": item.path,
        "DefaultVersionId": f"v{item.default_version}",
        "AttachmentCount": used.attached,
        "PermissionsBoundaryUsageCount": used.bounds,
        "IsAttachable": True,
        "CreateDate": when(item.created),
        "UpdateDate": when(item.updated),
    }


def version(item: Version) -> Shown:
    return {
        "VersionId": f"v{item.number}",
        "IsDefaultVersion": item.is_default,
        "CreateDate": when(item.created),
    }


def profile(item: Profile, roles: list[Shown]) -> Shown:
    return {
        "Path": item.path,
        "InstanceProfileName": item.name,
        "InstanceProfileId": item.id,
        "Arn": item.arn,
        "CreateDate": when(item.created),
        "Roles": roles,
    }
