"""The alias of the account: https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html"""

from typing import Any

from kansatsu.identity import aliases
from kansatsu.identity.pages import Cursor
from kansatsu.services.iam import _render, _resources
from kansatsu.services.iam._register import iam
from kansatsu.services.registry import Call


@iam("CreateAccountAlias", _resources.everything, write=True)
def create_account_alias(call: Call, account_alias: str) -> dict[str, Any]:
    aliases.put(call.conn, call.account, account_alias)
    return {}


@iam("DeleteAccountAlias", _resources.everything, write=True)
def delete_account_alias(call: Call, account_alias: str) -> dict[str, Any]:
    aliases.remove(call.conn, call.account, account_alias)
    return {}


@iam("ListAccountAliases", _resources.everything)
def list_account_aliases(call: Call, marker: str | None = None, max_items: int | None = None) -> dict[str, Any]:
    cursor = Cursor.of("ListAccountAliases", marker, max_items)
    alias = aliases.of(call.conn, call.account)
    return _render.page("AccountAliases", cursor.cut([(alias, alias)] if alias is not None else []), str)
