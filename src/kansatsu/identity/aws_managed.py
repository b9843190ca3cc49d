"""AWS's own managed policies: real documents, read one at a time from a file in this package.

The file is built by scripts/managed_policies.py; where the data come from and their licence: data/NOTICE.md.
https://docs.aws.amazon.com/aws-managed-policy/latest/reference/about-managed-policy-reference.html
"""

import sqlite3
import threading
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

PREFIX = "arn:aws:iam::aws:policy/"
DATA = Path(__file__).parent / "data" / "aws_managed.sqlite"
_COLUMNS = "arn, name, path, id, version, created, updated"
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class ManagedPolicyInfo:
    """A policy without its document. `version` is the default version's id ("v12"); times are epoch seconds."""

    arn: str
    name: str
    path: str
    id: str
    version: str
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A policy with the document of its default version, as JSON text."""

    info: ManagedPolicyInfo
    document: str


def is_aws(arn: str) -> bool:
    """Whether an ARN is that of a policy of AWS, known here or not."""
    return arn.startswith(PREFIX)


def get(arn: str) -> ManagedPolicy | None:
    """The policy with its document, or None when AWS has none of this ARN."""
    row = _one(f"SELECT {_COLUMNS}, document FROM policy WHERE arn = ?", arn)  # noqa: S608 - a constant
    return ManagedPolicy(ManagedPolicyInfo(*row[:7]), _text(row[7])) if row else None


def document(arn: str) -> str | None:
    """The document of the default version alone."""
    row = _one("SELECT document FROM policy WHERE arn = ?", arn)
    return _text(row[0]) if row else None


def info(arn: str) -> ManagedPolicyInfo | None:
    """The policy without its document."""
    row = _one(f"SELECT {_COLUMNS} FROM policy WHERE arn = ?", arn)  # noqa: S608 - a constant
    return ManagedPolicyInfo(*row) if row else None


@cache
def all() -> tuple[ManagedPolicyInfo, ...]:  # noqa: A001 - read as aws_managed.all()
    """All of them without documents, by ARN."""
    with _lock:
        rows = _file().execute(f"SELECT {_COLUMNS} FROM policy ORDER BY arn").fetchall()  # noqa: S608 - a constant
    return tuple(ManagedPolicyInfo(*row) for row in rows)


def _one(query: str, arn: str) -> tuple[Any, ...] | None:
    with _lock:
        rows = _file().execute(query, (arn,)).fetchall()
    return rows[0] if rows else None


@cache
def _file() -> sqlite3.Connection:
    return sqlite3.connect(f"{DATA.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def _text(packed: bytes) -> str:
    return zlib.decompress(packed).decode()
