"""The decorator by which a function becomes an AWS operation, and the table of all of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, TypeAlias, TypeVar

from botocore import xform_name
from sqlalchemy import Connection

from kansatsu.advisor import Recorder, Vouched
from kansatsu.catalog import Authorization
from kansatsu.clock import Clock
from kansatsu.errors import AccessDenied, DryRunOperation, Unimplemented
from kansatsu.identity import Session, Snapshot, Store
from kansatsu.policy import Decision, is_free
from kansatsu.resources import Resources
from kansatsu.services.issuers import Issuers
from kansatsu.wire import Operation
from kansatsu.workload import Workload
from kansatsu.workload.processes import LEARNING

Params = Mapping[str, Any]
Named: TypeAlias = str | Authorization | Iterable[str | Authorization]
F = TypeVar("F", bound=Callable[..., Any])


class Refused(AccessDenied):
    """The denial of an operation that decides by itself; the gateway keeps why, and tells the caller where."""

    def __init__(self, message: str, decision: Decision) -> None:
        super().__init__(message)
        self.decision = decision


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed the request, by its unique id; `session` when it did so with temporary credentials."""

    account: str
    kind: str  # user | role | root | federated
    id: str  # AIDA...: the user, also of a federated user; AROA...: the role
    name: str
    arn: str  # of the user, the role session or the federated user
    access_key_id: str
    session: Session | None = None

    @property
    def user_id(self) -> str:
        """aws:userid: the user's unique id, ROLE-ID:SESSION-NAME, or ACCOUNT:NAME of a federated user."""
        return self.session.user_id if self.session else self.id

    @property
    def learning(self) -> str:
        """The handle of the process that learns with these credentials; "" for everybody else."""
        return self.session.source.get(LEARNING, "") if self.session else ""


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of ours that another one makes for its caller: authorized and recorded as the operation it is.

    `made`: it was done, with `result`; else it is what will be asked for.
    """

    service: str
    name: str
    params: Params
    authorizations: tuple[Authorization, ...]
    made: bool = False
    result: Any = None


@dataclass(slots=True)
class Call:
    """One authorized call of an operation: who, where, when, and what the handler works with."""

    caller: Caller
    account: str
    region: str
    request_id: str
    now: datetime
    context: Mapping[str, str | tuple[str, ...]]  # condition keys of the request, in lower case
    store: Store
    recorder: Recorder
    workload: Workload
    clock: Clock
    issuers: Issuers = field(default_factory=Issuers, repr=False)
    _snapshot: Snapshot | None = field(default=None, repr=False)
    _resources: Resources | None = field(default=None, repr=False)
    _open: Callable[[], Connection] | None = field(default=None, repr=False)
    _conn: Connection | None = field(default=None, repr=False)
    made: list[Step] = field(default_factory=list)  # what was done for the caller besides, for the record
    vouched: list[Vouched] = field(default_factory=list)  # for whom, where nobody signed it, for the record
    host: str = ""  # what the request was sent to
    state: Any = field(default=None, repr=False)  # what its steps were worked out from, for the operation itself

    @property
    def snapshot(self) -> Snapshot:
        """The state that this call was authenticated against, or one as fresh."""
        if self._snapshot is None:
            self._snapshot = self.store.snapshot()
        return self._snapshot

    @property
    def resources(self) -> Resources:
        """What is known of the backends' resources; only an asynchronous operation can ask."""
        if self._resources is None:
            raise RuntimeError("there is no backend behind this call")
        return self._resources

    @property
    def conn(self) -> Connection:
        """The transaction of this operation, opened at its first use; asynchronous operations have none."""
        if self._conn is None:
            if self._open is None:
                raise RuntimeError("an asynchronous operation opens transactions through call.store")
            self._conn = self._open()
        return self._conn

    def enter(self, opens: Callable[[], Connection] | None) -> None:
        """Set where the connection for what comes next is from: to authorize, then to run."""
        self._open, self._conn = opens, None


