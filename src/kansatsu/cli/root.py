"""The table of commands; a command's module is imported when the command is asked for, so that none pays for others."""

import click

from kansatsu import __version__
from kansatsu.cli.groups import LazyGroup

COMMANDS = {
    "up": "up",
    "down": "lifecycle",
    "status": "lifecycle",
    "logs": "logs",
    "doctor": "doctor",
    "console": "console",
    "env": "environment",
    "configure": "configure",
    "aws": "awscli",
    "run": "run",
    "instance": "instance",
    "task": "task",
    "account": "account",
    "import": "authorization_details",
    "export": "authorization_details",
    "why": "why",
    "can": "can",
    "who-can": "who_can",
    "access": "access",
    "analyze": "analyze",
    "catalog": "catalog",
    "policy": "policy",
    "config": "config",
    "version": "version",
}


class _Root(LazyGroup):
    table = COMMANDS


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, message="kansatsu %(version)s")
def cli() -> None:
    """AWS IAM that you run yourself: it grants, it watches, it audits.

    Start with `kansatsu up -d`. Data go to stdout, messages to stderr. Exit codes: 0 done, 1 failed, 2 usage,
    3 not running, 4 denied.
    """
