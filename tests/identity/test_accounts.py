"""Further accounts: who is first, what they are called, that they last, and that a reset takes them away."""

import pytest
from sqlalchemy import insert

from kansatsu.errors import AwsError
from kansatsu.identity import Store, accounts, bootstrap, reset, schema
from kansatsu.identity.accounts import Account

from .people import ACCOUNT, allows

OTHER = "210987654321"


def opened(store: Store, name: str | None = None, id: str | None = None) -> tuple[Account, str]:
    with store.write() as conn:
        account, key = accounts.create(store, conn, name, id)
    return account, key.access_key_id


def listed(store: Store) -> list[tuple[str, str]]:
    with store.read() as conn:
        return [(account.id, account.name) for account in accounts.listing(conn)]


def test_the_first_start_decides_which_account_is_first(store: Store, other: Store) -> None:
    assert accounts.found(store, ACCOUNT) == ACCOUNT
    assert accounts.found(other, OTHER) == ACCOUNT
    assert listed(store) == [(ACCOUNT, "first")]


@pytest.mark.parametrize("wanted", [ACCOUNT, OTHER])
def test_a_directory_from_before_there_were_further_accounts(store: Store, wanted: str) -> None:
    bootstrap(store, ACCOUNT)
    assert accounts.found(store, wanted) == ACCOUNT


def test_an_account_has_an_administrator_of_its_own_and_lasts(store: Store, other: Store) -> None:
    accounts.found(store, ACCOUNT)
    assert other.snapshot().accounts() == (ACCOUNT,)
    account, key_id = opened(store, "Shop", OTHER)
    assert other.snapshot().accounts() == (ACCOUNT, OTHER)
    assert listed(other) == [(ACCOUNT, "first"), (OTHER, "Shop")]
    again = bootstrap(other, OTHER)  # the next start hands the same key out
    assert again is not None and (again.access_key_id, again.created) == (key_id, False)
    key = other.snapshot().access_key(key_id)
    user = other.snapshot().find(OTHER, "user", "admin")
    assert key is not None and user is not None and (key.account, key.user_id) == (OTHER, user.id)
    assert allows(other.snapshot().policies(user.id), "iam:CreateUser")
    assert user.arn == f"arn:aws:iam::{account.id}:user/admin"


def test_what_is_not_given_is_made(store: Store) -> None:
    accounts.found(store, ACCOUNT)
    account, _ = opened(store)
    assert account.name == account.id and len(account.id) == 12 and account.id != ACCOUNT


@pytest.mark.parametrize(
    ("name", "id", "code"),
    [
        ("x", "1", "InvalidParameterValue"),
        ("x", "12345678901x", "InvalidParameterValue"),
        ("x", "١٢٣٤٥٦٧٨٩٠١٢", "InvalidParameterValue"),
        ("x", ACCOUNT, "EntityAlreadyExists"),
        ("x", OTHER, "EntityAlreadyExists"),
        ("SHOP", None, "EntityAlreadyExists"),
        ("First", None, "EntityAlreadyExists"),
        ("123456789013", "123456789014", "InvalidParameterValue"),
        ("a]b", None, "InvalidParameterValue"),
        ("a\nb", None, "InvalidParameterValue"),
        ("-a", None, "InvalidParameterValue"),
        ("a" * 51, None, "InvalidParameterValue"),
    ],
)
def test_what_is_refused_leaves_nothing_behind(store: Store, name: str, id: str | None, code: str) -> None:
    accounts.found(store, ACCOUNT)
    opened(store, "shop", OTHER)
    before = listed(store)
    with pytest.raises(AwsError) as refused:
        opened(store, name, id)
    assert refused.value.code == code
    assert listed(store) == before


def test_a_reset_wipes_further_accounts(store: Store, other: Store) -> None:
    accounts.found(store, ACCOUNT)
    admin = bootstrap(store, ACCOUNT)
    _, key_id = opened(store, "shop", OTHER)
    with store.write() as conn:
        policy = {"id": "ANPA1", "account": OTHER, "name": "p", "name_key": "p", "path": "/", "created": 1.0}
        more = {"arn": "arn:x", "updated": 1.0, "default_version": 1, "next_version": 2}
        conn.execute(insert(schema.policy), policy | more)
    assert other.snapshot().access_key(key_id) is not None
    reset(store, ACCOUNT)
    assert listed(other) == [(ACCOUNT, "first")]
    assert other.snapshot().accounts() == (ACCOUNT,)
    assert other.snapshot().access_key(key_id) is None and other.snapshot().find(OTHER, "user", "admin") is None
    assert admin is not None and other.snapshot().access_key(admin.access_key_id) is not None
    with other.read() as conn:
        assert conn.execute(schema.policy.select()).first() is None
    assert opened(store, "shop", OTHER)[0].id == OTHER  # there is room for it again
