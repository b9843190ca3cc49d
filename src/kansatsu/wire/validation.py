"""Constraints of the models (required, length, range, pattern, enum) and AWS's sentences about them.

https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html (ValidationError),
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html (MissingParameter, InvalidParameterValue)
"""

from collections.abc import Callable, Mapping
from typing import Any

from kansatsu.errors import AwsError
from kansatsu.wire import patterns
from kansatsu.wire.model import Operation, Shape

Problem = tuple[Any, str, str]  # value, path, constraint
Check = Callable[[Any, str, list[Problem]], None]
Constraint = Callable[[Any], str]  # the sentence, or "" when the value satisfies it

_CODES = {"query": "ValidationError", "rest-xml": "InvalidArgument"}
# IAM names the characters instead of printing these patterns.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_NAMED_PATTERNS = {
    r"[\w+=,.@-]+": "alphanumeric characters and/or the following: +=,.@_-",
}


def validate(operation: Operation, params: Mapping[str, Any]) -> None:
    """Check parameters against the model.

    Raises AwsError with AWS's text: ValidationError (query), ValidationException (json), MissingParameter and
    InvalidParameterValue (ec2). All failures are listed, as AWS lists them.
    """
    check = operation.codecs.get("validate")
    if check is None:
        check = operation.codecs["validate"] = (
            _Compiler(operation.service.protocol == "ec2").structure(operation.input) if operation.input else _nothing
        )
    problems: list[Problem] = []
    check(params, "", problems)
    if problems:
        raise _error(operation, problems)


def _nothing(value: Any, path: str, problems: list[Problem]) -> None:
    """An operation without parameters."""


def _error(operation: Operation, problems: list[Problem]) -> AwsError:
    protocol = operation.service.protocol
    if protocol == "ec2":
        return _ec2_error(operation, problems)
    if protocol == "query" and len(problems) == 1 and problems[0][2].startswith("The specified value"):
        return AwsError(problems[0][2].partition("\n")[0], code="ValidationError", status=400)
    count = len(problems)
    listed = "; ".join(
        f"Value {_show(value)} at '{path}' failed to satisfy constraint: {_plain(text)}"
        for value, path, text in problems
    )
    plural = "s" if count > 1 else ""
    code = _CODES.get(protocol, "ValidationException")
    return AwsError(f"{count} validation error{plural} detected: {listed}", code=code, status=400)


def _plain(text: str) -> str:
    """The constraint in the words of a list; a sentence about named characters gives way to its pattern."""
    return text.partition("\n")[2] or text


