"""What others named is shown on a terminal as it is: nothing in it is obeyed by the terminal, and nothing hides."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.cli.output import Failure, emit, tell, visible

# What somebody puts into a name, and how it is to be read.
ATTACKS = {
    "invoice\u202efdp.exe": r"invoice\u202Efdp.exe",
    "ad\u200bmin": r"ad\u200Bmin",
    "\x1b[2K\rroot": r"\u001B[2K\u000Droot",
    "\x9b1A": r"\u009B1A",
    "one\nALLOWED  s3:GetObject": r"one\u000AALLOWED  s3:GetObject",
    "tag\U000e0041": r"tag\U000E0041",
    "\u2066a\u2069": r"\u2066a\u2069",
    "a\u00adb\ufeffc\u2028d": r"a\u00ADb\uFEFFc\u2028d",
    "\u3164": r"\u3164",
    "a\ufe0fb": r"a\uFE0Fb",
    "鑑札 観察\u3000ö": "鑑札 観察\u3000ö",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_table_shows_it_and_json_and_csv_keep_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"name": name, "n": 1}]
    emit(rows, ["name", "n"], "table")
    assert capsys.readouterr().out.splitlines()[1].split("  1")[0].rstrip() == ATTACKS[name].rstrip()
    emit(rows, ["name", "n"], "json")
    assert json.loads(capsys.readouterr().out) == rows
    tell(name)
    Failure(name).show()
    said = capsys.readouterr()
    assert said.out == ATTACKS[name] + "\n"
    assert "\x1b" not in said.err and "\u202e" not in said.err


@given(st.text())
def test_nothing_is_obeyed_and_what_is_seen_stays(text: str) -> None:
    """INVARIANT."""
    shown = visible(text, keep="")
    assert not {unicodedata.category(one) for one in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert visible(shown, keep="") == shown
    if text.isprintable() and text.isascii():
        assert shown == text
