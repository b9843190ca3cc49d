"""Parameters made from a model, for tests over every operation."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

from kansatsu import wire
from kansatsu.wire.model import Shape

NASTY = (
    *(
        "x",
        "a-b",
        "*",
        "arn:aws:iam::123456789012:role/r",
        "arn:aws:sqs:eu-west-1:123456789012:q",
        "../../x",
        "a/b",
        "",
    ),
    *(
        "arn:aws:sqs:::*",
        "${aws:username}",
        "arn:",
        ":::::",
        "a:b:c",
        "/",
        "//",
        "%2e",
        "x" * 3000,
        "\u00e9\u0000\n",
        "?",
    ),
    *("http://h/123456789012/q", "arn:aws:lambda:us-east-1:111122223333:function:f:1", "alias/x", "i-1", "vpc-1", "1"),
)


def value(shape: Shape, texts: Iterator[str], depth: int = 3) -> Any:
    """A value of a shape; structures go `depth` deep."""
    match shape.type:
        case "structure":
            members = shape.members if depth else ()
            return {name: value(member, texts, depth - 1) for name, member in members}
        case "list":
            return [value(shape.member, texts, depth - 1) for _ in range(2)] if depth else []
        case "map":
            return {next(texts): value(shape.value, texts, depth - 1)} if depth else {}
        case "string":
            return next(texts)
        case "integer" | "long":
            return 7
        case "float" | "double":
            return 0.5
        case "boolean":
            return True
        case "timestamp":
            return datetime(2026, 1, 1, tzinfo=UTC)
        case "blob":
            return b"x"
        case other:
            raise AssertionError(other)


def parameters(operation: wire.Operation, texts: tuple[str, ...], depth: int = 3) -> dict[str, Any]:
    """Parameters of an operation with all members, their texts taken in turn."""
    if operation.input is None:
        return {}
    made: dict[str, Any] = value(operation.input, cycle(texts), depth)
    return made
