"""Whether a task definition is one that AWS would take, and one that we can honour in every member.

What AWS refuses is an error of AWS; what only we cannot do is 501 and names the member, never dropped silently.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kansatsu.errors import ClientException, InvalidParameterException, Unimplemented
from kansatsu.services.ecs import _volumes
from kansatsu.services.ecs._honoured import NO_AWSVPC, NO_FARGATE, honoured
from kansatsu.services.ecs._resources import NAME
from kansatsu.workload.tasks.awslogs import DRIVER

Container = Mapping[str, Any]

# Members that are carried out. One that is given and empty asks for nothing, whatever it is.
TASK = frozenset({"family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions",
                  "requiresCompatibilities", "tags", "volumes"})  # fmt: skip
CONTAINER = frozenset({
    "name", "image", "cpu", "memory", "memoryReservation", "essential", "entryPoint", "command", "environment",
    "dependsOn", "stopTimeout", "user", "workingDirectory", "readonlyRootFilesystem", "dockerLabels", "ulimits",
    "interactive", "pseudoTerminal", "secrets", "healthCheck", "portMappings", "logConfiguration", "mountPoints",
    "volumesFrom", "repositoryCredentials",
})  # fmt: skip
_CONDITIONS = ("START", "COMPLETE", "SUCCESS", "HEALTHY")
_COMPATIBILITIES = ("EC2", "EXTERNAL")
_FOR_EXECUTION = {"secrets": "container secrets", "repositoryCredentials": "repository credentials"}
_HEALTH = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
_LOG_OPTIONS = frozenset({"awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group", "mode"})
_PORT = frozenset({"containerPort", "hostPort", "protocol", "name", "appProtocol"})
_LAST_PORT = 65535
_LEAST_MEMORY = 6  # MiB
_LONGEST_STOP = 120  # seconds
_OURS = "kansatsu."
_IMAGE = re.compile(r"[A-Za-z0-9_\-:./#@]{1,255}")


def check(document: Mapping[str, Any]) -> None:
    """Raise the first error of a RegisterTaskDefinition request."""
    if NAME.fullmatch(document["family"]) is None:
        raise ClientException(
            "Family contains invalid characters. Up to 255 letters (uppercase and lowercase), numbers, hyphens, and "
            "underscores are allowed."
        )
    for kind in document["requiresCompatibilities"] or ():
        if kind not in _COMPATIBILITIES:
            other = f"The compatibility {kind} is not implemented: tasks run on this host (EC2)."
            raise Unimplemented(NO_FARGATE if kind == "FARGATE" else other)
    mode = document["networkMode"]
    if mode not in (None, "bridge"):
        raise Unimplemented(NO_AWSVPC.format(mode))
    if document["cpu"] or document["memory"]:
        raise Unimplemented("The cpu and memory of a whole task are not implemented: give each container its own.")
    honoured(document, TASK, "")
    containers = document["containerDefinitions"]
    if not containers:
        raise ClientException("Container list cannot be empty.")
    for index, container in enumerate(containers):
        honoured(container, CONTAINER, f"containerDefinitions[{index}].")
        for rule in _RULES:
            for problem in rule(container):
                raise ClientException(problem)
    _check_together(containers)
    _volumes.check(document["volumes"] or (), containers)
    for member, what in _FOR_EXECUTION.items():
        if any(container.get(member) for container in containers) and not document["executionRoleArn"]:
            raise ClientException(
                f"When you are specifying {what}, you must also specify a value for 'executionRoleArn'."
            )


# ---- one container -------------------------------------------------------------------------------------------------


def _names(container: Container) -> Iterator[str]:
    name = container.get("name", "")
    if not name:
        yield "Container.name should not be null or empty."
    elif NAME.fullmatch(name) is None:
        yield f"Container.name contains invalid characters: {name}"
    image = container.get("image", "")
    if not image:
        yield "Container.image should not be null or empty."
    elif _IMAGE.fullmatch(image) is None:
        yield f"Container.image contains invalid characters: {image}"


def _sizes(container: Container) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html"""
    name = container["name"]
    hard, soft = container.get("memory"), container.get("memoryReservation")
    if hard is None and soft is None:
        least = "At least one of 'memory' or 'memoryReservation' must be specified."
        yield f"Invalid setting for container '{name}'. {least}"
    for value in (hard, soft):
        if value is not None and value < _LEAST_MEMORY:
            yield f"Invalid setting for container '{name}'. Memory must be at least {_LEAST_MEMORY} MiB."
    if hard is not None and soft is not None and hard <= soft:
        yield f"Invalid setting for container '{name}'. The value of 'memory' must be greater than 'memoryReservation'."
    if container.get("cpu", 0) < 0:
        yield f"Invalid setting for container '{name}'. The value of 'cpu' must not be negative."
    if not 0 <= container.get("stopTimeout", 0) <= _LONGEST_STOP:
        yield f"Invalid setting for container '{name}'. stopTimeout must be from 0 to {_LONGEST_STOP} seconds."


