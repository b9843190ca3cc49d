"""One request on its way through the gateway, and what goes back."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kansatsu.advisor import Vouched
from kansatsu.catalog import Authorization
from kansatsu.errors import AwsError
from kansatsu.gateway import asgi, observing
from kansatsu.gateway.authentication import Identity
from kansatsu.gateway.context import Context, of_request, of_s3
from kansatsu.gateway.forms import Form
from kansatsu.http import HttpRequest
from kansatsu.identity import Snapshot
from kansatsu.policy import Decision
from kansatsu.resources import Guard
from kansatsu.services.registry import Caller, Step
from kansatsu.signing import AuthFailure, BodyVerifier, Signature, SigningError
from kansatsu.wire import Operation, Service


def new_id() -> str:
    """A random UUID (RFC 9562, version 4), without the module's objects: they cost more than the random bits."""
    digits = os.urandom(16).hex()
    return (
        f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{'89ab'[int(digits[16], 16) & 3]}{digits[17:20]}-{digits[20:]}"
    )


_OF_BODY = (AuthFailure.MISMATCH, AuthFailure.PAYLOAD_MISMATCH)


class Turn:
    """Whether anything else had a turn since it began: if not, nothing has changed."""

    def __init__(self) -> None:
        self.passed = True
        self._handle: asyncio.Handle | None = None

    def begin(self) -> None:
        """From now on; in a running event loop."""
        if self._handle is not None:
            self._handle.cancel()
        self.passed, self._handle = False, asyncio.get_running_loop().call_soon(self._pass)

    def _pass(self) -> None:
        self.passed = True


@dataclass(slots=True)
class Exchange:
    """One request on its way: what is known of it so far."""

    request: HttpRequest
    receive: asgi.Body
    client: str
    secure: bool
    now: datetime
    request_id: str = field(default_factory=new_id)
    admitted: Callable[[], None] = asgi.nothing  # tells the connection that who asks is authenticated
    service: Service | None = None
    operation: Operation | None = None
    signature: Signature | None = None
    identity: Identity | None = None
    body: BodyVerifier | None = None  # of a body that is streamed, else None
    holds: tuple[str, int] = ("", 0)  # octets of a body in memory, and whose: see bodies
    form: Form | None = None  # where an HTML form is the request
    region: str = ""
    turn: Turn = field(default_factory=Turn)  # since it was looked up what decides it
    params: dict[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)  # in the parameters -> the ARNs that they mean
    authorizations: tuple[Authorization, ...] = ()
    guards: tuple[Guard, ...] = ()  # of the authorizations, where a backend holds the resources
    read_with: str | None = None  # the key of KMS that must encrypt the object in the answer, "" for none
    steps: tuple[Step, ...] = ()  # what it makes for its caller: to be authorized, then what was done or denied
    authorized: bool = False
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)  # condition keys, in lower case
    snapshot: Snapshot | None = None  # what it is decided against
    result: Any = None  # what an operation of ours returned
    vouched: list[Vouched] = field(default_factory=list)  # who came with a token that was verified
    delivering: list[Decision] = field(default_factory=list)  # of what the backend would do by itself
    completed: bool = False  # authorizations have what only the backend knows, as far as a policy asks for it
    refused: dict[int, AwsError] = field(default_factory=dict)  # of single keys, by place in authorizations
    passed: dict[int, observing.Passed] = field(default_factory=dict)  # denials let through, by place in authorizations

    def undecided(self) -> None:
        """Forget what was decided."""
        self.authorizations, self.guards, self.read_with, self.authorized, self.completed = (), (), None, False, False
        self.delivering.clear()
        self.refused, self.passed = {}, {}

    def unauthenticated(self, failure: AuthFailure) -> None:
        """Who asked is good for nothing any more: what was allowed before is no use of it. A body that is another one
        than was signed fails like any request that was allowed."""
        if failure.general not in _OF_BODY:
            self.authorized, self.passed = False, {}

    @property
    def known(self) -> Operation:
        """The operation, once it was matched."""
        assert self.operation is not None  # noqa: S101 - the steps before have set it
        return self.operation

    @property
    def state(self) -> Snapshot:
        """What it is decided against, once its operation was matched."""
        assert self.snapshot is not None  # noqa: S101 - the steps before have set it
        return self.snapshot

    @property
    def checks(self) -> tuple[Authorization, ...]:
        """All that must be allowed: of the operation first, then of its steps."""
        return sum((step.authorizations for step in self.steps), self.authorizations)

    def keep(self, places: Sequence[int]) -> None:
        """Leave of the authorizations only those at `places`, in order, with what stands beside them."""
        self.authorizations = tuple(self.authorizations[place] for place in places)
        self.guards = tuple(self.guards[place] for place in places)
        self.passed = {new: self.passed[old] for new, old in enumerate(places) if old in self.passed}

    def context_of(self, identity: Identity) -> Context:
        """All condition keys but those of its resources, of its signer or whoever stands for it."""
        session = identity.caller.session
        own = of_request(self.request, self.client, self.secure, self.region, self.now, session)
        if self.known.service.signing_name == "s3":
            own |= of_s3(self.signature, self.request, self.params, self.now)
        return identity.context | own | self.state.organization_keys("principal", identity.caller.account)

    @property
    def name(self) -> str:
        """Its name with its service's: "s3.CreateBucket"."""
        return f"{self.known.service.name}.{self.known.name}"

    @property
    def weight(self) -> tuple[str, int]:
        """Whose it is, and how much there is to work through. INVARIANT: who sends much waits for it himself."""
        return self.caller.account, len(self.request.body)

    @property
    def signer(self) -> Identity:
        """Who signed it, and how policies see them. Raises SigningError when nobody did."""
        if self.identity is None:
            raise SigningError(AuthFailure.MISSING)
        return self.identity

    @property
    def caller(self) -> Caller:
        """Who signed it. Raises SigningError when nobody did."""
        return self.signer.caller
