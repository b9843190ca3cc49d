"""The administrator's keys that the first start wrote to DIR/credentials, in the form of AWS's shared credentials file.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
"""

import configparser
from pathlib import Path

from kansatsu.cli import daemon
from kansatsu.cli.output import Exit, Failure
from kansatsu.cli.surroundings import Keys

SECTION = "kansatsu"


def read(data_dir: Path) -> Keys:
    """The keys in DIR/credentials; ends the command with a sentence when they are not there."""
    path = data_dir / daemon.CREDENTIALS_FILE
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
        section = parser[SECTION]
        return Keys(section["aws_access_key_id"], section["aws_secret_access_key"])
    except FileNotFoundError:
        sentence = f"There are no credentials in {data_dir}: Kansatsu has not been started there; try `kansatsu up -d`."
        raise Failure(sentence, Exit.NOT_RUNNING) from None
    except PermissionError:
        raise Failure(f"{path} belongs to another user.", Exit.DENIED) from None
    except (OSError, KeyError, UnicodeDecodeError, configparser.Error) as error:
        raise Failure(f"{path} cannot be read: {error}.") from None
