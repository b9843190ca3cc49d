"""The table of commands; a command's module is imported when the command is asked for, so that none pays for others."""

import difflib
import importlib
import keyword

import click

from kansatsu import __version__

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


class LazyGroup(click.Group):
    """A group whose commands are found in COMMANDS: the attribute of the command's name, in the module named there."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module("kansatsu.cli." + COMMANDS[cmd_name])
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(module, f"{name}_" if keyword.iskeyword(name) else name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a command that is not there is answered with the nearest one that is."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            ctx.fail(f"There is no command {args[0]}" + (f"; did you mean {near[0]}?" if near else "."))
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, message="kansatsu %(version)s")
def cli() -> None:
    """AWS IAM that you run yourself: it grants, it watches, it audits.

    Start with `kansatsu up -d`. Data go to stdout, messages to stderr. Exit codes: 0 done, 1 failed, 2 usage,
    3 not running, 4 denied.
    """
