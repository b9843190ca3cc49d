"""The ring of keys under which session tokens and encoded messages are sealed, so that no session need be stored."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kansatsu.identity.sealing import KEY_BYTES, NONCE_BYTES, Secret, Vault

RETIRED_LIFE = timedelta(hours=36)  # the longest session of AWS: GetSessionToken and GetFederationToken
KEY_ID_BYTES = 8
_OVERHEAD = 1 + KEY_ID_BYTES + NONCE_BYTES + 16
OPENED_SESSIONS = 4096

V = TypeVar("V")


class Unopenable(Exception):
    """Sealed bytes that are not ours, not whole, or bound to something else. It says no more, on purpose."""


@dataclass(frozen=True, slots=True)
class RingKey:
    """One key of the ring; `retired` is None for the one that seals."""

    id: bytes
    aead: AESGCM
    retired: datetime | None

    @classmethod
    def of(cls, id: str, material: bytes, retired: datetime | None) -> "RingKey":
        return cls(bytes.fromhex(id), AESGCM(material), retired)


@dataclass(frozen=True, slots=True)
class Ring:
    """All keys that still open something, and the one that seals."""

    current: RingKey
    keys: dict[bytes, RingKey]


class Recent(Generic[V]):
    """A bounded map that forgets what was not asked for lately: two generations, one dictionary look-up when hot."""

    def __init__(self, size: int):
        self._size = size
        self._new: dict[str, V] = {}
        self._old: dict[str, V] = {}

    def get(self, key: str) -> V | None:
        value = self._new.get(key)
        if value is None:
            value = self._old.get(key)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: str, value: V) -> None:
        if len(self._new) >= self._size // 2:
            self._old, self._new = self._new, {}
        self._new[key] = value


class Sealer:
    """Seals and opens. Secrets at rest go under the key-encryption key, tokens and messages under the ring.

    Sealed: version (1 byte), key id (8), nonce (12), ciphertext with its tag (16). Purpose and binding are associated
    data, so that a token never opens as a message, nor one session's token under another access key id.
    """

    VERSION = 1

    def __init__(self, vault: Vault, load: Callable[[], Ring]):
        self.vault = vault
        self.opened: Recent[object] = Recent(OPENED_SESSIONS)  # sessions by their token, see sessions.open
        self._load = load
        self._ring: Ring | None = None
        self._lock = threading.Lock()

    def seal_secret(self, secret: str, id: str) -> bytes:
        """A secret for its row: `id` is the row's, e.g. the access key id."""
        return self.vault.seal(secret.encode(), "secret", id)

    def open_secret(self, sealed: bytes, id: str) -> Secret:
        """Raises StoreError when the row was altered or another's ciphertext was put there."""
        return Secret(self.vault.open(sealed, "secret", id).decode())

    def seal(self, purpose: str, payload: bytes, bound: str) -> bytes:
        """Seal under the current key."""
        key = self._keys().current
        head = bytes([self.VERSION]) + key.id
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + key.aead.encrypt(nonce, payload, _associated(head, purpose, bound))

    def open(self, purpose: str, sealed: bytes, bound: str, now: datetime) -> bytes:
        """Open under whichever key sealed it. Raises Unopenable.

        INVARIANT: a retired key opens nothing once the longest session sealed by it must have ended.
        """
        if len(sealed) < _OVERHEAD or sealed[0] != self.VERSION:
            raise Unopenable
        head, nonce, rest = sealed[: 1 + KEY_ID_BYTES], sealed[1 + KEY_ID_BYTES :][:NONCE_BYTES], sealed[21:]
        key = self._keys().keys.get(head[1:])
        if key is None or (key.retired is not None and now >= key.retired + RETIRED_LIFE):
            raise Unopenable
        try:
            return key.aead.decrypt(nonce, rest, _associated(head, purpose, bound))
        except InvalidTag:
            raise Unopenable from None

    def forget_ring(self) -> None:
        """The ring has changed: read it again, and trust no token that was opened under the former one."""
        with self._lock:
            self._ring = None
            self.opened = Recent(OPENED_SESSIONS)  # replaced, so that whoever is opening now fills the dead one

    def _keys(self) -> Ring:
        ring = self._ring
        if ring is None:
            with self._lock:
                ring = self._ring = self._load()
        return ring


def _associated(head: bytes, purpose: str, bound: str) -> bytes:
    return head + f"\0{purpose}\0{bound}".encode()


def new_material() -> tuple[str, bytes]:
    """A new ring key: its id as 16 hexadecimal digits, and 32 random bytes."""
    return os.urandom(KEY_ID_BYTES).hex(), os.urandom(KEY_BYTES)
