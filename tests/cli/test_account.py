"""`kansatsu account`: one command opens it, --account reaches it, it outlives a kill, and a reset takes it away."""

import json
import signal
import threading
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from commands import kansatsu
from kansatsu.cli import credentials
from kansatsu.cli.output import Failure
from kansatsu.cli.surroundings import Keys

Start = Callable[..., AbstractContextManager[Any]]
SHOP = "222222222222"


def who(environ: dict[str, str], *flags: str) -> str:
    """Whom `kansatsu aws` with these flags asks as."""
    done = kansatsu(environ, "aws", *flags, "sts", "get-caller-identity", "--query", "Arn", "--output", "text")
    return done.stdout.strip() or done.stderr


PROFILE = ("--profile", "kansatsu-shop")
ECS_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "ecs-tasks.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)


def explains_each_account(environ: dict[str, str]) -> None:
    """why, can and who-can ask the account that --account names; the first knows nothing of the others' denials."""
    shop = ("--account", "shop")
    assert kansatsu(environ, "aws", *shop, "iam", "create-role", "--role-name", "web", "--assume-role-policy-document",
                    ECS_TRUST).returncode == 0  # fmt: skip
    assert kansatsu(environ, "run", "--role", "web", *PROFILE, "--", "true").returncode == 0
    lost = kansatsu(environ, "run", "--role", "web", *PROFILE, "--", "aws", "iam", "list-users")
    assert "AccessDenied" in lost.stderr
    first = kansatsu(environ, "why", "--last")
    assert first.returncode == 1 and "kansatsu why --account NAME" in first.stderr, first.stderr
    for flag in shop[1], SHOP:
        told = kansatsu(environ, "why", "--account", flag)
        assert told.returncode == 0 and f"arn:aws:sts::{SHOP}:" in told.stdout
        assert f"Next: kansatsu aws --account {flag} iam put-role-policy" in told.stderr
    may = kansatsu(environ, "can", "user/admin", "s3:ListAllMyBuckets", "*", *shop)
    assert may.returncode == 0 and f"arn:aws:iam::{SHOP}:user/admin" in may.stdout
    who_may = kansatsu(environ, "who-can", "s3:ListAllMyBuckets", "*", *shop)
    assert f"arn:aws:iam::{SHOP}:user/admin" in who_may.stdout
    both = kansatsu(environ, "why", *shop, *PROFILE)
    assert (both.returncode, both.stdout) == (2, "") and "not both" in both.stderr


def keeps_a_root_key(environ: dict[str, str], file: Path) -> None:
    """In place of no profile, never of one."""
    keep = ("account", "root-key", "shop", "--keep")
    kept = kansatsu(environ, *keep)
    assert (kept.returncode, kept.stdout) == (1, "") and "There is a profile kansatsu-shop already" in kept.stderr
    file.write_text(file.read_text().partition("[kansatsu-shop]")[0])
    lost = kansatsu(environ, "env", "--account", "shop")
    assert lost.returncode == 1 and "kansatsu account root-key shop --keep" in lost.stderr
    assert kansatsu(environ, *keep).returncode == 0
    assert who(environ, "--account", "shop") == f"arn:aws:iam::{SHOP}:root"


