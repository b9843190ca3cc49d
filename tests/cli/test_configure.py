"""`kansatsu configure` changes its own section and no other byte of the user's AWS files."""

import os
from pathlib import Path

import botocore.session
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.cli import configure
from kansatsu.cli.output import Failure
from kansatsu.cli.root import cli

KEYS = "[kansatsu]\naws_access_key_id = AKIATEST\naws_secret_access_key = secret\n"
BODY = {"region": "us-east-1", "endpoint_url": "http://127.0.0.1:1"}
OURS = f"[profile k]\n{configure.MARK}\nregion = us-east-1\nendpoint_url = http://127.0.0.1:1\n"


@pytest.fixture
def home(tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data_dir.mkdir()
    (data_dir / "credentials").write_text(KEYS)
    monkeypatch.setenv("KANSATSU_DATA_DIR", str(data_dir))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("AWS_CONFIG_FILE")
    monkeypatch.delenv("AWS_SHARED_CREDENTIALS_FILE")
    return tmp_path


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["configure", *arguments])


def test_a_fresh_home(home: Path) -> None:
    assert invoke().exit_code == 0
    for name in ("config", "credentials"):
        assert (home / ".aws" / name).stat().st_mode & 0o777 == 0o600
    session = botocore.session.Session(profile="kansatsu")
    assert session.get_credentials().access_key == "AKIATEST"
    assert session.create_client("sts").meta.endpoint_url == "http://127.0.0.1:4566"


def test_twice_is_once(home: Path) -> None:
    invoke()
    first = [(home / ".aws" / name).read_bytes() for name in ("config", "credentials")]
    assert invoke().exit_code == 0
    assert [(home / ".aws" / name).read_bytes() for name in ("config", "credentials")] == first


def test_links_stay_links_and_the_directory_holds_nothing_else(home: Path) -> None:
    (home / "dotfiles").mkdir()
    (home / ".aws").mkdir()
    (home / "dotfiles" / "config").write_text("[default]\nregion = eu-west-1\n")
    (home / ".aws" / "config").symlink_to("../dotfiles/config")
    assert invoke().exit_code == 0
    assert (home / ".aws" / "config").is_symlink()
    assert "[profile kansatsu]" in (home / "dotfiles" / "config").read_text()
    assert sorted(os.listdir(home / ".aws")) == ["config", "credentials"]


def test_the_files_that_the_environment_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "c"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "s"))
    assert invoke("--profile", "default").exit_code == 0
    assert (home / "c").read_text().startswith("[default]\n")
    assert (home / "s").read_text().startswith("[default]\n")
    assert not (home / ".aws").exists()


def test_a_profile_of_the_user_is_not_replaced_unless_forced(home: Path) -> None:
    credentials = home / ".aws" / "credentials"
    credentials.parent.mkdir()
    credentials.write_text("[kansatsu]\naws_access_key_id = AKIAMINE\n")
    refused = invoke()
    assert refused.exit_code == 1
    assert "already is a [kansatsu] that Kansatsu did not write" in refused.stderr
    assert not (home / ".aws" / "config").exists(), "a refusal changes neither file"
    assert invoke("--force").exit_code == 0
    assert "AKIAMINE" not in credentials.read_text()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", OURS),
        ("[default]\nx = 1", "[default]\nx = 1\n\n" + OURS),
        ("[default]\nx = 1\n", "[default]\nx = 1\n\n" + OURS),
        (OURS, OURS),
        (OURS.replace("us-east-1", "eu-west-1"), OURS),
        ("# top\n" + OURS + "\n# of z\n[z]\ny = 2\n", "# top\n" + OURS + "\n# of z\n[z]\ny = 2\n"),
        (OURS + "role_arn = x\n[z]\n", OURS + "[z]\n"),
        ("[z]\r\ny = 2\r\n" + OURS, "[z]\r\ny = 2\r\n" + OURS),
        (OURS + "[z]\n" + OURS, OURS + "[z]\n"),
    ],
)
def test_a_section_is_put_in_place(before: str, after: str) -> None:
    assert configure.with_section(before, "profile k", BODY, force=False) == after


@pytest.mark.parametrize("header", ["[profile k]", '[profile "k"]', "[ profile  k ]"])
def test_a_section_is_found_however_it_is_spelt(header: str) -> None:
    with pytest.raises(Failure):
        configure.with_section(f"{header}\nx = 1\n", "profile k", BODY, force=False)


@given(st.lists(st.sampled_from(["[a]\n", "[b]\n", "x = 1\n", "# note\n", "\n", "y =\n  z = 1\n", "é = ü\r\n"])))
def test_no_other_line_changes(lines: list[str]) -> None:
    before = "".join(lines)
    after = configure.with_section(before, "profile k", BODY, force=False)
    assert after.startswith(before)
    assert configure.with_section(after, "profile k", BODY, force=False) == after


def test_a_name_that_would_break_the_file(home: Path) -> None:
    assert invoke("--profile", "a]\nb").exit_code == 2
