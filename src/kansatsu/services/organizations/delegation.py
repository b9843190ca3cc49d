"""Trusted access of services, and delegated administrators.

https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html and its neighbours.
"""

import re
from collections.abc import Callable
from typing import Any

from kansatsu.identity.organizations import Member, Organization, delegation, tree
from kansatsu.identity.organizations.delegation import Delegated
from kansatsu.identity.organizations.errors import error, invalid, violation
from kansatsu.services.organizations import _render
from kansatsu.services.organizations._register import By, named, organizations
from kansatsu.services.registry import Call

Shown = dict[str, Any]
_PRINCIPAL = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com", re.ASCII)


@organizations("EnableAWSServiceAccess", write=True)
def enable_aws_service_access(call: Call, org: Organization, service_principal: str) -> Shown:
    delegation.enable(call.conn, org, _principal(service_principal), call.now.timestamp())
    return {}


@organizations("DisableAWSServiceAccess", write=True)
def disable_aws_service_access(call: Call, org: Organization, service_principal: str) -> Shown:
    delegation.disable(call.conn, org, _principal(service_principal))
    return {}


@organizations("ListAWSServiceAccessForOrganization", by=By.DELEGATED)
def list_aws_service_access_for_organization(
    call: Call, org: Organization, next_token: str | None = None, max_results: int | None = None
) -> Shown:
    items = [(item.service, item) for item in delegation.enabled(call.conn, org)]
    return _render.page("EnabledServicePrincipals", items, next_token, max_results, _since("DateEnabled"))


@organizations("RegisterDelegatedAdministrator", named("AccountId"), write=True)
def register_delegated_administrator(call: Call, org: Organization, account_id: str, service_principal: str) -> Shown:
    member = tree.known_member(call.conn, org, account_id)
    if member.id == org.account:
        raise violation(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You can't register the management account as a delegated administrator.",
        )
    if member.status == tree.SUSPENDED:
        raise violation(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", "You can't register a closed account."
        )
    service = _principal(service_principal)
    if not any(item.service == service for item in delegation.enabled(call.conn, org)):
        raise violation("SERVICE_ACCESS_NOT_ENABLED", "Enable the access of the service to the organization first.")
    delegation.register(call.conn, org, member, service, call.now.timestamp())
    return {}


@organizations("DeregisterDelegatedAdministrator", named("AccountId"), write=True)
def deregister_delegated_administrator(call: Call, org: Organization, account_id: str, service_principal: str) -> Shown:
    member = tree.known_member(call.conn, org, account_id)
    delegation.deregister(call.conn, org, member, _principal(service_principal))
    return {}


@organizations("ListDelegatedAdministrators", by=By.DELEGATED)
def list_delegated_administrators(
    call: Call,
    org: Organization,
    service_principal: str | None = None,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Shown:
    since: dict[str, float] = {}
    for item in delegation.delegated(call.conn, org):
        if service_principal in (None, item.service):
            since[item.member] = min(item.created, since.get(item.member, item.created))
    show: Callable[[str], Shown] = lambda account: _administrator(call, org, account, since[account])  # noqa: E731
    keyed = ((account, account) for account in since)
    return _render.page("DelegatedAdministrators", keyed, next_token, max_results, show)


def _administrator(call: Call, org: Organization, id: str, created: float) -> Shown:
    member: Member = tree.known_member(call.conn, org, id)
    shown = _render.account(call.conn, org, member)
    shown.pop("Paths")
    return shown | {"DelegationEnabledDate": _render.when(created)}


@organizations("ListDelegatedServicesForAccount", named("AccountId"), by=By.DELEGATED)
def list_delegated_services_for_account(
    call: Call,
    org: Organization,
    account_id: str,
    next_token: str | None = None,
    max_results: int | None = None,
) -> Shown:
    tree.known_member(call.conn, org, account_id)
    found = [item for item in delegation.delegated(call.conn, org) if item.member == account_id]
    if not found:
        raise error("AccountNotRegisteredException")
    items = [(item.service, item) for item in found]
    return _render.page("DelegatedServices", items, next_token, max_results, _since("DelegationEnabledDate"))


def _since(member: str) -> Callable[[Delegated], Shown]:
    return lambda item: {"ServicePrincipal": item.service, member: _render.when(item.created)}


def _principal(name: str) -> str:
    if not _PRINCIPAL.fullmatch(name):
        raise invalid("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified a service principal that isn't recognized.")
    return name
