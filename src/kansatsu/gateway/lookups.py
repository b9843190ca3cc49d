"""What the catalog cannot know of a request by itself: the ARNs behind names."""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

from kansatsu import catalog
from kansatsu.catalog import Question
from kansatsu.catalog.profiles import NO_ROLE
from kansatsu.catalog.values import walk
from kansatsu.errors import AwsError
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.identity import Snapshot, Store, entities
from kansatsu.wire import Operation
from kansatsu.workload import find_profile


async def known(
    operation: Operation, params: Mapping[str, Any], account: str, region: str, forwarder: Forwarder
) -> dict[str, str]:
    """The backend's answers to what a request leaves open, for catalog.resolve."""
    # INVARIANT: for a call that is refused in any case the backend is asked nothing.
    if catalog.sets_unenforced_policy(operation, params) or catalog.acts_unseen(operation, params):
        return {}
    found = {}
    calls: dict[str, Any] = {}  # several questions about one answer are one call: they cannot contradict each other
    left = list(catalog.questions(operation, params))
    while left and len(calls) < catalog.MOST_QUESTIONS:
        question = left.pop(0)
        call = f"{question.service} {question.operation} {question.params!r}"
        if call not in calls:
            calls[call] = await _asked(question, account, region, forwarder)
        if answer := _answer(question, calls[call]):
            found[question.key] = answer
            left.extend(question.then(answer) if question.then else ())
    return found


async def _asked(question: Question, account: str, region: str, forwarder: Forwarder) -> Any:
    try:
        return await forwarder.ask(account, region, question.service, question.operation, question.params)
    except AwsError:
        return None


def _answer(question: Question, value: Any) -> str:
    """The text that answers a question; "" where the backend knows nothing of it."""
    member, wanted = question.where
    if "[]" in question.path:
        every = list(walk(value or {}, question.path))
        return "\n".join(every) if all(isinstance(item, str) for item in every) else ""
    for step in question.path.split("."):
        if step == "?":
            # INVARIANT: a backend that passes over a filter does not have another thing taken for the one named.
            fitting = [item for item in value or () if wanted in walk(item, member)]
            value = fitting[0] if len(fitting) == 1 else None
        elif isinstance(value, list):
            value = value[int(step)] if len(value) == 1 else None  # several answers are none
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    if question.whole:
        return json.dumps(value, default=str) if isinstance(value, Mapping) else ""
    return value if isinstance(value, str) else ""


async def profiles(
    operation: Operation, params: Mapping[str, Any], known: Mapping[str, str], account: str, store: Store
) -> dict[str, str]:
    """The role in each instance profile that the request hands over, for catalog.resolve."""
    named = tuple(dict.fromkeys(catalog.profiles(operation, params, known)))
    return await store.fetch(_within, account, named) if named else {}


def _within(conn: Connection, account: str, named: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in named:
        with suppress(AwsError):
            profile = find_profile(conn, account, {"Arn" if name.startswith("arn:") else "Name": name})
            role = entities.by_id(conn, profile.role_id) if profile.role_id else None
            found[f"profile {name}"] = role.arn if role else NO_ROLE
    return found


def roles(snapshot: Snapshot, account: str) -> Callable[[str], str | None]:
    """Tells the ARN of a role of this account by its name."""

    def role(name: str) -> str | None:
        found = snapshot.find(account, "role", name)
        return found.arn if found else None

    return role
