"""The endpoints of a task: its own credential id and no other, its metadata, and AWS's errors."""

import asyncio
import json
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from delivery.conftest import FakeClock, credentials
from kansatsu.delivery import CredentialEndpoint, MetadataService, TaskEndpoint, load_keys
from kansatsu.delivery.messages import Request, Response
from kansatsu.workload.tasks import pod_tokens
from kansatsu.workload.views import CredentialError, CredentialsState

OWN, NEIGHBOUR = "a" * 32, "b" * 32


@dataclass
class FakeTask:
    id: str = OWN
    authorization: str = "an-authorization-token"
    instance: None = None
    state: CredentialsState = field(default_factory=credentials)

    def credentials(self) -> CredentialsState:
        return self.state

    def container(self, key: str) -> dict[str, Any] | None:
        return {"Name": "web"} if key == "key" else None

    def task(self, *, tags: bool = False) -> dict[str, Any]:
        return {"TaskARN": "arn", **({"TaskTags": {"Team": "Blue"}} if tags else {})}

    async def statistics(self, key: str | None) -> dict[str, Any] | None:
        return {"read": "now"} if key else {"docker-id": None}


@pytest.fixture
def endpoint(tmp_path: Path) -> TaskEndpoint:
    clock = FakeClock()
    return TaskEndpoint(CredentialEndpoint(MetadataService(load_keys(tmp_path, clock), clock), clock), clock)


def ask(
    endpoint: TaskEndpoint, path: str, view: Any = None, host: str = "169.254.170.2", method: str = "GET"
) -> Response:
    answer = endpoint.respond(Request(method, path, {"host": host}), view or FakeTask())
    return answer if isinstance(answer, Response) else asyncio.run(_awaited(answer))


async def _awaited(answer: Awaitable[Response]) -> Response:
    return await answer


def test_the_credentials_of_its_own_role(endpoint: TaskEndpoint) -> None:
    got = ask(endpoint, f"/v2/credentials/{OWN}")
    assert got.status == 200
    assert set(json.loads(got.body)) == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}


REFUSED = [
    ("/v2/credentials", "169.254.170.2", "GET", 400, "NoIdInRequest"),
    # INVARIANT: a neighbour's id, stolen, is one that does not exist here.
    (f"/v2/credentials/{NEIGHBOUR}", "169.254.170.2", "GET", 400, "InvalidIdInRequest"),
    (f"/v2/credentials/{OWN}x", "169.254.170.2", "GET", 400, "InvalidIdInRequest"),
    (f"/v2/credentials/{OWN}", "rebound.example.com", "GET", 403, "AccessDenied"),
    (f"/v2/credentials/{OWN}", "169.254.170.2", "POST", 405, "MethodNotAllowed"),
    ("/latest/meta-data/", "169.254.170.2", "GET", 404, "NotFound"),
    (f"/{OWN}/latest/meta-data/", "169.254.170.2", "GET", 404, "NotFound"),
]


@pytest.mark.parametrize(("path", "host", "method", "status", "code"), REFUSED)
def test_what_is_refused(endpoint: TaskEndpoint, path: str, host: str, method: str, status: int, code: str) -> None:
    got = ask(endpoint, path, host=host, method=method)
    assert (got.status, json.loads(got.body)["code"]) == (status, code)


POD, POD_HOST, GOOD = "/v1/credentials", "169.254.170.23", FakeTask.authorization


