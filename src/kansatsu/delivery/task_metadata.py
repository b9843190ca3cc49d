"""The task metadata endpoint: /v4/KEY is one container of a task, /v4/KEY/task all of them, and /stats what they use.

With /taskWithTags the tags of the task are there as well.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kansatsu.delivery.messages import Request, Response
from kansatsu.delivery.server import Answer
from kansatsu.workload.views import TaskMetadata

VERSIONS = ("v3", "v4")
_STATISTICS = ("stats", "task/stats")


def task_metadata(request: Request, rest: Sequence[str], view: TaskMetadata) -> Answer:
    """The answer to a request of `view` for what follows the version in the path."""
    container = view.container(rest[0]) if rest else None
    known = {"": container, "task": view.task(), "taskWithTags": view.task(tags=True)}
    document = known.get("/".join(rest[1:])) if container is not None else None
    if request.method != "GET":
        return _json(405, {"message": "Metadata are read with GET"})
    what = "/".join(rest[1:])
    if container is not None and what in _STATISTICS:
        return _statistics(view, rest[0] if what == "stats" else None)
    return _found(document)


async def _statistics(view: TaskMetadata, key: str | None) -> Response:
    return _found(await view.statistics(key))


def _found(document: Mapping[str, Any] | None) -> Response:
    return _json(404, {"message": "There is nothing here"}) if document is None else _json(200, document)


def _json(status: int, members: Mapping[str, Any]) -> Response:
    return Response(status, json.dumps(members).encode(), {"Content-Type": "application/json"})
