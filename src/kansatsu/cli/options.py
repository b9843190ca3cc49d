"""Options shared by commands: where the data directory is, and every setting as a flag of `up` and `config`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from kansatsu.cli import settings as _settings
from kansatsu.cli.output import Exit, Failure

Command = TypeVar("Command", bound=Callable[..., Any])
_CONFIG = click.option(
    "--config", "config_file", metavar="FILE", help="Configuration file; else kansatsu.toml in the data directory."
)


def _flag(setting: _settings.Setting) -> Callable[[Command], Command]:
    if setting.flag:
        return click.option("--" + setting.name, setting.field, is_flag=True, default=False, help=setting.help)
    return click.option(
        "--" + setting.name, setting.field, metavar=setting.metavar, multiple=setting.many, help=setting.help
    )


def where_options(command: Command) -> Command:
    """`--data-dir` and `--config`, for commands that look for a running Kansatsu."""
    return _flag(_settings.BY_NAME["data-dir"])(_CONFIG(command))


def account_option(command: Command) -> Command:
    """`--account NAME|ID`, given to the command as `whose`: the account whose administrator is meant."""
    text = "Account, by name or id, whose administrator is meant; the first account unless it is given."
    return click.option("--account", "whose", metavar="NAME|ID", help=text)(command)


def setting_options(command: Command) -> Command:
    """Every setting as a flag, and `--config`."""
    command = _CONFIG(command)
    for setting in reversed(_settings.SETTINGS):
        command = _flag(setting)(command)
    return command


def load(config_file: str | None, **given: Any) -> _settings.Effective:
    """Effective settings from the flags of a command; ends the command with exit 2 if one is bad."""
    flags: dict[str, list[str]] = {}
    for setting in _settings.SETTINGS:
        value = given.get(setting.field)
        if setting.flag and value:
            flags[setting.name] = ["true"]
        elif setting.many and value:
            flags[setting.name] = list(value)
        elif isinstance(value, str):
            flags[setting.name] = [value]
    try:
        return _settings.load(flags, config_file)
    except _settings.SettingError as error:
        raise Failure(str(error), Exit.DENIED if isinstance(error, _settings.NotYours) else Exit.USAGE) from None
