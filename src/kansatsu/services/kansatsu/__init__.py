"""The control API: what AWS has no operation for. Importing this package registers its operations."""

from kansatsu.services.kansatsu import access, explain, processes, workloads

__all__ = ["access", "explain", "processes", "workloads"]
