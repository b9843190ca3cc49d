"""ECS: clusters, task definitions, and tasks that are containers on this host. Importing registers operations."""

from kansatsu.services.ecs import clusters, definitions, tasks

__all__ = ["clusters", "definitions", "tasks"]
