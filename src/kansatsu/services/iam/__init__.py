"""IAM: importing this package registers its operations."""

from kansatsu.services.iam import (
    account,
    aliases,
    attachments,
    details,
    groups,
    inline,
    keys,
    last_accessed,
    policies,
    profiles,
    reports,
    roles,
    simulate,
    tags,
    users,
)

__all__ = [
    "account",
    "aliases",
    "attachments",
    "details",
    "groups",
    "inline",
    "keys",
    "last_accessed",
    "policies",
    "profiles",
    "reports",
    "roles",
    "simulate",
    "tags",
    "users",
]
