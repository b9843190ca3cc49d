"""The administrators' keys in DIR/credentials, in the form of AWS's shared credentials file: a profile per account.

The first account's profile is `kansatsu`, written by the first start; that of another is `kansatsu-NAME`.
https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

import configparser
import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kansatsu.cli import daemon
from kansatsu.cli.output import Exit, Failure, again
from kansatsu.cli.surroundings import RUNNING_AS, Keys
from kansatsu.cli.values import nearest

SECTION = "kansatsu"
FIRST = "first"  # the name of the first account


def refuse_inside(environ: Mapping[str, str] = os.environ) -> None:
    """End the command in a child of `kansatsu run`: it has an identity, and takes no other by mistake."""
    # INVARIANT: what runs as a role never asks as the administrator, who owns the same files.
    if arn := environ.get(RUNNING_AS):
        sentence = f"This command runs as {arn} (kansatsu run); the administrator's keys are not used here."
        raise Failure(sentence, Exit.DENIED)


def section_of(name: str) -> str:
    """The profile in which the keys of the account with this name are."""
    return SECTION if name == FIRST else f"{SECTION}-{name}"


def read(data_dir: Path, account: str | None = None) -> Keys:
    """The administrator's keys of the first account, or of `account`, a name or id; ends the command without them."""
    return find(data_dir, account)[1]


def find(data_dir: Path, account: str | None = None) -> tuple[str, Keys]:
    """As `read`, with the name of the profile in which they are."""
    refuse_inside()
    known = read_all(data_dir)
    if account is None:
        if SECTION not in known:
            raise Failure(f"{data_dir / daemon.CREDENTIALS_FILE} has no profile {SECTION}.")
        return SECTION, known[SECTION]
    from kansatsu.identity import ids  # half a second of SQLAlchemy that a command without --account does not need

    for section, keys in known.items():
        if section == section_of(account) or ids.account_of(keys.access_key_id) == account:
            return section, keys
    made = "of one that an organization made, keep a key: `" + again(f"account root-key {account} --keep") + "`"
    near = nearest(account, [FIRST, *(section.removeprefix(f"{SECTION}-") for section in known if section != SECTION)])
    mean = near if near != "." else f"; see `{again('account ls')}`; open one with `{again('account create')}`; {made}."
    raise Failure(f"There are no keys of an account {account} in {data_dir}{mean}")


def read_all(data_dir: Path) -> dict[str, Keys]:
    """All keys in DIR/credentials by profile; ends the command with a sentence when the file cannot be read."""
    path = data_dir / daemon.CREDENTIALS_FILE
    try:
        return _parsed(path)
    except FileNotFoundError:
        sentence = (
            f"There are no credentials in {data_dir}: Kansatsu has not been started there; try `{again('up -d')}`."
        )
        raise Failure(sentence, Exit.NOT_RUNNING) from None
    except PermissionError:
        raise daemon.not_yours(data_dir) from None
    except (OSError, KeyError, UnicodeDecodeError, configparser.Error) as error:
        raise Failure(f"{path} cannot be read: {error}.") from None


def _parsed(path: Path) -> dict[str, Keys]:
    parser = configparser.RawConfigParser(default_section="")
    parser.read_string(path.read_text(encoding="utf-8"))
    return {
        name: Keys(section["aws_access_key_id"], section["aws_secret_access_key"])
        for name, section in parser.items()
        if name
    }


@contextmanager
def editing(data_dir: Path) -> Iterator[dict[str, Keys]]:
    """The keys by profile, to change: they are written when the block ends, whole or not at all, and only if changed.

    One block at a time, of all processes, so that two accounts that are made at once both have their profile.
    """
    path = data_dir / daemon.CREDENTIALS_FILE
    directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        try:
            known = _parsed(path)
        except FileNotFoundError:
            known = {}
        before = dict(known)
        yield known
        if known != before:
            _write(path, known)
            os.fsync(directory)
    finally:
        os.close(directory)


def _write(path: Path, known: Mapping[str, Keys]) -> None:
    """Whole or not at all, and never readable by others."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        for name, keys in known.items():
            file.write(f"[{name}]\naws_access_key_id = {keys.access_key_id}\n")
            file.write(f"aws_secret_access_key = {keys.secret_access_key}\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
