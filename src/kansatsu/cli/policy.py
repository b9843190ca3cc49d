"""`kansatsu policy`: the commands on policies."""

import importlib

import click

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


class _Lazy(click.Group):
    """A group whose commands are found in COMMANDS, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module("kansatsu.cli." + COMMANDS[cmd_name]), cmd_name)
        return command


@click.group(cls=_Lazy)
def policy() -> None:
    """Check policies, and hold them against what was used."""
