"""Further accounts of this installation, which the administrators of its first account open and list.

INVARIANT: accounts are resources of the first account, whose id is in their ARN. A caller of any other account is
refused like everybody who asks for what belongs to another account: there is no policy on these resources that could
let it in.
"""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kansatsu import arn
from kansatsu.errors import NoSuchEntity
from kansatsu.identity import Account, accounts, keys, roots
from kansatsu.services.kansatsu.imports import import_account
from kansatsu.services.registry import Call, Params, operation


def _arn(call: Call, params: Params) -> str:
    return f"arn:{arn.PARTITION}:kansatsu::{accounts.first(call.conn)}:account/{params.get('AccountId', '*')}"


@operation("kansatsu", "CreateAccount", resource=_arn, write=True)
def create_account(
    call: Call, name: str | None = None, account_id: str | None = None, document: str | None = None
) -> dict[str, Any]:
    """The key is in this answer and in no other. All of a `document` is imported, or there is no account."""
    account, key = accounts.create(call.store, call.conn, name, account_id)
    imported = {} if document is None else {"Imported": import_account(replace(call, account=account.id), document)}
    return imported | {
        "Account": _shown(account),
        "AccessKeyId": key.access_key_id,
        "SecretAccessKey": key.secret.value,
    }


@operation("kansatsu", "ListAccounts", resource=_arn)
def list_accounts(call: Call) -> dict[str, Any]:
    return {"Accounts": [_shown(account) for account in accounts.listing(call.conn)]}


@operation("kansatsu", "CreateRootAccessKey", resource=_arn, write=True)
def create_root_access_key(call: Call, account_id: str) -> dict[str, Any]:
    """Whoever may open accounts holds them: what on AWS the mailbox of the root user's address gives, is here this."""
    if account_id not in {account.id for account in accounts.listing(call.conn)}:
        raise NoSuchEntity(f"There is no account {account_id} in this installation.")
    now = call.now.timestamp()
    root = roots.ensure(call.conn, account_id, now)
    key, secret = keys.create(call.conn, call.store.sealer, root, int(now), call.store.quotas)
    return {"AccessKeyId": key.id, "SecretAccessKey": secret}


def _shown(account: Account) -> dict[str, Any]:
    created = datetime.fromtimestamp(account.created, UTC)
    return {"Id": account.id, "Name": account.name, "Created": created, "First": account.first}
