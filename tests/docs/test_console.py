"""Every console block of README and docs is typed into a shell, page by page, and must answer as the page says.

A line `$ ...` is a command. The lines after it are its output: `...` stands for anything, runs of blanks are equal. A
command must succeed; in a block marked `fails` the last one must not. The pages' image `docker.io/amazon/aws-cli` is
here one that tests/images builds: any image with an AWS SDK does.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "tests" / "images"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```console *(fails)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END = "\x01end"


@dataclass
class Step:
    """One command, the output that the page shows, and whether it must fail."""

    command: str
    fails: bool = False
    output: list[str] = field(default_factory=list)


def steps(text: str) -> list[Step]:
    found = []
    for fails, body in BLOCK.findall(text):
        block: list[Step] = []
        for line in body.splitlines():
            if line.startswith("$ "):
                block.append(Step(line[2:]))
            else:
                block[-1].output.append(line)
        block[-1].fails = bool(fails)
        found += block
    return found


def matches(expected: list[str], output: str) -> bool:
    """Whether an output is what a page shows."""
    pattern = r"\n".join(r"(?s:.*?)" if line.strip() == "..." else _line(line) for line in expected)
    # A line of dots may stand for no line at all.
    pattern = pattern.replace(r"(?s:.*?)\n", r"(?s:(?:.*?\n)?)").replace(r"\n(?s:.*?)", r"(?s:(?:\n.*)?)")
    said = "\n".join(line.rstrip() for line in output.strip().splitlines())
    return not expected or re.fullmatch(pattern, said) is not None


def _line(line: str) -> str:
    parts = [re.sub(r"(\\ )+", " +", re.escape(part)) for part in line.rstrip().split("...")]
    return ".*".join(parts)


def _program(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)


class Shell:
    """One bash for a page: what a command exports, the next one has."""

    def __init__(self, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            cwd=ROOT,
            env=environ,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, command: str) -> tuple[int, str]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{{ {command}\n}} </dev/null; printf '\\n{END} %d\\n' $?\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith(END):
                return int(line.split()[1]), "".join(lines)
            lines.append(line)
        raise AssertionError(f"the shell ended in: {command}\n{''.join(lines)}")

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A home, data directory and programs of the page's own; whatever server it leaves is ended."""
    with tempfile.TemporaryDirectory(prefix="kansatsu-") as name:
        directory = Path(name)
        programs = directory / "bin"
        programs.mkdir()
        _program(programs / "kansatsu", f'exec {sys.executable} -m kansatsu.cli "$@"')
        # The plugin by name: it is the one that the installed entry point names, and here from source.
        plugins = "-p kansatsu.pytest_plugin -p no:asyncio"
        _program(programs / "pytest", f'exec {sys.executable} -m pytest {plugins} "$@"')
        # The wrapper calls podman itself, which it must find, not this.
        _program(programs / "podman", f'PATH="{os.environ["PATH"]}" exec {IMAGES / "podman"} "$@"')
        (directory / "home").mkdir()
        environ = {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "PYTHONPATH": str(ROOT / "src"),
            "HOME": str(directory / "home"),
            "TMPDIR": str(directory),
            "KANSATSU_DATA_DIR": str(directory / "data"),
            "KANSATSU_LISTEN": "127.0.0.1:0",
            "KANSATSU_TEST_CACHE": os.environ.get("KANSATSU_TEST_CACHE", str(ROOT / ".cache")),
            # The package is installed already, here or from source; make must not install it over a running test.
            "MAKEFLAGS": f" -- BIN={programs} INSTALLED=",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
        }
        yield environ
        subprocess.run([programs / "kansatsu", "down"], env=environ, check=False, capture_output=True)


def play(page: Path, environ: dict[str, str]) -> None:
    shell = Shell(environ)
    try:
        for step in steps(page.read_text()):
            code, output = shell.run(step.command)
            shown = f"{page.name}: $ {step.command}\n{output}(exit code {code})"
            assert (code != 0) == step.fails, shown
            assert matches(step.output, output), f"{shown}\nexpected:\n" + "\n".join(step.output)
    finally:
        shell.close()


def with_containers(page: Path) -> bool:
    return any("podman" in step.command for step in steps(page.read_text()))


@pytest.mark.parametrize(
    "page", [p for p in PAGES if steps(p.read_text()) and not with_containers(p)], ids=lambda p: p.name
)
def test_page(page: Path, sandbox: dict[str, str]) -> None:
    play(page, sandbox | {"KANSATSU_ENGINE": "none"})


@pytest.mark.root
@pytest.mark.parametrize("page", [p for p in PAGES if with_containers(p)], ids=lambda p: p.name)
def test_page_with_containers(page: Path, sandbox: dict[str, str]) -> None:
    built = subprocess.run([IMAGES / "build.sh", "python"], capture_output=True, text=True, check=True)
    podman = str(IMAGES / "podman")
    tag = "docker.io/amazon/aws-cli:latest"
    subprocess.run([podman, "tag", built.stdout.split()[-1], tag], env=os.environ | sandbox, check=True)
    try:
        play(page, sandbox)
    finally:
        subprocess.run(
            [podman, "rm", "-f", "-t", "0", "app"], env=os.environ | sandbox, check=False, capture_output=True
        )


@pytest.mark.parametrize(
    ("expected", "output", "same"),
    [
        (["a", "..."], "a\nb\nc", True),
        (["a", "..."], "a", True),
        (["...", "c"], "a\nb\nc", True),
        (["...", "c"], "c", True),
        (["a", "...", "c"], "a\nc", True),
        (["a", "...", "c"], "a\nb", False),
        (["a ... c"], "a b  c", True),
        (["a  b"], "a b", True),
        (["a"], "a\nb", False),
        (["a.b"], "axb", False),
        (["a..."], "a\nb", False),
        ([], "anything", True),
    ],
)
def test_how_outputs_are_compared(expected: list[str], output: str, same: bool) -> None:
    assert matches(expected, output) is same


def test_the_readme_is_typed_in_full() -> None:
    """A block that is not `console` cannot hide a command of the first ten minutes."""
    text = (ROOT / "README.md").read_text()
    assert len(BLOCK.findall(text)) == text.count("\n```console")
    assert not re.search(r"^```(sh|bash|shell)", text, re.MULTILINE)
