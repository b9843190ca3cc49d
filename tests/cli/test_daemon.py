"""Claiming a data directory and a port: a sentence each, nothing half-made, and no signal to a stranger."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kansatsu.cli import daemon, ports
from kansatsu.cli.output import Exit, Failure
from kansatsu.cli.values import Address

FREE = Address("127.0.0.1", 0)


def release(claim: daemon.Claim) -> None:
    claim.sock.close()
    os.close(claim.lock)


def sentence(failure: pytest.ExceptionInfo[Failure]) -> str:
    text = failure.value.message
    assert "\n" not in text
    return text


def test_a_claim_makes_the_directory_and_listens(data_dir: Path) -> None:
    claim = daemon.claim(data_dir / "deep", FREE)
    assert (data_dir / "deep").stat().st_mode & 0o777 == 0o700
    with socket.create_connection((claim.address.host, claim.address.port), 5):
        release(claim)


@pytest.mark.parametrize(("holds", "mode"), [([], 0o700), (["somebody-elses-file"], 0o755)])
def test_an_empty_directory_is_closed_and_another_is_left_as_it_is(data_dir: Path, holds: list[str], mode: int) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o755)
    for name in holds:
        (data_dir / name).touch()
    claim = daemon.claim(data_dir, FREE)
    assert data_dir.stat().st_mode & 0o777 == mode
    release(claim)


def test_a_second_claim_on_the_directory_is_refused(data_dir: Path) -> None:
    claim = daemon.claim(data_dir, FREE)
    with pytest.raises(Failure, match=r"already runs on .*; stop it with `kansatsu down`"):
        daemon.claim(data_dir, FREE)
    release(claim)
    release(daemon.claim(data_dir, FREE))


def test_the_lock_passes_to_a_child_and_ends_with_it(data_dir: Path) -> None:
    claim = daemon.claim(data_dir, FREE)
    sleeper = "import sys; sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", sleeper], stdin=subprocess.PIPE, pass_fds=[claim.lock]) as child:
        release(claim)
        with pytest.raises(Failure, match="already runs"):
            daemon.claim(data_dir, FREE)
        child.communicate()
    release(daemon.claim(data_dir, FREE))


def test_a_taken_port_names_its_holder_and_leaves_nothing(data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Failure) as failure:
            daemon.claim(data_dir / "deep", Address("127.0.0.1", port))
    assert f"Port {port} on 127.0.0.1 is in use by " in sentence(failure)
    assert f"(process {os.getpid()}); choose another with --listen." in sentence(failure)
    assert not data_dir.exists()


def test_a_failure_removes_only_what_it_made(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "mine").write_text("x")
    with pytest.raises(Failure, match="not an address of this machine"):
        daemon.claim(data_dir, Address("192.0.2.1", 0))
    assert [path.name for path in data_dir.iterdir()] == ["mine"]


def test_a_file_in_the_place_of_the_directory(data_dir: Path) -> None:
    data_dir.write_text("")
    with pytest.raises(Failure, match="cannot be written: it is not a directory; choose another with --data-dir"):
        daemon.claim(data_dir, FREE)


def test_an_unwritable_directory() -> None:
    with pytest.raises(Failure, match=r"cannot be written: .*; choose another with --data-dir"):
        daemon.claim(Path("/proc/kansatsu"), FREE)


def test_a_path_too_long_for_sockets(data_dir: Path) -> None:
    with pytest.raises(Failure, match="too long for the sockets in it"):
        daemon.claim(data_dir / ("x" * 80), FREE)


def test_attack_a_directory_that_others_can_write_is_refused(data_dir: Path) -> None:
    data_dir.mkdir()
    data_dir.chmod(0o777)
    with pytest.raises(Failure, match="Other users can write"):
        daemon.claim(data_dir, FREE)


def test_attack_a_link_in_the_place_of_the_lock_is_not_followed(data_dir: Path, tmp_path: Path) -> None:
    data_dir.mkdir()
    (data_dir / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(Failure, match="cannot be written"):
        daemon.claim(data_dir, FREE)
    assert not (tmp_path / "victim").exists()


class TestRunning:
    def test_nothing_runs_where_there_is_nothing(self, data_dir: Path) -> None:
        assert daemon.running(data_dir) is None
        with pytest.raises(Failure, match="kansatsu up -d") as failure:
            daemon.require_running(data_dir)
        assert failure.value.exit_code == Exit.NOT_RUNNING

    def test_a_holder_of_the_lock_runs(self, data_dir: Path) -> None:
        claim = daemon.claim(data_dir, FREE)
        daemon.write_pid(data_dir, "http://127.0.0.1:1")
        expected = daemon.Running(os.getpid(), ports.start_time(os.getpid()), "http://127.0.0.1:1")
        assert daemon.running(data_dir) == expected
        release(claim)
        assert daemon.running(data_dir) is None, "a pid file without the lock is stale"

    def test_attack_a_reused_pid_is_not_ours(self, data_dir: Path) -> None:
        claim = daemon.claim(data_dir, FREE)
        (data_dir / "kansatsu.pid").write_text(f"{os.getpid()}\n1\nhttp://127.0.0.1:1\n")
        assert daemon.running(data_dir) is None
        release(claim)

    @pytest.mark.parametrize("text", ["", "x", "1\n2", "a\nb\nc\n"])
    def test_a_damaged_pid_file_is_nobody(self, data_dir: Path, text: str) -> None:
        claim = daemon.claim(data_dir, FREE)
        (data_dir / "kansatsu.pid").write_text(text)
        assert daemon.running(data_dir) is None
        release(claim)


def test_start_time_of_no_process_is_zero() -> None:
    assert ports.start_time(2**22 + 1) == 0


def test_nobody_holds_a_port_that_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    assert ports.holder(port) == ""
