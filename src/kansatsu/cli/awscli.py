"""`kansatsu aws`: the AWS CLI, pointed here; it becomes that process, so exit code, streams and signals are its own."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from kansatsu.cli import credentials, daemon, options, surroundings
from kansatsu.cli.output import Exit, Failure

_CONTEXT = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.command(context_settings=_CONTEXT, add_help_option=False)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@options.account_option
@options.where_options
def aws(args: tuple[str, ...], whose: str | None, **given: Any) -> None:
    """Run the AWS CLI with ARGS, pointed here as the administrator."""
    program = find()
    if surroundings.RUNNING_AS in os.environ:
        # In a child of `kansatsu run`: the child's own identity, which its environment says.
        _become(program, args, os.environ.get(surroundings.ENDPOINT, ""), os.environ)
    settings = options.load(**given).settings
    found = daemon.require_running(settings.data_dir)
    keys = credentials.read(settings.data_dir, whose)
    dropped = surroundings.beaten_by(os.environ)
    environ = {name: text for name, text in os.environ.items() if name not in dropped}
    environ |= surroundings.pointing(found.endpoint, settings.region, keys, os.environ)
    _become(program, args, found.endpoint, environ)


def _become(program: str, args: Sequence[str], url: str, environ: Mapping[str, str]) -> NoReturn:
    # Said in words too: version 1 of the AWS CLI sends the commands of sqs to AWS whatever AWS_ENDPOINT_URL says.
    said = not url or any(arg.startswith("--endpoint-url") for arg in args)
    endpoint = [] if said else ["--endpoint-url", url]
    try:
        os.execve(program, [program, *endpoint, *args], environ)  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise Failure(f"{program} cannot be run: {error.strerror}.", Exit.NOT_EXECUTABLE) from None


def find() -> str:
    """The AWS CLI beside our own Python, or else on PATH; ends the command with exit 127 if there is none."""
    beside = Path(sys.executable).parent / "aws"
    program = str(beside) if os.access(beside, os.X_OK) else shutil.which("aws")
    if program is None:
        raise Failure("There is no AWS CLI here; install it with `pip install awscli`.", Exit.NOT_FOUND)
    return program
