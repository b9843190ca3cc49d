"""What is kept of each denial for a day, so that its authorization id can be explained later: as it was, not as it is.

A file per hour and process, appended with write(2) before the answer goes out: kill -9 loses nothing that was answered,
a power cut may. The id says in which file and where, so that no index is kept and any process finds it. A file holds
each policy text once, whatever number of denials refer to it, and falls away as a whole.
"""

import logging
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kansatsu.clock import Clock
from kansatsu.identity import sync_directory

log = logging.getLogger(__name__)

DIRECTORY = "denials"
KEPT = 24 * 3600  # seconds; AWS: "at least 24 hours after the denial"
_HOUR = 3600
_FILE_BYTES = 16 << 20
_TOTAL_BYTES = 512 << 20
_LONGEST_LINE = 4 << 20
_RETRY = 60  # seconds

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_STAMP, _RANDOM, _OFFSET, _NONCE = 7, 5, 6, 12  # digits of an id: when and which file, where in it, unguessable
ID = re.compile(rf"[0-9a-z]{{{_STAMP + _RANDOM + _OFFSET + _NONCE}}}")
_FILE = re.compile(rf"[0-9a-z]{{{_STAMP + _RANDOM}}}\.jsonl")


class HeldPolicy(msgspec.Struct, frozen=True):
    """A policy as it was; `at` is where the file has its text, `entity` what it was attached to."""

    type: str
    arn: str
    owner: str
    name: str
    entity: str
    at: int = 0


class Matched(msgspec.Struct, frozen=True):
    """A statement that applied: of which policy (position in `held`), which one (from 0), where in its text."""

    policy: int
    index: int
    sid: str
    effect: str
    start: int
    end: int
    line: int


class Asked(msgspec.Struct, frozen=True):
    """One action on one resource, and what was decided; `context` is what only this one had."""

    action: str
    resource: str
    resolved: bool
    resource_account: str
    context: dict[str, str | list[str]]
    allowed: bool
    explicit: bool
    type: str
    matched: list[Matched]
    verdicts: dict[str, str]
    missing: list[str]
    policies: dict[str, Any]  # the shape of Policies, over positions in `held`


class Denial(msgspec.Struct, frozen=True):
    """A request that was denied. `asked`: the one that denied first, then the others. `whole`: nothing was cut off.
    `passed`: it went on nevertheless, for the mode was to observe.
    """

    id: str
    time: float
    request_id: str
    account: str
    operation: str
    region: str
    user_id: str
    principal: dict[str, str]
    context: dict[str, str | list[str]]
    asked: list[Asked]
    held: list[HeldPolicy]
    whole: bool
    passed: bool = False


class _Text(msgspec.Struct, frozen=True):
    text: str


_encode = msgspec.json.Encoder().encode
_denial = msgspec.json.Decoder(Denial)
_text = msgspec.json.Decoder(_Text)


