"""What the catalog cannot know of a request by itself: the ARNs behind names."""

from collections.abc import Callable, Mapping
from typing import Any

from kansatsu import catalog
from kansatsu.catalog import Question
from kansatsu.errors import AwsError
from kansatsu.gateway.forwarding import Forwarder
from kansatsu.identity import Snapshot
from kansatsu.wire import Operation


async def known(
    operation: Operation, params: Mapping[str, Any], account: str, region: str, forwarder: Forwarder
) -> dict[str, str]:
    """The backend's answers to what a request leaves open, for catalog.resolve."""
    # INVARIANT: for a call that is refused in any case the backend is asked nothing.
    if catalog.sets_unenforced_policy(operation, params) or catalog.acts_unseen(operation, params):
        return {}
    found = {}
    for question in catalog.questions(operation, params):
        if answer := await _answer(question, account, region, forwarder):
            found[question.key] = answer
    return found


async def _answer(question: Question, account: str, region: str, forwarder: Forwarder) -> str:
    """The text that answers a question; "" where the backend knows nothing of it."""
    try:
        value: Any = await forwarder.ask(account, region, question.service, question.operation, question.params)
    except AwsError:
        return ""
    for step in question.path.split("."):
        if isinstance(value, list):
            value = value[int(step)] if len(value) == 1 else None  # several answers are none
        else:
            value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, str) else ""


def roles(snapshot: Snapshot, account: str) -> Callable[[str], str | None]:
    """Tells the ARN of a role of this account by its name."""

    def role(name: str) -> str | None:
        found = snapshot.find(account, "role", name)
        return found.arn if found else None

    return role
