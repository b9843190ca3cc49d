"""Operations of ours that another one makes for its caller, as AWS's services do in forward access sessions.

The caller needs the permissions for each, with the condition keys that say which service asked for them; each is
recorded as the operation that it is, with the service that invoked it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from kansatsu.catalog import Authorization
from kansatsu.errors import Unimplemented
from kansatsu.services.registry import Call, Handler, Step, handler

VIA = "kansatsu.amazonaws.com"
_KEYS: Mapping[str, str | tuple[str, ...]] = {
    "aws:viaawsservice": "true",
    "aws:calledvia": (VIA,),
    "aws:calledviafirst": VIA,
    "aws:calledvialast": VIA,
}
Asked = tuple[str, dict[str, Any]]  # an operation and its parameters


def authorized(call: Call, service: str, those: Iterable[Asked]) -> Iterator[Step]:
    """What must be allowed for each of these operations."""
    for name, params in those:
        checks = _handler(service, name).authorizations(call, params)
        yield Step(service, name, params, tuple(map(_via, checks)))


def run(call: Call, service: str, those: Iterable[Asked]) -> list[Step]:
    """Do them in the transaction of the call; once that is committed, they belong into `call.made`."""
    made = []
    for step in authorized(call, service, those):
        found = _handler(service, step.name)
        made.append(replace(step, made=True, result=found.function(call, **found.bind(step.params))))
    return made


def _via(check: Authorization) -> Authorization:
    return replace(check, context={**check.context, **_KEYS})


def _handler(service: str, name: str) -> Handler:
    found = handler(service, name)
    if found is None:
        raise Unimplemented(f"Kansatsu does not implement {service}:{name}.")
    return found
