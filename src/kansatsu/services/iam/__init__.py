"""IAM: importing this package registers its operations."""

from kansatsu.services.iam import (
    account,
    attachments,
    groups,
    inline,
    keys,
    last_accessed,
    policies,
    profiles,
    roles,
    simulate,
    tags,
    users,
)

__all__ = [
    "account",
    "attachments",
    "groups",
    "inline",
    "keys",
    "last_accessed",
    "policies",
    "profiles",
    "roles",
    "simulate",
    "tags",
    "users",
]
