"""`kansatsu`, `aws` and `pytest` as processes that have imported already: most of a short command is imports.

A server forks them (multiprocessing's forkserver): arguments, environment, streams and exit codes are a process's own,
as from a shell. What a module reads from the environment when it is imported would be missed; none of these does.
"""

import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    [
        *("awscli.clidriver", "kansatsu.cli.client", "kansatsu.cli.root", "botocore.client", "botocore.session"),
        *("pytest", "boto3", "kansatsu.testing.sessions"),
    ]
)
Done = subprocess.CompletedProcess[str]


def _kansatsu() -> Any:
    from kansatsu.cli import main

    return main()


def _aws() -> Any:
    import awscli
    from awscli.clidriver import main

    importlib.reload(awscli)  # whose import says in the environment where its own data are
    return main()


def _pytest() -> Any:
    import pytest

    sys.path.insert(0, os.getcwd())  # as `python -m pytest` does it
    return pytest.main()


def _child(main: Callable[[], Any], arguments: list[str], environ: Mapping[str, str], directory: str) -> None:
    """Be the command: stdin is at its end, the other two streams are files below `directory`."""
    os.environ.clear()
    os.environ.update(environ)
    for name, descriptor in (("in", 0), ("out", 1), ("err", 2)):
        opened = os.open(os.devnull if name == "in" else f"{directory}/{name}", os.O_RDWR | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.argv = arguments
    sys.exit(main())


def _run(main: Callable[[], Any], arguments: list[str], environ: Mapping[str, str], timeout: float) -> Done:
    with tempfile.TemporaryDirectory(prefix="command-") as directory:
        process = _SERVER.Process(target=_child, args=(main, arguments, dict(environ), directory))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(arguments, timeout)
        out, err = ((Path(directory) / name).read_text() for name in ("out", "err"))
        code = process.exitcode
        process.close()
    return subprocess.CompletedProcess(arguments, code, out, err)


def pytest(environ: Mapping[str, str], directory: Path, *arguments: str, timeout: float = 200) -> Done:
    """`python -m pytest ARGUMENTS` in a directory, the same way."""
    return _run(partial(_in, directory, _pytest), ["pytest", *arguments], environ, timeout)


def _in(directory: Path, main: Callable[[], Any]) -> Any:
    os.chdir(directory)
    return main()


def kansatsu(environ: Mapping[str, str], *arguments: str, timeout: float = 120) -> Done:
    """`kansatsu ARGUMENTS` with this environment and nothing on standard input; `timeout` in seconds."""
    return _run(_kansatsu, ["kansatsu", *arguments], environ, timeout)


def aws(environ: Mapping[str, str], *arguments: str, timeout: float = 120) -> Done:
    """`aws ARGUMENTS`, the same way."""
    return _run(_aws, ["aws", *arguments], environ, timeout)
