"""Who there is and what they may: users, groups, roles, policies, keys and sessions, and the store that holds them."""

from typing import TYPE_CHECKING

from kansatsu.later import later

if TYPE_CHECKING:
    from kansatsu.identity import accounts, aws_managed, ids, issuers, keyring, messages, revocations, schema, sessions
    from kansatsu.identity.accounts import Account, reset
    from kansatsu.identity.administrators import AdminKey, bootstrap
    from kansatsu.identity.changes import touch
    from kansatsu.identity.opening import look, node_name, open_store, read_only
    from kansatsu.identity.records import AccessKey, EntityPolicies, EntityRecord
    from kansatsu.identity.revocations import revoke
    from kansatsu.identity.sealer import Sealer
    from kansatsu.identity.sealing import Secret, StoreError, sync_directory
    from kansatsu.identity.sessions import ExpiredToken, InvalidToken, Session
    from kansatsu.identity.snapshot import Snapshot
    from kansatsu.identity.store import Store
else:
    __getattr__ = later(
        __name__,
        {
            "accounts": "accounts Account reset",
            "aws_managed": "aws_managed",
            "administrators": "AdminKey bootstrap",
            "changes": "touch",
            "ids": "ids",
            "issuers": "issuers",
            "keyring": "keyring",
            "messages": "messages",
            "opening": "look node_name open_store read_only",
            "records": "AccessKey EntityPolicies EntityRecord",
            "revocations": "revocations revoke",
            "schema": "schema",
            "sealer": "Sealer",
            "sealing": "Secret StoreError sync_directory",
            "sessions": "sessions ExpiredToken InvalidToken Session",
            "snapshot": "Snapshot",
            "store": "Store",
        },
    )

__all__ = [
    "AccessKey",
    "Account",
    "AdminKey",
    "EntityPolicies",
    "EntityRecord",
    "ExpiredToken",
    "InvalidToken",
    "Sealer",
    "Secret",
    "Session",
    "Snapshot",
    "Store",
    "StoreError",
    "accounts",
    "aws_managed",
    "bootstrap",
    "ids",
    "issuers",
    "keyring",
    "look",
    "messages",
    "node_name",
    "open_store",
    "read_only",
    "reset",
    "revocations",
    "revoke",
    "schema",
    "sessions",
    "sync_directory",
    "touch",
]
