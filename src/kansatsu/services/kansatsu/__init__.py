"""The control API: what AWS has no operation for. Importing this package registers its operations."""

from kansatsu.services.kansatsu import processes, workloads

__all__ = ["processes", "workloads"]
