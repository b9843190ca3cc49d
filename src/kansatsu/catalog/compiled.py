"""An operation as the catalog knows it: compiled once, on its first request, and kept with the operation."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from kansatsu.catalog import generic, passing, reference, tags
from kansatsu.catalog.authorization import Authorization, Context, Params
from kansatsu.catalog.plans import Plan, plan
from kansatsu.catalog.rules import Custom, Frame, Rules, rules_of
from kansatsu.catalog.values import Unsure, read
from kansatsu.catalog.words import Member, makes, members_of, plain
from kansatsu.wire import Operation

How = Literal["table", "rule", "fall-back"]


@dataclass(slots=True)
class Entry:
    """What one operation must be allowed to do."""

    how: How
    plans: tuple[Plan, ...]
    custom: Custom | None
    also: tuple[tuple[Plan, str], ...]  # checks for what is only sometimes given: (plan, path)
    passes: tuple[passing.Pass, ...]
    tags: tuple[tuple[str, ...], tuple[str, ...]]
    keys: tuple[tuple[str, str], ...]  # (path, condition key)
    tagging: str

    def resolve(self, operation: Operation, params: Params, frame: Frame) -> Iterator[Authorization]:
        """Every check of one call."""
        context = self._context(params)
        found = self.custom(operation, params, frame) if self.custom else None
        main = list(self._planned(params, frame) if found is None else found)
        for item in main:
            own = {**context, **item.context} if context else item.context
            yield Authorization(item.action, item.resource, own, item.exact)
        if self.tagging and "aws:tagkeys" in context:
            for item in main:
                yield Authorization(self.tagging, item.resource, context, item.exact)
        for more, path in self.also:
            if _given(params, path):
                yield from _checks(more, params, frame)
        for role in self.passes:
            yield from role.resolve(params, frame)

    def _planned(self, params: Params, frame: Frame) -> Iterator[Authorization]:
        for one in self.plans:
            yield from _checks(one, params, frame)

    def _context(self, params: Params) -> Context:
        found = tags.request_tags(params, self.tags)
        for path, key in self.keys:
            try:
                values = tuple(read(params, path))
            except Unsure:
                continue
            if values:
                found[key] = values if len(values) > 1 else values[0]
        return found


def _given(params: Params, path: str) -> bool:
    try:
        return next(read(params, path), None) is not None
    except Unsure:
        return True


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
    plans = tuple(plan(prefix, action, name, members, rules) for prefix, action in _actions(operation, rules))
    custom = rules.custom
    row = name in rules.actions or name in rules.types or any(one.finder for one in plans)
    own = row or any(kind.own for one in plans for kind in one.kinds or ())
    how: How = "fall-back" if not custom and not all(one.exact for one in plans) else "table" if own else "rule"
    given = tuple(member.name for member in members)
    return Entry(
        how,
        plans,
        custom,
        tuple(_also(operation, rules)),
        passing.passes(service.name, name),
        tags.members(given),
        tuple(_keys(name, plans, members, rules)),
        f"{plans[0].action.partition(':')[0]}:{rules.tagging}" if rules.tagging and makes(name) else "",
    )


def _actions(operation: Operation, rules: Rules) -> Iterator[tuple[str, str]]:
    row = rules.actions.get(operation.name)
    prefix, _, name = generic.action(operation).partition(":")
    for action in (row,) if isinstance(row, str) else row or (name,):
        own, _, bare = action.rpartition(":")
        yield own or rules.prefix or prefix, bare


def _also(operation: Operation, rules: Rules) -> Iterator[tuple[Plan, str]]:
    for action, key, path in rules.also.get(operation.name, ()):
        prefix, _, name = action.partition(":")
        members = members_of(operation)
        own = Rules(
            rules.page,
            types={operation.name: (key,)},
            names={key: (path,)},
            templates=rules.templates,
            paths=rules.paths,
        )
        yield plan(prefix, name, operation.name, members, own), path


def _keys(name: str, plans: tuple[Plan, ...], members: tuple[Member, ...], rules: Rules) -> Iterator[tuple[str, str]]:
    """Condition keys that parameters fill: those of the table, and those that are called like a parameter."""
    table = {**rules.keys.get("*", {}), **rules.keys.get(name, {})}
    tops = {member.name for member in members}
    for path, key in table.items():
        if path.partition(".")[0].partition("[")[0].partition("{")[0] in tops:
            yield path, key.lower()
    done = {key.lower() for key in table.values()}
    texts = {member.plain: member.name for member in members if member.text}
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
