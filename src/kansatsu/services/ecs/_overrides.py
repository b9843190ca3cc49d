"""What one task has otherwise than its definition says.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kansatsu.errors import InvalidParameterException
from kansatsu.services.ecs._honoured import honoured
from kansatsu.workload.tasks.making import ROLES

_TASK = frozenset({"containerOverrides", *ROLES})
_CONTAINER = frozenset({"name", "command", "environment"})


def roles(document: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, str]:
    """The roles that a task will have, by member: those of the request before those of the definition."""
    found = {member: overrides.get(member) or document.get(member, "") for member in ROLES}
    return {member: role for member, role in found.items() if role}


def merged(definitions: Iterable[Mapping[str, Any]], overrides: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The definitions of the containers as they run. Raises InvalidParameterException, Unimplemented."""
    honoured(overrides, _TASK, "overrides.")
    containers = {definition["name"]: dict(definition) for definition in definitions}
    for index, override in enumerate(overrides.get("containerOverrides", ())):
        honoured(override, _CONTAINER, f"overrides.containerOverrides[{index}].")
        container = containers.get(override.get("name", ""))
        if container is None:
            raise InvalidParameterException(
                f"Override for container named {override.get('name')} is not a container in the TaskDefinition."
            )
        if override.get("command"):
            container["command"] = override["command"]
        container["environment"] = _environment(container.get("environment", ()), override.get("environment", ()))
    return list(containers.values())


def _environment(own: Iterable[Mapping[str, str]], more: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    pairs = {pair.get("name", ""): pair.get("value", "") for pair in (*own, *more)}
    for name, value in pairs.items():
        if not name or "=" in name or "\0" in name + value:
            raise InvalidParameterException(f"{name!r} cannot be the name of an environment variable.")
    return [{"name": name, "value": value} for name, value in pairs.items()]
