"""Access Advisor: what users, groups, roles and policies allow, when it was last tried, and which policies grant it.

A report is made while its caller waits, so that its job is complete when it is told.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from kansatsu.advisor import Report, Who, granting, report, reports, shown
from kansatsu.catalog import tracking
from kansatsu.errors import InvalidInput, NoSuchEntity
from kansatsu.identity import attachments, groups, managed
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.identity.records import EntityRecord
from kansatsu.policy import PolicySet
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.iam.simulate import record_of
from kansatsu.services.registry import Call

Shown = dict[str, Any]
ACTIONS = "ACTION_LEVEL"
SERVICES = "SERVICE_LEVEL"


@iam("GenerateServiceLastAccessedDetails", _resources.by_arn("Arn"))
async def generate(call: Call, arn: str, granularity: str = SERVICES) -> Shown:
    found = await asyncio.to_thread(_report, call, arn, granularity == ACTIONS)
    completed = call.clock.now().timestamp()
    job = reports.made(
        call.account, call.caller.id, granularity, found, created=call.now.timestamp(), completed=completed
    )
    await call.store.transact(reports.keep, job)
    return {"JobId": job.id}


@iam("GetServiceLastAccessedDetails", _resources.everything)
def get_details(call: Call, job_id: str, max_items: int | None = None, marker: str | None = None) -> Shown:
    job = _job(call, job_id)
    cursor = Cursor.of(f"GetServiceLastAccessedDetails {job_id}", marker, max_items)
    page = cursor.cut([(service.namespace, service) for service in job.of_services()])
    found = _render.page("ServicesLastAccessed", page, shown.service)
    return _status(job) | {"JobType": job.granularity} | found


@iam("GetServiceLastAccessedDetailsWithEntities", _resources.everything)
def get_details_with_entities(
    call: Call, job_id: str, service_namespace: str, max_items: int | None = None, marker: str | None = None
) -> Shown:
    job = _job(call, job_id)
    cursor = Cursor.of(f"WithEntities {job_id} {service_namespace}", marker, max_items)
    if service_namespace not in {service.namespace for service in job.of_services()}:
        _check((service_namespace,))
        return _status(job) | {"EntityDetailsList": [], "IsTruncated": False}  # nobody may use it by these policies
    entries = [(f"{place:06}", entry) for place, entry in enumerate(job.of_people().of(service_namespace))]
    return _status(job) | _render.page("EntityDetailsList", cursor.cut(entries), lambda entry: shown.entity(*entry))


@iam("ListPoliciesGrantingServiceAccess", _resources.by_arn("Arn"))
def list_policies_granting_service_access(
    call: Call, arn: str, service_namespaces: Sequence[str], marker: str | None = None
) -> Shown:
    _check(service_namespaces)
    cursor = Cursor.of("ListPoliciesGrantingServiceAccess", marker, None)
    held = call.snapshot.policies(record_of(call, arn).id).identity
    asked = [(f"{place:03}", namespace) for place, namespace in enumerate(dict.fromkeys(service_namespaces))]
    return _render.page("PoliciesGrantingServiceAccess", cursor.cut(asked), lambda name: shown.policies(held, name))


def _report(call: Call, arn: str, actions: bool) -> Report:
    with call.store.read() as conn:
        if _resources.is_policy(arn):
            managed.get(conn, call.account, arn)
            policy = call.snapshot.managed(arn)
            held = PolicySet((policy,) if policy is not None else ())
            people: Iterable[Entity | EntityRecord] = attachments.holders(conn, call.account, arn)
        else:
            record = record_of(call, arn)
            held = call.snapshot.policies(record.id).identity
            people = groups.everybody(conn, record.id) if record.kind == "group" else (record,)
        who = [Who(item.id, item.arn, item.kind, item.name, item.path) for item in people]
    attempts = call.recorder.uses(call.account, [item.id for item in who])
    granted = {name: granting.tracked(held, name) if actions else () for name in granting.reachable(held)}
    return report(granted, who, attempts)


def _job(call: Call, job_id: str) -> reports.Job:
    job = reports.find(call.conn, job_id, call.caller.id)
    if job is None:
        raise NoSuchEntity(f"The job with id {job_id} cannot be found.")
    return job


def _check(namespaces: Iterable[str]) -> None:
    unknown = sorted(set(namespaces) - set(tracking.services()))
    if unknown:
        raise InvalidInput(f"Invalid service namespace: {', '.join(unknown)}")


def _status(job: reports.Job) -> Shown:
    return {
        "JobStatus": "COMPLETED",
        "JobCreationDate": _render.when(job.created),
        "JobCompletionDate": _render.when(job.completed),
    }
