"""An operation as the catalog knows it: compiled once, on its first request, and kept with the operation."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kansatsu.catalog import generic, passing, reference, tags
from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.launches import Within, within
from kansatsu.catalog.plans import Plan, plan
from kansatsu.catalog.rules import Custom, Finder, Frame, Rules, rules_of
from kansatsu.catalog.values import Unsure, told
from kansatsu.catalog.words import Member, makes, members_of, plain
from kansatsu.wire import Operation

How = Literal["table", "rule", "fall-back"]


@dataclass(slots=True)
class Entry:
    """What one operation must be allowed to do."""

    service: str
    how: How
    plans: tuple[Plan, ...]
    custom: Custom | None
    also: tuple[tuple[str, Finder], ...]  # further actions on what is only sometimes given
    passes: tuple[passing.Pass, ...]
    within: tuple[Within, ...]  # roles that are passed unnamed
    tags: tuple[tuple[str, ...], tuple[str, ...]]
    keys: tuple[tuple[str, str], ...]  # (path, condition key)
    defaults: Context  # condition keys of what is not given
    one_by_one: bool
    request_tag: str  # what the service's own keys of request tags begin with
    tagging: str
    tagged: tuple[str, str] | None

    def resolve(self, operation: Operation, params: Params, frame: Frame) -> Iterator[Authorization]:
        """Every check of one call."""
        context = self._context(params)
        found = self.custom(operation, params, frame) if self.custom else None
        main = list(self._planned(params, frame) if found is None else found)
        for one in _each(context) if self.one_by_one else (context,):
            for item in main:
                own = {**one, **item.context} if one else item.context
                yield Authorization(item.action, item.resource, own, item.exact)
        if self.tagging and "aws:tagkeys" in context:
            for item in main:
                resource = frame.arn(*self.tagged) if self.tagged else item.resource
                yield Authorization(self.tagging, resource, context, item.exact)
        yield from self.further(params, frame)

    def further(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        """What a call needs beside its own action: keys that it names, roles that it passes."""
        # https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        own: Context = {
            "kms:viaservice": f"{self.service}.{frame.region}.amazonaws.com",
            "kms:calleraccount": frame.account,
        }
        for action, finder in self.also:
            context = own if action.startswith("kms:") else self._shared(action, params)
            try:
                found = dict.fromkeys(finder(params, frame))
                yield from [Authorization(action, resource, context) for resource in found]
            except Unsure:
                yield Authorization(action, "*", context, exact=False)
        for role in (*self.passes, *self.within):
            yield from role.resolve(params, frame)

    def _shared(self, action: str, params: Params) -> Context:
        """The condition keys of the call that a further action of its service has, too."""
        prefix, _, name = action.partition(":")
        known = reference.documented(prefix, name)
        keys = {key.lower() for key in known.keys if key.startswith(f"{prefix}:")} if known else ()
        return {key: value for key, value in self._context(params).items() if key in keys} if keys else {}

    def _planned(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        for one in self.plans:
            yield from _checks(one, params, frame)

    def _context(self, params: Params) -> Context:
        found = tags.request_tags(params, self.tags)
        if self.request_tag:
            own = {key.replace("aws:requesttag/", self.request_tag): value for key, value in found.items()}
            found |= {key: value for key, value in own.items() if key.startswith(self.request_tag)}
        given: dict[str, tuple[str, ...]] = {}
        for path, key in self.keys:
            given[key] = given.get(key, ()) + told(params, path)
        found |= self.defaults
        return found | {key: values if len(values) > 1 else values[0] for key, values in given.items() if values}


def _each(context: Context) -> Iterator[Context]:
    """INVARIANT: what one of several containers has is not covered by what its neighbour has."""
    many = {key: value for key, value in context.items() if not isinstance(value, str) and key != "aws:tagkeys"}
    for place in range(max(map(len, many.values()), default=1)):
        yield context | {key: values[min(place, len(values) - 1)] for key, values in many.items()}


def _checks(one: Plan, params: Params, frame: Frame) -> Iterator[Authorization]:
    resources = one.resources(params, frame)
    if resources is None:
        # INVARIANT: what cannot be named surely is "*" and not exact: only a policy on everything allows it.
        yield Authorization(one.action, "*", {}, exact=False)
        return
    for resource in resources:
        yield Authorization(one.action, resource)


def entry(operation: Operation) -> Entry:
    """The entry of an operation; compiled when it is first asked for."""
    found = operation.codecs.get("catalog")
    if found is None:
        found = operation.codecs["catalog"] = _compile(operation)
    assert isinstance(found, Entry)  # noqa: S101 - nobody else writes under this name
    return found


def _compile(operation: Operation) -> Entry:
    service, name = operation.service, operation.name
    rules = rules_of(service.name)
    members = members_of(operation)
    plans = tuple(plan(prefix, action, name, members, rules) for prefix, action in actions(operation, rules))
    custom = rules.custom if not rules.custom_of or name in rules.custom_of else None
    prefix = plans[0].action.partition(":")[0]
    row = name in rules.actions or name in rules.types or any(one.finder for one in plans)
    own = row or any(kind.own for one in plans for kind in one.kinds or ())
    exact = all(one.exact for one in plans)
    how: How = "table" if (own and exact) or (custom and not exact) else "rule" if exact else "fall-back"
    given = tuple(member.name for member in members)
    return Entry(
        service.name,
        how,
        plans,
        custom,
        rules.also.get(name, ()),
        passing.passes(operation, prefix),
        tuple(within(service.name, name)),
        tags.members(given),
        tuple(_keys(name, plans, members, rules)),
        {key.lower(): value for key, value in rules.key_defaults.get(name, {}).items()},
        rules.one_by_one,
        rules.request_tag,
        _tagging(name, prefix, rules),
        (prefix, rules.tagged[name]) if name in rules.tagged else None,
    )


# What tags given on creation need too, by the names that services have for it.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
_TAGGING = ("TagResource", "AddTagsToResource", "AddTags")


def _tagging(operation: str, prefix: str, rules: Rules) -> str:
    if not makes(operation) or operation.startswith(("Add", "Start", "Submit", "Send")):
        return ""
    names = (rules.tagging,) if rules.tagging else _TAGGING
    found = next((name for name in names if reference.spelled(prefix, name)), "")
    return f"{prefix}:{found}" if found else ""


def actions(operation: Operation, rules: Rules) -> Iterator[tuple[str, str]]:
    """The (prefix, action) pairs of an operation, before its parameters are known."""
    row = rules.actions.get(operation.name)
    prefix, _, name = generic.action(operation).partition(":")
    for action in (row,) if isinstance(row, str) else row or (name,):
        own, _, bare = action.rpartition(":")
        yield own or rules.prefix or prefix, bare


def _keys(name: str, plans: tuple[Plan, ...], members: tuple[Member, ...], rules: Rules) -> Iterator[tuple[str, str]]:
    """Condition keys that parameters fill: those of the table, and those that are called like a parameter."""
    table = {**rules.keys.get("*", {}), **rules.keys.get(name, {})}
    tops = {member.name for member in members}
    for path, key in table.items():
        if re.split(r"[.|\[{]", path, maxsplit=1)[0] in tops:
            yield path, key.lower()
    done = {key.lower() for key in table.values()}
    texts = {member.plain: member.name for member in members if member.text or member.flag}
    for one in plans:
        prefix, _, action = one.action.partition(":")
        known = reference.documented(prefix, action)
        for key in known.keys if known else ():
            own, _, bare = key.partition(":")
            # An ARN is wanted there: a parameter may hold a name instead, and would say something else.
            kind = reference.key_types(prefix).get(key.lower(), "")
            if own == prefix and key.lower() not in done and "arn" not in (bare.lower(), kind.lower()):
                member = texts.get(plain(bare))
                if member and not bare.lower().endswith("arn"):
                    yield member, key.lower()
