"""What is done for a task before and while it runs, with its execution role: secrets are fetched, logs delivered.

INVARIANT: all of it is asked as the execution role, through the gateway, and that role's credentials stay in this
process: nothing that a task can reach serves them.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html
"""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

from kansatsu.arn import Arn
from kansatsu.errors import AwsError
from kansatsu.workload.credentials import Issuer
from kansatsu.workload.providers import Login
from kansatsu.workload.tasks.task import Task, TaskContainer
from kansatsu.workload.tasks.view import execution_grant
from kansatsu.workload.views import CredentialError, Credentials

# (credentials, region, service, operation, parameters) -> the decoded result. Raises AwsError.
AskAs: TypeAlias = Callable[[Credentials, str, str, str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]

_ARN_PARTS = 7  # of the ARN of a secret; what follows says which part of which version


class ExecutionError(Exception):
    """It could not be done; the text is for the user."""


class Execution:
    """Asks AWS's services as the execution roles of tasks. `ask` is None where there is no gateway."""

    def __init__(self, issuer: Issuer, ask: AskAs | None) -> None:
        self._issuer = issuer
        self._ask = ask

    async def ask(self, task: Task, region: str, service: str, operation: str, params: Mapping[str, Any]) -> Any:
        """One operation as the task's execution role. Raises AwsError, ExecutionError."""
        if not task.execution_role_id or self._ask is None:
            raise ExecutionError("The task has no execution role.")
        state = self._issuer.credentials(f"{task.id}/execution", execution_grant(task))
        if isinstance(state, CredentialError):
            raise ExecutionError(f"{state.code}: {state.message}")
        assert isinstance(state, Credentials)  # noqa: S101 - a grant with a role gives one or the other
        return await self._ask(state, region, service, operation, params)

    async def secrets(self, task: Task, container: TaskContainer) -> dict[str, str]:
        """The values of the container's secrets by the names of their variables. Raises ExecutionError.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
        """
        found = {}
        for item in container.definition.get("secrets", ()):
            parsed = Arn.parse(item["valueFrom"])
            is_secret = parsed is not None and parsed.service == "secretsmanager"
            source = "asm" if is_secret else "ssm"
            try:
                fetch = self._secret if is_secret else self._parameter
                found[item["name"]] = await fetch(task, item["valueFrom"])
            except AwsError as error:
                raise ExecutionError(_unable(source, f"{error.code}: {error.message}")) from error
            except ExecutionError as error:
                raise ExecutionError(_unable(source, str(error))) from error
        return found

    async def login(self, task: Task, container: TaskContainer) -> Login | None:
        """Who logs in to the registry of the container's image, where its definition says so. Raises ExecutionError.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/private-auth.html
        """
        given = (container.definition.get("repositoryCredentials") or {}).get("credentialsParameter")
        if not given:
            return None
        parsed = Arn.parse(given)
        try:
            text = await self._text(task, parsed.region if parsed else task.region, {"SecretId": given})
            return _login(text, given)
        except AwsError as error:
            raise ExecutionError(_unable("asm", f"{error.code}: {error.message}")) from error
        except ExecutionError as error:
            raise ExecutionError(_unable("asm", str(error))) from error

    async def _secret(self, task: Task, given: str) -> str:
        parts = given.split(":")
        key, stage, version = (*parts[_ARN_PARTS:], "", "", "")[:3]
        wanted = {"SecretId": ":".join(parts[:_ARN_PARTS]), "VersionStage": stage, "VersionId": version}
        text = await self._text(task, parts[3], {name: value for name, value in wanted.items() if value})
        return _member(text, key, given) if key else text

    async def _text(self, task: Task, region: str, params: Mapping[str, str]) -> str:
        answer = await self.ask(task, region, "secretsmanager", "GetSecretValue", params)
        text = answer.get("SecretString")
        if text is None:
            raise ExecutionError(f"the secret {params['SecretId']} is binary")
        return str(text)

    async def _parameter(self, task: Task, given: str) -> str:
        parsed = Arn.parse(given)
        name, region = given, task.region
        if parsed is not None:
            # A name in levels begins with a slash, another one does not: the ARN has the same one for both.
            last = parsed.resource.removeprefix("parameter/")
            name, region = f"/{last}" if "/" in last else last, parsed.region
        asked = {"Names": [name], "WithDecryption": True}
        answer = await self.ask(task, region, "ssm", "GetParameters", asked)
        for parameter in answer.get("Parameters", ()):
            return str(parameter["Value"])
        raise ExecutionError(f"invalid parameters: {name}")


def _member(text: str, key: str, given: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, KeyError, TypeError):
        raise ExecutionError(f"retrieved secret from Secrets Manager did not contain json key {key}: {given}") from None
    return value if isinstance(value, str) else json.dumps(value)


def _login(text: str, given: str) -> Login:
    try:
        found = json.loads(text)
        username, password = found["username"], found["password"]
    except (ValueError, KeyError, TypeError):
        username = password = None
    if not (isinstance(username, str) and isinstance(password, str)):
        raise ExecutionError(
            f"retrieved secret from Secrets Manager did not contain a username and a password: {given}"
        )
    return Login(username, password)


def _unable(source: str, why: str) -> str:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html"""
    return (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "
        f"unable to retrieve secret from {source}: {why}"
    )
