"""Stored things as Organizations shows them, and its pages."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from kansatsu.errors import ValidationError
from kansatsu.identity.organizations import Member, Organization, Unit, policies, requests, tree
from kansatsu.identity.organizations.errors import invalid
from kansatsu.identity.organizations.policies import OrganizationPolicy
from kansatsu.identity.organizations.requests import Asked
from kansatsu.identity.pages import Cursor

T = TypeVar("T")
Shown = dict[str, Any]
_SIZE = 20  # https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html


def when(seconds: float) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)


def page(
    member: str,
    items: Iterable[tuple[str, T]],
    token: str | None,
    size: int | None,
    show: Callable[[T], Shown],
) -> Shown:
    """A page of (sort key, item), shown. Raises InvalidInputException for a token that this listing did not give."""
    try:
        cut = Cursor.of(member, token, size or _SIZE).cut(list(items))
    except ValidationError:
        raise invalid("INVALID_NEXT_TOKEN", "You provided an invalid NextToken value.") from None
    return {member: [show(item) for item in cut.items]} | ({"NextToken": cut.marker} if cut.marker else {})


def by_time(found: Iterable[Asked]) -> list[tuple[str, Asked]]:
    """Requests with their sort keys, the oldest first."""
    return [(f"{asked.created:020.6f} {asked.id}", asked) for asked in found]


def organization(conn: Connection, org: Organization) -> Shown:
    master = tree.known_member(conn, org, org.account)
    return {
        "Id": org.id,
        "Arn": org.arn("organization"),
        "FeatureSet": org.feature_set,
        "MasterAccountArn": org.arn("account", org.account),
        "MasterAccountId": org.account,
        "MasterAccountEmail": master.email,
        "AvailablePolicyTypes": _types(org),
    }


def root(org: Organization) -> Shown:
    return {"Id": org.root, "Arn": org.arn("root", org.root), "Name": "Root", "PolicyTypes": _types(org)}


def _types(org: Organization) -> list[Shown]:
    return [{"Type": kind, "Status": "ENABLED"} for kind in org.types]


def path(conn: Connection, org: Organization, id: str) -> str:
    """Where something is: o-.../r-.../ou-.../"""
    return "/".join((org.id, *tree.levels(conn, org, id), ""))


def unit(conn: Connection, org: Organization, found: Unit) -> Shown:
    return {
        "Id": found.id,
        "Arn": org.arn("ou", found.id),
        "Name": found.name,
        "Path": path(conn, org, found.id),
    }


def account(conn: Connection, org: Organization, found: Member) -> Shown:
    return {
        "Id": found.id,
        "Arn": org.arn("account", found.id),
        "Email": found.email,
        "Name": found.name,
        "Status": found.status,
        "State": "CLOSED" if found.status == tree.SUSPENDED else found.status,
        "Paths": [path(conn, org, found.id)],
        "JoinedMethod": found.method,
        "JoinedTimestamp": when(found.joined),
    }


def policy(org: Organization, found: OrganizationPolicy) -> Shown:
    return {
        "Id": found.id,
        "Arn": policies.policy_arn(org, found),
        "Name": found.name,
        "Description": found.description,
        "Type": found.type,
        "AwsManaged": found.aws_managed,
    }


def handshake(conn: Connection, asked: Asked) -> Shown:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_Handshake.html"""
    org = tree.get(conn, asked.account)
    action = requests.ACTIONS[asked.kind]
    parties = [{"Id": org.id.removeprefix("o-"), "Type": "ORGANIZATION"}]
    if asked.kind == requests.INVITE:
        parties.append({"Id": asked.details["value"], "Type": asked.details["type"]})
    if asked.kind == requests.APPROVE:
        parties.append({"Id": asked.subject, "Type": "ACCOUNT"})
    return {
        "Id": asked.id,
        "Arn": org.arn("handshake", action.lower(), asked.id),
        "Parties": parties,
        "State": asked.state,
        "RequestedTimestamp": when(asked.created),
        "ExpirationTimestamp": when(asked.created + requests.LIFETIMES[asked.kind]),
        "Action": action,
        "Resources": _about(conn, org, asked),
    }


def _about(conn: Connection, org: Organization, asked: Asked) -> list[Shown]:
    details = asked.details
    if asked.kind != requests.INVITE:
        parent = [{"Type": "PARENT_HANDSHAKE", "Value": details["parent"]}] if "parent" in details else []
        return [{"Type": "ORGANIZATION", "Value": org.id}, *parent]
    master = tree.known_member(conn, org, org.account)
    sender = [
        {"Type": "MASTER_EMAIL", "Value": master.email},
        {"Type": "MASTER_NAME", "Value": master.name},
        {"Type": "ORGANIZATION_FEATURE_SET", "Value": org.feature_set},
    ]
    return [
        {"Type": "ORGANIZATION", "Value": org.id, "Resources": sender},
        {"Type": details["type"], "Value": details["value"]},
        *([{"Type": "NOTES", "Value": details["notes"]}] if details["notes"] else []),
    ]
