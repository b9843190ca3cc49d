"""Compiles a Condition block into tests over the request's context.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

from collections.abc import Callable

from kansatsu.policy._operators import Compare, ValueInvalid, parse_name
from kansatsu.policy.model import Condition, Context

Test = Callable[[Context], bool]


def compile_condition(condition: Condition, *, variables: bool) -> Test:
    """The test of one line. Raises ValueInvalid or TemplateError for values that its operator cannot use."""
    name = parse_name(condition.operator)
    if name is None:
        raise ValueInvalid(condition.operator)
    key = condition.key.lower()
    if name.operator is None:
        return _null(key, condition.values)
    compare, negated = name.operator.compile(condition.values, variables), name.operator.negated
    if name.qualifier:
        return _set(key, compare, negated, every=name.qualifier == "forallvalues", if_exists=name.if_exists)
    return _single(key, compare, negated, missing=negated or name.if_exists)


def _single(key: str, compare: Compare, negated: bool, missing: bool) -> Test:
    def test(context: Context) -> bool:
        value = context.get(key)
        if isinstance(value, str):
            return compare(value, context) is not negated
        # INVARIANT: several values match no operator without a set operator, so that none of them can hide another.
        return missing if not value else negated

    return test


def _set(key: str, compare: Compare, negated: bool, *, every: bool, if_exists: bool) -> Test:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    def test(context: Context) -> bool:
        values = given(context, key)
        if not values:
            return every or if_exists
        wanted = all if every else any
        return wanted(compare(value, context) is not negated for value in values)

    return test


def _null(key: str, values: tuple[str, ...]) -> Test:
    wanted = set()
    for value in values:
        if value.lower() not in {"true", "false"}:
            raise ValueInvalid(value)
        wanted.add(value.lower() == "true")
    return lambda context: (not given(context, key)) in wanted


def given(context: Context, key: str) -> tuple[str, ...]:
    """The values of a key; a key whose values are all empty has none, as AWS defines it for set operators and Null."""
    value = context.get(key, ())
    values = (value,) if isinstance(value, str) else value
    return values if any(values) else ()
