"""Access Advisor: what users, groups, roles and policies allow, when it was last tried, and which policies grant it.

A report is made while its caller waits, so that its job is complete when it is told.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateServiceLastAccessedDetails.html
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kansatsu.advisor import Report, ServiceUse, Use, Who, report, reports
from kansatsu.arn import Arn
from kansatsu.catalog import tracking
from kansatsu.errors import InvalidInput, NoSuchEntity
from kansatsu.identity import attachments, groups, managed
from kansatsu.identity.entities import Entity
from kansatsu.identity.pages import Cursor
from kansatsu.identity.records import EntityRecord
from kansatsu.policy import Policy, PolicySet
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
    found = _render.page("ServicesLastAccessed", page, _service)
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
    return _status(job) | _render.page("EntityDetailsList", cursor.cut(entries), lambda entry: _entity(*entry))


@iam("ListPoliciesGrantingServiceAccess", _resources.by_arn("Arn"))
def list_policies_granting_service_access(
    call: Call, arn: str, service_namespaces: Sequence[str], marker: str | None = None
) -> Shown:
    _check(service_namespaces)
    cursor = Cursor.of("ListPoliciesGrantingServiceAccess", marker, None)
    held = call.snapshot.policies(record_of(call, arn).id).identity
    asked = [(f"{place:03}", namespace) for place, namespace in enumerate(dict.fromkeys(service_namespaces))]
    return _render.page("PoliciesGrantingServiceAccess", cursor.cut(asked), lambda name: _granting(held, name))


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
    attempts = call.recorder.uses([item.id for item in who])
    granted = {namespace: _tracked(held, namespace) if actions else () for namespace in _reachable(held)}
    return report(granted, who, attempts)


def _reachable(held: PolicySet) -> Iterator[str]:
    """The services of which these policies may allow an action."""
    return (namespace for namespace in tracking.services() if _grants(held, namespace))


def _grants(held: PolicySet, namespace: str) -> bool:
    names = tracking.actions(namespace) if held.concerns(namespace) else ()
    return any(held.may_allow(f"{namespace}:{name}") for name in names)


def _tracked(held: PolicySet, namespace: str) -> tuple[str, ...]:
    names = (name for name in tracking.actions(namespace) if tracking.is_tracked(namespace, name))
    return tuple(name for name in names if held.may_allow(f"{namespace}:{name}"))


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


def _service(service: ServiceUse) -> Shown:
    shown: Shown = {
        "ServiceName": tracking.service_name(service.namespace),
        "ServiceNamespace": service.namespace,
        **_last(service.last, "LastAuthenticated", "LastAuthenticatedEntity", "LastAuthenticatedRegion"),
    }
    if service.principals:
        shown["TotalAuthenticatedEntities"] = service.principals
    if service.actions:
        names = "LastAccessedTime", "LastAccessedEntity", "LastAccessedRegion"
        shown["TrackedActionsLastAccessed"] = [
            {"ActionName": action.name, **_last(action.last, *names)} for action in service.actions
        ]
    return shown


def _last(use: Use | None, time: str, entity: str, region: str) -> Shown:
    if use is None:
        return {}
    return {time: _render.when(use.time), entity: use.arn, region: use.region}


def _entity(who: Who, last: float | None) -> Shown:
    info = {"Arn": who.arn, "Name": who.name, "Type": who.kind.upper(), "Id": who.id, "Path": who.path}
    return {"EntityInfo": info} | ({"LastAuthenticated": _render.when(last)} if last is not None else {})


def _granting(held: PolicySet, namespace: str) -> Shown:
    found = [policy for policy in held if _grants(policy.rules, namespace)]
    found.sort(key=lambda policy: (policy.source.name, policy.source.arn, policy.source.owner))
    return {"ServiceNamespace": namespace, "Policies": [_policy(policy) for policy in found]}


def _policy(policy: Policy) -> Shown:
    source = policy.source
    if source.arn:
        return {"PolicyName": source.name, "PolicyType": "MANAGED", "PolicyArn": source.arn}
    owner = Arn.parse(source.owner)
    kind, _, name = owner.resource.partition("/") if owner is not None else ("", "", "")
    return {
        "PolicyName": source.name,
        "PolicyType": "INLINE",
        "EntityType": kind.upper(),
        "EntityName": name.rpartition("/")[2],
    }
