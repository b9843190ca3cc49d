"""Files that a user names: their text, or a sentence why it cannot be had."""

import json
import sys
from pathlib import Path

from kansatsu.cli.output import Exit, Failure


def read_policy(file: str, *, trust: bool = False) -> str:
    """The identity-based or trust policy of a file. Raises Failure with the place of what AWS would refuse in it."""
    from kansatsu.lint import Severity, validate
    from kansatsu.policy import PolicyType

    text = read(file)
    for finding in validate(text, PolicyType.TRUST if trust else PolicyType.IDENTITY):
        if finding.severity is Severity.ERROR:
            raise Failure(f"{file}:{finding.line}:{finding.column}: {finding.message}")
    return text


def read(file: str) -> str:
    """The text of a file of JSON, `-` for standard input. Raises Failure, which is a wrong argument.

    Windows PowerShell redirects a command's output into a file in UTF-16, others begin UTF-8 with a mark.
    """
    encoding = "utf-8"
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        encoding = json.detect_encoding(data)
        return data.decode(encoding)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", Exit.USAGE) from None
    except UnicodeDecodeError as error:
        name = encoding.upper().removesuffix("-SIG")
        raise Failure(f"{file} is no text in {name}: the byte at {error.start} is not.", Exit.USAGE) from None
    except ValueError:
        raise Failure(f"{file!r} cannot be the name of a file.", Exit.USAGE) from None
