"""The table of commands; a command's module is imported when the command is asked for, so that none pays for others."""

import importlib

import click

COMMANDS = {
    "up": "up",
    "down": "lifecycle",
    "status": "lifecycle",
    "logs": "logs",
    "doctor": "doctor",
    "env": "environment",
    "configure": "configure",
    "aws": "awscli",
    "run": "run",
    "instance": "instance",
    "why": "why",
    "config": "config",
    "version": "version",
}


class LazyGroup(click.Group):
    """A group whose commands are found in COMMANDS: the attribute of the command's name, in the module named there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module("kansatsu.cli." + COMMANDS[cmd_name])
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def cli() -> None:
    """AWS IAM that you run yourself: it grants, it watches, it audits.

    Start with `kansatsu up -d`. Data go to stdout, messages to stderr. Exit codes: 0 done, 1 failed, 2 usage,
    3 not running, 4 denied.
    """
