"""The fuzzer of policy documents, for a bounded number of documents; `python fuzz/policies.py` runs it for longer."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FUZZER = Path(__file__).parents[2] / "fuzz" / "policies.py"


@pytest.mark.parametrize("seed", [1, 1_000_000, 2_000_000, 3_000_000])
def test_any_document_is_a_value_or_refused(seed: int) -> None:
    command = [sys.executable, str(FUZZER), "--seed", str(seed), "--count", "5000", "--seconds", "250"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    count, valid = (int(word) for word in done.stdout.split() if word.isdigit())
    assert count == 5000
    assert valid > 250, "the fuzzer hardly gets behind the parser"


def fuzzer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_policies", FUZZER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_fuzzer_says_what_broke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    module = fuzzer()

    def broken(*_: Any) -> None:
        raise RecursionError

    monkeypatch.setattr(module, "parse", broken)
    monkeypatch.setattr(sys, "argv", ["policies.py", "--count", "5"])
    assert module.main() == 1
    assert "seed 1, a" in capsys.readouterr().out
