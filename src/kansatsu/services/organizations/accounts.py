"""Accounts of an organization: made, closed, taken out.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html and its neighbours.
"""

import json
from functools import partial
from typing import Any

from kansatsu import arn
from kansatsu.errors import AwsError
from kansatsu.identity import accounts, attachments, entities
from kansatsu.identity.administrators import ADMINISTRATOR_ACCESS
from kansatsu.identity.organizations import Member, Organization, delegation, policies, requests, tree
from kansatsu.identity.organizations.errors import error, violation
from kansatsu.identity.organizations.requests import Asked
from kansatsu.services.iam import _trust
from kansatsu.services.organizations import _render
from kansatsu.services.organizations._register import By, named, organizations
from kansatsu.services.organizations.tags import tag
from kansatsu.services.registry import Call

Shown = dict[str, Any]
ACCESS_ROLE = "OrganizationAccountAccessRole"
_SUCCEEDED, _FAILED = "SUCCEEDED", "FAILED"


@organizations("CreateAccount", write=True)
def create_account(
    call: Call,
    org: Organization,
    email: str,
    account_name: str,
    role_name: str = ACCESS_ROLE,
    iam_user_access_to_billing: str | None = None,
    tags: list[dict[str, str]] | None = None,
) -> Shown:
    """What AWS does in minutes is done when this answers; there is no billing that anybody could be let into."""
    now = call.now.timestamp()
    tree.check_room(call.conn, org)
    if tree.email_taken(call.conn, email):
        details = {"name": account_name, "reason": "EMAIL_ALREADY_EXISTS"}
        return {
            "CreateAccountStatus": _status(requests.add(call.conn, org, requests.CREATE, "", _FAILED, now, details))
        }
    made = accounts.open_member(call.conn, account_name, now)
    tree.join(call.conn, org, made.id, method="CREATED", now=now, name=account_name, email=email)
    policies.hang_defaults(call.conn, org, made.id)
    tag(call.conn, made.id, tags)
    _access_role(call, org, made.id, role_name, now)
    details = {"name": account_name}
    asked = requests.add(call.conn, org, requests.CREATE, made.id, _SUCCEEDED, now, details)
    return {"CreateAccountStatus": _status(asked)}


def _access_role(call: Call, org: Organization, account: str, name: str, now: float) -> None:
    """The way in for the management account.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_access.html
    """
    statement = {"Effect": "Allow", "Principal": {"AWS": arn.iam(org.account, "root")}, "Action": "sts:AssumeRole"}
    trust = _trust.stored(call.conn, json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    role = entities.create(call.conn, account, "role", name, path="/", now=now, trust_document=trust)
    attachments.attach(call.conn, role, ADMINISTRATOR_ACCESS, now)


@organizations("DescribeCreateAccountStatus", by=By.DELEGATED)
def describe_create_account_status(call: Call, org: Organization, create_account_request_id: str) -> Shown:
    for asked in _asked(call, org):
        if asked.id == create_account_request_id:
            return {"CreateAccountStatus": _status(asked)}
    raise error("CreateAccountStatusNotFoundException")


@organizations("ListCreateAccountStatus", by=By.DELEGATED)
def list_create_account_status(
    call: Call,
    org: Organization,
    states: list[str] | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Shown:
    found = [asked for asked in _asked(call, org) if not states or asked.state in states]
    return _render.page("CreateAccountStatuses", _render.by_time(found), next_token, max_results, _status)


def _asked(call: Call, org: Organization) -> list[Asked]:
    return requests.of_organization(call.conn, org, requests.CREATE, call.now.timestamp())


def _status(asked: Asked) -> Shown:
    shown: Shown = {
        "Id": asked.id,
        "AccountName": asked.details["name"],
        "State": asked.state,
        "RequestedTimestamp": _render.when(asked.created),
        "CompletedTimestamp": _render.when(asked.ended),
    }
    if asked.subject:
        shown["AccountId"] = asked.subject
    if reason := asked.details.get("reason"):
        shown["FailureReason"] = reason
    return shown


@organizations("ListAccounts", by=By.DELEGATED)
def list_accounts(
    call: Call, org: Organization, next_token: str | None = None, max_results: int | None = None
) -> Shown:
    keyed = ((member.id, member) for member in tree.members(call.conn, org))
    return _render.page("Accounts", keyed, next_token, max_results, partial(_render.account, call.conn, org))


@organizations("DescribeAccount", named("AccountId"), by=By.DELEGATED)
def describe_account(call: Call, org: Organization, account_id: str) -> Shown:
    return {"Account": _render.account(call.conn, org, tree.known_member(call.conn, org, account_id))}


@organizations("CloseAccount", named("AccountId"), write=True)
def close_account(call: Call, org: Organization, account_id: str) -> Shown:
    """From now on nobody of the account may do anything, and nobody anything in it.

    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_close.html
    """
    found = tree.known_member(call.conn, org, account_id)
    if found.id == org.account:
        raise violation("CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You attempted to close the management account.")
    if found.status == tree.SUSPENDED:
        raise error("AccountAlreadyClosedException")
    tree.set_member(call.conn, found, status=tree.SUSPENDED)
    return {}


@organizations("RemoveAccountFromOrganization", named("AccountId"), write=True)
def remove_account_from_organization(call: Call, org: Organization, account_id: str) -> Shown:
    _take_out(call, org, tree.known_member(call.conn, org, account_id))
    return {}


@organizations("LeaveOrganization", by=By.MEMBER, write=True)
def leave_organization(call: Call, org: Organization) -> Shown:
    _take_out(call, org, tree.known_member(call.conn, org, call.account))
    return {}


def _take_out(call: Call, org: Organization, member: Member) -> None:
    refusal = _why_not(call, org, member)
    if refusal is not None:
        raise refusal
    policies.take_down(call.conn, member.id)
    tree.leave(call.conn, member)


def _why_not(call: Call, org: Organization, member: Member) -> AwsError | None:
    if member.id == org.account:
        return error("MasterCannotLeaveOrganizationException")
    if delegation.is_delegated(call.conn, org, member.id):
        return violation(
            "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
            "The account is a delegated administrator; deregister it first.",
        )
    if member.status == tree.SUSPENDED:
        # INVARIANT: a closed account does not come to life by leaving.
        return violation("ACCOUNT_CANNOT_LEAVE_ORGANIZATION", "A closed account cannot leave the organization.")
    return None