def test_from_the_first_command_to_the_reset(data_dir: Path, tmp_path: Path, start_server: Start) -> None:
    with start_server(data_dir, "--engine", "none") as server:
        environ = server.environ()
        made = kansatsu(environ, "account", "create", "--name", "shop", "--id", SHOP)
        assert (made.returncode, made.stdout.split()) == (0, ["ID", "NAME", SHOP, "shop"])
        assert "Wrote profile kansatsu-shop to" in made.stderr and "env --account shop" in made.stderr
        again = kansatsu(environ, "account", "create", "--name", "shop")
        assert (again.returncode, again.stderr.count("\n")) == (1, 1), again.stderr
        for flags in (["--id", "12"], ["--name", "a b"]):
            wrong = kansatsu(environ, "account", "create", *flags)
            assert (wrong.returncode, wrong.stdout) == (2, "") and flags[1] in wrong.stderr, wrong.stderr
        server.process.send_signal(signal.SIGKILL)
        server.process.wait(30)
    # A kill between the answer and the writing of the profile: the next start writes it.
    file = data_dir / "credentials"
    first, _, _ = file.read_text().partition("[kansatsu-shop]")
    file.write_text(first)
    with start_server(data_dir, "--engine", "none", "--test-mode") as server:
        assert file.stat().st_mode & 0o777 == 0o600
        environ = server.environ()
        environ |= {
            "AWS_CONFIG_FILE": str(tmp_path / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        }
        rows = json.loads(kansatsu(environ, "account", "ls", "-o", "json").stdout)
        assert [(row["id"], row["name"]) for row in rows] == [("123456789012", "first"), (SHOP, "shop")]
        for flags in (["--account", "shop"], ["--account", SHOP]):
            assert who(environ, *flags) == f"arn:aws:iam::{SHOP}:user/admin"
        assert who(environ) == who(environ, "--account", "first") == "arn:aws:iam::123456789012:user/admin"
        exported = kansatsu(environ, "env", "--account", "shop", "--shell", "dotenv").stdout
        assert credentials.read(data_dir, "shop").access_key_id in exported
        assert kansatsu(environ, "configure", "--account", "shop").stderr.count("Wrote profile kansatsu-shop") == 2
        denied = kansatsu(environ, "account", "ls", "--profile", "kansatsu-shop")
        assert (denied.returncode, denied.stdout) == (4, ""), denied.stderr
        explains_each_account(environ)
        nobody = kansatsu(environ, "env", "--account", "nobody")
        assert (nobody.returncode, nobody.stdout) == (1, "") and "account ls" in nobody.stderr
        urllib.request.urlopen(urllib.request.Request(server.endpoint + "/_kansatsu/reset", method="POST")).close()
        assert [row["name"] for row in json.loads(kansatsu(environ, "account", "ls", "-o", "json").stdout)] == ["first"]
        assert list(credentials.read_all(data_dir)) == ["kansatsu"]
        assert kansatsu(environ, "account", "create", "--name", "shop", "--id", SHOP).returncode == 0
        keeps_a_root_key(environ, file)


def test_another_first_account_is_refused(data_dir: Path, start_server: Start, cli_environment: dict[str, str]) -> None:
    given = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "x"}
    alone = {"environ": cli_environment | given}  # without an embedded backend it starts and ends sooner
    quick = ("--engine", "none", "--backend", "http://127.0.0.1:9", "--trail", "none")
    with start_server(data_dir, *quick, "--account", "111111111111", **alone) as server:
        assert server.client("sts").get_caller_identity()["Account"] == "111111111111"
    with start_server(data_dir, *quick, **alone) as server:  # the default says nothing against it
        assert server.client("sts").get_caller_identity()["Account"] == "111111111111"
    flags = ["--data-dir", str(data_dir), "--listen", "127.0.0.1:0", "--engine", "none"]
    done = kansatsu(cli_environment, "up", *flags, "--account", SHOP)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert "is 111111111111, not 222222222222" in done.stderr


def test_profiles_that_are_written_at_once_are_all_there(tmp_path: Path) -> None:
    def add(number: int) -> None:
        with credentials.editing(tmp_path) as known:
            known[f"kansatsu-{number}"] = Keys(f"AKIA{number}", "x")

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(credentials.read_all(tmp_path)) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["credentials"]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    with credentials.editing(tmp_path) as known:
        known["kansatsu"] = Keys("AKIA", "x")
    before = (tmp_path / "credentials").read_bytes()
    with pytest.raises(UnicodeEncodeError), credentials.editing(tmp_path) as known:
        known["kansatsu-b"] = Keys("AKIA", "\N{SNOWMAN}")
    assert (tmp_path / "credentials").read_bytes() == before


def test_a_file_without_the_first_account(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[other]\naws_access_key_id = a\naws_secret_access_key = b\n")
    with pytest.raises(Failure, match="no profile kansatsu"):
        credentials.read(tmp_path)
