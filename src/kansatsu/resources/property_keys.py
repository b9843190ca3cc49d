"""The condition keys that a check gets from what the backend says of its resource, where a policy asks for them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kansatsu.arn import Arn
from kansatsu.catalog import Authorization, ec2
from kansatsu.catalog.authorization import Context
from kansatsu.errors import AwsError, Unimplemented
from kansatsu.resources.ec2_properties import MADE, ROWS
from kansatsu.resources.knowledge import Ask, unread
from kansatsu.resources.properties import OTHERS, Properties, text
from kansatsu.resources.tags import Deciding

# Keys that AWS would set for these actions, and nobody here can: a policy that asks for one gets no answer.
# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
_UNTOLD: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("kms:schedulekeydeletion", "kms:disablekey"), frozenset({"kms:trailingdayswithoutkeyusage"})),
}
_NO_SUCH_CALL = frozenset({"NotImplemented", "UnknownOperationException", "InvalidAction", "UnsupportedOperation"})


class _Look(NamedTuple):
    """A question to the backend: about what, how, and which keys are wanted of the answer."""

    named: Arn
    properties: Properties
    wanted: frozenset[str]


async def property_keys(ask: Ask, item: Authorization, account: str, region: str, policies: Deciding) -> Context:
    """The keys that `policies` may decide by and that the backend knows; `account` owns the resource.

    What exists says itself what it is, also where a request would change it. Raises Unimplemented where it cannot be
    told what the resource is, or the backend has no such call, and ServiceUnavailable where it does not answer.
    """
    asked = frozenset().union(*(one.keys(item.action) for one in policies))
    if (untold := asked & _UNTOLD.get(item.action.lower(), frozenset())) or (untold := _unknowable(item, asked)):
        # INVARIANT: a condition on a property that nobody can tell is never taken for one on a property it has not.
        raise Unimplemented(
            f"A policy asks for {', '.join(sorted(untold))} of {item.action}, and Kansatsu cannot tell it."
        )
    found: Context = {}
    for look in _looks(item, asked):
        found |= await _answer(ask, look, look.named.account or account, look.named.region or region)
    return found


def property_keys_of(
    action: str, resource: str, resolved: bool, context: Mapping[str, str | tuple[str, ...]], keys: frozenset[str]
) -> frozenset[str]:
    """Which of these keys a check does not have unless a policy asked for them: those that `property_keys` looks up."""
    item = Authorization(action, resource, context, exact=resolved)
    looks = (look.wanted for look in _looks(item, keys))
    return _unknowable(item, keys).union(keys & _UNTOLD.get(action.lower(), frozenset()), *looks)


def _unknowable(item: Authorization, asked: frozenset[str]) -> frozenset[str]:
    """What is asked of a resource that nobody could name, or of what it is made from."""
    service, _, action = item.action.partition(":")
    if item.resource == "*":
        if item.exact:
            return frozenset()
        return (asked & _known_of(service, action)) - item.context.keys()
    named = Arn.parse(item.resource)
    if named is None or not _made(named):
        return frozenset()
    kind = named.resource.partition("/")[0]
    wanted = asked & ec2.keys_of(action, kind)
    rows = MADE.get(kind, {})
    told = {_kind(source) for source in item.sources}
    return frozenset().union(*(wanted & row.keys.keys() for source, row in rows.items() if source not in told))


def _known_of(service: str, action: str) -> frozenset[str]:
    rows = [row for row in _all(service) if action in row.actions or not row.actions]
    keys = frozenset().union(*(row.keys for row in rows))
    return keys & ec2.keys_of(action) if service == "ec2" else keys


def _all(service: str) -> Iterable[Properties]:
    if service == "ec2":
        return ROWS.values()
    # Operations on a KMS key or a function that is not known yet; S3 names what its keys are about.
    return [row for (name, _), rows in OTHERS.items() if name == service != "s3" for row in rows]


def _looks(item: Authorization, asked: frozenset[str]) -> Iterator[_Look]:
    named = Arn.parse(item.resource)
    if named is None or item.resource == "*" or not (named.account or named.service == "ec2"):
        return
    action = item.action.partition(":")[2]
    if named.service != "ec2":
        for other in OTHERS.get((named.service, re.split("[/:]", named.resource, maxsplit=1)[0]), ()):
            wanted = (asked & other.keys.keys()) - item.context.keys()
            if wanted and (action in other.actions or not other.actions):
                yield _Look(named, other, wanted)
        return
    kind = named.resource.partition("/")[0]
    wanted = asked & ec2.keys_of(action, kind)
    if ec2.makes(action):
        wanted -= item.context.keys()
    if not _made(named):
        row = ROWS.get(kind)
        if row is not None and (here := wanted & row.keys.keys()):
            yield _Look(named, row, here)
        return
    for source in item.sources:
        origin, before = Arn.parse(source), MADE.get(kind, {}).get(_kind(source))
        if before is not None and origin is not None and (here := wanted & before.keys.keys()):
            yield _Look(origin, before, here)


def _made(named: Arn) -> bool:
    return named.service == "ec2" and named.resource.endswith("/*")


def _kind(arn: str) -> str:
    return arn.split(":", 5)[5].partition("/")[0]


async def _answer(ask: Ask, look: _Look, account: str, region: str) -> Context:
    row, named = look.properties, look.named
    try:
        answer = await ask(account, region, row.service, row.operation, row.params(named))
    except AwsError as error:
        if any(end in error.code for end in row.absent):
            return {}
        if error.status in (405, 501) or error.code in _NO_SUCH_CALL:
            raise Unimplemented(
                f"A policy asks for {', '.join(sorted(look.wanted))} of {named}, and the backend cannot tell it."
            ) from error
        # INVARIANT: what cannot be read refuses the request; it is never taken for absent.
        raise unread(f"The properties of {named}", error) from error
    item = row.item(answer)
    if item is None:
        return {}
    values = {key: text(row.keys[key](item, named)) for key in look.wanted}
    return {key: value for key, value in values.items() if value is not None}
