"""The key-encryption key and what is sealed under it: secrets at rest are unreadable without DIR/master.key."""

import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12


class StoreError(Exception):
    """The data directory cannot be used; the text is a sentence for the person who started Kansatsu."""


class Secret:
    """A secret that never prints itself; `value` is the text. Compare with hmac.compare_digest only."""

    __slots__ = ("value",)

    def __init__(self, value: str):
        self.value = value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not serialized")


class Vault:
    """AES-256-GCM under one key; every sealed value is bound to its purpose and to the id of its row."""

    def __init__(self, key: bytes):
        self._key = key
        self._aead = AESGCM(key)

    def derived(self, purpose: str) -> bytes:
        """32 bytes for something else than sealing, which say nothing of the key."""
        return hmac.digest(self._key, f"kansatsu\0{purpose}".encode(), "sha256")

    def seal(self, plaintext: bytes, purpose: str, id: str) -> bytes:
        """Nonce and ciphertext. `purpose` and `id` must be given again to open it."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plaintext, _bound(purpose, id))

    def open(self, sealed: bytes, purpose: str, id: str) -> bytes:
        """The plaintext; raises StoreError when key, purpose, id or a single bit is another.

        INVARIANT: a ciphertext moved to another row does not open, so whoever can write to the database cannot make
        one user's secret that of another.
        """
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _bound(purpose, id))
        except (InvalidTag, ValueError):
            raise StoreError(
                f"The {purpose} of {id} cannot be decrypted: it was altered or sealed elsewhere."
            ) from None


def _bound(purpose: str, id: str) -> bytes:
    return f"kansatsu\0{purpose}\0{id}".encode()


def load_master_key(path: Path, *, create: bool) -> bytes:
    """The 32 bytes of the key-encryption key, created only when `create` (there is no database yet) says so.

    INVARIANT: a key is never created beside an existing database; its secrets would be lost without a word.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if not create:
            raise StoreError(
                f"{path} is missing: the database beside it cannot be read without it. Restore it."
            ) from None
        return _create_master_key(path)
    if mode & 0o077:
        raise StoreError(f"{path} can be read by others (mode {mode & 0o777:04o}). Run: chmod 600 {path}")
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise StoreError(f"{path} is damaged: it holds {len(key)} bytes where {KEY_BYTES} belong.")
    return key


def _create_master_key(path: Path) -> bytes:
    key = os.urandom(KEY_BYTES)
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(fd, key)
        os.fsync(fd)
    finally:
        os.close(fd)
    try:
        os.link(partial, path)  # fails when another process was faster: then its key is the key
    except FileExistsError:
        key = path.read_bytes()
    partial.unlink(missing_ok=True)
    sync_directory(path.parent)
    return key


def sync_directory(path: Path) -> None:
    """Make new names in a directory survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
