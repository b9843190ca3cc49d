"""Invitations of accounts that there are already, such as `kansatsu account create` opens.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_InviteAccountToOrganization.html and its neighbours.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.identity import accounts
from kansatsu.identity.organizations import Organization, policies, requests, tree
from kansatsu.identity.organizations.errors import error, invalid
from kansatsu.identity.organizations.requests import Asked
from kansatsu.services.organizations import _render
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
    account = _invited(call, target)
    if tree.find(call.conn, account) is not None:
        raise _constraint("ALREADY_IN_AN_ORGANIZATION", "The account is already a member of an organization.")
    details = {"type": target["Type"], "value": target["Id"], "notes": notes, "tags": tags or []}
    now = call.now.timestamp()
    asked = requests.add(call.conn, org, requests.INVITE, account, requests.OPEN, now, details)
    return {"Handshake": _shown(call, asked)}


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


def _constraint(reason: str, sentence: str) -> Exception:
    made = error("HandshakeConstraintViolationException", sentence)
    made.fields = {"Reason": reason}
    return made


def _of_handshake(action: str) -> Callable[[Call, Params], Authorization]:
    """What asks about a handshake is authorized on it; it may be one of another organization, so that its ARN has no
    account that would have to allow it too: the handler sees whose it is."""

    def resource(call: Call, params: Params) -> Authorization:
        wanted = str(params["HandshakeId"])
        found = requests.handshake(call.conn, wanted, call.now.timestamp())
        owner, organization = (found.account, found.organization) if found else ("*", "*")
        target = f"arn:aws:organizations::{owner}:handshake/{organization}/invite/{wanted}"
        return Authorization(f"organizations:{action}", target, asked_tags(params), True)

    return resource


def _handshake(name: str, *, write: bool) -> Callable[[F], F]:
    return operation("organizations", name, resource=_of_handshake(name), write=write)


@_handshake("DescribeHandshake", write=False)
def describe_handshake(call: Call, handshake_id: str) -> Shown:
    return {"Handshake": _shown(call, _find(call, handshake_id, sender=True, recipient=True))}


@_handshake("AcceptHandshake", write=True)
def accept_handshake(call: Call, handshake_id: str) -> Shown:
    """The account comes in below the root, with what AWS attaches to every account, and no role of the management's."""
    now = call.now.timestamp()
    asked = requests.end(call.conn, _find(call, handshake_id, recipient=True), requests.ACCEPTED, now)
    org = tree.get(call.conn, asked.account)
    if tree.find(call.conn, call.account) is not None:
        raise _constraint("ALREADY_IN_AN_ORGANIZATION", "The account is already a member of an organization.")
    tree.join(call.conn, org, call.account, method="INVITED", now=now)
    policies.hang_defaults(call.conn, org, call.account)
    tag(call.conn, call.account, asked.details["tags"])
    return {"Handshake": _shown(call, asked)}


@_handshake("DeclineHandshake", write=True)
def decline_handshake(call: Call, handshake_id: str) -> Shown:
    asked = _find(call, handshake_id, recipient=True)
    return {"Handshake": _shown(call, requests.end(call.conn, asked, requests.DECLINED, call.now.timestamp()))}


@_handshake("CancelHandshake", write=True)
def cancel_handshake(call: Call, handshake_id: str) -> Shown:
    asked = _find(call, handshake_id, sender=True)
    return {"Handshake": _shown(call, requests.end(call.conn, asked, requests.CANCELED, call.now.timestamp()))}


def _find(call: Call, id: str, *, sender: bool = False, recipient: bool = False) -> Asked:
    """INVARIANT: nobody but the account that invites and the one that is invited learns of an invitation."""
    found = requests.handshake(call.conn, id, call.now.timestamp())
    parties = {found.account: sender, found.subject: recipient} if found is not None else {}
    if found is None or call.account not in parties:
        raise error("HandshakeNotFoundException")
    if not parties[call.account]:
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
    found = requests.of_organization(call.conn, org, requests.INVITE, call.now.timestamp())
    return _listed(call, found, filter, next_token, max_results)


def _listed(
    call: Call, found: list[Asked], filter: Mapping[str, str] | None, token: str | None, size: int | None
) -> Shown:
    wanted = filter or {}
    if wanted.get("ActionType", "INVITE") != "INVITE" or "ParentHandshakeId" in wanted:
        found = []
    return _render.page("Handshakes", _render.by_time(found), token, size, partial(_shown, call))


def _shown(call: Call, asked: Asked) -> Shown:
    org = tree.get(call.conn, asked.account)
    master = tree.known_member(call.conn, org, org.account)
    details = asked.details
    sender = [
        {"Type": "MASTER_EMAIL", "Value": master.email},
        {"Type": "MASTER_NAME", "Value": master.name},
        {"Type": "ORGANIZATION_FEATURE_SET", "Value": org.feature_set},
    ]
    resources = [
        {"Type": "ORGANIZATION", "Value": org.id, "Resources": sender},
        {"Type": details["type"], "Value": details["value"]},
        *([{"Type": "NOTES", "Value": details["notes"]}] if details["notes"] else []),
    ]
    return {
        "Id": asked.id,
        "Arn": org.arn("handshake", "invite", asked.id),
        "Parties": [
            {"Id": org.id.removeprefix("o-"), "Type": "ORGANIZATION"},
            {"Id": details["value"], "Type": details["type"]},
        ],
        "State": asked.state,
        "RequestedTimestamp": _render.when(asked.created),
        "ExpirationTimestamp": _render.when(asked.created + requests.LIFETIME),
        "Action": "INVITE",
        "Resources": resources,
    }
