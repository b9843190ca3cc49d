"""STS: importing this package registers its operations."""

from kansatsu.services.sts import (
    assume_role,
    assume_root,
    delegated,
    identity,
    outbound,
    saml,
    scoped,
    tokens,
    web_identity,
)

__all__ = [
    "assume_role",
    "assume_root",
    "delegated",
    "identity",
    "outbound",
    "saml",
    "scoped",
    "tokens",
    "web_identity",
]
