"""Pulls the images of tasks: when, with whose credentials, and what is said when it cannot be done.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/pull-behavior.html
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html
"""

import re

from kansatsu.workload.providers import Login, Provider, ProviderError
from kansatsu.workload.tasks.execution import Execution, ExecutionError
from kansatsu.workload.tasks.provisioning import StartFailed
from kansatsu.workload.tasks.task import Task

# What ECS's agent calls always and prefer-cached, and one for machines that are to ask nobody.
ALWAYS, MISSING, NEVER = "always", "missing", "never"
_ECR = re.compile(r"\d{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?/.*", re.ASCII)


class Puller:
    """Sees to it that the engine has the images of a task; `when` is one of the above."""

    def __init__(self, provider: Provider, execution: Execution, when: str) -> None:
        self._provider = provider
        self._execution = execution
        self._when = when

    async def pull(self, task: Task) -> None:
        """All of them, one after another. Raises StartFailed."""
        for container in task.containers:
            try:
                # INVARIANT: whoever is to log in for an image has none without, although the engine may have it.
                login = await self._execution.login(task, container)
            except ExecutionError as error:
                raise StartFailed(str(error), container.name) from error
            try:
                await self._one(container.definition["image"], login)
            except ProviderError as error:
                why = str(error).replace(login.password, "***") if login and login.password else str(error)
                raise StartFailed(f"CannotPullContainerError: {why}", container.name) from error

    async def _one(self, image: str, login: Login | None) -> None:
        from_ecr = _ECR.fullmatch(image) is not None
        if (self._when != ALWAYS or from_ecr) and await self._provider.has_image(image):
            return
        if self._when == NEVER:
            raise ProviderError(f"{image} is no local image, and the setting task-pull says to pull none.")
        if from_ecr:
            # INVARIANT: no real ECR is asked: nobody here has credentials for it.
            raise ProviderError(
                f"{image} is an image of Amazon ECR, which is not implemented. Pull it into the container engine "
                "yourself, or name an image of another registry."
            )
        try:
            await self._provider.pull(image, login)
        except ProviderError as error:
            raise ProviderError(f"Error response from daemon: {error}") from error
