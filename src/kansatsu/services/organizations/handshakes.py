"""Handshakes: invitations of accounts that there are already, and what all of an organization have to approve.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_InviteAccountToOrganization.html and its neighbours.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.identity import accounts
from kansatsu.identity.organizations import Organization, policies, requests, tree
from kansatsu.identity.organizations.errors import constraint, error, invalid
from kansatsu.identity.organizations.requests import Asked
from kansatsu.services.organizations import _render, all_features
from kansatsu.services.organizations._register import By, organizations
from kansatsu.services.organizations.tags import tag
from kansatsu.services.registry import Call, Params, operation

F = TypeVar("F", bound=Callable[..., Any])
Shown = dict[str, Any]


@organizations("InviteAccountToOrganization", write=True)
def invite_account_to_organization(
    call: Call,
    org: Organization,
    target: Mapping[str, str],
    notes: str = "",
    tags: list[dict[str, str]] | None = None,
) -> Shown:
    tree.check_room(call.conn, org)
    if all_features.pending(call, org) is not None:
        raise constraint("INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES", "All features are about to be enabled.")
    account = _invited(call, target)
    if tree.find(call.conn, account) is not None:
        raise constraint("ALREADY_IN_AN_ORGANIZATION", "The account is already a member of an organization.")
    details = {"type": target["Type"], "value": target["Id"], "notes": notes, "tags": tags or []}
    now = call.now.timestamp()
    asked = requests.add(call.conn, org, requests.INVITE, account, requests.OPEN, now, details)
    return {"Handshake": _render.handshake(call.conn, asked)}


def _invited(call: Call, target: Mapping[str, str]) -> str:
    known = [account.id for account in accounts.listing(call.conn)]
    if target["Type"] == "ACCOUNT" and target["Id"] in known:
        return target["Id"]
    if target["Type"] == "EMAIL":
        found = next((each for each in known if tree.default_email(each) == target["Id"].lower()), None)
        if found is not None:
            return found
    if target["Type"] == "ORGANIZATION":
        raise invalid("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity as a party for a handshake.")
    raise error("AccountNotFoundException", "There is no such account in this installation; `kansatsu account ls`.")


def _of_handshake(action: str) -> Callable[[Call, Params], Authorization]:
    """What asks about a handshake is authorized on it; it may be one of another organization, so that its ARN has no
    account that would have to allow it too: the handler sees whose it is."""

    def resource(call: Call, params: Params) -> Authorization:
        wanted = str(params["HandshakeId"])
        found = requests.handshake(call.conn, wanted, call.now.timestamp())
        owner, organization = (found.account, found.organization) if found else ("*", "*")
        kind = requests.ACTIONS[found.kind if found else requests.INVITE].lower()
        target = f"arn:aws:organizations::{owner}:handshake/{organization}/{kind}/{wanted}"
        return Authorization(f"organizations:{action}", target, asked_tags(params), True)

    return resource


def _handshake(name: str, *, write: bool) -> Callable[[F], F]:
    return operation("organizations", name, resource=_of_handshake(name), write=write)


@_handshake("DescribeHandshake", write=False)
def describe_handshake(call: Call, handshake_id: str) -> Shown:
    return {"Handshake": _render.handshake(call.conn, _find(call, handshake_id, sender=True, recipient=True))}


@_handshake("AcceptHandshake", write=True)
def accept_handshake(call: Call, handshake_id: str) -> Shown:
    now = call.now.timestamp()
    asked = requests.end(call.conn, _find(call, handshake_id, recipient=True), requests.ACCEPTED, now)
    _ACCEPTED[asked.kind](call, asked)
    return {"Handshake": _render.handshake(call.conn, asked)}


def _join(call: Call, asked: Asked) -> None:
    """The account comes in below the root, with what AWS attaches to every account, and no role of the management's."""
    org = tree.get(call.conn, asked.account)
    if tree.find(call.conn, call.account) is not None:
        raise constraint("ALREADY_IN_AN_ORGANIZATION", "The account is already a member of an organization.")
    tree.join(call.conn, org, call.account, method="INVITED", now=call.now.timestamp())
    policies.hang_defaults(call.conn, org, call.account)
    tag(call.conn, call.account, asked.details["tags"])


_ACCEPTED: dict[str, Callable[[Call, Asked], None]] = {
    requests.INVITE: _join,
    requests.APPROVE: all_features.approved,
    requests.ENABLE: all_features.finish,
}


@_handshake("DeclineHandshake", write=True)
def decline_handshake(call: Call, handshake_id: str) -> Shown:
    asked = _find(call, handshake_id, recipient=True)
    ended = requests.end(call.conn, asked, requests.DECLINED, call.now.timestamp())
    return {"Handshake": _render.handshake(call.conn, ended)}


@_handshake("CancelHandshake", write=True)
def cancel_handshake(call: Call, handshake_id: str) -> Shown:
    asked = _find(call, handshake_id, sender=True)
    ended = requests.end(call.conn, asked, requests.CANCELED, call.now.timestamp())
    if ended.kind == requests.ENABLE:
        all_features.give_up(call, ended)
    return {"Handshake": _render.handshake(call.conn, ended)}


def _find(call: Call, id: str, *, sender: bool = False, recipient: bool = False) -> Asked:
    """INVARIANT: nobody but the account that invites and the one that is invited learns of an invitation."""
    found = requests.handshake(call.conn, id, call.now.timestamp())
    if found is None or call.account not in (found.account, found.subject):
        raise error("HandshakeNotFoundException")
    if not ((sender and call.account == found.account) or (recipient and call.account == found.subject)):
        raise error("AccessDeniedException")
    return found


@operation("organizations", "ListHandshakesForAccount")
def list_handshakes_for_account(
    call: Call,
    filter: Mapping[str, str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Shown:
    found = requests.invitations(call.conn, call.account, call.now.timestamp())
    return _listed(call, found, filter, next_token, max_results)


@organizations("ListHandshakesForOrganization", by=By.DELEGATED)
def list_handshakes_for_organization(
    call: Call,
    org: Organization,
    filter: Mapping[str, str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Shown:
    found = requests.of_organization(call.conn, org, None, call.now.timestamp())
    return _listed(call, found, filter, next_token, max_results)


def _listed(
    call: Call, found: list[Asked], filter: Mapping[str, str] | None, token: str | None, size: int | None
) -> Shown:
    wanted = filter or {}
    if action := wanted.get("ActionType"):
        found = [one for one in found if requests.ACTIONS[one.kind] == action]
    if parent := wanted.get("ParentHandshakeId"):
        found = [one for one in found if one.details.get("parent") == parent]
    return _render.page("Handshakes", _render.by_time(found), token, size, partial(_render.handshake, call.conn))
