"""`kansatsu analyze` and the questions that its report answers, on the sample of examples/analyze; no server runs."""

import importlib.util
import json
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from kansatsu.advisor.logs import reading, report
from kansatsu.cli.progress import line
from kansatsu.cli.root import cli

SAMPLE = Path(__file__).parents[2] / "examples" / "analyze" / "sample.py"
ORDERS = "arn:aws:iam::123456789012:role/orders"


def kansatsu(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sample")
    spec = importlib.util.spec_from_file_location("sample", SAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(root)
    return root


def analyze(sample: Path, out: Path, *more: str) -> Result:
    details = str(sample / "details.json")
    return kansatsu(
        "analyze",
        str(sample / "AWSLogs"),
        "--authorization-details",
        details,
        "--out",
        str(out),
        "--processes",
        "1",
        *more,
    )


@pytest.fixture(scope="module")
def out(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("report") / "out"
    done = analyze(sample, directory, "--last-accessed", str(sample / "last-accessed"))
    assert done.exit_code == 0, done.output
    return directory


def rows(done: Result) -> list[dict[str, Any]]:
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_who_uses_what(sample: Path, out: Path) -> None:
    done = analyze(sample, out, "--last-accessed", str(sample / "last-accessed"), "-o", "json")
    by_name = {row["principal"].rpartition("/")[2]: row for row in rows(done)}
    assert {name: row["used"] for name, row in by_name.items()} == {
        "deploy": 4, "AWSReservedSSO_ReadOnly_0123456789abcdef": 1, "forgotten": 0, "alice": 1, "bob": 1, "orders": 4,
        "reports": 3, "batch": 1,
    }  # fmt: skip
    assert by_name["forgotten"]["last-used"] is None
    assert "90 files, 90 known from before" in done.stderr
    assert "1 file is cut off before the end; what was after that is unknown: 123456789012_CloudTrail_" in done.stderr
    assert "not in the account (any more): reports" in done.stderr
    table = analyze(sample, out, "--last-accessed", str(sample / "last-accessed"))
    assert table.stdout.startswith("PRINCIPAL")
    assert table.stderr.endswith(f"Next: kansatsu access arn:aws:iam::123456789012:role/deploy --from {out}\n")


def test_neither_a_database_nor_a_server_is_imported(sample: Path, tmp_path: Path) -> None:
    report = ("--from", str(tmp_path / "out"))
    commands = [
        (
            "analyze",
            str(sample / "AWSLogs"),
            "--authorization-details",
            str(sample / "details.json"),
            "--out",
            report[1],
        ),
        ("access", "role/orders", *report),
        ("policy", "suggest", "role/orders", *report),
        ("policy", "replay", "role/orders", "--suggested", *report),
    ]
    program = (
        "import sys; from kansatsu.cli.root import cli\n"
        f"for words in {commands}: cli(words, standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "kansatsu.advisor.logs.replay" in loaded
    unwanted = {"sqlalchemy", "alembic", "cryptography", "asyncio", "aiohttp", "uvicorn", "boto3", "kansatsu.services"}
    assert not loaded & unwanted


def test_a_report_answers_as_a_server_does(out: Path) -> None:
    services = rows(kansatsu("access", "role/orders", "--from", str(out), "-o", "json"))
    assert [row["service"] for row in services if row["last-accessed"] is None] == ["rds"]
    assert {row["service"] for row in services} == {"ec2", "kms", "rds", "s3", "secretsmanager"}
    (kms,) = [row for row in services if row["service"] == "kms"]
    assert (kms["by"], kms["region"], kms["entities"]) == (ORDERS, "us-east-1", 1)
    actions = rows(kansatsu("access", ORDERS, "--actions", "--from", str(out), "-o", "json"))
    used = {row["action"] for row in actions if row["last-accessed"]}
    assert used == {"ec2:DescribeInstances", "kms:Decrypt", "secretsmanager:GetSecretValue"}
    # Without data events nobody knows of these two: "not accessed" would be a lie.
    assert {"s3:GetObject", "s3:PutObject"}.isdisjoint({row["action"] for row in actions})
    team = "arn:aws:iam::123456789012:policy/team"
    people = rows(kansatsu("access", team, "--entities", "ec2", "--from", str(out), "-o", "json"))
    assert [(row["entity"].rpartition("/")[2], bool(row["last-accessed"])) for row in people] == [
        ("alice", False),
        ("bob", True),
    ]
    policies = rows(kansatsu("access", "user/alice", "--policies", "iam", "--from", str(out), "-o", "json"))
    assert policies == [{"policy": team, "type": "managed", "attached-to": "group/people"}]
    (inline,) = rows(kansatsu("access", "role/orders", "--policies", "kms", "--from", str(out), "-o", "json"))
    assert inline["attached-to"] == "role/orders"
    group = rows(kansatsu("access", "group/people", "--from", str(out), "-o", "json"))
    assert {row["service"] for row in group if row["last-accessed"]} == {"iam", "ec2"}


def test_what_the_logs_cannot_tell_is_not_said_to_be_unused(sample: Path, tmp_path: Path) -> None:
    """The attack: the trail has no data events, and the report says that nobody reads the bucket."""
    assert analyze(sample, tmp_path / "out").exit_code == 0
    asked = "access", "role/orders", "--from", str(tmp_path / "out")
    services = {row["service"]: row["last-accessed"] for row in rows(kansatsu(*asked, "-o", "json"))}
    assert (services["s3"], services["rds"]) == ("unknown", None)
    assert [line.split()[0] for line in kansatsu(*asked).stdout.splitlines() if " unknown " in line] == ["s3"]
    (one,) = rows(kansatsu(*asked, "--entities", "s3", "-o", "json"))
    assert one["last-accessed"] == "unknown"


@pytest.mark.parametrize("short", ["team", "policy/team", "arn:aws:iam::123456789012:policy/team"])
def test_a_managed_policy_by_its_name(out: Path, short: str) -> None:
    whole = rows(kansatsu("access", "arn:aws:iam::123456789012:policy/team", "--from", str(out), "-o", "json"))
    assert rows(kansatsu("access", short, "--from", str(out), "-o", "json")) == whole
    done = kansatsu("policy", "suggest", short, "--from", str(out), "-o", "json")
    assert json.loads(done.stdout)["Arn"] == "arn:aws:iam::123456789012:policy/team"
    done = kansatsu("policy", "replay", "people", "--detach", short, "--from", str(out), "-o", "json")
    assert json.loads(done.stdout)["Refused"] > 0
    again = kansatsu("policy", "replay", "arn:aws:iam::123456789012:policy/team", "--detach", "group/people",
                     "--from", str(out), "-o", "json")  # fmt: skip
    assert again.stdout == done.stdout


def test_the_next_command_asks_the_report_too(out: Path) -> None:
    done = kansatsu("access", "role/orders", "--from", str(out))
    assert done.stderr.endswith(f"Next: kansatsu access {ORDERS} --policies rds --from {out}\n")
    assert "The logs begin on" in done.stderr


def test_a_smaller_policy(out: Path, tmp_path: Path) -> None:
    done = kansatsu("policy", "suggest", "role/orders", "--from", str(out))
    assert done.exit_code == 0, done.output
    assert '-        "rds:*",    # removed: not used on record; confidence low' in done.stdout
    assert '+        "ec2:DescribeInstances",' in done.stdout
    assert "1 file is cut off before the end" in done.stderr
    file = tmp_path / "smaller.json"
    done = kansatsu("policy", "suggest", ORDERS, "--from", str(out), "--write", str(file), "-o", "cli")
    assert done.stdout.startswith("# By the identity policies of the authorization details, as they were when those")
    assert "\n# 1 file is cut off before the end" in done.stdout
    assert "\naws iam put-role-policy --role-name orders --policy-name suggested --policy-document " in done.stdout
    allowed = {action for item in json.loads(file.read_text())["Statement"] for action in item["Action"]}
    # S3's data events are off and AWS says that S3 was used: its two actions stay.
    assert allowed == {
        "ec2:DescribeInstances", "kms:Decrypt", "s3:GetObject", "s3:PutObject", "secretsmanager:GetSecretValue",
    }  # fmt: skip
    done = kansatsu("policy", "suggest", ORDERS, "--from", str(out), "-o", "terraform")
    assert done.stdout.startswith("# By the identity policies")
    assert '\nresource "aws_iam_role_policy" "orders_suggested" {' in done.stdout


def test_a_change_is_held_against_the_logs(out: Path, tmp_path: Path) -> None:
    done = kansatsu("policy", "replay", "role/orders", "--suggested", "--from", str(out))
    assert done.exit_code == 0, done.output
    assert "0 would be refused, 0 cannot be told." in done.stderr
    done = kansatsu("policy", "replay", ORDERS, "--delete", "app", "--from", str(out), "-o", "csv")
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 4  # a title, and the three actions that were used
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    done = kansatsu("policy", "replay", ORDERS, "--change", str(bad), "--policy-name", "app", "--from", str(out))
    assert (done.exit_code, done.stderr.startswith(f"kansatsu: {bad}:1:1: MalformedPolicyDocument")) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["policy", "replay", "role/orders", "--from", "OUT"], 2, "Give one of --change"),
        (["policy", "replay", "orders", "--change", "BAD", "--policy-name", "x", "--from", "OUT"], 2, "it has app"),
        (
            ["policy", "replay", "orders", "--change", "BAD", "--policy-name", "app", "--new", "--from", "OUT"],
            2,
            "already: leave out --new",
        ),
        (
            ["policy", "replay", "orders", "--delete", "app", "--policy-name", "app", "--from", "OUT"],
            2,
            "--policy-name",
        ),
        (["policy", "replay", "orders", "--change", "BAD", "--new", "--from", "OUT"], 2, "--new goes with"),
        (["policy", "suggest", "nobody", "--from", "OUT"], 1, "no user, group, role or managed policy named nobody"),
        (["policy", "suggest", "policy/nobody", "--from", "OUT"], 1, "no managed policy named nobody"),
        (["policy", "replay", "role/x", "--delete", "app", "--from", "OUT"], 1, "NoSuchEntity"),
        (["policy", "replay", "role/orders", "--suggested", "--since", "9d", "--from", "OUT"], 2, "do not go with"),
        (["policy", "suggest", "role/nobody", "--from", "OUT"], 1, "NoSuchEntity"),
        (["policy", "suggest", "role/orders", "--from", "/nowhere"], 2, "is no report of"),
        (["policy", "suggest", "role/orders", "--from", "OUT", "--since", "9d"], 2, "--since and --profile do not go"),
        (["access", "role/nobody", "--from", "OUT"], 1, "NoSuchEntity"),
        (["access", "role/orders", "--from", "/nowhere"], 2, "is no report of `kansatsu analyze`"),
        (["access", "role/orders", "--policies", "x", "--from", "OUT"], 1, "InvalidInput"),
        (["access", "arn:aws:iam::123456789012:policy/x", "--from", "OUT"], 1, "NoSuchEntity"),
        (["access", "role/orders", "--from", "OUT", "--profile", "x"], 2, "Give --profile or --from"),
        (["analyze", "/nowhere", "--authorization-details", "DETAILS", "--out", "OUT"], 2, "cannot be read"),
        (["analyze", "EMPTY", "--authorization-details", "DETAILS", "--out", "NEW"], 1, "There is no log file"),
        (["analyze", "SAMPLE", "--authorization-details", "/nowhere", "--out", "NEW"], 2, "/nowhere cannot be read"),
        (["analyze", "SAMPLE", "--authorization-details", str(SAMPLE), "--out", "NEW"], 2, "is no output of"),
        (["analyze", "SAMPLE", "--authorization-details", "DETAILS", "--since", "90"], 2, "90 is neither a time"),
        (["analyze", "SAMPLE", "--authorization-details", "DETAILS", "--out", str(SAMPLE)], 1, "cannot be written to"),
    ],
)
def test_how_it_fails(
    sample: Path,
    out: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "any.json").write_text(
        '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}}'
    )
    places = {"OUT": out, "BAD": tmp_path / "any.json", "DETAILS": sample / "details.json",
              "SAMPLE": sample / "AWSLogs", "EMPTY": tmp_path / "empty", "NEW": tmp_path / "new"}  # fmt: skip
    done = kansatsu(*(str(places.get(item, item)) for item in arguments))
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr and "Traceback" not in done.output


def test_the_report_and_the_details_among_the_logs_are_no_logs(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kansatsu analyze .` where everything lies together, AWS's reports and that of the first run beside the logs."""
    shutil.copytree(sample / "AWSLogs", tmp_path / "AWSLogs")
    shutil.copytree(sample / "last-accessed", tmp_path / "last-accessed")
    shutil.copy(sample / "details.json", tmp_path)
    monkeypatch.chdir(tmp_path)
    for known, told in (("", "last-accessed"), (", 90 known from before", "last-accessed/role-orders.json")):
        details = ("--authorization-details", "details.json", "--processes", "1")
        done = kansatsu("analyze", ".", *details, "--last-accessed", told)
        assert done.exit_code == 0, done.output
        assert done.stderr.startswith(f"90 files{known}: ")
        assert "no log" not in done.stderr and "without records" not in done.stderr


def test_an_interrupted_run_says_that_it_goes_on(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reading, "read", stop)
        done = analyze(sample, tmp_path / "out")
    said = "kansatsu: Interrupted. What was read until then is kept: the same command goes on from there.\n"
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", said)
    assert analyze(sample, tmp_path / "out").exit_code == 0


def test_a_second_run_into_the_same_directory_is_refused(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: it ends while the first one, which has read its logs, writes its report, and their files mix."""
    second: list[Result] = []
    write = report.write

    def slowly(found: report.Outcome, directory: Path) -> None:
        monkeypatch.undo()
        second.append(analyze(sample, directory))
        write(found, directory)

    monkeypatch.setattr(report, "write", slowly)
    assert analyze(sample, tmp_path / "out").exit_code == 0
    said = f"kansatsu: Another `kansatsu analyze` writes to {tmp_path / 'out'}; choose another --out, or wait.\n"
    assert [(one.exit_code, one.stdout, one.stderr) for one in second] == [(1, "", said)]
    assert analyze(sample, tmp_path / "out").exit_code == 0  # and a third finds no lock


def test_a_report_that_cannot_be_written_is_told_in_a_sentence(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "index.html").mkdir(parents=True)
    done = analyze(sample, tmp_path / "out")
    assert done.exit_code == 1
    assert done.stderr.endswith(f"The report cannot be written to {tmp_path / 'out'}: Is a directory.\n")
    assert not list((tmp_path / "out").glob(".*"))


def test_a_report_of_aws_that_is_of_no_use_is_named(sample: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{}")
    done = analyze(sample, tmp_path / "out", "--last-accessed", str(tmp_path / "odd.json"), "-o", "csv")
    assert done.exit_code == 0
    assert f"{tmp_path / 'odd.json'} is left out: " in done.stderr


def test_logs_are_held_against_the_digests(sample: Path, tmp_path: Path) -> None:
    """A file that was taken away is a gap of the report and of every answer from it."""
    done = analyze(sample, tmp_path / "none", "--validate")
    assert "There is no digest file among the logs" in done.stderr
    gone = "123456789012_CloudTrail_us-east-1_20261105T0000Z_0123456789abcdef.json"
    root = "AWSLogs/123456789012"
    listed = {"s3Object": f"{root}/CloudTrail/{gone}.gz", "hashValue": "0", "hashAlgorithm": "SHA-256"}
    made = {"digestStartTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "logFiles": [listed]}
    beside = tmp_path / root / "CloudTrail-Digest"
    beside.mkdir(parents=True)
    (beside / "one.json").write_text(json.dumps(made))
    done = analyze(sample, tmp_path / "out", str(tmp_path / "AWSLogs"), "--validate", "--since", "4000d")
    assert "1 digest file: 0 log files as delivered; " in done.stderr and "signatures are not checked" in done.stderr
    assert f"{gone}: missing." in done.stderr
    asked = kansatsu("access", ORDERS, "--from", str(tmp_path / "out"))
    assert f"1 file is missing, which CloudTrail's digests name; what was in it is unknown: {gone}." in asked.stderr


def test_the_bar() -> None:
    assert line(120_000_000, 240_000_000, 3.0) == (
        "[###############...............]  50%  120 of 240 MB, 40 MB/s, 3 s left"
    )
