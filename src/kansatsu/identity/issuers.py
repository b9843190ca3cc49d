"""The issuer of an account's web identity tokens: its identifier, its keys, and which of them everybody may see.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey, KeySet, RSAKey
from sqlalchemy import Connection, select

from kansatsu.identity import credentials
from kansatsu.identity.credentials import Credential
from kansatsu.identity.schema import credential
from kansatsu.identity.sealer import Sealer
from kansatsu.identity.store import Store

KIND = "issuer"
ALGORITHMS = {"RS256": "RSA", "ES384": "EC"}  # JWA -> the key that signs so
_ENABLED, _DISABLED = "Active", "Inactive"


@dataclass(frozen=True, slots=True)
class Issuer:
    """`id` is the last part of its URL; `enabled` whether tokens are made."""

    id: str
    enabled: bool
    kept: Credential


def of(conn: Connection, account: str) -> Issuer | None:
    """That of an account; None where it never was enabled."""
    found = credentials.every(conn, account, KIND)
    return Issuer(found[0].name, found[0].status == _ENABLED, found[0]) if found else None


def enable(conn: Connection, sealer: Sealer, account: str, now: float) -> Issuer:
    """The same issuer again after it was disabled: whoever trusts it need not be told of another one."""
    known = of(conn, account)
    if known is not None:
        changed = credentials.change(conn, sealer, known.kept, status=_ENABLED)
        return Issuer(known.id, True, changed)
    keys = KeySet([RSAKey.generate_key(2048, {"use": "sig"}), ECKey.generate_key("P-384", {"use": "sig"})])
    for key in keys.keys:
        key.ensure_kid()
    name = secrets.token_hex(16)
    public = {"keys": [dict(key.as_dict(private=False)) for key in keys.keys]}
    made = Credential(f"{KIND}:{name}", account, KIND, "", name, _ENABLED, now, {"jwks": public})
    private = json.dumps({"keys": [dict(key.as_dict(private=True)) for key in keys.keys]})
    return Issuer(name, True, credentials.add(conn, sealer, made, private))


def disable(conn: Connection, sealer: Sealer, issuer: Issuer) -> None:
    """No further tokens; those that there are stay what they are until they end."""
    credentials.change(conn, sealer, issuer.kept, status=_DISABLED)


def key(conn: Connection, sealer: Sealer, issuer: Issuer, algorithm: str) -> RSAKey | ECKey:
    """The private key for one of ALGORITHMS."""
    kept = json.loads(credentials.secret(conn, sealer, issuer.kept).value)
    found = next(one for one in kept["keys"] if one["kty"] == ALGORITHMS[algorithm])
    return RSAKey.import_key(found) if algorithm == "RS256" else ECKey.import_key(found)


def published(store: Store) -> Callable[[str], dict[str, Any] | None]:
    """Finds the public keys of an issuer by its id, of whatever account, as a JWKS; None where there is none."""

    def find(name: str) -> dict[str, Any] | None:
        mine = (credential.c.kind == KIND) & (credential.c.name_key == name)
        with store.read() as conn:
            text = conn.execute(select(credential.c.details).where(mine)).scalar()
        return dict(json.loads(text)["jwks"]) if text is not None else None

    return find
