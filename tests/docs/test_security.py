"""docs/security.md names tests that there are, tests that nothing skips, and every attack and client that is tried."""

import ast
import re
from pathlib import Path

from tests.clients.test_endpoints import CLI2, CLIENTS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
# The suite of issue 5: each must be a row of the table.
ATTACKS = (
    "neighbour on the bridge",
    "NET_ADMIN",
    "hop 1 and at hop 2",
    "spoofed address",
    "reused address",
    "reused process id",
    "race with a restart",
    "replayed session token",
    "stolen credential id",
    "on the host's network",
    "Host header and DNS rebinding",
    "10,000 attempts",
)


def rows(heading: str) -> list[list[str]]:
    """The cells of the table below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_every_named_test_is_there_and_runs() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 30
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        functions = ast.FunctionDef, ast.AsyncFunctionDef
        [found] = [node for node in tree.body if isinstance(node, functions) and node.name == name] or [None]
        assert found is not None, f"{file}::{name}"
        marks = " ".join(ast.unparse(mark) for mark in found.decorator_list)
        assert "skip" not in marks and "xfail" not in marks, f"{file}::{name}"


def test_every_attack_has_a_row_a_result_and_a_test() -> None:
    table = rows("The isolation suite")
    for attack in ATTACKS:
        assert [row for row in table if attack.lower() in row[0].lower()], attack
    assert all(len(row) == 3 and row[1] and "::test_" in row[2] for row in table)


def test_every_client_is_named_and_no_other() -> None:
    """The AWS CLI twice, by the same name: its version 2 runs where Debian has it."""
    assert sorted(row[0].split()[0] for row in rows("Clients")) == sorted((*CLIENTS, CLI2.removesuffix("2")))
