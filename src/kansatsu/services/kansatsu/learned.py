"""What the record of requests says of a role's policies: the least one that is enough, and what of them is used."""

import asyncio
from typing import Any

from kansatsu import arn
from kansatsu.advisor import Least, Used, history
from kansatsu.advisor.coverage import coverage
from kansatsu.advisor.least import least
from kansatsu.errors import InvalidParameterCombination, NoSuchEntity
from kansatsu.identity import EntityRecord
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.processes import NoSuchProcess


def _role_of_process(call: Call, handle: str) -> EntityRecord | None:
    process = call.workload.processes.named(call.account, handle)
    return call.snapshot.entity(process.grant.role_id) if process is not None and process.grant is not None else None


def _role_arn(call: Call, params: Params) -> str:
    """The role's ARN; of a process that is unknown the process's, which says no more than was asked."""
    if name := params.get("RoleName"):
        role = call.snapshot.find(call.account, "role", name)
        return role.arn if role is not None else arn.entity(call.account, "role", "/", name)
    handle = params.get("ProcessId", "*")
    found = _role_of_process(call, handle)
    return found.arn if found else f"arn:{arn.PARTITION}:kansatsu:{call.region}:{call.account}:process/{handle}"


@operation("kansatsu", "GetLearnedPolicy", resource=_role_arn, action="kansatsu:LearnPolicy")
async def get_learned_policy(call: Call, process_id: str | None = None, role_name: str | None = None) -> dict[str, Any]:
    """The least policy for all that a process that learns, or any session of a role, has asked so far."""
    if (process_id is None) == (role_name is None):
        raise InvalidParameterCombination("Give one of ProcessId and RoleName.")
    if role_name is not None:
        role = _named(call, role_name)
        subject, since = role.id, 0.0
    else:
        role, subject, since = _learner(call, process_id or "")
    found, gaps = await asyncio.to_thread(lambda: history.of_principal(call.recorder.evidence(), subject, since))
    requests = len({event.request_id for event in found})
    return {"RoleName": role.name, "Requests": requests, "EvidenceGaps": gaps} | shown(least(found))


def _named(call: Call, name: str) -> EntityRecord:
    role = call.snapshot.find(call.account, "role", name)
    if role is None:
        raise NoSuchEntity(f"The role with name {name} cannot be found.")
    return role


def _learner(call: Call, handle: str) -> tuple[EntityRecord, str, float]:
    """The role of a process that learns, the ARN of its session, and since when it has been there."""
    process = call.workload.processes.named(call.account, handle)
    role = _role_of_process(call, handle)
    if process is None or process.starter is None or process.started is None or role is None:
        raise NoSuchProcess(f"There is no process {handle} that learns.")
    return role, arn.assumed_role(call.account, role.name, handle), process.started.timestamp()


def shown(made: Least) -> dict[str, Any]:
    """A learned policy, and what a person should know about it, as GetLearnedPolicy answers."""
    return {
        "PolicyDocument": made.text,
        "Generalizations": [
            {"Pattern": said.pattern, "Reason": said.reason, "Count": said.count, "Examples": list(said.examples)}
            for said in made.widened
        ],
        "RandomNames": list(made.kept),
        "NotCovered": [
            {
                "Kind": str(item.kind),
                "Action": item.action,
                "Resource": item.resource,
                "Count": item.count,
                "Error": item.error,
                "Reason": item.sentence,
            }
            for item in made.uncovered
        ],
    }


@operation("kansatsu", "GetPolicyCoverage", resource=_role_arn)
async def get_policy_coverage(call: Call, role_name: str) -> dict[str, Any]:
    """Every statement of a role's policies of now, and how many recorded requests of the role it stood for."""
    role = _named(call, role_name)
    found, gaps = await asyncio.to_thread(lambda: history.of_principal(call.recorder.evidence(), role.id))
    return {
        "RoleArn": role.arn,
        "EvidenceGaps": gaps,
        "Policies": [
            {
                "PolicyArn": policy.source.arn,
                "PolicyName": policy.source.name,
                "Statements": [_used(item) for item in coverage(policy.document, policy.source, found)],
            }
            for policy in call.snapshot.policies(role.id).identity
        ],
    }


def _used(item: Used) -> dict[str, Any]:
    return {
        "Index": item.index,
        "Sid": item.statement.sid,
        "Effect": item.statement.effect,
        "Line": item.statement.line,
        "Resources": [("!" if item.statement.not_resource else "") + name for name in item.statement.resources],
        "Actions": [{"Pattern": name, "Uses": uses} for name, uses in item.actions],
    }
