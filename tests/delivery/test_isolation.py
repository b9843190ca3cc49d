"""10,000 attempts of workloads to be one another, with everything that they have been given: none succeeds.

A hundred instances, tasks and processes; each tries every other's. docs/security.md has the whole suite.
"""

import json
from collections.abc import Iterator

import pytest

from kansatsu.delivery import TaskEndpoint
from kansatsu.delivery.messages import Request
from kansatsu.workload.process_task import ProcessTask

N = 101
TOKEN, TTL = "x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds"
HOST = {"host": "169.254.170.2"}
ROLES = "/latest/meta-data/iam/security-credentials/YourNewRole"


def pairs() -> Iterator[tuple[int, int]]:
    return ((mine, theirs) for mine in range(N) for theirs in range(N) if mine != theirs)


def test_the_tokens_of_instances(bench, instance, make_instance):
    views = [make_instance(id=f"i-{n:017x}", states=instance.states, info=instance.info) for n in range(N)]
    ask = bench.metadata.respond
    tokens = [ask(Request("PUT", "/latest/api/token", {TTL: "60"}), view).body.decode() for view in views]
    for view, token in zip(views, tokens, strict=True):  # control: each its own
        assert ask(Request("GET", ROLES, {TOKEN: token}), view).status == 200
    answers = [ask(Request("GET", ROLES, {TOKEN: tokens[theirs]}), views[mine]) for mine, theirs in pairs()]
    assert len(answers) > 10_000
    assert {answer.status for answer in answers} == {401}
    assert not any(b"AccessKeyId" in answer.body for answer in answers)


def test_the_credential_ids_of_tasks(bench, process, make_process):
    endpoint = TaskEndpoint(bench.containers, bench.clock)
    views = [make_process(id=f"{n:032x}", state=process.state) for n in range(N)]

    def ask(mine: int, theirs: int) -> int:
        bench.clock.advance(seconds=1)  # or it would be slowed down
        return endpoint.respond(Request("GET", f"/v2/credentials/{views[theirs].id}", HOST), views[mine]).status

    assert {ask(n, n) for n in range(N)} == {200}
    answers = [ask(mine, theirs) for mine, theirs in pairs()]
    assert (len(answers) > 10_000, set(answers)) == (True, {400})


def test_the_tokens_of_tasks_at_the_address_of_eks_pod_identity(bench, process, make_process):
    endpoint = TaskEndpoint(bench.containers, bench.clock)
    views = [make_process(id=f"{n:032x}", authorization=f"token-{n}", state=process.state) for n in range(N)]

    def ask(mine: int, theirs: int) -> int:
        bench.clock.advance(seconds=1)
        headers = {"host": "169.254.170.23", "authorization": views[theirs].authorization}
        return endpoint.respond_as_pod(Request("GET", "/v1/credentials", headers), views[mine]).status

    assert {ask(n, n) for n in range(N)} == {200}
    answers = [ask(mine, theirs) for mine, theirs in pairs()]
    assert (len(answers) > 10_000, set(answers)) == (True, {400})


@pytest.mark.parametrize("stolen", ["id", "authorization", "path", "pod"])
def test_what_processes_on_the_hosts_loopback_hold(bench, process, make_process, stolen):
    """Each has an id and a header; one of the two of somebody else, or the own path to another's id, gives nothing."""
    views = [
        make_process(
            id=f"{n:032x}",
            authorization=f"token-{n}",
            state=process.state,
            task=ProcessTask(f"{n + N:032x}", "123456789012", "eu-west-1", bench.clock.now()),
        )
        for n in range(N)
    ]
    known = {view.id: view for view in views}
    hosts = frozenset({"127.0.0.1:7"})

    def ask(target: str, authorization: str) -> tuple[int, bytes]:
        bench.clock.advance(seconds=1)
        headers = {"host": "127.0.0.1:7", "authorization": authorization}
        found = bench.containers.respond(Request("GET", target, headers), known.get, hosts, True)
        return found.status, found.body

    def attempt(mine: int, theirs: int) -> tuple[int, bytes]:
        own, other = views[mine], views[theirs]
        return {
            "id": lambda: ask(f"/v2/credentials/{other.id}", own.authorization),
            "authorization": lambda: ask(f"/v2/credentials/{own.id}", other.authorization),
            "pod": lambda: ask(f"/{other.id}/v1/credentials", own.authorization),
            "path": lambda: ask(f"/{own.id}/v2/credentials/{other.id}", own.authorization),
        }[stolen]()

    assert {ask(f"/v2/credentials/{view.id}", view.authorization)[0] for view in views} == {200}
    assert {ask(f"/{view.id}/v2/credentials/{view.id}", view.authorization)[0] for view in views} == {200}
    assert {ask(f"/{view.id}/v1/credentials", view.authorization)[0] for view in views} == {200}
    answers = [attempt(mine, theirs) for mine, theirs in pairs()]
    assert len(answers) > 10_000
    assert {status for status, _ in answers} <= {400, 401}
    assert not any("AccessKeyId" in json.loads(body) for _, body in answers)
