"""Service-linked roles: made by their template, changed by nobody but the service, deleted by a task with a status.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
What a service of ours still needs is not deleted: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using-service-linked-roles.html
Of a backend's services nobody asks what they use, so that their roles are deleted without a question.
"""

import json
import re
import uuid
from typing import Any

from kansatsu import arn
from kansatsu.catalog.linked_roles import PATH, LinkedRole, linked_roles
from kansatsu.errors import InvalidInput, NoSuchEntity
from kansatsu.identity import attachments, credentials, entities, schema
from kansatsu.identity.credentials import Credential
from kansatsu.services.iam import _resources, _trust, roles, users
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call, Params
from kansatsu.workload.tasks import documents
from kansatsu.workload.tasks.service import INACTIVE, Service

_TASK, _FAILED, _SUCCEEDED = "deletion", "FAILED", "SUCCEEDED"
_TASK_ID = re.compile(r"task/aws-service-role/(?P<principal>[^/]+)/(?P<role>[^/]+)/[0-9a-f-]{36}")
_LONGEST_NAME = 64
_ECS = "ecs.amazonaws.com"


def _template(call: Call, params: Params) -> _resources.Target:
    principal = params["AWSServiceName"]
    known = linked_roles().get(principal)
    name = known.named(params.get("CustomSuffix")) if known is not None else "*"
    return arn.entity(call.account, "role", f"{PATH}{principal}/", name), {"iam:awsservicename": principal}


@iam("CreateServiceLinkedRole", _template, write=True)
def create_service_linked_role(
    call: Call, *, aws_service_name: str, description: str | None = None, custom_suffix: str | None = None
) -> dict[str, Any]:
    template = linked_roles().get(aws_service_name)
    if template is None:
        raise InvalidInput(f"Cannot find Service Linked Role template for {aws_service_name}")
    if custom_suffix and not template.suffixed:
        raise InvalidInput(f"Custom suffix is not allowed for {aws_service_name}")
    name = template.named(custom_suffix)
    # The name of every role is bounded, or no operation would take it: .../API_GetRole.html
    if len(name) > _LONGEST_NAME:
        raise InvalidInput(
            f"Service role name {name} is longer than {_LONGEST_NAME} characters, please try a shorter suffix."
        )
    if entities.find(call.conn, call.account, "role", name) is not None:
        raise InvalidInput(f"Service role name {name} has been taken in this account, please try a different suffix.")
    role = users.create(
        call, "role", name, path=template.path, boundary=None, requested=None, description=description,
        trust_document=_trust.stored(call.conn, _trust_of(template)), max_session_duration=roles.DEFAULT_SESSION,
    )  # fmt: skip
    attachments.link(call.conn, role, template.policy_arn, call.now.timestamp())
    return {"Role": roles.listed(call, role)}


@iam("DeleteServiceLinkedRole", _resources.entity("role"), write=True)
def delete_service_linked_role(call: Call, role_name: str) -> dict[str, Any]:
    """Done at once, or not at all: the status says which."""
    role = entities.get(call.conn, call.account, "role", role_name)
    if not role.path.startswith(PATH):
        raise NoSuchEntity(f"The service-linked role with name {role_name} cannot be found.")
    principal = role.path.split("/")[2]
    used = _used(call, principal)
    if not used:
        attachments.unlink(call.conn, role)
        entities.remove(call.conn, role)
    task = f"task{PATH}{principal}/{role.name}/{uuid.uuid4()}"
    details = {"status": _FAILED if used else _SUCCEEDED, "used": used}
    kept = Credential(f"{_TASK}:{uuid.uuid4().hex}", call.account, _TASK, "", task, "Active", 0, details)
    credentials.add(call.conn, call.store.sealer, kept)
    return {"DeletionTaskId": task}


def _of_task(call: Call, params: Params) -> _resources.Target:
    found = _TASK_ID.fullmatch(params["DeletionTaskId"])
    if found is None:
        return "*", {}
    return arn.entity(call.account, "role", f"{PATH}{found['principal']}/", found["role"]), {}


@iam("GetServiceLinkedRoleDeletionStatus", _of_task)
def get_service_linked_role_deletion_status(call: Call, deletion_task_id: str) -> dict[str, Any]:
    if _TASK_ID.fullmatch(deletion_task_id) is None:
        raise InvalidInput(f"The deletion task id {deletion_task_id} is not valid.")
    task = credentials.named(call.conn, call.account, _TASK, deletion_task_id)
    if task is None:
        raise NoSuchEntity(f"The deletion task {deletion_task_id} cannot be found.")
    answer: dict[str, Any] = {"Status": task.details["status"]}
    if used := task.details["used"]:
        usage = [{"Region": region, "Resources": arns} for region, arns in used.items()]
        answer["Reason"] = {"Reason": "The role is used by resources of its service.", "RoleUsageList": usage}
    return answer


def _used(call: Call, principal: str) -> dict[str, list[str]]:
    """The resources that need the role, by Region: the services of ECS that are not deleted."""
    found: dict[str, list[str]] = {}
    for service in documents.load(call.conn, schema.service, Service) if principal == _ECS else ():
        if service.account == call.account and service.status != INACTIVE:
            found.setdefault(service.region, []).append(service.arn)
    return found


def _trust_of(template: LinkedRole) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": template.principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
