"""`kansatsu configure`: a profile in the user's own AWS files, leaving every other byte of them as it is.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

import itertools
import os
import re
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from kansatsu.cli import credentials, daemon, options
from kansatsu.cli.output import Exit, Failure, hint, say

# A section that holds this line is ours to replace; any other is the user's.
MARK = "# written by kansatsu configure"
_NAME = re.compile(r"[A-Za-z0-9._+@%/-]+")


@click.command()
@click.option("--profile", metavar="NAME", help="Profile to write; kansatsu, or kansatsu-NAME of another account.")
@click.option("--force", is_flag=True, help="Replace a profile of that name that Kansatsu did not write.")
@options.account_option
@options.where_options
def configure(profile: str | None, force: bool, whose: str | None, **given: Any) -> None:
    """Write a profile that points here into your AWS config and credentials files."""
    settings = options.load(**given).settings
    if profile is not None and not _NAME.fullmatch(profile):
        raise Failure(f"'{profile}' cannot be the name of a profile.", Exit.USAGE)
    section, keys = credentials.find(settings.data_dir, whose)
    profile = profile or section
    header = "default" if profile == "default" else f"profile {profile}"
    endpoint = daemon.endpoint(settings.data_dir, settings.listen)
    changes = [
        (_file("AWS_CONFIG_FILE", "config"), header, {"region": settings.region, "endpoint_url": endpoint}),
        (
            _file("AWS_SHARED_CREDENTIALS_FILE", "credentials"),
            profile,
            {"aws_access_key_id": keys.access_key_id, "aws_secret_access_key": keys.secret_access_key},
        ),
    ]
    try:
        # Both texts are made before either file is written: a refusal leaves both as they were.
        written = [(path, with_section(_read(path), name, body, force=force)) for path, name, body in changes]
    except UnicodeDecodeError as error:
        raise Failure(f"The AWS files cannot be changed: {error}.") from None
    for path, text in written:
        try:
            _replace(path, text)
        except OSError as error:
            raise Failure(f"{path} cannot be written: {error.strerror}.") from None
        say(f"Wrote profile {profile} to {path}.")
    hint(f"aws --profile {profile} sts get-caller-identity")


def _file(variable: str, name: str) -> Path:
    path = Path(os.environ.get(variable) or f"~/.aws/{name}").expanduser()
    return Path(os.path.realpath(path))  # a link into somebody's dotfiles stays a link


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Failure(f"{path} cannot be read: {error.strerror}.") from None


def with_section(text: str, name: str, body: Mapping[str, str], *, force: bool) -> str:
    """`text` with section `name` replaced or added; raises Failure when it is there and is not ours."""
    section = "".join(f"{line}\n" for line in [f"[{name}]", MARK, *(f"{k} = {v}" for k, v in body.items())])
    lines = text.splitlines(keepends=True)
    bounds = [i for i, line in enumerate(lines) if line.startswith("[")] + [len(lines)]
    same = [(start, end) for start, end in itertools.pairwise(bounds) if _header(lines[start]) == name]
    for start, end in same:
        if not force and MARK not in map(str.strip, lines[start:end]):
            raise Failure(
                f"There already is a [{name}] that Kansatsu did not write; choose another --profile, or --force."
            )
    if not same:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return text + gap + section
    first, *others = same
    for start, end in reversed(others):
        del lines[start:end]
    start, end = first
    lines[start:end] = [section, *_trailing(lines[start:end])]
    return "".join(lines)


def _header(line: str) -> str:
    return " ".join(line.partition("]")[0].lstrip("[").replace('"', " ").split())


def _trailing(lines: list[str]) -> list[str]:
    """Blank lines and comments after a section's last setting: they belong to what follows."""
    kept = len(lines)
    while kept and (not lines[kept - 1].strip() or lines[kept - 1].lstrip().startswith(("#", ";"))):
        kept -= 1
    return [line for line in lines[kept:] if line.strip() != MARK]


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
