"""Former passwords of a user, which a password policy may forbid to use again: their hashes, sealed.

INVARIANT: a former password's hash is sealed like the one of now: people go back to former passwords.
"""

import base64
import json

from sqlalchemy import Connection, insert, select

from kansatsu.identity import credentials
from kansatsu.identity.console import PASSWORD
from kansatsu.identity.credentials import Credential
from kansatsu.identity.schema import credential, setting
from kansatsu.identity.sealer import Sealer

_FORMER, _SEALED = "former", "former_passwords_sealed"


def sealed(sealer: Sealer, profile: Credential, hashes: list[str]) -> dict[str, str]:
    """What the details of a login profile hold of them."""
    text = base64.b64encode(sealer.seal_secret(json.dumps(hashes), f"{profile.id}:{_FORMER}")).decode()
    return {_FORMER: text}


def opened(sealer: Sealer, profile: Credential) -> list[str]:
    """Hashes of former passwords, the newest first. A profile that never had another password has an empty list."""
    held: str | list[str] = profile.details[_FORMER]
    if isinstance(held, list):
        return held
    return list(json.loads(sealer.open_secret(base64.b64decode(held), f"{profile.id}:{_FORMER}").value))


def are_sealed(conn: Connection) -> bool:
    """False in a database of a version that kept hashes of former passwords as they are, until seal_all()."""
    return conn.execute(select(setting.c.value).where(setting.c.name == _SEALED)).scalar() is not None


def seal_all(conn: Connection, sealer: Sealer) -> None:
    """Seal those that an earlier version kept as they are."""
    if are_sealed(conn):  # another process was faster
        return
    for each in conn.execute(select(credential.c.id).where(credential.c.kind == PASSWORD)).scalars().all():
        profile = credentials.by_id(conn, each, PASSWORD)
        if profile is not None and isinstance(profile.details[_FORMER], list) and profile.details[_FORMER]:
            credentials.change(conn, sealer, profile, details=sealed(sealer, profile, profile.details[_FORMER]))
    conn.execute(insert(setting), {"name": _SEALED, "value": "1"})
