"""The administrator's keys that the first start wrote to DIR/credentials, in the form of AWS's shared credentials file.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

import configparser
import os
from collections.abc import Mapping
from pathlib import Path

from kansatsu.cli import daemon
from kansatsu.cli.output import Exit, Failure, again
from kansatsu.cli.surroundings import RUNNING_AS, Keys

SECTION = "kansatsu"


def refuse_inside(environ: Mapping[str, str] = os.environ) -> None:
    """End the command in a child of `kansatsu run`: it has an identity, and takes no other by mistake."""
    # INVARIANT: what runs as a role never asks as the administrator, who owns the same files.
    if arn := environ.get(RUNNING_AS):
        sentence = f"This command runs as {arn} (kansatsu run); the administrator's keys are not used here."
        raise Failure(sentence, Exit.DENIED)


def read(data_dir: Path) -> Keys:
    """The keys in DIR/credentials; ends the command with a sentence when they are not there."""
    refuse_inside()
    path = data_dir / daemon.CREDENTIALS_FILE
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        section = parser[SECTION]
        return Keys(section["aws_access_key_id"], section["aws_secret_access_key"])
    except FileNotFoundError:
        sentence = (
            f"There are no credentials in {data_dir}: Kansatsu has not been started there; try `{again('up -d')}`."
        )
        raise Failure(sentence, Exit.NOT_RUNNING) from None
    except PermissionError:
        raise daemon.not_yours(data_dir) from None
    except (OSError, KeyError, UnicodeDecodeError, configparser.Error) as error:
        raise Failure(f"{path} cannot be read: {error}.") from None
