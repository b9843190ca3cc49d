"""ECS: clusters, task definitions, tasks and services, on this host. Importing registers operations."""

from kansatsu.services.ecs import agent, clusters, definitions, instances, running, services, tagging, tasks

__all__ = ["agent", "clusters", "definitions", "instances", "running", "services", "tagging", "tasks"]
