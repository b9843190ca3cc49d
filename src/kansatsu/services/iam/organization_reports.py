"""Last accessed services of an organization: of its root, a unit or an account, by SCPs alone; or of one SCP.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetOrganizationsAccessReport.html
"""

import asyncio
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from kansatsu import arn
from kansatsu import policy as engine
from kansatsu.advisor import reports
from kansatsu.advisor.organization_report import Detail, allowed, in_order, organization_report
from kansatsu.advisor.shown import when
from kansatsu.catalog import tracking
from kansatsu.errors import AccessDenied, AwsError, InvalidInput, NoSuchEntity
from kansatsu.identity.organizations import Organization, policies, tree
from kansatsu.identity.pages import Cursor
from kansatsu.policy import PolicySet, PolicyType, Source
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params

Shown = dict[str, Any]
SCP = tree.SCP


def entity(call: Call, params: Params) -> _resources.Target:
    """The report on an entity; with the SCP that it is about."""
    named = params.get("OrganizationsPolicyId")
    keys: _resources.Context = {"iam:organizationspolicyid": named} if named else {}
    return f"arn:{arn.PARTITION}:iam::{call.account}:access-report/{params['EntityPath']}", keys


@iam("GenerateOrganizationsAccessReport", entity)
async def generate(call: Call, entity_path: str, organizations_policy_id: str | None = None) -> Shown:
    found = await asyncio.to_thread(_report, call, entity_path, organizations_policy_id)
    completed = call.clock.now().timestamp()
    job = reports.of_organization(
        call.account, call.caller.id, found, created=call.now.timestamp(), completed=completed
    )
    await call.store.transact(reports.keep, job)
    return {"JobId": job.id}


@iam("GetOrganizationsAccessReport", _resources.everything)
def get_report(
    call: Call,
    job_id: str,
    max_items: int | None = None,
    marker: str | None = None,
    sort_key: str = "SERVICE_NAMESPACE_ASCENDING",
) -> Shown:
    job = reports.find(call.conn, job_id, call.caller.id, organization=True)
    if job is None:
        raise NoSuchEntity(f"The job with id {job_id} cannot be found.")
    details = in_order(job.of_accounts(), sort_key)
    cursor = Cursor.of(f"GetOrganizationsAccessReport {job_id} {sort_key}", marker, max_items)
    page = cursor.cut([(f"{place:06}", detail) for place, detail in enumerate(details)])
    return {
        "JobStatus": "COMPLETED",
        "JobCreationDate": _render.when(job.created),
        "JobCompletionDate": _render.when(job.completed),
        "NumberOfServicesAccessible": len(details),
        "NumberOfServicesNotAccessed": sum(not detail.accounts for detail in details),
        **_render.page("AccessDetails", page, _shown),
    }


def _shown(detail: Detail) -> Shown:
    found: Shown = {
        "ServiceName": tracking.service_name(detail.namespace),
        "ServiceNamespace": detail.namespace,
        "TotalAuthenticatedEntities": detail.accounts,
    }
    if not detail.accounts:
        return found
    return found | {
        "Region": detail.region,
        "EntityPath": detail.path,
        "LastAuthenticatedTime": when(detail.last),
    }


def _report(call: Call, entity_path: str, policy_id: str | None) -> tuple[Detail, ...]:
    with call.store.read() as conn:
        org = _managed(conn, call.account)
        way = _way(conn, org, entity_path)
        paths = _paths(conn, org, way)
        # The management account is not limited by SCPs; a policy is ignored there.
        levels: list[PolicySet] = []
        if way[-1] != org.account:
            if policy_id is None:
                levels = [call.snapshot.organization_level(org.account, SCP, target).rules for target in way]
            else:
                levels = [_alone(conn, org, policy_id)]
                hangs = set(policies.targets(conn, org, policy_id))
                paths = {one: path for one, path in paths.items() if hangs & set(path.split("/")[len(way) :])}
    return organization_report(list(allowed(levels)), paths, call.recorder.uses_of_accounts(list(paths)))


def _managed(conn: Connection, account: str) -> Organization:
    """INVARIANT: nobody but the management account learns what the accounts of an organization do."""
    org = tree.find(conn, account)
    if org is None:
        raise InvalidInput(f"The account {account} is in no organization.")
    if org.account != account:
        raise AccessDenied("The report is made in the management account of an organization alone.")
    if SCP not in org.types:
        raise InvalidInput("Service control policies are not enabled for the root of the organization.")
    return org


def _way(conn: Connection, org: Organization, entity_path: str) -> tuple[str, ...]:
    """The ids from the root down to the entity. Raises InvalidInput."""
    parts = tuple(entity_path.rstrip("/").split("/"))
    try:
        way = tree.levels(conn, org, parts[-1])
    except AwsError:
        way = ()
    if (org.id, *way) != parts:
        raise InvalidInput(f"The organization has no entity with the path {entity_path}.")
    return way


def _paths(conn: Connection, org: Organization, way: tuple[str, ...]) -> Mapping[str, str]:
    """The accounts of the entity and their paths; the management account only where it is the entity."""
    found = {}
    for member in tree.members(conn, org):
        levels = tree.levels(conn, org, member.id)
        if levels[: len(way)] == way and (member.id != org.account or way[-1] == org.account):
            found[member.id] = "/".join((org.id, *levels))
    return found


def _alone(conn: Connection, org: Organization, policy_id: str) -> PolicySet:
    held = policies.find(conn, org, policy_id)
    if held is None or held.type != SCP:
        raise InvalidInput(f"The organization has no service control policy {policy_id}.")
    source = Source(PolicyType.SCP, arn=policies.policy_arn(org, held), name=held.name)
    return PolicySet([engine.compile_policy(engine.parse(held.content, PolicyType.SCP), source)])
