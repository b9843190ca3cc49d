"""ECS: clusters, task definitions, tasks and services, on this host. Importing registers operations."""

from kansatsu.services.ecs import clusters, definitions, services, tasks

__all__ = ["clusters", "definitions", "services", "tasks"]
