"""What somebody who is new here types, and what must come back: one sentence, the right exit code, the next command."""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from commands import kansatsu
from kansatsu.cli import workloads
from kansatsu.cli.output import Failure
from kansatsu.cli.root import cli

KEYS = "[kansatsu]\naws_access_key_id = AKIAOURS\naws_secret_access_key = x\n"
ARN = "arn:aws:sts::123456789012:assumed-role/reader/p-0"


def invoke(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli, list(arguments), env=environ)


@pytest.fixture
def stopped(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that was started once and does not run now, on a port that nobody has."""
    monkeypatch.setenv("KANSATSU_LISTEN", "127.0.0.1:1")
    data_dir.mkdir()
    (data_dir / "credentials").write_text(KEYS)
    return data_dir


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["upp"], 2, "There is no command upp; did you mean up?"),
        (["instances"], 2, "There is no command instances; did you mean instance?"),
        (["zzz"], 2, "There is no command zzz."),
        (["instance", "registr"], 2, "There is no command instance registr; did you mean instance register?"),
        (["policy", "validat"], 2, "There is no command policy validat; did you mean policy validate?"),
        (["account", "zzz"], 2, "There is no command account zzz."),
        (["--data-dir", "x", "status"], 2, "--data-dir stands after the command: "),
        (["policy", "validate", "/missing.json"], 2, "/missing.json"),
        (["analyze", "x", "--authorization-details", "/missing.json", "--out", "/tmp/x"], 2, "/missing.json"),
        (["import", "/missing.json"], 2, "/missing.json"),
        (["env"], 3, "There are no credentials in"),
        (["down"], 3, "Kansatsu does not run on"),
        (["config", "--backend", "s3x=http://h"], 2, "there is no service s3x; did you mean s3?"),
        (["config", "--region", "mars"], 2, "'mars' is not the name of a region; one is us-east-1."),
        (["config", "--data-dir", "/dev/" + "y" * 300], 2, "yyy is too long."),
        (["config", "--data-dir", "/etc/passwd"], 2, "The data directory /etc/passwd is not a directory."),
        (["run", "--role", "a", "--as", "ec2", "x"], 2, "did you mean ec2.amazonaws.com?"),
        (["run", "--role", "a", "--instance-profile", "b", "x"], 2, "Give only one of --role, --task-role and"),
        (["run", "x"], 2, "Give one of --role, --task-role and --instance-profile."),
        (["instance", "register"], 2, "one container, or one of --uid and --cgroup."),
        (
            ["instance", "register", "a", "--container", "b"],
            2,
            "one container, or one of --uid and --cgroup.",
        ),
        (["instance", "ls", "--profile", "none"], 1, "There is no profile none in your AWS files"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(
    arguments: list[str], code: int, sentence: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANSATSU_DATA_DIR", str(data_dir))
    result = invoke(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("KANSATSU_REGIO", "KANSATSU_REGIO is not a setting; did you mean KANSATSU_REGION?\n"),
        ("KANSATSU_QQQ", "KANSATSU_QQQ is not a setting.\n"),
    ],
)
def test_a_variable_that_is_no_setting(variable: str, sentence: str) -> None:
    assert invoke("config", **{variable: "x"}).stderr.endswith(sentence)


def test_the_version_in_both_spellings() -> None:
    assert invoke("--version").stdout == invoke("version").stdout != ""


class TestNext:
    """A hint can be typed as it stands: it leads to the data directory of the command that gave it."""

    @pytest.mark.parametrize("command", ["status", "env", "logs", "config", "aws s3 ls", "instance ls"])
    def test_the_directory_of_the_flag_is_repeated(self, command: str, stopped: Path) -> None:
        words = command.split()
        place = 2 if words[0] == "instance" else 1
        result = invoke(*words[:place], "--data-dir", str(stopped), *words[place:])
        assert f"kansatsu up -d --data-dir {shlex.quote(str(stopped))}" in result.stderr
        assert "kansatsu up -d`" not in result.stderr

    @pytest.mark.parametrize("command", ["status", "config"])
    def test_the_directory_of_the_environment_is_not(self, command: str, stopped: Path) -> None:
        result = invoke(command, KANSATSU_DATA_DIR=str(stopped))
        assert "kansatsu up -d" in result.stderr
        assert "--data-dir" not in result.stderr

    def test_status_and_doctor_of_one_that_runs(self, server: Any) -> None:
        directory = shlex.quote(str(server.data_dir))
        for command, before in (("status", "Evidence: 1 segment, as written.\n"), ("doctor", "")):
            said = invoke(command, "--data-dir", str(server.data_dir), KANSATSU_ENGINE="none").stderr
            assert said == before + f'Next: eval "$(kansatsu env --data-dir {directory})"\n'

    @pytest.mark.parametrize("form", ["json", "csv"])
    def test_no_hint_beside_what_programs_read(self, server: Any, form: str) -> None:
        for words in (["status"], ["doctor"], ["instance", "ls"], ["config"]):
            asked = (*words, "-o", form, "--data-dir", str(server.data_dir))
            assert invoke(*asked, KANSATSU_ENGINE="none").stderr == ""

    def test_status_names_the_other_one_on_our_port(self, server: Any, data_dir: Path) -> None:
        address = server.endpoint.removeprefix("http://")
        result = invoke("status", "--data-dir", str(data_dir), KANSATSU_LISTEN=address)
        assert result.exit_code == 3
        assert f"Another Kansatsu listens on {address}; its data directory is {server.data_dir}." in result.stderr


class TestInsideRun:
    """A child of `kansatsu run` owns the administrator's files too; it must not take the identity by mistake."""

    @pytest.mark.parametrize(
        "words",
        [["env"], ["configure"], ["instance", "ls"], ["instance", "register", "x"], ["run", "--role", "r", "x"]],
    )
    def test_attack_the_administrators_keys_are_not_used(self, server: Any, words: list[str]) -> None:
        environ = server.environ() | {"KANSATSU_RUNNING_AS": ARN}
        done = kansatsu(environ, *words)
        assert (done.returncode, done.stdout) == (4, "")
        expected = f"kansatsu: This command runs as {ARN} (kansatsu run); the administrator's keys are not used here.\n"
        assert done.stderr == expected

    def test_attack_kansatsu_aws_in_a_child_is_the_role(self, server: Any) -> None:
        trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        server.client("iam").create_role(RoleName="newcomer", AssumeRolePolicyDocument=document)
        inner = [sys.executable, "-m", "kansatsu.cli", "aws"]
        who = kansatsu(
            server.environ(), "run", "--role", "newcomer", "--", *inner, "sts", "get-caller-identity",
            "--query", "Arn", "--output", "text",
        )  # fmt: skip
        assert who.returncode == 0, who.stderr
        assert who.stdout.startswith("arn:aws:sts::123456789012:assumed-role/newcomer/p-")
        users = kansatsu(server.environ(), "run", "--role", "newcomer", "--", *inner, "iam", "list-users")
        assert users.returncode != 0
        assert "assumed-role/newcomer/" in users.stderr
        assert "not authorized to perform: iam:ListUsers" in users.stderr
        again = kansatsu(server.environ(), "run", "--role", "newcomer", "--", *inner[:-1], "env")
        assert (again.returncode, again.stdout) == (4, "")

    def test_the_child_knows_no_setting(self, server: Any) -> None:
        program = "import os; print(*[n for n in os.environ if n.startswith('KANSATSU_')])"
        trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        server.client("iam").create_role(RoleName="newcomer2", AssumeRolePolicyDocument=document)
        done = kansatsu(server.environ(), "run", "--role", "newcomer2", "--", sys.executable, "-c", program)
        assert done.stdout == "KANSATSU_RUNNING_AS\n"


class TestRefusals:
    def test_a_trust_policy_that_refuses_says_what_can_be_done(self, server: Any) -> None:
        trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": trust})
        server.client("iam").create_role(RoleName="newcomer3", AssumeRolePolicyDocument=document)
        done = kansatsu(server.environ(), "run", "--role", "newcomer3", "--", "true")
        assert (done.returncode, done.stderr.count("\n")) == (4, 1)
        assert done.stderr.endswith(
            "Give --as SERVICE with a service that the role trusts, or edit the trust policy.\n"
        )

    def test_a_profile_without_a_role_denies_nobody(self, server: Any) -> None:
        server.client("iam").create_instance_profile(InstanceProfileName="newcomer-empty")
        done = kansatsu(server.environ(), "run", "--instance-profile", "newcomer-empty", "--", "true")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "does not contain a role" in done.stderr

    def test_configure_names_the_file_that_cannot_be_written(self, stopped: Path) -> None:
        result = invoke("configure", KANSATSU_DATA_DIR=str(stopped), AWS_CONFIG_FILE="/proc/kansatsu/config")
        assert (result.exit_code, result.stderr.count("\n")) == (1, 2)  # the first says that it does not run
        assert "/proc/kansatsu/config cannot be written: " in result.stderr


def spoil_database(data_dir: Path) -> None:
    for name in ("kansatsu.db", "kansatsu.db-wal", "kansatsu.db-shm"):
        (data_dir / name).unlink(missing_ok=True)
    (data_dir / "kansatsu.db").write_bytes(b"garbage" * 1000)


def spoil_record(data_dir: Path) -> None:
    shutil.rmtree(data_dir / "events")
    (data_dir / "events").touch()


def spoil_log(data_dir: Path) -> None:
    (data_dir / "kansatsu.log").unlink(missing_ok=True)
    (data_dir / "kansatsu.log").mkdir()


FAILURES: dict[str, tuple[Callable[[Path], object], str]] = {
    "database": (spoil_database, "kansatsu.db is not a Kansatsu database"),
    "no key": (lambda d: (d / "master.key").unlink(), "master.key is missing"),
    "another key": (lambda d: (d / "master.key").write_bytes(bytes(32)), "master.key is not the key"),
    "record": (spoil_record, "events: File exists; see "),
    "log": (spoil_log, "kansatsu.log cannot be written"),
}


@pytest.mark.parametrize("detach", [[], ["-d"]], ids=["foreground", "detached"])
@pytest.mark.parametrize("name", FAILURES)
def test_a_start_that_fails_is_one_sentence(
    name: str, detach: list[str], data_dir: Path, start_server: Callable[..., AbstractContextManager[Any]]
) -> None:
    spoil, sentence = FAILURES[name]
    with start_server(data_dir, "--engine", "none") as server:
        environ = server.environ()
    spoil(data_dir)
    before = sorted(path.name for path in data_dir.iterdir())
    done = kansatsu(environ, "up", *detach, "--listen", "127.0.0.1:0", "--engine", "none")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert sentence in done.stderr
    assert done.stderr.endswith(".\n")
    assert {path.name for path in data_dir.iterdir()} <= {*before, "kansatsu.log"}, "nothing half-made"


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ({}, "No credentials for the backend http://127.0.0.1:1: set AWS_ACCESS_KEY_ID"),
        (
            {"AWS_ACCESS_KEY_ID": "AKIAOURS", "AWS_SECRET_ACCESS_KEY": "x"},
            "would be this Kansatsu's own administrator's",
        ),
    ],
)
def test_the_credentials_of_a_backend(
    key: dict[str, str], sentence: str, stopped: Path, cli_environment: dict[str, str]
) -> None:
    flags = ["--data-dir", str(stopped), "--backend", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"]
    done = kansatsu(cli_environment | key, "up", *flags)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert sentence in done.stderr
    assert [path.name for path in stopped.iterdir()] == ["credentials"], "nothing was made"


def test_a_profile_of_a_backend_that_there_is_not(stopped: Path, cli_environment: dict[str, str]) -> None:
    flags = ["--data-dir", str(stopped), "--backend", "s3=http://127.0.0.1:1", "--backend-profile", "s3=none-such"]
    keys = {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "x"}
    done = kansatsu(cli_environment | keys, "up", *flags, "--listen", "127.0.0.1:0")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "No credentials for the backend http://127.0.0.1:1: The config profile (none-such)" in done.stderr


@pytest.mark.parametrize("words", [["status"], ["env"], ["down"], ["up", "-d"], ["instance", "ls"], ["logs"]])
def test_another_users_directory(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen as somebody who is neither root nor the owner, and may not look into it."""
    readable = Path.read_text

    def refuse(path: Path, encoding: str) -> str:
        if path.is_relative_to(tmp_path):
            raise PermissionError(13, "Permission denied")
        return readable(path, encoding=encoding)

    monkeypatch.setattr(Path, "read_text", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    result = invoke(*words, KANSATSU_DATA_DIR=str(tmp_path))
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == f"kansatsu: The data directory {tmp_path} belongs to another user.\n"


@pytest.mark.parametrize("words", [["status"], ["down"], ["up", "-d"], ["instance", "ls"], ["aws", "s3", "ls"]])
def test_another_users_directory_that_everybody_may_look_into(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    result = invoke(*words, KANSATSU_DATA_DIR=str(tmp_path))
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr == f"kansatsu: The data directory {tmp_path} belongs to another user.\n"
    assert list(tmp_path.iterdir()) == []


WORKLOADS = [
    {"Id": "i-0aa1", "Name": "app", "State": "terminated", "Container": "c1" * 32},
    {"Id": "i-0aa2", "Name": "app", "State": "running", "Container": "c2" * 32},
    {"Id": "i-0ab3", "Name": "web", "State": "running", "Container": "c3" * 32},
    {"Id": "p-0cc4", "Name": "process 7", "State": "running", "Kind": "process"},
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("i-0aa1", "i-0aa1"),
        ("app", "i-0aa2"),
        ("web", "i-0ab3"),
        ("i-0ab", "i-0ab3"),
        ("c3c3c3", "i-0ab3"),
        ("process 7", "p-0cc4"),
        ("p-", "p-0cc4"),
        ("c1c1", "i-0aa1"),
    ],
)
def test_an_instance_is_found_by_what_ls_shows(wanted: str, found: str) -> None:
    assert workloads.find(WORKLOADS, wanted, "instance or process", "instance ls")["Id"] == found


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ("i-0a", "i-0a could be any of i-0aa2, i-0ab3; give more of the id."),
        ("nobody", "There is no instance or process nobody; see `kansatsu instance ls`."),
        ("wep", "There is no instance or process wep; did you mean web?"),
        ("", "There is no instance or process ; see `kansatsu instance ls`."),
    ],
)
def test_an_instance_that_is_not_found(wanted: str, sentence: str) -> None:
    with pytest.raises(Failure) as failure:
        workloads.find(WORKLOADS, wanted, "instance or process", "instance ls")
    assert failure.value.message == sentence


@pytest.mark.parametrize("group", [[], ["policy"], ["instance"], ["task"], ["account"]])
def test_help_says_what_each_command_does_to_the_end(group: list[str]) -> None:
    """Cut sentences (`Start Kansatsu: in the foreground, or with -d in the...`) tell a newcomer nothing."""
    commands = invoke(*group, "--help").stdout.partition("Commands:\n")[2]
    assert commands
    sentences = [" ".join(one.split()) for one in re.split(r"^  (?=\S)", commands, flags=re.MULTILINE)[1:]]
    assert [one for one in sentences if one.endswith("...")] == []
    if not group:
        assert any(
            one.startswith("up Start Kansatsu: in the foreground, or with -d in the background") for one in sentences
        )
