"""Tokens that prove a task at the address of EKS Pod Identity: one ends after a day, and its file has the next by then.

https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html (expirationSeconds: 86400)
https://kubernetes.io/docs/concepts/storage/projected-volumes/ (renewed after 80 percent of its time)
"""

import base64
import hashlib
import hmac
import logging
import math
import os
from pathlib import Path

from kansatsu.workload.providers import Mount
from kansatsu.workload.tasks.roster import Member, Roster
from kansatsu.workload.tasks.task import Task, TaskContainer

log = logging.getLogger(__name__)

LIFETIME = 86400
_RENEWED = 0.8 * LIFETIME
_PAUSE = 60.0  # seconds after a failure
_DIGITS = 10  # of epoch seconds: all tokens are equally long


def issue(secret: str, task_id: str, now: float) -> str:
    """A token that ends LIFETIME seconds from now. Nothing of it is stored: `secret` is what the store has."""
    return _signed(secret, task_id, f"{int(now) + LIFETIME:0{_DIGITS}}")


def ends(secret: str, task_id: str, given: str) -> float | None:
    """When a token ends, in epoch seconds; None for what is none of this task's.

    The secret itself, in the environment of a process that cannot be told another one, ends with the task.
    """
    # INVARIANT: bound to the task, compared in constant time, before anything in it is believed.
    if secret and _same(given, secret):
        return math.inf
    ending = given[:_DIGITS]
    known = secret and ending.isascii() and ending.isdigit() and _same(given, _signed(secret, task_id, ending))
    return float(ending) if known else None


def _signed(secret: str, task_id: str, ending: str) -> str:
    mac = hmac.new(secret.encode(), f"kansatsu pod token\0{task_id}\0{ending}".encode(), hashlib.sha256).digest()
    return f"{ending}.{base64.urlsafe_b64encode(mac).decode()}"


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())


class TokenFiles:
    """The files that containers read their tokens from: our own, mounted read-only, in a directory that is ours alone.

    INVARIANT: no token is written through a path inside a container: what runs there may have made it a link.
    """

    def __init__(self, directory: Path, roster: Roster) -> None:
        self._directory = directory
        self._roster = roster

    def mounted(self, task: Task, container: TaskContainer, path: str) -> Mount:
        """A file with a token, to be seen at `path`. Raises OSError."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        source = self._directory / container.id
        source.touch()
        source.chmod(0o644)  # whoever the application is, it reads it
        self._write(task, source)
        return Mount(str(source.absolute()), path, read_only=True)

    def renew(self, member: Member) -> None:
        """Write new tokens where it is time; after a start of ours it always is."""
        now = self._roster.now()
        if now < member.renew_at:
            return
        member.renew_at = now + _RENEWED
        try:
            for container in member.task.containers:
                if (source := self._directory / container.id).exists():
                    self._write(member.task, source)
        except OSError as error:
            log.warning("task %s: no new token could be written: %s", member.task.id, error)
            member.renew_at = now + _PAUSE

    def remove(self, task: Task) -> None:
        """Those of a task that is no more."""
        for container in task.containers:
            (self._directory / container.id).unlink(missing_ok=True)

    def _write(self, task: Task, source: Path) -> None:
        """In its place, in one write of the same length: it is the file itself that is mounted."""
        with source.open("r+b", buffering=0) as file:
            os.pwrite(file.fileno(), issue(task.token, task.credential_id, self._roster.now()).encode(), 0)
