"""EnableAllFeatures: an organization of consolidated billing gets SCPs and RCPs once all who were invited approve.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_org_support-all-features.html
"""

from typing import Any

from kansatsu.identity.organizations import Organization, requests, tree
from kansatsu.identity.organizations.errors import constraint, error
from kansatsu.identity.organizations.requests import ACCEPTED, APPROVE, CANCELED, ENABLE, OPEN, REQUESTED, Asked
from kansatsu.services.organizations import _render
from kansatsu.services.organizations._register import organizations
from kansatsu.services.registry import Call


@organizations("EnableAllFeatures", write=True)
def enable_all_features(call: Call, org: Organization) -> dict[str, Any]:
    if org.feature_set == tree.ALL_FEATURES:
        raise constraint("ORGANIZATION_ALREADY_HAS_ALL_FEATURES", "The organization has all features already.")
    if pending(call, org) is not None:
        raise constraint(
            "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION", "The accounts are being asked already."
        )
    now = call.now.timestamp()
    whole = requests.add(call.conn, org, ENABLE, org.account, REQUESTED, now, {})
    for member in _invited(call, org):
        requests.add(call.conn, org, APPROVE, member, OPEN, now, {"parent": whole.id})
    return {"Handshake": _render.handshake(call.conn, _opened(call, org, whole))}


def pending(call: Call, org: Organization) -> Asked | None:
    """The handshake by which an organization is about to enable all features."""
    asked = requests.of_organization(call.conn, org, ENABLE, call.now.timestamp())
    return next((one for one in asked if one.state in (REQUESTED, OPEN)), None)


def approved(call: Call, asked: Asked) -> None:
    """An account approves; the last one of them opens what the management account finishes it with."""
    org = tree.get(call.conn, asked.account)
    whole = requests.handshake(call.conn, asked.details["parent"], call.now.timestamp())
    if whole is not None and whole.state == REQUESTED:
        _opened(call, org, whole)


def finish(call: Call, asked: Asked) -> None:
    """INVARIANT: no account that joined by invitation comes under policies that it did not approve of."""
    org = tree.get(call.conn, asked.account)
    if not _all_approved(call, org, asked):
        raise error("InvalidHandshakeTransitionException")
    tree.enable_all_features(call.conn, org)


def give_up(call: Call, asked: Asked) -> None:
    """Nobody is asked any longer."""
    now = call.now.timestamp()
    for one in requests.of_organization(call.conn, tree.get(call.conn, asked.account), APPROVE, now):
        if one.details["parent"] == asked.id and one.state == OPEN:
            requests.end(call.conn, one, CANCELED, now)


def _opened(call: Call, org: Organization, whole: Asked) -> Asked:
    return requests.end(call.conn, whole, OPEN, call.now.timestamp()) if _all_approved(call, org, whole) else whole


def _all_approved(call: Call, org: Organization, whole: Asked) -> bool:
    asked = requests.of_organization(call.conn, org, APPROVE, call.now.timestamp())
    said = {one.subject for one in asked if one.details["parent"] == whole.id and one.state == ACCEPTED}
    return set(_invited(call, org)) <= said


def _invited(call: Call, org: Organization) -> list[str]:
    """Members that were there before the organization; those that it made are its own."""
    found = tree.members(call.conn, org)
    return [one.id for one in found if one.method == "INVITED" and one.id != org.account]
