"""Groups of commands: each is imported when it is asked for, and one that is not there is answered with the nearest."""

import difflib
import importlib
import keyword
from collections.abc import Mapping

import click

WHOLE = 10_000  # characters: no sentence of help is that long


class Group(click.Group):
    """As click's, but for what it says of its commands, of one that is not there, and of an option too early."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a command that is not there is answered with the nearest one that is."""
        known = self.list_commands(ctx)
        if args and args[0] not in known and not args[0].startswith("-"):
            above = ctx.command_path.partition(" ")[2]
            prefix = f"{above} " if above else ""
            near = difflib.get_close_matches(args[0], known, n=1)
            ctx.fail(f"There is no command {prefix}{args[0]}" + (f"; did you mean {prefix}{near[0]}?" if near else "."))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does, but the first sentence of each command goes over several lines: click cuts it with `...`."""
        found = ((name, self.get_command(ctx, name)) for name in self.list_commands(ctx))
        rows = [(name, one.get_short_help_str(limit=WHOLE)) for name, one in found if one and not one.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, but an option before its command is told its place."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            commands = set(self.list_commands(ctx))
            name = next((word for word in given if word in commands), None)
            if name is None:
                raise
            ctx.fail(f"{error.option_name} stands after the command: {ctx.command_path} {name} {error.option_name} ...")


class LazyGroup(Group):
    """Its commands are found in `table`: the attribute of the command's name, in the module named there."""

    table: Mapping[str, str]

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module = importlib.import_module("kansatsu.cli." + self.table[cmd_name])
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(module, f"{name}_" if keyword.iskeyword(name) else name)
        return command