def _show(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        return "'[" + ", ".join(str(item) for item in value) + "]'"
    return f"'{value}'"


def _ec2_error(operation: Operation, problems: list[Problem]) -> AwsError:
    value, path, text = problems[0]
    missing = [problem for problem in problems if problem[0] is None]
    if missing:
        return AwsError(f"The request must contain the parameter {missing[0][1]}", code="MissingParameter", status=400)
    if "enum" in text:
        text = f"Invalid value '{value}' for {path}."
    else:
        text = f"Value ({value}) for parameter {path} is invalid. {text}."
    return AwsError(text, code="InvalidParameterValue", status=400)


class _Compiler:
    """Makes a check per shape; a shape without constraints has none."""

    def __init__(self, ec2: bool) -> None:
        self._structures: dict[str, Check] = {}
        self._ec2 = ec2

    def _label(self, name: str, member: Shape) -> str:
        """The name of a member in a sentence: EC2 prints the one on the wire."""
        if not self._ec2:
            return name[0].lower() + name[1:]
        given: str = member.get("queryName") or member.get("locationName") or name
        return given[0].upper() + given[1:]

    def compile(self, shape: Shape) -> Check | None:
        if shape.type == "structure":
            return None if shape.get("document") else self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        constraints = _constraints(shape)
        return _scalar(constraints) if constraints else None

    def structure(self, shape: Shape) -> Check:
        if shape.name in self._structures:
            return self._structures[shape.name]
        fields: dict[str, tuple[str, Check]] = {}
        required: list[tuple[str, str]] = []

        def check(value: Any, path: str, problems: list[Problem]) -> None:
            for name, label in required:
                if value.get(name) is None:
                    problems.append((None, path + label, "Member must not be null"))
            for name, item in value.items():
                field = fields.get(name)
                if field is not None and item is not None:
                    field[1](item, path + field[0], problems)

        self._structures[shape.name] = check
        members = dict(shape.members)
        streamed = {name for name, m in members.items() if m.get("streaming") or m.get("eventstream")}
        required += [(name, self._label(name, members[name])) for name in shape.required if name not in streamed]
        for name, member in members.items():
            inner = self.compile(member)
            if inner is not None and name not in streamed:
                fields[name] = (self._label(name, member), inner)
        return check

    def _list(self, shape: Shape) -> Check | None:
        constraints = _constraints(shape)
        simple = _constraints(shape.member)
        item = None if simple or shape.member.type not in ("structure", "list", "map") else self.compile(shape.member)
        if not constraints and not simple and item is None:
            return None

        def check(value: Any, path: str, problems: list[Problem]) -> None:
            _apply(constraints, value, path, problems)
            _apply_inside(simple, value, value, path, problems)
            if item is not None:
                for index, element in enumerate(value, 1):
                    if element is not None:
                        item(element, f"{path}.{index}.member.", problems)

        return check

    def _map(self, shape: Shape) -> Check | None:
        constraints = _constraints(shape)
        keys, values = _constraints(shape.key), _constraints(shape.value)
        item = self.compile(shape.value) if shape.value.type in ("structure", "list", "map") else None
        if not (constraints or keys or values or item):
            return None

        def check(value: Any, path: str, problems: list[Problem]) -> None:
            _apply(constraints, value, path, problems)
            _apply_inside(keys, value, value, path, problems, introduction="Map keys must satisfy constraint")
            if item is None:
                _apply_inside(
                    values, value.values(), value, path, problems, introduction="Map value must satisfy constraint"
                )
                return
            for key, element in value.items():
                if element is not None:
                    item(element, f"{path}.{key}.member.", problems)

        return check


def _scalar(constraints: list[Constraint]) -> Check:
    def check(value: Any, path: str, problems: list[Problem]) -> None:
        _apply(constraints, value, path, problems)

    return check


def _apply(constraints: list[Constraint], value: Any, path: str, problems: list[Problem]) -> None:
    for constraint in constraints:
        text = constraint(value)
        if text:
            problems.append((value, path.rstrip("."), text.replace("{path}", path)))


def _apply_inside(
    constraints: list[Constraint],
    items: Any,
    value: Any,
    path: str,
    problems: list[Problem],
    *,
    introduction: str = "Member must satisfy constraint",
) -> None:
    if constraints and any(constraint(item) for item in items if item is not None for constraint in constraints):
        rules = ", ".join(_rule(constraint) for constraint in constraints)
        problems.append((value, path.rstrip("."), f"{introduction}: [{rules}]"))


def _rule(constraint: Constraint) -> str:
    """The sentence of a constraint, asked without a value."""
    return constraint.text  # type: ignore[attr-defined, no-any-return]


class _Rule:
    """A constraint: a sentence and the test that a value must pass."""

    __slots__ = ("answer", "passes", "text")

    def __init__(self, text: str, passes: Callable[[Any], Any], answer: str = ""):
        self.text = text
        self.passes = passes
        self.answer = answer or text

    def __call__(self, value: Any) -> str:
        return "" if self.passes(value) else self.answer


def _constraints(shape: Shape) -> list[Constraint]:
    rules: list[Constraint] = []
    if shape.type in ("string", "list", "map", "blob", "character"):
        rules += _lengths(shape)
    elif shape.type in ("integer", "long", "float", "double"):
        rules += _bounds(shape)
    pattern = shape.get("pattern")
    if pattern and shape.type == "string":
        rules += _pattern(pattern)
    if shape.get("enum"):
        allowed = frozenset(shape.get("enum"))
        listed = ", ".join(shape.get("enum"))
        rules.append(_Rule(f"Member must satisfy enum value set: [{listed}]", allowed.__contains__))
    return rules


def _lengths(shape: Shape) -> list[Constraint]:
    low, high = shape.get("min"), shape.get("max")
    rules: list[Constraint] = []
    if low:
        least = int(low)
        text = f"Member must have length greater than or equal to {least}"
        rules.append(_Rule(text, lambda value: len(value) >= least))
    if high is not None:
        most = int(high)
        rules.append(_Rule(f"Member must have length less than or equal to {most}", lambda value: len(value) <= most))
    return rules


def _bounds(shape: Shape) -> list[Constraint]:
    low, high = shape.get("min"), shape.get("max")
    rules: list[Constraint] = []
    if low is not None:
        rules.append(_Rule(f"Member must have value greater than or equal to {low}", lambda value: value >= low))
    if high is not None:
        rules.append(_Rule(f"Member must have value less than or equal to {high}", lambda value: value <= high))
    return rules


def _pattern(pattern: str) -> list[Constraint]:
    expression = patterns.compiled(pattern)
    if expression is None:
        return []
    text = f"Member must satisfy regular expression pattern: {pattern}"
    named = _NAMED_PATTERNS.get(pattern)
    answer = f"The specified value for {{path}} is invalid. It must contain only {named}\n{text}" if named else text
    return [_Rule(text, expression.fullmatch, answer)]
