"""Run one command as a child that might as well have been started directly: terminal, streams, signals, exit code.

For a process with one thread: signals are waited for, and a second thread would take them away.
"""

import os
import signal
from collections.abc import Mapping, Sequence

from kansatsu.cli.output import Exit, Failure

_FORWARDED = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH}
)
# si_code of a signal that a terminal sent: the child is in the same process group and has it already (sigaction(2)).
_SI_KERNEL = 0x80


def run(command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Its exit code; 128 + N when signal N ended it. Raises Failure (127, 126) when it cannot be started."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED | {signal.SIGCHLD})
    try:
        child = os.posix_spawnp(
            command[0], list(command), environ, setsigmask=mask, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ]
        )
        return _wait(child)
    except FileNotFoundError:
        raise Failure(f"{command[0]}: no such command.", Exit.NOT_FOUND) from None
    except (PermissionError, OSError) as error:
        raise Failure(f"{command[0]} cannot be run: {error.strerror}.", Exit.NOT_EXECUTABLE) from None
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _wait(child: int) -> int:
    while True:
        received = signal.sigwaitinfo(_FORWARDED | {signal.SIGCHLD})
        if received.si_signo != signal.SIGCHLD:
            if received.si_code != _SI_KERNEL:
                os.kill(child, received.si_signo)
            continue
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
