"""A child of `kansatsu run` gets signals, terminal and streams, and its exit code comes back."""

import os
import pty
import signal
import subprocess
import sys

import pytest

from kansatsu.cli import children
from kansatsu.cli.output import Failure

RUNNER = "import sys; from kansatsu.cli import children; import os; sys.exit(children.run(sys.argv[1:], os.environ))"
# Signals are waited for, not handled: one that comes between a handler's check and pause() would be lost.
TRAP = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.{name}])
print("ready", flush=True)
print("got", signal.Signals(signal.sigwait([signal.{name}])).name, flush=True)
sys.exit(7)
"""


def start(*command: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", RUNNER, *command], text=True, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("code", [0, 1, 4, 255])
def test_the_exit_code_comes_back(code: int) -> None:
    assert start("sh", "-c", f"exit {code}").wait(30) == code


def test_a_child_ended_by_a_signal() -> None:
    assert start("sh", "-c", "kill -KILL $$").wait(30) == 128 + signal.SIGKILL


def test_streams_pass_through() -> None:
    with start(
        "sh", "-c", "cat; echo err >&2", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as p:
        assert p.communicate("in\n") == ("in\n", "err\n")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_a_signal_to_us_reaches_the_child(name: str) -> None:
    with start(sys.executable, "-c", TRAP.format(name=name), stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.Signals[name])
        assert process.stdout.read() == f"got {name}\n"
        assert process.wait(30) == 7


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_that_comes_as_the_child_ends_is_not_for_us(name: str) -> None:
    """As Ctrl-C after fg on a busy machine: we wake for the child's earlier stop, and by then it has ended."""
    late = f"""
import signal
own = os.waitpid
def waitpid(*asked):
    found = own(*asked)
    if found[0]:
        signal.raise_signal(signal.{name})
    return found
os.waitpid = waitpid
"""
    code = RUNNER.replace("import os; ", f"import os\nexec({late!r})\n")
    assert subprocess.run([sys.executable, "-c", code, "sh", "-c", "exit 5"], check=False).returncode == 5


def test_control_c_on_a_terminal_reaches_the_child_once() -> None:
    """The terminal signals the whole group; forwarding it too would interrupt a child twice."""
    child = """
import signal, sys
waited = [signal.SIGINT, signal.SIGTERM]
signal.pthread_sigmask(signal.SIG_BLOCK, waited)
print("ready", sys.stdin.isatty(), flush=True)
count = 0
while signal.sigwait(waited) == signal.SIGINT:
    count += 1
    print("woke", flush=True)
print("interrupts", count, flush=True)
"""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", RUNNER, sys.executable, "-c", child])
    with os.fdopen(terminal, "rb", buffering=0) as screen:
        lines = iter(lambda: _line(screen.fileno()), "")
        assert any("ready True" in line for line in lines)
        for _ in range(20):  # two that meet become one, so a single try might not show a second
            os.write(screen.fileno(), b"\x03")
            assert any("woke" in line for line in lines)
        os.kill(pid, signal.SIGTERM)
        assert any("interrupts 20" in line for line in lines)
        # Before the terminal is closed: that would hang up on a process that is about to end.
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def _line(descriptor: int) -> str:
    """One line from a terminal; "" at its end, which Linux reports as EIO."""
    got = b""
    while not got.endswith(b"\n"):
        try:
            byte = os.read(descriptor, 1)
        except OSError:
            return got.decode()
        if not byte:
            return got.decode()
        got += byte
    return got.decode()


@pytest.mark.parametrize(("command", "code"), [("no-such-command-here", 127), ("/etc/passwd", 126), ("/", 126)])
def test_a_command_that_cannot_be_started(command: str, code: int) -> None:
    with pytest.raises(Failure) as failure:
        children.run([command], os.environ)
    assert failure.value.exit_code == code
