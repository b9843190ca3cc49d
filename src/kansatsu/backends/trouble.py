"""What can go wrong between us and a backend, each in one word of ours, and the answer that a client gets for it."""

import ssl
from dataclasses import dataclass
from enum import StrEnum

from kansatsu.errors import ServiceUnavailable


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds to connect, to the head of an answer, without any progress; how often a call is tried again."""

    connect: float = 5.0
    answer: float = 60.0
    idle: float = 60.0
    retries: int = 2


class Trouble(StrEnum):
    """The values complete the sentence "The backend ..."."""

    UNREACHABLE = "cannot be reached"
    UNTRUSTED = "has a certificate that is not trusted"
    NO_TLS = "does not speak TLS"
    SILENT = "did not answer in time"
    STALLED = "did not take the request in time"
    STUCK = "did not go on with its answer in time"
    CLOSED = "closed the connection without an answer"
    BROKEN_OFF = "broke off its answer"
    GARBAGE = "gave an answer that is not HTTP"
    REFUSED = "does not accept the credentials that Kansatsu has for it"


class Failure(Exception):
    """No answer, or not a whole one.

    `untouched`: nothing of the request went out. `silent`: no answer had begun.
    """

    def __init__(self, trouble: Trouble, detail: str = "", *, untouched: bool = False, silent: bool = False) -> None:
        super().__init__(f"{trouble.value}: {detail}" if detail else trouble.value)
        self.trouble = trouble
        self.untouched = untouched
        self.silent = silent


def answer(failure: Failure) -> ServiceUnavailable:
    """The error for a client: what happened, without addresses; the log and `kansatsu status` have the rest."""
    return ServiceUnavailable(f"The backend {failure.trouble.value}. Please try again.")


def of_connecting(error: OSError, seconds: float) -> Failure:
    """Why no connection came about; `seconds` is how long it was tried."""
    if isinstance(error, TimeoutError):
        return Failure(Trouble.UNREACHABLE, f"no connection within {seconds:g} s", untouched=True, silent=True)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure(Trouble.UNTRUSTED, error.verify_message, untouched=True, silent=True)
    if isinstance(error, ssl.SSLError):
        return Failure(Trouble.NO_TLS, error.reason or str(error), untouched=True, silent=True)
    return Failure(Trouble.UNREACHABLE, error.strerror or str(error), untouched=True, silent=True)
