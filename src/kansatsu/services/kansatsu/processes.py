"""The identities behind `kansatsu run`: a process on Kansatsu's own host gets a role as a service would.

One that learns may do what its starter may, and is asked afterwards which policy would have been enough.
"""

from collections.abc import Iterator
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization
from kansatsu.errors import (
    AccessDenied,
    IncorrectState,
    InvalidParameterCombination,
    InvalidParameterValue,
    NoSuchEntity,
)
from kansatsu.identity import EntityRecord, managed
from kansatsu.policy import Policy, PolicyType, Source, compile_policy, parse
from kansatsu.services.ec2._resources import ec2_arn, pass_role, profile_named
from kansatsu.services.passing import passing
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload import RegisteredProcess, find_profile
from kansatsu.workload.process_task import ProcessTask
from kansatsu.workload.processes import ECS_TASKS, PODS, Starter
from kansatsu.workload.tasks.configuring import FULL_URI, POD_URI, RELATIVE_URI, TOKEN
from kansatsu.workload.views import CredentialError

_EC2 = "ec2.amazonaws.com"


def _register_checks(call: Call, params: Params) -> Iterator[Authorization]:
    """INVARIANT: whoever lets a process run as a role must be allowed to pass that role to that service."""
    yield Authorization("kansatsu:RegisterProcess", _process_arn(call, "*"), {}, True)
    # INVARIANT: a session that learns starts nothing that has rights of its own, and learns nothing twice.
    if call.caller.learning:
        raise AccessDenied("A learning session starts no process with a role.")
    if wanted := params.get("InstanceProfile"):
        yield from pass_role(call, profile_named(call, {"Name": wanted}), ec2_arn(call, "instance/*"))
    elif wanted := params.get("Role") or params.get("TaskRole"):
        role = _find_role(call, wanted)
        role_arn = role.arn if role else arn.entity(call.account, "role", "/", wanted)
        yield passing(role, role_arn, params.get("Service", ECS_TASKS), _process_arn(call, "*"))
        if params.get("Learn"):
            yield Authorization("kansatsu:LearnPolicy", role_arn, {}, True)


def _process_arn(call: Call, handle: str) -> str:
    return f"arn:{arn.PARTITION}:kansatsu:{call.region}:{call.account}:process/{handle}"


def _find_role(call: Call, wanted: str) -> EntityRecord | None:
    """A role of the caller's account by name or ARN."""
    record = call.store.snapshot().find(call.account, "role", wanted.rpartition("/")[2])
    if record is not None and wanted.startswith("arn:") and wanted != record.arn:
        return None
    return record


@operation("kansatsu", "RegisterProcess", resource=_register_checks)
async def register_process(
    call: Call,
    pid: int,
    role: str | None = None,
    task_role: str | None = None,
    instance_profile: str | None = None,
    service: str | None = None,
    learn: bool = False,
    bound_policy_arn: str | None = None,
    bound_policy: str | None = None,
) -> dict[str, Any]:
    if [role, task_role, instance_profile].count(None) != 2:
        raise InvalidParameterCombination("Give one of Role, TaskRole and InstanceProfile.")
    if learn and role is None:
        raise InvalidParameterCombination("Learn is for a Role; a TaskRole or an InstanceProfile is as it is on AWS.")
    bound = _bound(call, bound_policy_arn, bound_policy)
    if bound is not None and not learn:
        raise InvalidParameterCombination("BoundPolicyArn and BoundPolicy go with Learn.")
    place, processes = (call.account, call.region), call.workload.processes
    if role is not None:
        caller = call.caller
        starter = Starter(caller.access_key_id, caller.id, caller.session, bound) if learn else None
        wanted = _existing_role(call, role)
        process = await processes.register_role(*place, pid, wanted, service or ECS_TASKS, starter)
    elif task_role is not None:
        if service not in (None, ECS_TASKS):
            raise InvalidParameterValue(f"A task role is for {ECS_TASKS} alone.")
        process = await processes.register_task(*place, pid, _existing_role(call, task_role))
    else:
        if service not in (None, _EC2):
            raise InvalidParameterValue(f"An instance profile is for {_EC2} alone.")
        process = await _with_profile(call, pid, instance_profile or "")
    state = process.credentials()
    if state is None or isinstance(state, CredentialError):
        await call.workload.processes.deregister(call.account, process.handle)
        if state is None or not state.role_name:  # there is no role: nobody denies anything
            raise IncorrectState(state.message if state else "Nothing is associated.")
        raise AccessDenied(state.message)
    shown: dict[str, Any] = {
        "ProcessId": process.handle,
        "Arn": arn.assumed_role(call.account, state.role_name, process.handle),
        "RoleArn": state.role_arn,
    }
    return shown | _told(call.workload.process_endpoint, process) | _private(call, process)


