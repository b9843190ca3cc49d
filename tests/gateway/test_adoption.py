"""Until what ran before a start has been adopted, whoever asks how it is is told to ask again, and nobody else is."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from kansatsu.errors import ServiceUnavailable

from .conftest import Gateway

CASES: list[tuple[str, Callable[[Any], Any], bool]] = [
    ("ecs", lambda c: c.list_tasks(), False),
    ("ecs", lambda c: c.describe_tasks(tasks=["0" * 32]), False),
    ("ecs", lambda c: c.describe_services(services=["s"]), False),
    ("ecs", lambda c: c.describe_clusters(), False),
    ("ecs", lambda c: c.list_container_instances(), False),
    ("ec2", lambda c: c.describe_instances(), False),
    ("ec2", lambda c: c.run_instances(ImageId="ami-1", MinCount=1, MaxCount=1), False),
    ("ecs", lambda c: c.list_clusters(), True),
    ("ecs", lambda c: c.list_task_definitions(), True),
    ("sts", lambda c: c.get_caller_identity(), True),
    ("iam", lambda c: c.list_roles(), True),
    ("s3", lambda c: c.list_buckets(), True),
]


def test_only_answers_that_depend_on_it_wait(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def not_yet() -> None:
        raise ServiceUnavailable("not yet")

    keys = gateway.user({"Effect": "Allow", "Action": "*", "Resource": "*"})
    clients = {name: gateway.client(name, keys) for name in {case[0] for case in CASES}}
    clients["ecs"].create_cluster()
    monkeypatch.setattr(gateway.workload, "adopted", not_yet)
    for service, ask, answered in CASES:
        if answered:
            ask(clients[service])
            continue
        with pytest.raises(ClientError) as caught:
            ask(clients[service])
        answer = caught.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 503, (service, answer)
        assert answer["Error"]["Code"] == "ServiceUnavailable"