def ask_as_pod(
    endpoint: TaskEndpoint,
    authorization: str | None = GOOD,
    path: str = POD,
    host: str = POD_HOST,
    method: str = "GET",
    view: Any = None,
) -> tuple[int, Any]:
    headers = {"host": host} | ({} if authorization is None else {"authorization": authorization})
    answer = endpoint.respond_as_pod(Request(method, path, headers), view or FakeTask())
    assert isinstance(answer, Response)
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("host", [POD_HOST, f"{POD_HOST}:80"])
def test_the_shape_of_eks_pod_identity(endpoint: TaskEndpoint, host: str) -> None:
    """https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_Credentials.html"""
    status, found = ask_as_pod(endpoint, host=host)
    assert (status, set(found)) == (
        200, {"AccountId", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    )  # fmt: skip
    assert found["AccountId"] == "123456789012"


REFUSED_POD: list[tuple[dict[str, Any], int]] = [
    # INVARIANT: no token, a wrong one, a neighbour's, or one that is spelt otherwise is nobody's.
    ({"authorization": None}, 400),
    ({"authorization": ""}, 400),
    ({"authorization": NEIGHBOUR}, 400),
    ({"authorization": OWN}, 400),  # the credential id is no token
    ({"authorization": GOOD[:-1]}, 400),
    ({"authorization": f"Bearer {GOOD}"}, 400),
    ({"authorization": f"{GOOD}, {GOOD}"}, 400),  # given twice
    ({"authorization": "\xe9"}, 400),
    ({"authorization": "", "view": FakeTask(authorization="")}, 400),  # it has none: then nothing is right
    ({"view": FakeTask(state=None)}, 400),  # a task without a role
    # What it was for is revoked: the role is gone, or trusts nobody any more.
    ({"view": FakeTask(state=CredentialError("AssumeRoleUnauthorizedAccess", "no", "r", FakeClock().now()))}, 503),
    ({"host": "169.254.170.2"}, 403),
    ({"host": "rebound.example.com"}, 403),
    ({"path": "/v1/credentials/x"}, 404),
    ({"path": f"/v2/credentials/{OWN}"}, 404),
    ({"path": "/v4/key/task"}, 404),
    ({"method": "POST"}, 405),
]


@pytest.mark.parametrize(("given", "status"), REFUSED_POD)
def test_what_a_pod_is_refused(endpoint: TaskEndpoint, given: dict[str, Any], status: int) -> None:
    found = ask_as_pod(endpoint, **given)
    assert found[0] == found[1]["HTTPErrorCode"] == status and "AccessKeyId" not in found[1]


def test_a_token_that_has_ended(endpoint: TaskEndpoint) -> None:
    """https://docs.aws.amazon.com/eks/latest/APIReference/API_auth_AssumeRoleForPodIdentity.html"""
    now = FakeClock().now().timestamp()
    token = lambda age, task=OWN: pod_tokens.issue(GOOD, task, now - age)  # noqa: E731
    assert ask_as_pod(endpoint, token(pod_tokens.LIFETIME - 1))[0] == 200
    said = {
        "code": "ExpiredTokenException",
        "message": "The specified Kubernetes service account token is expired.",
        "HTTPErrorCode": 400,
    }
    assert ask_as_pod(endpoint, token(pod_tokens.LIFETIME)) == (400, said)
    assert ask_as_pod(endpoint, token(0, NEIGHBOUR))[1]["code"] == "InvalidTokenException"


def test_who_guesses_tokens_is_slowed_down(endpoint: TaskEndpoint) -> None:
    assert {ask_as_pod(endpoint, "x")[0] for _ in range(100)} == {400, 429}


def test_a_task_without_a_role_has_no_credentials(endpoint: TaskEndpoint) -> None:
    assert ask(endpoint, f"/v2/credentials/{OWN}", FakeTask(state=None)).status == 400
    error = CredentialError("AssumeRoleUnauthorizedAccess", "no trust", "r", FakeClock().now())
    assert ask(endpoint, f"/v2/credentials/{OWN}", FakeTask(state=error)).status == 503


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_metadata(endpoint: TaskEndpoint, version: str) -> None:
    assert json.loads(ask(endpoint, f"/{version}/key").body) == {"Name": "web"}
    assert json.loads(ask(endpoint, f"/{version}/key/task").body) == {"TaskARN": "arn"}
    tagged = {"TaskARN": "arn", "TaskTags": {"Team": "Blue"}}
    assert json.loads(ask(endpoint, f"/{version}/key/taskWithTags").body) == tagged
    assert json.loads(ask(endpoint, f"/{version}/key/stats").body) == {"read": "now"}
    assert json.loads(ask(endpoint, f"/{version}/key/task/stats").body) == {"docker-id": None}
    for path in ("", "/", "/other", "/other/task", "/other/stats", "/other/task/stats", "/key/task/x"):
        assert ask(endpoint, f"/{version}{path}").status == 404
    assert ask(endpoint, f"/{version}/key", method="PUT").status == 405
