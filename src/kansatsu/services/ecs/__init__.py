"""ECS: clusters and task definitions. Importing registers operations."""

from kansatsu.services.ecs import clusters, definitions

__all__ = ["clusters", "definitions"]
