"""What a request asks for and is not done is refused, and never dropped silently."""

from collections.abc import Mapping
from typing import Any

from kansatsu.errors import Unimplemented

# For who comes with a definition from AWS: what to change.
NO_FARGATE = (
    "Fargate is not implemented: tasks run on this host, by its container engine, as on EC2. Leave launchType, "
    "capacity providers and the FARGATE of requiresCompatibilities out, or say EC2."
)
NO_AWSVPC = (
    "The networkMode {} is not implemented: every task has a network of its own on this host (bridge), in which its "
    "containers reach each other at 127.0.0.1. Leave networkMode and networkConfiguration out."
)


def check_launch_type(given: str) -> None:
    """Raise Unimplemented for one that this host is not."""
    if given == "FARGATE":
        raise Unimplemented(NO_FARGATE)
    if given not in ("EC2", "EXTERNAL"):
        raise Unimplemented(f"The launchType {given} is not implemented.")


def honoured(given: Mapping[str, Any], members: frozenset[str], where: str) -> None:
    """Raise Unimplemented for a member that asks for something which is not done."""
    for member, value in given.items():
        asks_nothing = value is None or value is False or value in ("", [], {})
        if member not in members and not asks_nothing:
            raise Unimplemented(f"The parameter {where}{member} is not implemented.")
