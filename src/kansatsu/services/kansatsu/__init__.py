"""The control API: what AWS has no operation for. Importing this package registers its operations."""

from kansatsu.services.kansatsu import (
    access,
    accounts,
    changes,
    commits,
    console,
    editing,
    explain,
    imports,
    learned,
    processes,
    requests,
    tasks,
    workloads,
)

__all__ = [
    "access",
    "accounts",
    "changes",
    "commits",
    "console",
    "editing",
    "explain",
    "imports",
    "learned",
    "processes",
    "requests",
    "tasks",
    "workloads",
]
