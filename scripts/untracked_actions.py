"""Builds the package's list of actions that no request here can be seen to use, from AWS's reference and our catalog.

.venv/bin/python scripts/untracked_actions.py          # writes it
.venv/bin/python scripts/untracked_actions.py --check  # exit code 1 when it is not what would be written
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator

from kansatsu import wire
from kansatsu.catalog import compiled, reference, s3
from kansatsu.catalog.rules import rules_of
from kansatsu.catalog.tracking import UNTRACKED

HEAD = "# Actions that nothing here can be seen to use, by service; made by scripts/untracked_actions.py.\n"
# What is asked for besides the action of an operation: by S3, DynamoDB and STS, and for roles.
FURTHER = (
    *("iam:PassRole", "sts:TagSession", "sts:SetSourceIdentity", "s3:BypassGovernanceRetention"),
    *(f"dynamodb:{name}" for name in ("ConditionCheckItem", "PartiQLSelect", "PartiQLInsert")),
    *(f"dynamodb:{name}" for name in ("PartiQLUpdate", "PartiQLDelete")),
    *(f"apigateway:{verb}" for verb in ("GET", "POST", "PUT", "PATCH", "DELETE")),
)


def seen() -> Iterator[str]:
    """Every action that some request is authorized for."""
    yield from FURTHER
    for name in wire.service_metadata():
        service, rules = wire.load_service(name), rules_of(name)
        for operation in map(service.operation, service.operation_names):
            if name == "s3":
                action = s3.ACTIONS.get(operation.name, operation.name)
                yield from (
                    f"s3:{action}",
                    f"s3:{s3.VERSIONED.get(action, action)}",
                    s3.FOREIGN.get(operation.name, "-:-"),
                )
            else:
                yield from map(":".join, compiled.actions(operation, rules))
            yield from (row[0] for row in rules.also.get(operation.name, ()))


def text() -> str:
    """The file."""
    tracked = defaultdict(set)
    for prefix, _, name in (action.lower().partition(":") for action in seen()):
        tracked[prefix].add(name)
    lines = []
    for prefix in sorted(reference.prefixes()):
        names = [name for name in sorted(reference.names(prefix)) if name.lower() not in tracked[prefix]]
        if names:
            lines.append(" ".join((prefix, *names)) + "\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        sys.exit(UNTRACKED.read_text() != text())
    UNTRACKED.write_text(text())
