"""ECS: clusters, task definitions, tasks and services, on this host. Importing registers operations."""

from kansatsu.services.ecs import clusters, definitions, instances, running, services, tagging, tasks

__all__ = ["clusters", "definitions", "instances", "running", "services", "tagging", "tasks"]