class Denials:
    """The denials of a data directory; thread-safe. Writes go to files of this object alone, reads to all."""

    def __init__(self, data_dir: Path, clock: Clock, *, total_bytes: int = _TOTAL_BYTES) -> None:
        self._directory = data_dir / DIRECTORY
        self._clock = clock
        self._total = total_bytes
        self._lock = threading.Lock()
        self._fd = -1
        self._tag = ""
        self._offset = 0
        self._until = 0.0  # a new file from then on; without an open one: no new one before
        self._texts: dict[str, int] = {}

    def keep(self, denial: Denial, texts: Sequence[str]) -> str:
        """Keep a denial, whose `held` are policies with these texts; its authorization id.

        "" when there is no room: those of the last day stay, and AWS does not promise an id with every denial either.
        """
        with self._lock:
            try:
                return self._append(denial, texts) if self._ready() else ""
            except OSError as error:
                log.warning("the details of a denial cannot be kept: %s", error)
                self._end(self._clock.now().timestamp() + _RETRY)
                return ""

    def find(self, id: str) -> Denial | None:
        """The denial of an authorization id, None when there is none or no longer."""
        if not ID.fullmatch(id):
            return None
        tag, offset = id[: _STAMP + _RANDOM], int(id[_STAMP + _RANDOM : -_NONCE], 36)
        found = _decoded(self._line(tag, offset))
        return found if found is not None and found.id == id and self._lasts(tag) else None

    def text(self, denial: Denial, held: HeldPolicy) -> str:
        """The text of one of its policies. Raises KeyError when it is gone."""
        try:
            return _text.decode(self._line(denial.id[: _STAMP + _RANDOM], held.at)).text
        except msgspec.MsgspecError:
            raise KeyError(held.at) from None

    def of_request(self, account: str, request_id: str) -> Denial | None:
        """The denial of a request. Looks through all files: not for the event loop."""
        needle = b'"request_id":' + _encode(request_id)
        return self._first(account, needle)

    def newest(self, account: str) -> Denial | None:
        """The last denial in an account. Looks through files: not for the event loop."""
        return self._first(account, b'"account":' + _encode(account))

    def prune(self) -> int:
        """Delete what is older than a day; how many files."""
        gone = 0
        for path in self._files():
            if not self._lasts(path.stem):
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def close(self) -> None:
        with self._lock:
            self._end(0.0)

    def _ready(self) -> bool:
        now = self._clock.now().timestamp()
        if self._fd >= 0 and now < self._until and self._offset < _FILE_BYTES:
            return True
        if self._fd < 0 and now < self._until:
            return False
        self._end(0.0)
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self.prune()
        if sum(path.stat().st_size for path in self._files()) >= self._total:
            # INVARIANT: bounded, and nobody makes the details of others' denials disappear by being denied himself.
            log.warning("the details of further denials are not kept: %s is full", self._directory)
            self._until = now + _RETRY
            return False
        self._tag = _base36(int(now), _STAMP) + _random(_RANDOM)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(self._directory / f"{self._tag}.jsonl", flags, 0o600)
        self._offset, self._until, self._texts = 0, now + _HOUR, {}
        sync_directory(self._directory)
        return True

    def _append(self, denial: Denial, texts: Sequence[str]) -> str:
        lines: list[bytes] = []
        held: list[HeldPolicy] = []
        fresh: dict[str, int] = {}
        offset = self._offset
        for policy, text in zip(denial.held, texts, strict=True):
            at = self._texts.get(text, fresh.get(text))
            if at is None:
                at = fresh[text] = offset
                lines.append(_encode(_Text(text)) + b"\n")
                offset += len(lines[-1])
            held.append(msgspec.structs.replace(policy, at=at))
        made = self._tag + _base36(offset, _OFFSET) + _random(_NONCE)
        lines.append(_encode(msgspec.structs.replace(denial, id=made, held=held)) + b"\n")
        data = b"".join(lines)
        if os.write(self._fd, data) != len(data):
            raise OSError("no space")
        self._offset += len(data)
        self._texts.update(fresh)
        return made

    def _end(self, until: float) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._until, self._texts = -1, until, {}

    def _lasts(self, tag: str) -> bool:
        return int(tag[:_STAMP], 36) + _HOUR + KEPT > self._clock.now().timestamp()

    def _files(self) -> list[Path]:
        """Newest first."""
        if not self._directory.exists():
            return []
        found = [path for path in self._directory.iterdir() if _FILE.fullmatch(path.name)]
        return sorted(found, key=lambda path: path.name, reverse=True)

    def _line(self, tag: str, offset: int) -> bytes:
        try:
            with (self._directory / f"{tag}.jsonl").open("rb") as file:
                file.seek(offset)
                return file.readline(_LONGEST_LINE)
        except OSError:
            return b""

    def _first(self, account: str, needle: bytes) -> Denial | None:
        best: Denial | None = None
        for path in self._files():
            if not self._lasts(path.stem) or (best is not None and best.time >= int(path.stem[:_STAMP], 36) + _HOUR):
                break
            for line in _lines(path):
                found = _decoded(line) if needle in line else None
                if found is not None and found.account == account and (best is None or found.time > best.time):
                    best = found
                    break
        return best


def _lines(path: Path) -> Iterator[bytes]:
    """The last line first."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    yield from reversed(data.split(b"\n"))


def _decoded(line: bytes) -> Denial | None:
    try:
        return _denial.decode(line) if line.startswith(b'{"id":') else None
    except msgspec.MsgspecError:
        return None


def _base36(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(width, "0")


def _random(width: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(width))