def _texts(container: Container) -> Iterator[str]:
    for pair in container.get("environment", ()):
        name = pair.get("name", "")
        if not name or "=" in name or "\0" in name + pair.get("value", ""):
            yield f"Container {container['name']}: {name!r} cannot be the name of an environment variable."
    names = [item["name"] for key in ("environment", "secrets") for item in container.get(key, ()) if item.get("name")]
    if len(set(names)) != len(names) and container.get("secrets"):
        yield (
            "The secret name must be unique and not shared with any new or existing environment variables set on the "
            "container."
        )
    for secret in container.get("secrets", ()):
        if "=" in secret["name"] or "\0" in secret["name"] or not secret["name"] or not secret["valueFrom"]:
            yield f"Container {container['name']}: a secret needs the name of a variable and a valueFrom."
    for label in container.get("dockerLabels", ()):
        # INVARIANT: by these labels we know our own containers again, and instances adopt theirs; a task sets none.
        if label.startswith(_OURS):
            yield f"Container {container['name']}: labels beginning with {_OURS} are Kansatsu's own."


def _health(container: Container) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html"""
    check = container.get("healthCheck")
    if not check:
        return
    command = check.get("command") or []
    words = {"CMD": len(command) >= 2, "CMD-SHELL": len(command) == 2}
    if not words.get(command[0] if command else "", False):
        yield f"Container {container['name']}: the command of a health check begins with CMD or CMD-SHELL."
    for name, (least, most) in _HEALTH.items():
        if not least <= (check.get(name) or least) <= most:
            yield f"Container {container['name']}: the {name} of a health check must be from {least} to {most}."


def _logs(container: Container) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html"""
    given = container.get("logConfiguration")
    if not given:
        return
    honoured(given, frozenset({"logDriver", "options"}), f"logConfiguration of {container['name']}: ")
    if given["logDriver"] != DRIVER:
        raise Unimplemented(f"The log driver {given['logDriver']} is not implemented: {DRIVER} is.")
    options = given.get("options") or {}
    honoured(options, _LOG_OPTIONS, f"logConfiguration.options of {container['name']}: ")
    if options.get("mode", "non-blocking") != "non-blocking":
        raise Unimplemented("The blocking mode of awslogs is not implemented: no container waits for its log.")
    if not options.get("awslogs-group"):
        yield f"Log driver {DRIVER} requires options: awslogs-group"


def _repository(container: Container) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RepositoryCredentials.html"""
    given = container.get("repositoryCredentials") or {}
    honoured(given, frozenset({"credentialsParameter"}), f"repositoryCredentials of {container['name']}: ")
    if "credentialsParameter" in given and not given["credentialsParameter"]:
        yield f"Container {container['name']}: the credentialsParameter of its repositoryCredentials is empty."


def _ports(container: Container) -> Iterator[str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html"""
    for item in container.get("portMappings", ()):
        honoured(item, _PORT, f"portMappings of {container['name']}: ")
        numbers = (item.get("containerPort") or 0, item.get("hostPort") or 1)
        if not all(1 <= number <= _LAST_PORT for number in numbers):
            yield f"Container {container['name']}: ports are from 1 to {_LAST_PORT}."
        if item.get("protocol", "tcp") not in ("tcp", "udp"):
            yield f"Container {container['name']}: the protocol of a port is tcp or udp."


_RULES: tuple[Callable[[Container], Iterator[str]], ...] = (
    _names, _sizes, _texts, _health, _logs, _repository, _ports,
)  # fmt: skip


# ---- all of them together ------------------------------------------------------------------------------------------


def _check_together(containers: Sequence[Container]) -> None:
    ports = [(p.get("containerPort"), p.get("protocol", "tcp")) for c in containers for p in c.get("portMappings", ())]
    if len(set(ports)) != len(ports):
        raise Unimplemented("The containers of a task share one network here: two cannot have the same containerPort.")
    by_name = {container["name"]: container for container in containers}
    if len(by_name) != len(containers):
        raise ClientException("Container.name should be unique within a task definition.")
    if not any(container.get("essential", True) for container in containers):
        raise ClientException("At least one container should be marked as essential in your container list.")
    for container in containers:
        for item in container.get("dependsOn", ()):
            _check_dependency(container, item, by_name)
    _check_order(by_name)


def _check_dependency(container: Container, item: Mapping[str, str], by_name: Mapping[str, Container]) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDependency.html"""
    name, target, condition = container["name"], by_name.get(item["containerName"]), item["condition"]
    if target is None:
        raise ClientException(f"Container {name} depends on container {item['containerName']}, which does not exist.")
    if condition == "HEALTHY" and not target.get("healthCheck"):
        raise ClientException(
            f"Container {name} depends on container {target['name']} being HEALTHY, which has no health check."
        )
    if condition not in _CONDITIONS:
        raise InvalidParameterException(f"{condition} is not a condition of a dependency.")
    if condition in ("COMPLETE", "SUCCESS") and target.get("essential", True):
        raise ClientException(
            f"Container {name} depends on container {target['name']} being {condition}, which is essential."
        )


def _check_order(by_name: Mapping[str, Container]) -> None:
    waiting = {name: {item["containerName"] for item in one.get("dependsOn", ())} for name, one in by_name.items()}
    while waiting:
        ready = [name for name, needs in waiting.items() if not needs & waiting.keys()]
        if not ready:
            raise ClientException(f"The dependencies of containers form a circle: {', '.join(sorted(waiting))}.")
        for name in ready:
            del waiting[name]