@dataclass(frozen=True, slots=True)
class Handler:
    """An operation as the gateway runs it."""

    service: str
    name: str
    function: Callable[..., Any]
    resource: Callable[[Call, Params], Named]
    authorize: Callable[[Call, Params], Iterable[Authorization]] | None
    write: bool
    is_async: bool
    looks: bool
    always_allowed: bool
    action: str
    arguments: tuple[str, ...]
    steps: Callable[[Call, Params], Iterable[Step]] | None = None
    slow: bool = False
    before: str = ""

    def authorizations(self, call: Call, params: Params) -> list[Authorization]:
        """Everything the caller must be allowed: the operation's action on each resource, then the further checks."""
        named = self.resource(call, params)
        first = (named,) if isinstance(named, str | Authorization) else named
        checks = [Authorization(self.action, item, {}, True) if isinstance(item, str) else item for item in first]
        if self.authorize is not None:
            checks.extend(self.authorize(call, params))
        return checks

    def bind(self, params: Params) -> dict[str, Any]:
        """Parameters by AWS name -> keyword arguments; only called once the request is authorized.

        Raises DryRunOperation when that was all the caller wanted to know, and Unimplemented for a member that the
        function does not take: what we do not honour is never dropped silently.
        https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html
        """
        arguments = {}
        for name, value in params.items():
            argument = xform_name(name)
            if argument in self.arguments:
                arguments[argument] = value
            elif name == "DryRun":
                if value:
                    raise DryRunOperation("Request would have succeeded, but DryRun flag is set.")
            else:
                raise Unimplemented(f"The parameter {name} of {self.name} is not implemented.")
        return arguments


_handlers: dict[tuple[str, str], Handler] = {}


def everything(_call: Call, _params: Params) -> str:
    """The resource of an operation that has none: only a policy that says "*" reaches it."""
    return "*"


def operation(
    service: str,
    name: str,
    *,
    resource: Callable[[Call, Params], Named] = everything,
    authorize: Callable[[Call, Params], Iterable[Authorization]] | None = None,
    write: bool = False,
    looks: bool = False,
    always_allowed: bool = False,
    action: str = "",
    steps: Callable[[Call, Params], Iterable[Step]] | None = None,
    slow: bool = False,
    before: str = "",
) -> Callable[[F], F]:
    """Register a function as AWS operation `name` of `service`.

    `resource` names what the call is authorized on, as ARNs or as Authorizations where the resource has condition keys
    of its own (tags); `authorize` adds further checks (iam:PassRole); `steps` are operations of ours that it will make
    for the caller, who must be allowed each: what it did of them it appends to `call.made`. `looks`: it says how
    workloads are, so after a start it waits until they have been looked at. `always_allowed` is for operations that
    decide by themselves, through a trust policy; what needs no permission is so anyway. `slow`: the request says how
    much there is to work out, or to find out of what must be allowed, for which others do not wait. `before`: an action
    on everything that must be allowed before that is found out.
    """

    def register(function: F) -> F:
        arguments = tuple(
            p.name for p in list(signature(function).parameters.values())[1:] if p.kind is not Parameter.VAR_KEYWORD
        )
        _handlers[service, name] = Handler(
            service,
            name,
            function,
            resource,
            authorize,
            write,
            iscoroutinefunction(function),
            looks,
            always_allowed or is_free(f"{service}:{name}"),
            action or f"{service}:{name}",
            arguments,
            steps,
            slow,
            before,
        )
        return function

    return register


def handler(service: str, name: str) -> Handler | None:
    """The handler of an operation, or None: then it is not implemented here."""
    return _handlers.get((service, name))


def handlers() -> Iterable[Handler]:
    """All of them, for the tests that hold each against the botocore model."""
    return _handlers.values()


def mismatches(item: Handler, model: Operation) -> list[str]:
    """Parameters of the function that the botocore model does not know; members it does not take are 501 in `bind`."""
    known = {xform_name(member) for member in model.input_members}
    return sorted(set(item.arguments) - known)
