"""Becomes a program that ends with the process that started it, however that one ends (prctl(2), PR_SET_PDEATHSIG)."""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def command(*words: str) -> list[str]:
    """What to start so that `words`, the first of which is a path, runs tied to this process."""
    return [sys.executable, "-m", "kansatsu.cli.tied", str(os.getpid()), *words]


def main(parent: int, words: list[str]) -> None:
    """Replace this process by `words`, unless the parent has ended already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:
        os.execv(words[0], words)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
