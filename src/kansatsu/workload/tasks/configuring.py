"""How the containers of a task are made: their environment and their options, from the definition."""

from collections.abc import Mapping

from kansatsu.workload.providers import Binding, Options
from kansatsu.workload.tasks.task import Task, TaskContainer
from kansatsu.workload.tasks.view import metadata_key

_ENDPOINT = "http://169.254.170.2"
# A container that is told of the first of these, by its definition, finds its credentials as a pod of EKS does.
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
FULL_URI, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"
RELATIVE_URI, TOKEN_FILE = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", f"{TOKEN}_FILE"
POD_URI = "http://169.254.170.23/v1/credentials"


def environment(task: Task, container: TaskContainer, secrets: Mapping[str, str]) -> dict[str, str]:
    """What the application is told; of these, only where the gateway and the Region are is its own to change."""
    key = metadata_key(task, container)
    told = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
        "AWS_REGION": task.region,
        "AWS_DEFAULT_REGION": task.region,
        **{pair["name"]: pair.get("value", "") for pair in container.definition.get("environment", ())},
        **secrets,
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "ECS_CONTAINER_METADATA_URI": f"{_ENDPOINT}/v3/{key}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{_ENDPOINT}/v4/{key}",
    }
    if not task.role_id:
        return told
    if told.get(FULL_URI) != POD_URI:
        return told | {RELATIVE_URI: f"/v2/credentials/{task.credential_id}"}
    return told if told.get(TOKEN_FILE) else told | {TOKEN: task.token}


def token_file(task: Task, told: Mapping[str, str]) -> str:
    """The path at which a container is told to read its token; "" where it is not."""
    return told.get(TOKEN_FILE, "") if task.role_id and told.get(FULL_URI) == POD_URI else ""


def ports(task: Task) -> list[Binding]:
    """The ports of all containers: they share one network."""
    return [
        Binding(item["containerPort"], item.get("hostPort") or 0, item.get("protocol") or "tcp")
        for container in task.containers
        for item in container.definition.get("portMappings", ())
    ]


def options(container: TaskContainer) -> Options:
    given = container.definition
    entry_point, command = given.get("entryPoint"), given.get("command")
    return Options(
        entry_point=tuple(entry_point) if entry_point else None,
        command=tuple(command) if command else None,
        user=given.get("user", ""),
        working_directory=given.get("workingDirectory", ""),
        memory=given.get("memory", 0),
        memory_reservation=given.get("memoryReservation", 0),
        cpu_shares=given.get("cpu", 0),
        read_only=given.get("readonlyRootFilesystem", False),
        stdin=given.get("interactive", False),
        terminal=given.get("pseudoTerminal", False),
        ulimits=tuple((one["name"], one["softLimit"], one["hardLimit"]) for one in given.get("ulimits", ())),
    )