def _told(base: str, process: RegisteredProcess) -> dict[str, Any]:
    """Where a process finds its credentials, in words and in environment variables, on the host's loopback."""
    credentials, own = f"{base}/v2/credentials/{process.id}", f"{base}/{process.id}"
    environment = {
        FULL_URI: credentials,
        TOKEN: process.authorization,
    }
    shown: dict[str, Any] = {
        "CredentialsUri": credentials,
        "AuthorizationToken": process.authorization,
        "Environment": environment,
    }
    if process.instance is not None:
        shown["MetadataEndpoint"] = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = own
    else:
        # INVARIANT: a process that is no instance must not fall back to the metadata service of the host it runs on.
        environment["AWS_EC2_METADATA_DISABLED"] = "true"
    if process.task is not None:
        environment |= _as_task(own, process.task)
    return shown


def _private(call: Call, process: RegisteredProcess) -> dict[str, Any]:
    """What `kansatsu run --mode ns` needs, and what it tells a process that sees AWS's own addresses.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    environment = {}
    if process.grant is not None:
        found = (
            {FULL_URI: POD_URI} if process.grant.service == PODS else {RELATIVE_URI: f"/v2/credentials/{process.id}"}
        )
        environment = {**found, "AWS_EC2_METADATA_DISABLED": "true"}
    if process.task is not None:
        environment |= _as_task("http://169.254.170.2", process.task)
    gateway = call.workload.process_gateway
    return {
        "PrivateEnvironment": environment,
        "PrivateEndpoint": f"{call.workload.process_endpoint}/{process.id}",
        "PlainEndpoint": gateway.plain,
        "TlsEndpoint": gateway.tls,
        "CertificateAuthority": gateway.authority,
    }


def _as_task(base: str, task: ProcessTask) -> dict[str, str]:
    return {
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "ECS_CONTAINER_METADATA_URI": f"{base}/v3/{task.key}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{base}/v4/{task.key}",
    }


def _bound(call: Call, policy_arn: str | None, text: str | None) -> str | Policy | None:
    """The further bound of a process that learns. Raises InvalidInput, NoSuchEntity, MalformedPolicyDocument."""
    if policy_arn is not None and text is not None:
        raise InvalidParameterCombination("Give one of BoundPolicyArn and BoundPolicy.")
    if policy_arn is not None:
        with call.store.read() as conn:
            return managed.get(conn, call.account, policy_arn).arn
    if text is not None:
        return compile_policy(parse(text, PolicyType.SESSION), Source(PolicyType.SESSION, owner="kansatsu run --bound"))
    return None


def _existing_role(call: Call, wanted: str) -> EntityRecord:
    role = _find_role(call, wanted)
    if role is None:
        raise NoSuchEntity(f"The role with name {wanted} cannot be found.")
    return role


async def _with_profile(call: Call, pid: int, name: str) -> RegisteredProcess:
    with call.store.read() as conn:
        profile = find_profile(conn, call.account, {"Name": name})
    return await call.workload.processes.register_profile(call.account, call.region, pid, profile, {})


def _deregister_check(call: Call, params: Params) -> str:
    handle = params["ProcessId"]
    return ec2_arn(call, f"instance/{handle}") if handle.startswith("i-") else _process_arn(call, handle)


@operation("kansatsu", "DeregisterProcess", resource=_deregister_check)
async def deregister_process(call: Call, process_id: str) -> dict[str, Any]:
    await call.workload.processes.deregister(call.account, process_id)
    return {}
