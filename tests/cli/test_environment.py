"""`kansatsu env` in the shells it writes for, and the small commands around it."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kansatsu.advisor import Recorder
from kansatsu.cli import environment, lifecycle, surroundings
from kansatsu.cli.root import COMMANDS, cli
from kansatsu.clock import SystemClock
from kansatsu.identity import open_store

KEYS = "[kansatsu]\naws_access_key_id = AKIATEST\naws_secret_access_key = s/e+c'r\"e$t\n"
SECRET = "s/e+c'r\"e$t"


@pytest.fixture
def stopped(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory that was started once and does not run now."""
    data_dir.mkdir()
    (data_dir / "credentials").write_text(KEYS)
    monkeypatch.setenv("KANSATSU_DATA_DIR", str(data_dir))
    return data_dir


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


def test_sh_sets_and_unsets(stopped: Path) -> None:
    poison = {
        "AWS_SESSION_TOKEN": "evil",
        "AWS_PROFILE": "evil",
        "AWS_ENDPOINT_URL_S3": "http://evil",
        "PATH": os.environ["PATH"],
    }
    lines = CliRunner().invoke(cli, ["env"], env=poison).stdout
    done = subprocess.run(["sh", "-c", f"{lines}\nenv -0"], env=poison, capture_output=True, check=True)
    after = dict(entry.split("=", 1) for entry in done.stdout.decode().split("\0") if entry)
    assert after["AWS_SECRET_ACCESS_KEY"] == SECRET
    assert after["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4566"
    assert (after["AWS_REGION"], after["AWS_DEFAULT_REGION"]) == ("us-east-1", "us-east-1")
    assert after["KANSATSU_DATA_DIR"] == str(stopped)
    assert not {"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL_S3"} & set(after)


@pytest.mark.parametrize("command", ["env", "configure"])
def test_a_port_that_nobody_knows_is_written_nowhere(
    command: str, stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("KANSATSU_LISTEN", "127.0.0.1:0")
    result = invoke(command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "takes a free port when it starts (127.0.0.1:0); start it with `kansatsu up -d` first." in result.stderr
    assert not list(tmp_path.glob("c*"))
    monkeypatch.setenv("KANSATSU_LISTEN", "127.0.0.1:4599")
    result = invoke(command)
    assert result.exit_code == 0 and "does not run on" in result.stderr


def test_unset_undoes_everything(stopped: Path) -> None:
    lines = invoke("env").stdout + invoke("env", "--unset").stdout
    done = subprocess.run(
        ["sh", "-c", f"{lines}\nenv"], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    assert b"AWS" not in done.stdout
    assert b"KANSATSU" not in done.stdout


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("fish", "set -gx AWS_SECRET_ACCESS_KEY 's/e+c\\'r\"e$t'"),
        ("powershell", "$env:AWS_SECRET_ACCESS_KEY = 's/e+c''r\"e$t'"),
        ("dotenv", 'AWS_SECRET_ACCESS_KEY="s/e+c\'r\\"e\\$t"'),
    ],
)
def test_other_shells_quote_in_their_own_way(stopped: Path, shell: str, line: str) -> None:
    assert line in invoke("env", "--shell", shell).stdout.splitlines()


@pytest.mark.parametrize(
    ("shell", "line"),
    [("fish", "set -e AWS_PROFILE"), ("powershell", "Remove-Item Env:AWS_PROFILE -ErrorAction SilentlyContinue")],
)
def test_other_shells_unset_in_their_own_way(stopped: Path, shell: str, line: str) -> None:
    assert line in invoke("env", "--shell", shell).stdout.splitlines()


def test_a_dotenv_file_cannot_unset(stopped: Path) -> None:
    assert invoke("env", "--shell", "dotenv", "--unset").exit_code == 2


def test_every_shell_is_documented_by_its_choice() -> None:
    assert set(environment._SHELLS) == {"sh", "fish", "powershell", "dotenv"}


def test_env_says_when_nothing_runs_and_messages_stay_off_stdout(stopped: Path) -> None:
    result = invoke("env")
    assert "does not run" in result.stderr
    assert all(line.startswith(("export ", "unset ")) for line in result.stdout.splitlines())


@pytest.mark.parametrize("command", [["env"], ["configure"], ["down"], ["status"], ["logs"], ["aws", "s3", "ls"]])
def test_exit_code_3_when_nothing_was_started(
    command: list[str], data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANSATSU_DATA_DIR", str(data_dir))
    monkeypatch.setenv("KANSATSU_LISTEN", "127.0.0.1:1")  # whoever else has the usual port is named by `status`
    result = invoke(*command)
    assert result.exit_code == 3
    assert ("kansatsu up -d" in result.stderr) == (command != ["down"])  # who stops it does not want it started


def test_exit_code_4_for_another_users_credentials(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readable = Path.read_text

    def refuse(path: Path, encoding: str) -> str:
        if path.name == "credentials":
            raise PermissionError(13, "Permission denied")
        return readable(path, encoding=encoding)

    monkeypatch.setattr(Path, "read_text", refuse)
    assert invoke("env").exit_code == 4


def test_a_command_that_is_not_there() -> None:
    assert invoke("policy").exit_code == 2


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_config_in_every_form(stopped: Path, form: str) -> None:
    result = invoke("config", "-o", form, "--region", "eu-west-1")
    assert result.exit_code == 0
    if form == "json":
        assert {"setting": "region", "value": "eu-west-1", "source": "flag --region"} in json.loads(result.stdout)
    else:
        assert "eu-west-1" in result.stdout


def test_a_bad_flag_is_one_sentence_and_exit_code_2(stopped: Path) -> None:
    result = invoke("up", "--account", "1")
    assert result.exit_code == 2
    assert (
        result.stderr
        == "kansatsu: account (flag --account): '1' is not an account; an account is 12 digits, like 123456789012.\n"
    )


def test_logs_prints_the_last_lines(stopped: Path) -> None:
    (stopped / "kansatsu.log").write_text("".join(f"line {i}\n" for i in range(100)))
    assert invoke("logs", "-n", "2").stdout == "line 98\nline 99\n"


def test_doctor_finds_a_taken_port(stopped: Path) -> None:
    import socket

    low = os.open(os.devnull, os.O_RDONLY)
    with socket.create_server(("127.0.0.1", 0)) as other:
        os.close(low)  # what lists the descriptors gets this number, and is gone when it is looked at
        port = other.getsockname()[1]
        result = invoke("doctor", "-o", "json", "--listen", f"127.0.0.1:{port}", "--engine", "none")
    row = next(row for row in json.loads(result.stdout) if row["check"] == "port")
    assert result.exit_code == 1
    assert row["state"] == "missing"
    assert f"(process {os.getpid()})" in row["detail"]
    assert row["mend"] == "choose another with --listen"


def evidence() -> tuple[str, str]:
    words = ("doctor", "-o", "json", "--listen", "127.0.0.1:0", "--engine", "none")
    [row] = [row for row in json.loads(invoke(*words).stdout) if row["check"] == "evidence"]
    assert row["needed"] == "for more"
    return row["state"], row["detail"]


def test_doctor_holds_the_evidence_against_what_was_written(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANSATSU_DATA_DIR", str(data_dir))
    assert evidence() == ("ok", "nothing is recorded yet")
    store = open_store(data_dir, SystemClock())
    recorder = Recorder(store, data_dir, SystemClock())
    assert evidence() == ("ok", "1 segment, as written")
    recorder.close()
    Recorder(store, data_dir, SystemClock()).close()
    assert evidence() == ("ok", "2 segments, as written")
    path = data_dir / "events" / "w0-000000000001.jsonl"
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b'{"end":1', b'{"end":2'))
    path.with_name("x-000000000001.jsonl").write_bytes(b"")
    state, detail = evidence()
    assert state == "missing"
    assert "x-000000000001.jsonl: unknown segment" in detail and f"{path.name}: segment altered (20" in detail
    path.with_name("x-000000000001.jsonl").unlink()
    path.unlink()
    state, detail = evidence()
    assert state == "missing" and detail.startswith(f"{path.name}: missing segment (20")
    path.write_bytes(kept)
    assert evidence() == ("ok", "2 segments, as written")
    (data_dir / "master.key").unlink()
    state, detail = evidence()
    assert state == "missing" and "cannot be held against the database" in detail
    store.close()


def test_status_tells_of_the_evidence_in_a_line(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def said(*words: str) -> list[str]:
        lines = invoke("status", "--data-dir", str(data_dir), *words).stderr.splitlines()
        return [line.removeprefix("Evidence: ") for line in lines if line.startswith("Evidence: ")]

    assert said() == ["nothing is recorded yet."]
    with closing(open_store(data_dir, SystemClock())) as store:
        Recorder(store, data_dir, SystemClock()).close()
        assert (said(), said("-o", "json")) == (["1 segment, as written."], [])
        (path,) = (data_dir / "events").glob("w0-*.jsonl")
        kept = path.read_bytes()
        path.unlink()
        for words in ((), ("-o", "json")):
            (line,) = said(*words)
            assert line.startswith(f"{path.name}: missing segment (20") and "put the files back" in line
        path.write_bytes(kept)
        monkeypatch.setattr(lifecycle, "_MOST_READ", 0)
        (line,) = said()
        assert f"`kansatsu doctor --data-dir {data_dir}` holds it against what was written." in line


@pytest.mark.parametrize(
    ("files", "state", "mend"),
    [
        ({}, "ok", ""),
        ({"apparmor_restrict_unprivileged_userns": "1"}, "missing", "kernel.apparmor_restrict_unprivileged_userns=0"),
        ({"unprivileged_userns_clone": "0"}, "missing", "kernel.unprivileged_userns_clone=1"),
        ({"max_user_namespaces": "0"}, "missing", "user.max_user_namespaces=10000"),
    ],
)
def test_doctor_knows_how_user_namespaces_are_restricted(
    stopped: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], state: str, mend: str
) -> None:
    from kansatsu.cli import doctor

    monkeypatch.setattr(doctor, "_text", lambda path: files.get(Path(path).name, ""))
    words = ("doctor", "-o", "json", "--listen", "127.0.0.1:0", "--engine", "unix:///nowhere")
    rows = {row["check"]: row for row in json.loads(invoke(*words).stdout)}
    assert rows["containers"]["state"] == "missing"
    assert rows["containers"]["detail"].startswith("none can be started: the container engine does not answer")
    row = rows["user namespaces"]
    assert row["state"] == state
    assert mend in row["mend"]


@pytest.mark.parametrize("words", [["version"], ["--help"], ["run", "--help"]])
def test_a_light_command_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        f"import sys; from kansatsu.cli.root import cli; cli({words}, standalone_mode=False); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "kansatsu.cli" in loaded
    assert not loaded & {
        "botocore",
        "boto3",
        "sqlalchemy",
        "aiohttp",
        "uvicorn",
        "asyncio",
        "kansatsu.policy",
        "kansatsu.wire",
    }


def test_help_lists_every_command() -> None:
    text = invoke("--help").stdout
    assert all(f"  {name} " in text for name in COMMANDS)


def test_the_aws_cli_is_found_beside_python_and_then_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from kansatsu.cli import awscli
    from kansatsu.cli.output import Failure

    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(shutil, "which", lambda name: "/somewhere/aws")
    assert awscli.find() == "/somewhere/aws"
    (tmp_path / "aws").touch(mode=0o755)
    assert awscli.find() == str(tmp_path / "aws")
    (tmp_path / "aws").unlink()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Failure, match="There is no AWS CLI") as failure:
        awscli.find()
    assert failure.value.exit_code == 127


def test_what_beats_names_the_endpoints_of_single_services() -> None:
    assert surroundings.beaten_by({"AWS_ENDPOINT_URL_S3": "x", "AWS_ENDPOINT_URL": "y"})[-1] == "AWS_ENDPOINT_URL_S3"
