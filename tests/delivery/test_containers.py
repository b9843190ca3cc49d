"""Container credentials on loopback: who gets them, in which shape, and everyone who does not."""

import json

import pytest

from kansatsu.workload.process_task import ProcessTask
from kansatsu.workload.views import CredentialError

ID = "0123456789abcdef0123456789abcdef"
GOOD = {"Authorization": "an-authorization-token"}


def error(code: str, message: str, status: int) -> dict[str, object]:
    return {"code": code, "message": message, "HTTPErrorCode": status}


NOT_FOUND = error("InvalidIdInRequest", "CredentialsV2Request: Credentials not found", 400)

REFUSALS = [
    ("GET", f"/v2/credentials/{ID}", {}, 401, "Unauthorized"),
    ("GET", f"/v2/credentials/{ID}", {"Authorization": ""}, 401, "Unauthorized"),
    ("GET", f"/v2/credentials/{ID}", {"Authorization": "an-authorization-toke"}, 401, "Unauthorized"),
    ("GET", f"/v2/credentials/{ID}", {"Authorization": "Bearer an-authorization-token"}, 401, "Unauthorized"),
    ("GET", f"/v2/credentials/{ID}", {"Authorization": "ÿ"}, 401, "Unauthorized"),
    ("GET", "/v2/credentials", GOOD, 400, "NoIdInRequest"),
    ("GET", "/v2/credentials/", GOOD, 400, "NoIdInRequest"),
    ("GET", f"/v2/credentials/{ID[::-1]}", GOOD, 400, "InvalidIdInRequest"),
    ("GET", f"/v2/credentials/{ID}/more", GOOD, 400, "InvalidIdInRequest"),
    ("PUT", f"/v2/credentials/{ID}", GOOD, 405, "MethodNotAllowed"),
    ("GET", "/", GOOD, 404, "NotFound"),
    ("GET", "/latest/meta-data/", GOOD, 404, "NotFound"),
    ("GET", f"/{ID[::-1]}/latest/meta-data/", GOOD, 404, "NotFound"),
    # DNS rebinding: the page's own name reaches us in Host
    ("GET", f"/v2/credentials/{ID}", {**GOOD, "Host": "evil.example"}, 403, "AccessDenied"),
    ("GET", f"/v2/credentials/{ID}", {**GOOD, "Host": "localhost"}, 403, "AccessDenied"),
    ("GET", f"/v2/credentials/{ID}", {**GOOD, "Host": "127.0.0.1"}, 403, "AccessDenied"),
    ("GET", f"/{ID}/latest/meta-data/", {"Host": "evil.example"}, 403, "AccessDenied"),
]


@pytest.mark.parametrize(("method", "target", "headers", "status", "code"), REFUSALS)
async def test_refusal(bench, process, method, target, headers, status, code):
    answer = await (await bench.serve_processes(process))(method, target, headers)
    body = json.loads(answer.text)
    assert (answer.status, body["code"], body["HTTPErrorCode"]) == (status, code, status)
    assert body["message"]
    assert answer.headers["content-type"] == "application/json"


async def test_credentials(bench, process):
    ask = await bench.serve_processes(process)
    answer = await ask("GET", f"/v2/credentials/{ID}", GOOD)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert json.loads(answer.text) == {
        "RoleArn": "arn:aws:iam::123456789012:role/YourNewRole",
        "AccessKeyId": "ASIA20EXAMPLE",
        "SecretAccessKey": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "Token": "token-2.0",
        "Expiration": "2026-01-31T13:00:00Z",
    }
    unknown = await ask("GET", "/v2/credentials/x", GOOD)
    assert (unknown.status, json.loads(unknown.text)) == (400, NOT_FOUND)


async def test_on_a_listener_of_its_own_the_id_is_enough(bench, process):
    ask = await bench.serve_processes(process, shared=False)
    assert (await ask("GET", f"/v2/credentials/{ID}")).status == 200
    assert (await ask("GET", "/v2/credentials/other")).status == 400


async def test_a_process_without_a_token_of_its_own_is_never_served_on_a_shared_listener(bench, process):
    process.authorization = ""
    ask = await bench.serve_processes(process)
    assert (await ask("GET", f"/v2/credentials/{ID}", {"Authorization": ""})).status == 401


async def test_one_process_cannot_ask_with_the_token_of_another(bench, process, make_process):
    other = make_process(id="f" * 32, authorization="another-token", state=process.state)
    ask = await bench.serve_processes(process, other)
    assert (await ask("GET", f"/v2/credentials/{other.id}", {"Authorization": process.authorization})).status == 401


