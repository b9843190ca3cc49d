"""The general rule: an operation is compiled once to what fills the ARN templates of its action from its parameters.

A resource type is named by a parameter called like the placeholder in its ARN template or like the type itself, as a
name, an id or an ARN. What several parameters name is authorized for each; what contradicts itself or may be read two
ways makes the whole call inexact.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from kansatsu.catalog import reference
from kansatsu.catalog.authorization import Params
from kansatsu.catalog.reference import TypeOf
from kansatsu.catalog.rules import NOTHING, Finder, Frame, Rules
from kansatsu.catalog.values import Unsure, arn_parts, read, safe
from kansatsu.catalog.words import Member, is_new, noun, plain, same_thing, sources

_PLACEHOLDER = re.compile(r"\$\{([^}]+)\}")
_ACCOUNT = re.compile(r"[0-9]{12}")
ANY = "*"


class Template:
    """An ARN template taken apart: what fills it, and what an ARN that is given must look like."""

    __slots__ = (
        "_paths",
        "_pattern",
        "account",
        "parents",
        "parts",
        "placeholder",
        "region",
        "service",
        "slashes",
        "text",
    )

    def __init__(self, text: str, slashes: bool, paths: frozenset[str] = frozenset()):
        self.text, self.slashes, self._paths = text, slashes, paths
        _, _, self.service, self.region, self.account, resource = text.split(":", 5)
        self.parts = _PLACEHOLDER.split(resource)
        names = self.parts[1::2]
        self.parents, self.placeholder = tuple(names[:-1]), names[-1] if names else ""
        self._pattern = re.compile("".join(self._groups()))

    def _groups(self) -> Iterator[str]:
        last = len(self.parts) - 2
        for place, part in enumerate(self.parts):
            if place % 2 == 0:
                yield re.escape(part)
            else:
                yield "([^:]+)" if self._is_path(place // 2, last // 2, part) else "([^/:]+)"

    def _is_path(self, place: int, last: int, name: str) -> bool:
        return (self.slashes and place == last) or name in self._paths

    def fill(self, values: Sequence[str], frame: Frame) -> str:
        """The ARN of what has these values for the placeholders, in the request's account and region."""
        resource = self.resource(values)
        region = frame.region if self.region.startswith("$") else self.region
        account = frame.account if self.account.startswith("$") else self.account
        return f"arn:aws:{self.service}:{region}:{account}:{resource}"

    def resource(self, values: Sequence[str]) -> str:
        """The end of the ARN."""
        return "".join(values[place // 2] if place % 2 else part for place, part in enumerate(self.parts))

    def match(self, parts: Sequence[str]) -> tuple[str, ...] | None:
        """The values of the placeholders in a given ARN; None when it is of another kind."""
        _, _, service, region, account, resource = parts
        fits = (
            service == self.service
            and (region == self.region or (self.region.startswith("$") and bool(region)))
            and (account == self.account or (self.account.startswith("$") and _ACCOUNT.fullmatch(account) is not None))
        )
        found = self._pattern.fullmatch(resource) if fits else None
        if found is None:
            return None
        values = found.groups()
        names = self.parts[1::2]
        if not all(safe(v, self._is_path(i, len(values) - 1, names[i])) for i, v in enumerate(values)):
            raise Unsure(resource)
        return values


@dataclass(slots=True)
class Kind:
    """A resource type of one operation: `names` are paths that hold its id or ARN, `parents` those of what it is in."""

    key: str
    template: Template
    required: bool
    made: bool
    reads: bool
    fixed: str = ""
    names: tuple[str, ...] = ()
    parents: tuple[tuple[str, ...], ...] = ()
    defaults: tuple[str, ...] = ()
    slashed: frozenset[str] = frozenset()  # parents whose names may hold slashes
    own: bool = False  # by a row of the service's table
    form: Template | None = None  # what it is authorized as, where that is not what an ARN of it looks like

    @property
    def resolves(self) -> bool:
        """Whether parameters can name it at all, or need not."""
        parents = all(paths or default for paths, default in zip(self.parents, self.defaults, strict=True))
        parents = parents or any(map(_holds_arn, self.names))
        return parents and bool(self.names or self.fixed or self.made or not self.template.placeholder)


@dataclass(slots=True)
class Plan:
    """How one action of an operation is authorized. `kinds` None: nobody documents its resources; (): on "*"."""

    action: str
    kinds: tuple[Kind, ...] | None
    arns: tuple[str, ...] = ()  # members that may hold an ARN of any of the types
    related: dict[str, Template] = field(default_factory=dict)  # placeholder -> the type whose id it is
    lower: bool = False
    finder: Finder | None = None
    owners: tuple[str, ...] = ()  # members that say in whose account the resources are
    account: str = ""  # the one of them that AWS authorizes by
    others: tuple[str, ...] = ()  # members that look as if they named something, and no type of resources knows

    @property
    def exact(self) -> bool:
        """Whether parameters can say everything that AWS requires."""
        if self.finder:
            return True
        if not self.kinds:
            return self.kinds is not None
        required = [kind for kind in self.kinds if kind.required]
        if self._alternatives():
            return True
        return all(k.resolves for k in required) if required else any(k.resolves for k in self.kinds)

    def _alternatives(self) -> bool:
        return bool(self.arns) and not any(kind.names or kind.made or kind.fixed for kind in self.kinds or ())

    def resources(self, params: Params, frame: Frame) -> list[str] | None:
        """The ARNs that the call must be allowed for; None: they cannot be told surely."""
        if not self.kinds and self.finder is None:
            return None if self.kinds is None else [ANY]
        try:
            frame = self._place(params, frame)
            if self.finder:
                return list(dict.fromkeys(self.finder(params, frame))) or None
            return self._resources(params, frame)
        except Unsure:
            return None

    def _place(self, params: Params, frame: Frame) -> Frame:
        """INVARIANT: what is said to be in another account is not authorized as if it were in this one."""
        for owner in self.owners:
            for value in read(params, owner):
                if value != frame.account:
                    if owner != self.account or not _ACCOUNT.fullmatch(value):
                        raise Unsure(owner)
                    frame = replace(frame, account=value)
        return frame

    def _resources(self, params: Params, frame: Frame) -> list[str] | None:
        found: dict[str, None] = {}
        taken: dict[str, str] = {}
        by_arn = dict.fromkeys(self._given_arns(params, frame))
        missing = []
        kinds = self.kinds or ()
        for kind in kinds:
            arns = self._of(kind, params, frame, taken)
            if arns is None and kind.required:
                missing.append(kind)
            found |= dict.fromkeys(arns or ())
        found |= by_arn
        # Several types of which an ARN names one: AWS lists all as required, and means one of them.
        if missing and not (by_arn and self.arns and not any(kind.names for kind in missing)):
            return None
        if found:
            return list(found)
        # INVARIANT: nothing named is "*" only where something could have been named and was not.
        return [ANY] if any(kind.resolves for kind in kinds) and not self._otherwise(params) else None

    def _given_arns(self, params: Params, frame: Frame) -> Iterator[str]:
        for path in self.arns:
            for value in read(params, path):
                parts = arn_parts(value)
                if parts is None:
                    if value.startswith("arn:"):
                        raise Unsure(value)
                    continue
                for kind in self.kinds or ():
                    if (values := kind.template.match(parts)) is not None:
                        yield from self._both(kind, values, parts, frame)
                        break
                else:
                    self._strange(path, parts)

    def _strange(self, path: str, parts: list[str]) -> None:
        """An ARN that none of the types explains, where the resource should stand."""
        if parts[2] == (self.kinds or ())[0].template.service and _names_resource(path):
            raise Unsure(path)

    def _both(self, kind: Kind, values: tuple[str, ...], parts: list[str], frame: Frame) -> Iterator[str]:
        """A given ARN. INVARIANT: a backend may pass over the region in it, so the same here is authorized too."""
        if parts[1] != "aws":
            raise Unsure(":".join(parts))
        resource = kind.form.resource(values) if kind.form else parts[5]
        if self.lower:
            resource = resource.lower()
        for region in dict.fromkeys((parts[3], frame.region if parts[3] else "")):
            yield f"arn:aws:{parts[2]}:{region}:{parts[4]}:{resource}"

    def _of(self, kind: Kind, params: Params, frame: Frame, taken: dict[str, str]) -> list[str] | None:
        """The ARNs of one type; None when nothing names it."""
        found, inside, ids = self._named(kind, params, frame, taken)
        parents = [self._parent(place, kind, params, frame) for place in range(len(kind.parents))]
        for values in inside:
            # INVARIANT: an ARN and a parameter beside it that tell two stories authorize neither.
            if any(given and value not in own for value, (own, given) in zip(values, parents, strict=True)):
                raise Unsure(kind.key)
        if not ids and not found:
            ids = self._unnamed(kind, params)
        if not ids:
            return found or None
        if not all(own for own, _ in parents):
            if ids != [ANY] and not kind.required:
                raise Unsure(kind.key)
            return None
        last = ids if kind.template.placeholder else [""]
        return found + [
            (kind.form or kind.template).fill(values, frame) for values in product(*(own for own, _ in parents), last)
        ]

    def _named(
        self, kind: Kind, params: Params, frame: Frame, taken: dict[str, str]
    ) -> tuple[list[str], list[tuple[str, ...]], list[str]]:
        """(ARNs that are given, what each says of its parents, ids that are given) of one type."""
        template = kind.template
        found: list[str] = []
        inside: list[tuple[str, ...]] = []
        ids: list[str] = []
        for path in kind.names:
            for value in read(params, path):
                parts = arn_parts(value) if value.startswith("arn:") else None
                values = template.match(parts) if parts else None
                if parts and values is not None:
                    found += self._both(kind, values, parts, frame)
                    inside.append(values[:-1])
                elif parts and any(other.template.match(parts) for other in self.kinds or ()):
                    continue  # it names another of the action's types
                else:
                    ids.append(self._id(value, template.placeholder, template.slashes, frame))
                    if taken.setdefault(path, kind.key) != kind.key:
                        raise Unsure(path)  # one id for two types: of which is it?
        return found, inside, ids

    def _unnamed(self, kind: Kind, params: Params) -> list[str]:
        if kind.fixed:
            return [kind.fixed]
        if not kind.template.placeholder:
            return [ANY] if kind.required else []
        if kind.required and kind.made:
            return [ANY]
        whole = kind.reads and kind.names and (kind.required or len(self.kinds or ()) == 1)
        return [ANY] if whole and not self._otherwise(params) else []

    def _otherwise(self, params: Params) -> bool:
        """INVARIANT: a name that no type explains may be the resource's: then the call is about more than "*" says."""
        return any(params.get(name) for name in self.others)

    def _parent(self, place: int, kind: Kind, params: Params, frame: Frame) -> tuple[list[str], bool]:
        name = kind.template.parents[place]
        values = [
            self._id(v, name, name in kind.slashed, frame) for path in kind.parents[place] for v in read(params, path)
        ]
        if not values and kind.defaults[place]:
            return [kind.defaults[place]], False
        if len(set(values)) > 1:
            raise Unsure(name)
        return list(dict.fromkeys(values)), bool(values)

    def _id(self, value: str, placeholder: str, slashes: bool, frame: Frame) -> str:
        """The id in a value: itself, or what stands in its place in an ARN of the type that it is the id of."""
        if value.startswith("arn:"):
            parts, template = arn_parts(value), self.related.get(placeholder)
            values = template.match(parts) if parts and template else None
            # INVARIANT: an id is taken out of an ARN only where the ARN that it goes into is of the same place.
            if not values or parts is None or template is None or template.fill(values, frame) != value:
                raise Unsure(value)
            value = values[-1]
        if not safe(value, slashes):
            raise Unsure(value)
        return value.lower() if self.lower else value


def _names_resource(path: str) -> bool:
    return path.lower() in ("arn", "resource", "resourcearn", "resourceid", "resourceidentifier", "resourcename")


def plan(prefix: str, name: str, operation: str, members: Sequence[Member], rules: Rules = NOTHING) -> Plan:
    """Compiles one action of an operation with these parameters."""
    known = reference.documented(prefix, name)
    finder = rules.finders.get(operation) or rules.finders.get(name)
    if finder is not None:
        owners = _owners(members, rules)
        return Plan(
            f"{prefix}:{known.name if known else name}", (), finder=finder, owners=owners, account=rules.account
        )
    if operation in rules.types:
        types = list(_chosen(prefix, rules, operation))
    elif known is None:
        return Plan(f"{prefix}:{name}", None)
    else:
        types = [
            (TypeOf(item.key, item.template, item.required and item.key not in rules.optional), "")
            for item in known.types
        ]
    action = f"{prefix}:{known.name if known else name}"
    kinds, arns = [], tuple(m.name for m in members if m.text and m.plain.endswith(("arn", "arns", *_LOOSE)))
    for item, fixed in types:
        text = rules.templates.get(item.key, item.template)
        if text.count(":") < 5 or "arn:" in text[4:] or "{" in _PLACEHOLDER.sub("", text):
            return Plan(action, None)  # two templates in one, or none
        kinds.append(_kind(item, fixed, operation, name, members, rules))
    single = [k for k in kinds if k.required and not k.names and not k.fixed]
    for kind in single:
        thing = noun(operation)
        kind.made = operation in rules.made or (is_new(operation) and same_thing(kind.key, thing))
    related = _related(prefix, rules) if any(k.template.parents or k.names for k in kinds) else {}
    taken = {path for kind in kinds for paths in (kind.names, *kind.parents) for path in paths} | set(arns)
    others = tuple(m.name for m in members if m.text and m.name not in taken and m.plain.endswith(_NAMING))
    owners = _owners(members, rules)
    return Plan(action, tuple(kinds), arns, related, rules.lower, None, owners, rules.account, others)


_NAMING = ("name", "names", "id", "ids", "arn", "arns", "identifier", "identifiers", "url")
_OWNERS = {"registryid", "catalogid", "awsaccountid", "owneraccountid", "owneraccount", "expectedbucketowner"}


def _owners(members: Sequence[Member], rules: Rules) -> tuple[str, ...]:
    # A resource has one owner; several accounts (of SNS's AddPermission) are whom something is shared with.
    return tuple(m.name for m in members if (m.plain in _OWNERS and m.text and not m.many) or m.name == rules.account)


_LOOSE = ("resource", "resourceid", "identifier", "resourceidentifier", "resourcename")


def _chosen(prefix: str, rules: Rules, operation: str) -> Iterator[tuple[TypeOf, str]]:
    known = {**reference.templates(prefix), **rules.templates}
    for row in rules.types[operation]:
        key, _, fixed = row.removesuffix("?").partition("=")
        yield TypeOf(key, known[key], not row.endswith("?")), fixed


def _related(prefix: str, rules: Rules) -> dict[str, Template]:
    found: dict[str, Template] = {}
    for key, text in {**reference.templates(prefix), **rules.templates}.items():
        if text.count(":") >= 5 and "arn:" not in text[4:]:
            template = Template(text, key in rules.paths, rules.paths)
            kept = found.get(template.placeholder)
            if kept is None or len(kept.parents) > len(template.parents):
                found[template.placeholder] = template
    return found


def _kind(item: TypeOf, fixed: str, operation: str, action: str, members: Sequence[Member], rules: Rules) -> Kind:
    template = Template(rules.templates.get(item.key, item.template), item.key in rules.paths, rules.paths)
    rows = (rules.names.get(f"{name}:{item.key}") for name in (operation, action))
    row = next((row for row in rows if row is not None), rules.names.get(item.key))
    if row is not None:
        names = tuple(path for path in row if _exists(path, members))
    else:
        names = sources(template.placeholder, item.key, operation, members)
    parents = tuple(
        tuple(p for p in rules.parents[name] if _exists(p, members))
        if name in rules.parents
        else tuple(path for path in sources(name, "", "", members) if not (path in names and _holds_arn(path)))
        for name in template.parents
    )
    defaults = tuple(rules.defaults.get(name, "") for name in template.parents)
    reads = operation.startswith(("List", "Describe", "Get", "Search", "BatchGet"))
    own = row is not None or operation in rules.types or any(name in rules.parents for name in template.parents)
    form = Template(rules.forms[item.key], True, rules.paths) if item.required and item.key in rules.forms else None
    made = operation in rules.made
    return Kind(item.key, template, item.required, made, reads, fixed, names, parents, defaults, rules.paths, own, form)


def _holds_arn(path: str) -> bool:
    """Whether what it names, if that is the type itself, tells what the type is in."""
    return plain(path).endswith("arn")


def _exists(path: str, members: Sequence[Member]) -> bool:
    top = re.split(r"[.|\[{]", path, maxsplit=1)[0]
    return any(member.name == top for member in members)
