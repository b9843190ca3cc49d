"""Mutants of kansatsu.policy: one node of a module after the other is changed, and the tests must notice.

    nice -n 15 .venv/bin/python scripts/mutants.py diagnosis quotas document:25

MODULE:NUMBER takes that many mutants, chosen by a hash of their names. The tree is copied to a temporary directory;
there the changed file is written, and a forked process runs the tests against it, so that nothing of an earlier mutant
is left. The runner proves itself first on each module: unchanged it passes, and without its functions it does not.
"""

import argparse
import ast
import copy
import hashlib
import math
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# A mutant that takes so many times as long as what is unchanged hangs, and counts as noticed; never less than a minute,
# and what is unchanged has all the time that a crowded machine takes.
PATIENCE = 10
OUTPUT = "output"  # of the tests, in the copy
NOTICING = ("test_cases.py", "test_types.py", "test_document.py", "test_explanation.py", "test_may_allow.py")
TESTS = {
    "diagnosis": ("test_diagnosis.py", "test_document.py"),
    "places": ("test_diagnosis.py",),
    "quotas": ("test_quotas.py",),
    "document": ("test_document.py", "test_cases.py", "test_diagnosis.py"),
}
# Of the comparison with the naive engine 2,000 requests.
NAIVE = "test_naive.py::test_both_decide_alike[0]"

_SWAPPED: dict[type, type] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.And: ast.Or,
    ast.Or: ast.And,
}


def changes(node: ast.AST) -> Iterator[str]:
    """What can be changed at a node."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _SWAPPED:
        yield "comparison"
    elif isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in _SWAPPED:
        yield "operator"
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        yield "condition"
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not"
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool | int | str):
        yield "constant"
    elif isinstance(node, ast.Return) and node.value is not None:
        yield "return"
    elif isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.Raise | ast.Continue | ast.Break):
        yield "left out"


def changed(node: ast.AST, what: str) -> ast.AST:
    """The node after the change."""
    if isinstance(node, ast.Compare):
        node.ops[0] = _SWAPPED[type(node.ops[0])]()
    elif isinstance(node, ast.BoolOp | ast.BinOp):
        node.op = _SWAPPED[type(node.op)]()
    elif isinstance(node, ast.If | ast.IfExp | ast.While):
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif isinstance(node, ast.UnaryOp):
        return node.operand
    elif isinstance(node, ast.Constant):
        value = node.value
        node.value = not value if isinstance(value, bool) else f"{value}~" if isinstance(value, str) else int(value) + 1  # type: ignore[call-overload]
    elif isinstance(node, ast.Return):
        node.value = ast.Constant(None)
    elif what == "left out":
        return ast.Pass()
    return node


def places(tree: ast.Module) -> list[tuple[int, str]]:
    """Nodes by their number in the walk, with what can be changed there; no documentation, no annotations."""
    silent: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            silent |= {id(node), id(node.value)}
        for name in ("annotation", "returns"):
            if isinstance(part := getattr(node, name, None), ast.AST):
                silent |= {id(each) for each in ast.walk(part)}
        if isinstance(node, ast.JoinedStr):
            silent |= {id(each) for each in node.values}
    walked = enumerate(ast.walk(tree))
    return [(number, what) for number, node in walked if id(node) not in silent for what in changes(node)]


class _Change(ast.NodeTransformer):
    def __init__(self, target: ast.AST, what: str):
        self.target, self.what = target, what

    def visit(self, node: ast.AST) -> ast.AST:
        return changed(node, self.what) if node is self.target else super().visit(node)


def mutant(tree: ast.Module, number: int, what: str) -> tuple[str, str]:
    """The text of the changed module, and where and how it differs."""
    made = copy.deepcopy(tree)
    node = list(ast.walk(made))[number]
    before, line = ast.unparse(node).splitlines()[0], getattr(node, "lineno", 0)
    text = ast.unparse(ast.fix_missing_locations(_Change(node, what).visit(made)))
    return text, f"line {line}: {what}: {before[:90]}"


def passes(copied: Path, tests: tuple[str, ...], seconds: float = math.inf) -> bool:
    """Whether the tests pass on the copy within so much wall time, in a process of their own; it writes into OUTPUT."""
    pid = os.fork()
    if pid == 0:
        output = os.open(copied / OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.chdir(copied / "tests" / "policy")
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.path[:0] = [str(copied / "src"), str(copied / "tests")]
        import pytest

        options = ["-x", "-q", "-n", "0", "--noconftest", "--hypothesis-seed=1"]
        os._exit(int(pytest.main([*options, *tests])))
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return False


def run(copied: Path, module: str, most: int | None) -> None:
    """Every chosen mutant of one module; what survives is printed."""
    path = copied / "src" / "kansatsu" / "policy" / f"{module}.py"
    text, tests = path.read_text(), TESTS.get(module, (*NOTICING, NAIVE))
    tree = ast.parse(text)
    try:
        began = time.monotonic()
        if not passes(copied, tests):
            told = (copied / OUTPUT).read_text(errors="replace")
            raise SystemExit(f"{told}\n{module}: the tests do not pass on what is unchanged")
        most_seconds = max(60, PATIENCE * (time.monotonic() - began))
        path.write_text("raise RuntimeError\n")
        if passes(copied, tests):
            raise SystemExit(f"{module}: the tests pass without the module")
        chosen = places(tree)
        name = lambda place: hashlib.sha256(f"{module}:{place}".encode()).hexdigest()  # noqa: E731 - a key
        chosen = sorted(sorted(chosen, key=name)[:most])
        survived = 0
        for place in chosen:
            made, said = mutant(tree, *place)
            path.write_text(made)
            if passes(copied, tests, most_seconds):
                survived += 1
                print(f"{module} {said}", flush=True)
        print(f"| `{module}` | {len(chosen)} of {len(places(tree))} | {survived} |", flush=True)
    finally:
        path.write_text(text)


def main() -> None:
    """Copies the tree, and runs what was asked for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("modules", nargs="+", metavar="MODULE[:NUMBER]")
    with tempfile.TemporaryDirectory() as directory:
        copied = Path(directory)
        for part in ("src", "tests"):
            shutil.copytree(ROOT / part, copied / part, ignore=shutil.ignore_patterns("__pycache__", "static"))
        shutil.copy(ROOT / "pyproject.toml", copied)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        sys.dont_write_bytecode = True
        for given in options.parse_args().modules:
            module, _, most = given.partition(":")
            run(copied, module, int(most) if most else None)


if __name__ == "__main__":
    main()