@pytest.mark.parametrize("minutes", [4.99, 0, -1])
async def test_credentials_about_to_die_are_withheld(bench, process, make_credentials, minutes):
    process.state = make_credentials(minutes=minutes)
    answer = await (await bench.serve_processes(process))("GET", f"/v2/credentials/{ID}", GOOD)
    assert (answer.status, json.loads(answer.text)["code"]) == (503, "CredentialsUninitialized")


async def test_why_there_are_none(bench, process):
    process.state = CredentialError("AssumeRoleUnauthorizedAccess", "the trust policy refuses", "R", bench.clock.now())
    ask = await bench.serve_processes(process)
    refused = json.loads((await ask("GET", f"/v2/credentials/{ID}", GOOD)).text)
    assert refused == error("CredentialsUninitialized", "AssumeRoleUnauthorizedAccess: the trust policy refuses", 503)
    process.state = None
    assert (await ask("GET", f"/v2/credentials/{ID}", GOOD)).status == 503


async def test_a_storm_is_slowed_down_and_harms_nobody_else(bench, process, make_process):
    other = make_process(id="f" * 32, authorization="t", state=process.state)
    ask = await bench.serve_processes(process, other)
    answers = [(await ask("GET", f"/v2/credentials/{ID}", GOOD)).status for _ in range(62)]
    assert answers == [200] * 60 + [429] * 2
    assert (await ask("GET", f"/v2/credentials/{other.id}", {"Authorization": "t"})).status == 200
    bench.clock.advance(seconds=1)
    assert [(await ask("GET", f"/v2/credentials/{ID}", GOOD)).status for _ in range(41)] == [200] * 40 + [429]
    guesses = [(await ask("GET", f"/v2/credentials/{n:032x}", GOOD)).status for n in range(61)]
    assert guesses == [400] * 60 + [429]


async def test_metadata_service_under_the_secret_path(bench, process):
    ask = await bench.serve_processes(process)
    ttl, header = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "X-aws-ec2-metadata-token"
    token = (await ask("PUT", f"/{ID}/latest/api/token", ttl)).text
    answer = await ask("GET", f"/{ID}//latest/meta-data/instance-id", {header: token})
    assert answer.text == process.instance.id
    assert (await ask("PUT", f"/{ID}/latest/api/token", {**ttl, "X-Forwarded-For": "::1"})).status == 403
    process.instance = None
    assert (await ask("GET", f"/{ID}/latest/meta-data/instance-id", {header: token})).status == 404


async def test_the_endpoints_of_one_process_below_its_id(bench, process, make_process):
    """What mode ns shows at AWS's own addresses: another's id is one that there is not, as on ECS."""
    other = make_process(id="f" * 32, authorization="t", state=process.state)
    process.task = ProcessTask("0" * 31 + "1", "123456789012", "eu-west-1", bench.clock.now())
    ask = await bench.serve_processes(process, other)
    cases = [
        (f"/{ID}/v2/credentials/{ID}", GOOD, 200),
        (f"/{ID}/v2/credentials/{ID}", {}, 401),
        (f"/{ID}/v2/credentials/{ID}", {"Authorization": "t"}, 401),
        (f"/{ID}/v2/credentials/{other.id}", GOOD, 400),
        (f"/{ID}/v2/credentials/{other.id}", {"Authorization": "t"}, 400),
        (f"/{ID}/v2/credentials", GOOD, 400),
        (f"/{ID}/v4/{process.task.key}", {}, 200),
        (f"/{ID}/v3/{process.task.key}/task", {}, 200),
        (f"/{ID}/v4/{process.task.key}/stats", {}, 404),
        (f"/{ID}/v4/{process.task.id}", {}, 404),
        (f"/{other.id}/v4/{process.task.key}", {}, 404),
        (f"/{ID}/v4", {}, 404),
    ]
    found = [(target, headers, (await ask("GET", target, headers)).status) for target, headers, _ in cases]
    assert found == cases
    task = json.loads((await ask("GET", f"/{ID}/v4/{process.task.key}/task")).text)
    assert task["TaskARN"] == f"arn:aws:ecs:eu-west-1:123456789012:task/default/{process.task.id}"
    assert task["Containers"] == [json.loads((await ask("GET", f"/{ID}/v4/{process.task.key}")).text)]
