"""`kansatsu env`: lines for the shell that point every AWS client in it here, and unset what would beat them."""

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from kansatsu.cli import credentials, daemon, options, surroundings
from kansatsu.cli.output import Exit, Failure, hint


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _dotenv(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


# Per shell: how a variable is set, and how one is unset.
_SHELLS: Mapping[str, tuple[Callable[[str, str], str], Callable[[str], str]]] = {
    "sh": (lambda name, text: f"export {name}={shlex.quote(text)}", lambda name: f"unset {name}"),
    "fish": (lambda name, text: f"set -gx {name} {_fish(text)}", lambda name: f"set -e {name}"),
    "powershell": (
        lambda name, text: f"$env:{name} = {_powershell(text)}",
        lambda name: f"Remove-Item Env:{name} -ErrorAction SilentlyContinue",
    ),
    "dotenv": (lambda name, text: f"{name}={_dotenv(text)}", lambda name: f"# {name} must not be set"),
}


@click.command()
@click.option("--shell", type=click.Choice(list(_SHELLS)), default="sh", show_default=True, help="Whose syntax.")
@click.option("--unset", is_flag=True, help="Print the lines that undo it.")
@options.account_option
@options.where_options
def env(shell: str, unset: bool, whose: str | None, **given: Any) -> None:
    """Print lines that point AWS clients here: eval "$(kansatsu env)"."""
    settings = options.load(**given).settings
    if unset and shell == "dotenv":
        raise Failure("A dotenv file cannot unset a variable; remove the lines instead.", Exit.USAGE)
    if unset:
        names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", *surroundings.place("", "", {}), "KANSATSU_DATA_DIR"]
        _lines(shell, {}, names)
        return
    credentials.refuse_inside()
    keys = credentials.read(settings.data_dir, whose)
    endpoint = daemon.endpoint(settings.data_dir, settings.listen)
    variables = surroundings.pointing(endpoint, settings.region, keys, os.environ)
    variables["KANSATSU_DATA_DIR"] = str(settings.data_dir)
    _lines(shell, variables, surroundings.beaten_by(os.environ))
    hint("aws sts get-caller-identity")


def _lines(shell: str, variables: Mapping[str, str], names: Sequence[str]) -> None:
    export, unset = _SHELLS[shell]
    for name in names:
        click.echo(unset(name))
    for name, text in variables.items():
        click.echo(export(name, text))
