"""Statements ready to be asked, and an index that finds the few that can concern an action.

Everything is compiled at its first use: an account holds many policies of which most are never asked.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from kansatsu.policy._conditions import Test, compile_condition
from kansatsu.policy._patterns import Patterns, globs, resources
from kansatsu.policy._principals import Principals, Reach
from kansatsu.policy._template import named
from kansatsu.policy.model import (
    ALLOW,
    EXPLICIT_DENY,
    IMPLICIT_DENY,
    UNRESOLVED,
    Condition,
    Context,
    Document,
    Match,
    Principal,
    Source,
    Statement,
    Verdict,
)

_MEMO_LIMIT = 4096  # names of actions come from requests, so that their number must not be the clients' choice

_Names = Callable[[str], bool]


class Rule:
    """One statement, compiled when it is first asked."""

    __slots__ = (
        "_conditions",
        "_everything",
        "_principals",
        "_resources",
        "deny",
        "index",
        "source",
        "statement",
        "variables",
    )

    _conditions: tuple[Test, ...] | None

    def __init__(self, source: Source, index: int, statement: Statement, variables: bool):
        self.source, self.index, self.statement, self.variables = source, index, statement, variables
        self.deny = statement.effect == "Deny"
        self._conditions = None

    def applies(self, resource: str, context: Context) -> bool:
        """Do Resource and Condition fit? The action and the principal are the callers' to check."""
        if self._conditions is None:
            self._compile()
        if not self._everything and not self.concerns(resource, context):
            return False
        for test in self._conditions or ():  # noqa: SIM110 - a generator would double the cost
            if not test(context):
                return False
        return True

    def concerns(self, resource: str, context: Context) -> bool:
        """Does Resource or NotResource fit?"""
        if self._conditions is None:
            self._compile()
        if self._everything:
            return True
        # INVARIANT: a resource that nobody could name might be any: each Deny meets it, an Allow only on everything.
        if resource is UNRESOLVED:
            return self.deny
        # A request on "*" is no ARN, so that only patterns of nothing but stars match it.
        matched = self._resources.match(resource, context)
        if not self.statement.not_resource:
            return matched
        # With a variable that has no value a NotResource could mean anything, so that it matches nothing.
        return not matched and self._resources.resolvable(context)

    def unmet(self, context: Context) -> tuple[Condition, ...]:
        """The conditions that are not met, of a statement that `concerns` the resource."""
        pairs = zip(self.statement.conditions, self._conditions or (), strict=True)
        return tuple(condition for condition, test in pairs if not test(context))

    def reach(self, principal: Principal, *, bounded: bool = False) -> Reach:
        """How Principal or NotPrincipal names the caller. `bounded`: the caller has a permissions boundary."""
        if self._conditions is None:
            self._compile()
        if not self.statement.not_principal:
            return self._principals.reach(principal)
        # NotPrincipal, which stands with Deny only, always denies a caller that has a boundary, whoever is listed:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
        return Reach.NONE if not bounded and self._principals.excludes(principal) else Reach.SELF

    def asks(self) -> Iterator[str]:
        """The condition keys, in lower case, that its conditions and the variables in it ask for."""
        statement = self.statement
        for condition in statement.conditions:
            yield condition.key.lower()
        values = (value for condition in statement.conditions for value in condition.values)
        for text in chain(statement.resources, values):
            yield from named(text)

    def undoes(self, allow: "Rule", resource: str) -> bool:
        """Does this Deny surely deny whatever `allow` allows on its pattern `resource`, in every context?"""
        if self.statement.conditions:
            return False
        if self.everything:
            return True
        return not self.statement.not_resource and any(
            _covers(pattern, resource, self.variables == allow.variables) for pattern in self.statement.resources
        )

    @property
    def everything(self) -> bool:
        """Is the statement about every resource?"""
        if self._conditions is None:
            self._compile()
        return self._everything

    def match(self) -> Match:
        """Where the statement stands."""
        statement = self.statement
        return Match(self.source, self.index, statement.sid, statement.effect, statement.span, statement.line)

    def _compile(self) -> None:
        statement = self.statement
        self._resources = resources(statement.resources, variables=self.variables)
        # Where the grammar has no Resource, the statement is about what the policy is attached to.
        self._everything = not statement.resources or (self._resources.everything and not statement.not_resource)
        self._principals = Principals(statement.principals)
        self._conditions = tuple(
            compile_condition(condition, variables=self.variables) for condition in statement.conditions
        )

    _resources: Patterns
    _everything: bool
    _principals: Principals


@dataclass(frozen=True, slots=True)
class Policy:
    """A document with its source; immutable. `rules` asks it alone."""

    document: Document
    source: Source
    _alone: list["PolicySet"] = field(default_factory=list, compare=False, repr=False)

    @property
    def rules(self) -> "PolicySet":
        """The set that holds this policy only."""
        if not self._alone:
            self._alone.append(PolicySet((self,)))
        return self._alone[0]


def compile_policy(document: Document, source: Source) -> Policy:
    """A policy that can be evaluated. Cheap: the work is done when it is first asked."""
    return Policy(document, source)


_Candidates = tuple[tuple[Rule, ...], tuple[Rule, ...]]


