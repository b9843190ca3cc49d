"""Writes the service principals that AWS's managed policies name, for kansatsu.catalog.principals."""

import re
from pathlib import Path

from kansatsu.identity import aws_managed

FILE = Path(__file__).parents[1] / "src/kansatsu/catalog/data/service_principals.txt"
_PRINCIPAL = re.compile(r'"([a-z0-9][a-z0-9.-]*)\.amazonaws\.com(?:\.cn)?"')
_REGIONAL = re.compile(r"\.[a-z]{2}(-[a-z]+)+-[0-9]$")


def names() -> list[str]:
    """In alphabetical order, without what they all end with."""
    found: set[str] = set()
    for info in aws_managed.all():
        policy = aws_managed.get(info.arn)
        found |= {_REGIONAL.sub("", name) for name in _PRINCIPAL.findall(policy.document if policy else "")}
    return sorted(found)


if __name__ == "__main__":
    FILE.write_text("\n".join(names()) + "\n")
