"""The task metadata endpoint: /v4/KEY is one container of a task, /v4/KEY/task all of them; statistics are not kept.

With /taskWithTags the tags of the task are there as well.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4.html
"""

import json
from collections.abc import Sequence

from kansatsu.delivery.messages import Request, Response
from kansatsu.workload.views import TaskMetadata

VERSIONS = ("v3", "v4")


def task_metadata(request: Request, rest: Sequence[str], view: TaskMetadata) -> Response:
    """The answer to a request of `view` for what follows the version in the path."""
    container = view.container(rest[0]) if rest else None
    known = {"": container, "task": view.task(), "taskWithTags": view.task(tags=True)}
    document = known.get("/".join(rest[1:])) if container is not None else None
    if request.method != "GET":
        return _json(405, {"message": "Metadata are read with GET"})
    if document is None:
        return _json(404, {"message": "There is nothing here"})
    return _json(200, document)


def _json(status: int, members: dict[str, object]) -> Response:
    return Response(status, json.dumps(members).encode(), {"Content-Type": "application/json"})
