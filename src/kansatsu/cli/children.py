"""Run one command as a child that might as well have been started directly: terminal, streams, signals, exit code.

For a process with one thread: signals are waited for, and a second thread would take them away.
"""

import os
import signal
from collections.abc import Callable, Mapping, Sequence

from kansatsu.cli.output import Exit, Failure

_FORWARDED = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH}
)
# si_code of a signal that a terminal sent: the child is in the same process group and has it already (sigaction(2)).
_SI_KERNEL = 0x80


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Its exit code; 128 + N when signal N ended it. Raises Failure (127, 126) when it cannot be started."""
    return through(command[0], lambda mask: spawn(command, environ, mask))


def through(name: str, start: Callable[[set[int]], int]) -> int:
    """The same for a child that `start` makes: it is given the signals that the child must block, and gives its pid.

    Raises OSError as Failure, about the command `name`.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED | {signal.SIGCHLD})
    try:
        return _wait(start({int(number) for number in mask}))
    except FileNotFoundError:
        raise Failure(f"{name}: no such command.", Exit.NOT_FOUND) from None
    except (PermissionError, OSError) as error:
        raise Failure(f"{name} cannot be run: {error.strerror}.", Exit.NOT_EXECUTABLE) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def spawn(command: Sequence[str], environ: Mapping[str, str], mask: set[int]) -> int:
    """The pid of a child that blocks these signals and finds the others as a shell would leave them."""
    usual = [signal.SIGPIPE, signal.SIGXFSZ]
    return os.posix_spawnp(command[0], list(command), environ, setsigmask=mask, setsigdef=usual)


def _wait(child: int) -> int:
    while True:
        received = signal.sigwaitinfo(_FORWARDED | {signal.SIGCHLD})
        if received.si_signo != signal.SIGCHLD:
            if received.si_code != _SI_KERNEL:
                os.kill(child, received.si_signo)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            # The Ctrl-C that ended it comes to us too, and perhaps only after we were told of an earlier stop of it.
            while signal.sigtimedwait(_FORWARDED, 0):
                pass
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
