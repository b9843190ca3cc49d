"""ECS: clusters, task definitions, tasks and services, on this host. Importing registers operations."""

from kansatsu.services.ecs import (
    account_settings,
    agent,
    clusters,
    definitions,
    instances,
    running,
    services,
    tagging,
    tasks,
)

__all__ = [
    "account_settings",
    "agent",
    "clusters",
    "definitions",
    "instances",
    "running",
    "services",
    "tagging",
    "tasks",
]
