"""AWS CodeBuild: projects by name or ARN, builds by an id that begins with their project's name.

https://docs.aws.amazon.com/codebuild/latest/userguide/auth-and-access-control-permissions-reference.html
"""

from collections.abc import Callable, Iterator

from kansatsu.catalog.authorization import Params
from kansatsu.catalog.rules import Frame, Rules
from kansatsu.catalog.values import Unsure, read, safe


def _of(path: str) -> Callable[[Params, Frame], Iterator[str]]:
    def find(params: Params, frame: Frame) -> Iterator[str]:
        for value in read(params, path):
            own = value
            for kind in ("project", "build", "build-batch"):
                own = own.removeprefix(frame.arn("codebuild", f"{kind}/"))
            name, _, build = own.partition(":")
            if not safe(name, False) or (build and not safe(build, False)):
                raise Unsure(value)
            yield frame.arn("codebuild", f"project/{name}")

    return find


RULES = Rules(
    page="https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodebuild.html",
    finders={
        "BatchGetProjects": _of("names"),
        **dict.fromkeys(("BatchGetBuilds", "BatchDeleteBuilds", "BatchGetBuildBatches"), _of("ids")),
        **dict.fromkeys(
            ("StopBuild", "RetryBuild", "StopBuildBatch", "RetryBuildBatch", "DeleteBuildBatch"), _of("id")
        ),
    },
)
