"""`kansatsu policy validate` and `lint` on files and stdin: what is printed, in every format, and the exit codes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kansatsu.cli.root import cli
from kansatsu.lint import RULES

STATEMENT = '"Action": "s3:GetObject", "Resource": "arn:aws:s3:::a/*"'
GOOD = f'{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", {STATEMENT}}}}}'
WARNED = GOOD.replace("s3:GetObject", "s3:ListBucket")
WRONG = GOOD.replace("s3:GetObject", "s3:GetObjct")
BROKEN = GOOD.replace("Allow", "allow")
TRUST = GOOD.replace(STATEMENT, '"Principal": "*", "Action": "sts:AssumeRole"')


def policy(*args: str, given: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["policy", *args], input=given)


@pytest.mark.parametrize(
    ("command", "text", "plain", "strict"),
    [
        ("validate", GOOD, 0, 0),
        ("validate", WRONG, 0, 0),
        ("validate", BROKEN, 1, 1),
        ("lint", GOOD, 0, 0),
        ("lint", WARNED, 0, 1),
        ("lint", WRONG, 1, 1),
        ("lint", BROKEN, 1, 1),
        ("lint", TRUST, 1, 1),
        ("lint", "", 1, 1),
    ],
)
def test_exit_codes(command: str, text: str, plain: int, strict: int) -> None:
    for form in ("text", "json", "csv", "sarif"):
        assert policy(command, "-", "-o", form, given=text).exit_code == plain
        assert policy(command, "-", "--strict", "-o", form, given=text).exit_code == strict


def test_validate_says_the_size_and_aws_own_sentence() -> None:
    said = policy("validate", "-", given=GOOD).stdout
    assert said.startswith("-: a valid identity-based policy, ")
    assert said.endswith(" of 6144 characters without white space\n")
    assert (
        "-:1:51: error malformed: MalformedPolicyDocument: Syntax errors in policy."
        in policy("validate", "-", given=BROKEN).stdout
    )


def test_validate_points_to_lint_for_what_aws_would_store_all_the_same(tmp_path: Path) -> None:
    wrong, broken = tmp_path / "a policy.json", tmp_path / "broken.json"
    wrong.write_text(WRONG)
    broken.write_text(BROKEN)
    said = policy("validate", "--type", "identity", str(wrong), str(broken))
    assert (said.exit_code, said.stderr) == (1, f"Next: kansatsu policy lint --type identity '{wrong}'\n")
    assert policy("validate", str(broken)).stderr == policy("validate", str(wrong), "-o", "json").stderr == ""


def test_the_type_decides() -> None:
    assert policy("validate", "-", "--type", "trust", given=GOOD).exit_code == 1
    assert "a valid role trust policy" in policy("validate", "-", given=TRUST).stdout
    assert "MalformedPolicyDocument" in policy("validate", "-", "--type", "scp", given=TRUST).stdout


def test_lint_marks_the_place(tmp_path: Path) -> None:
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(json.loads(WRONG), indent=2))
    said = policy("lint", str(file))
    line = f"{file}:5:15: error unknown-action: AWS has no action s3:GetObjct; did you mean s3:GetObject?"
    shown = [
        '    5 |     "Action": "s3:GetObjct",',
        "      |               ^^^^^^^^^^^^^",
        f"    {RULES['unknown-action'].url}",
    ]
    assert said.stdout.splitlines()[:4] == [line, *shown]
    assert said.stderr == "1 document: 1 error, 0 warnings, 0 notes.\n"


def test_rows() -> None:
    (row,) = json.loads(policy("lint", "-", "-o", "json", given=WRONG).stdout)
    assert (row["file"], row["type"], row["line"], row["severity"], row["rule"]) == (
        "-",
        "identity",
        1,
        "error",
        "unknown-action",
    )
    (again,) = csv.DictReader(io.StringIO(policy("lint", "-", "-o", "csv", given=WRONG).stdout))
    assert again == {name: str(value) for name, value in row.items()}
    assert json.loads(policy("lint", "-", "-o", "json", given=GOOD).stdout) == []


def test_long_lines_are_cut_around_the_mark() -> None:
    text = GOOD.replace('"s3:GetObject"', json.dumps([*(f"s3:Get{'x' * 9}{i}*" for i in range(50)), "s3:GetObjct"]))
    lines = policy("lint", "-", given=text).stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if "s3:GetObjct;" in line)
    marked = "".join(
        a for a, b in zip(lines[at + 1], lines[at + 2].ljust(len(lines[at + 1])), strict=False) if b == "^"
    )
    assert marked == '"s3:GetObjct"'
    assert len(lines[at + 1]) < 200


@pytest.mark.parametrize("data", [b"\xff{}", b"\xc3("])
def test_what_is_no_text_is_one_sentence(data: bytes) -> None:
    said = policy("lint", "-", given=data)
    assert (said.exit_code, said.stderr) == (2, "kansatsu: - is no text in UTF-8: the byte at 0 is not.\n")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    said = policy("lint", str(tmp_path / "none.json"))
    assert (said.exit_code, said.stdout) == (2, "")
    assert said.stderr == f"kansatsu: {tmp_path}/none.json cannot be read: No such file or directory.\n"


@pytest.mark.parametrize("command", ["lint", "validate"])
@pytest.mark.parametrize("form", ["text", "json", "csv", "sarif"])
def test_a_file_that_cannot_be_read_keeps_nothing_from_the_others(command: str, form: str, tmp_path: Path) -> None:
    good, bad, none = tmp_path / "good.json", tmp_path / "bad.json", tmp_path / "none.json"
    good.write_text(GOOD)
    bad.write_text(BROKEN)
    said = policy(command, str(none), str(good), str(bad), "-o", form)
    sentence = f"{none} cannot be read: No such file or directory."
    assert said.exit_code == 2 and "MalformedPolicyDocument" in said.stdout
    assert said.stderr.startswith(f"kansatsu: {sentence}\n")
    assert policy(command, str(none), str(good), "-o", form).exit_code == 2
    if form == "sarif":
        (invocation,) = json.loads(said.stdout)["runs"][0]["invocations"]
        (told,) = invocation["toolExecutionNotifications"]  # 3.58
        assert (invocation["executionSuccessful"], told["message"]["text"]) == (False, sentence)  # 3.20.14
        assert told["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == str(none)
        whole = json.loads(policy(command, str(good), "-o", form).stdout)["runs"][0]["invocations"]
        assert whole == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


# What SARIF 2.1.0 requires of each object, and of its values, as the standard's sections say.
# https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
REQUIRED: dict[str, set[str]] = {
    "log": {"version", "runs"},
    "run": {"tool"},
    "driver": {"name"},
    "rule": {"id"},
    "result": {"message"},
}
LEVELS = {"none", "note", "warning", "error"}


def test_sarif_is_what_the_standard_asks_for(tmp_path: Path) -> None:
    file = tmp_path / "a policy.json"
    file.write_text(WRONG)
    log = json.loads(policy("lint", str(file), "-o", "sarif").stdout)
    assert log["version"] == "2.1.0"  # 3.13.2
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    objects: list[tuple[str, dict[str, Any]]] = [("log", log), ("run", run), ("driver", driver)]
    objects += [("rule", rule) for rule in driver["rules"]] + [("result", result) for result in run["results"]]
    for kind, each in objects:
        assert REQUIRED[kind] <= each.keys(), kind
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)  # 3.19.23: unique
    (result,) = run["results"]
    assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]  # 3.27.6
    assert result["level"] in LEVELS  # 3.27.10
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("a%20policy.json")  # 3.4.3: a URI reference
    region = place["region"]  # 3.30: from 1, the end is exclusive
    assert WRONG[region["startColumn"] - 1 : region["endColumn"] - 1] == '"s3:GetObjct"'
    assert (region["startLine"], region["endLine"]) == (1, 1)
    assert run["columnKind"] == "unicodeCodePoints"  # 3.14.27