class PolicySet:
    """An ordered set of policies of which each may allow or deny; immutable."""

    __slots__ = ("_exact", "_indexed", "_keys", "_memo", "_other", "_services", "_wild", "policies")

    def __init__(self, policies: Iterable[Policy] = ()):
        self.policies = tuple(policies)
        self._memo: dict[str, _Candidates] = {}
        self._keys: dict[str, frozenset[str]] = {}
        self._indexed = False
        self._services: set[str] | None = None

    def __iter__(self) -> Iterator[Policy]:
        return iter(self.policies)

    def __len__(self) -> int:
        return len(self.policies)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PolicySet) and self.policies == other.policies

    def __hash__(self) -> int:
        return hash(self.policies)

    def verdict(self, action: str, resource: str, context: Context) -> Verdict:
        """What the set says about a request, whoever makes it."""
        denies, allows = self._memo.get(action) or self.candidates(action)
        for rule in denies:
            if rule.applies(resource, context):
                return EXPLICIT_DENY
        for rule in allows:
            if rule.applies(resource, context):
                return ALLOW
        return IMPLICIT_DENY

    def candidates(self, action: str) -> _Candidates:
        """The rules (deny, allow) whose Action or NotAction fits, in the order of the policies."""
        found = self._memo.get(action)
        if found is None:
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            found = self._memo[action] = self._search(action.lower())
        return found

    def keys(self, action: str) -> frozenset[str]:
        """The condition keys, in lower case, that may decide about an action; found once."""
        found = self._keys.get(action)
        if found is None:
            if len(self._keys) >= _MEMO_LIMIT:
                self._keys.clear()
            rules = chain(*self.candidates(action))
            found = self._keys[action] = frozenset(key for rule in rules for key in rule.asks())
        return found

    def may_allow(self, action: str) -> bool:
        """Is there a resource and a context in which the set allows the action? True where that is not certain.

        A Deny takes away what it denies without conditions; what several statements deny only together, or a pattern
        that is not a text followed by one star, is left open. Remembers nothing, for it is asked about every action.
        """
        denies, allows = self._search(action.lower())
        if not denies:
            return any(map(_alternatives, allows))
        return any(
            not any(deny.undoes(allow, resource) for deny in denies)
            for allow in allows
            for resource in _alternatives(allow)
        )

    def concerns(self, service: str) -> bool:
        """Can a statement be about actions of the service, a prefix in lower case? Quick; a statement on `*` can."""
        if not self._indexed:
            self._index()
        if self._services is None:
            self._services = self._wild.keys() | {action.partition(":")[0] for action in self._exact}
        return bool(self._other) or service in self._services

    def _search(self, action: str) -> _Candidates:
        if not self._indexed:
            self._index()
        service, _, name = action.partition(":")
        found = [*self._exact.get(action, ())]
        found += [(order, rule) for order, rule, names in self._wild.get(service, ()) if names(name)]
        found += [(order, rule) for order, rule, names in self._other if names(action)]
        rules = [rule for _, rule in sorted(dict(found).items())] if len(found) > 1 else [rule for _, rule in found]
        return tuple([rule for rule in rules if rule.deny]), tuple([rule for rule in rules if not rule.deny])

    def _index(self) -> None:
        self._exact: dict[str, list[tuple[int, Rule]]] = {}
        self._wild: dict[str, list[tuple[int, Rule, _Names]]] = {}
        self._other: list[tuple[int, Rule, _Names]] = []  # "*" and NotAction
        exact = self._exact
        for order, rule in enumerate(_rules(self.policies)):
            actions = [action.lower() for action in rule.statement.actions]
            if rule.statement.not_action:
                self._other.append((order, rule, _none_of(actions)))
                continue
            entry = order, rule
            for action in actions:
                if "*" in action or "?" in action:
                    self._enter(order, rule, action)
                elif action in exact:
                    exact[action].append(entry)
                else:
                    exact[action] = [entry]
        self._indexed = True

    def _enter(self, order: int, rule: Rule, action: str) -> None:
        """An action with wildcards."""
        if action in {"*", "*:*"}:
            self._other.append((order, rule, _any_name))
        else:
            service, _, name = action.partition(":")
            self._wild.setdefault(service, []).append((order, rule, _one_of([name])))


def _rules(policies: Iterable[Policy]) -> Iterator[Rule]:
    for policy in policies:
        variables = policy.document.version == "2012-10-17"
        for index, statement in enumerate(policy.document.statements):
            yield Rule(policy.source, index, statement, variables)


def _alternatives(allow: Rule) -> tuple[str, ...]:
    """The patterns of an Allow of which one must be left; "*" for all that NotResource leaves."""
    return ("*",) if allow.everything or allow.statement.not_resource else allow.statement.resources


def _covers(general: str, special: str, alike: bool) -> bool:
    """Does every resource that the pattern `special` matches match `general` too? False where that is not certain."""
    if "${" in general:
        return alike and general == special  # the same variable in the same version of the language
    head = general[:-1]
    return general == special or (general[-1:] == "*" and not set("*?") & set(head) and special.startswith(head))


def _any_name(_: str) -> bool:
    return True


def _one_of(patterns: list[str]) -> _Names:
    compiled = globs(patterns, variables=False)
    return lambda name: compiled.match(name, {})


def _none_of(actions: list[str]) -> _Names:
    if any(action in {"*", "*:*"} for action in actions):
        return lambda _: False
    compiled = _one_of(actions)
    return lambda action: not compiled(action)
