"""Passwords of users: what the account demands of them, and how they are kept and checked.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
INVARIANT: of a password only its Argon2id hash is kept, and sealed. Hashing is slow on purpose: no transaction is open.
"""

import json
import string
from dataclasses import asdict, dataclass

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Connection, delete, insert, select

from kansatsu.identity.schema import setting

SYMBOLS = "!@#$%^&*()_+-=[]{}|'"  # of AWS's page
REMEMBERED = 24  # hashes of former passwords: the most that a policy can forbid to use again
_PREFIX = "password-policy:"
_KINDS = (string.ascii_uppercase, string.ascii_lowercase, string.digits, SYMBOLS)
_DEFAULT_LENGTH, _DEFAULT_KINDS = 8, 3

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html: 19 MiB, two rounds, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """The rules of an account; 0 stands for a rule that it does not have. Ages are in days."""

    minimum_password_length: int = 6
    require_symbols: bool = False
    require_numbers: bool = False
    require_uppercase_characters: bool = False
    require_lowercase_characters: bool = False
    allow_users_to_change_password: bool = False
    max_password_age: int = 0
    password_reuse_prevention: int = 0
    hard_expiry: bool = False

    def accepts(self, password: str) -> bool:
        required = zip(
            (
                self.require_uppercase_characters,
                self.require_lowercase_characters,
                self.require_numbers,
                self.require_symbols,
            ),
            _KINDS,
            strict=True,
        )
        return len(password) >= self.minimum_password_length and all(
            not wanted or set(kind) & set(password) for wanted, kind in required
        )


def name_of(account: str) -> str:
    """The setting that holds the rules of an account."""
    return _PREFIX + account


def policy(conn: Connection, account: str) -> PasswordPolicy | None:
    """The rules that an account has made, or None: then AWS's own hold."""
    text = conn.execute(select(setting.c.value).where(setting.c.name == name_of(account))).scalar()
    return PasswordPolicy(**json.loads(text)) if text is not None else None


def put_policy(conn: Connection, account: str, rules: PasswordPolicy) -> None:
    remove_policy(conn, account)
    conn.execute(insert(setting), {"name": name_of(account), "value": json.dumps(asdict(rules))})


def remove_policy(conn: Connection, account: str) -> bool:
    """Back to AWS's own rules; False when they held anyway."""
    return conn.execute(delete(setting).where(setting.c.name == name_of(account))).rowcount > 0


def acceptable(rules: PasswordPolicy | None, account: str, password: str) -> bool:
    """Does a password keep to the rules of its account, or to AWS's own where it has made none?

    AWS's own: eight characters at least, of three of the four kinds, and not the account's name.
    """
    if rules is not None:
        return rules.accepts(password)
    kinds = sum(bool(set(kind) & set(password)) for kind in _KINDS)
    return len(password) >= _DEFAULT_LENGTH and kinds >= _DEFAULT_KINDS and password != account


def digest(password: str) -> str:
    """Its hash, with salt and cost. Takes tens of milliseconds."""
    return _hasher.hash(password)


def matches(hashed: str, password: str) -> bool:
    """Is it the password of that hash? Takes tens of milliseconds."""
    try:
        return _hasher.verify(hashed, password)
    except VerifyMismatchError:
        return False
