"""ECS: clusters and task definitions."""
