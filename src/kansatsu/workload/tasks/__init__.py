"""ECS: clusters, task definitions, and tasks that are containers with an identity of their own."""
