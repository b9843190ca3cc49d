"""`kansatsu policy`: the commands on policies."""

import click

from kansatsu.cli.groups import LazyGroup

COMMANDS = {
    "validate": "policy_lint",
    "lint": "policy_lint",
    "suggest": "policy_used",
    "coverage": "policy_used",
    "commit": "policy_commit",
    "rollback": "policy_commit",
    "diff": "policy_change",
    "replay": "policy_change",
}


class _Policy(LazyGroup):
    table = COMMANDS


@click.group(cls=_Policy)
def policy() -> None:
    """Check policies, and hold them against what was used."""
