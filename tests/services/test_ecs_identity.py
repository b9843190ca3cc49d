"""Who a task is: its credentials in both shapes, from their first issue to their end; its tags; and no way in."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import select, update

from kansatsu.identity import schema
from kansatsu.workload.tasks import pod_tokens
from services.conftest import EC2_TRUST
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import ARN, TASKS, Refused, cloud, container, ecs_client, world

__all__ = ["cloud", "ecs_client", "engine", "world"]


def test_tags_of_the_definition_go_with_its_tasks_where_that_is_asked_for(
    engine: Engine, world: Ec2World, refused: Refused
) -> None:
    tags = [{"key": "Team", "value": "Blue"}, {"key": "Cost", "value": "1"}]
    engine.ecs.register_task_definition(family="f", containerDefinitions=[container()], tags=tags)
    ask = {"taskDefinition": "f", "propagateTags": "TASK_DEFINITION", "tags": [{"key": "Team", "value": "Red"}]}
    (made,) = engine.ecs.run_task(**ask, placementStrategy=[{"type": "spread", "field": "host"}])["tasks"]
    assert made["tags"] == [{"key": "Cost", "value": "1"}, {"key": "Team", "value": "Red"}]
    hosts = engine.ecs.list_container_instances()["containerInstanceArns"]
    assert engine.ecs.start_task(**ask, containerInstances=hosts)["tasks"][0]["tags"] == made["tags"]
    assert engine.ecs.run_task(taskDefinition="f")["tasks"][0]["tags"] == []
    refused("InvalidParameterException", engine.ecs.run_task, taskDefinition="f", propagateTags="SERVICE")
    # INVARIANT: these, too, take the permission to tag.
    run = {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": "*"}
    client = world.client("ecs", world.user("runner", run))
    assert client.run_task(taskDefinition="f")["tasks"]
    with pytest.raises(ClientError, match="ecs:TagResource"):
        client.run_task(taskDefinition="f", propagateTags="TASK_DEFINITION")


def test_the_credentials_of_a_task_rotate_and_end_with_its_role(engine: Engine, world: Ec2World) -> None:
    world.role("r", TASKS)
    task = engine.run(role="r")
    view = engine.view(task)
    found = [view.credentials()]
    for _ in range(5):
        world.clock.move(minutes=31)
        found.append(view.credentials())
        before, now = found[-2:]
        assert now.access_key_id != before.access_key_id and now.expiration - world.clock.now() == timedelta(hours=1)
        assert world.works(before) and world.works(now)  # what an SDK still holds is good to its own end
        assert world.caller(now.access_key_id, now.token).arn.endswith(f":assumed-role/r/{task}")
    assert not world.works(found[0])
    world.iam.update_assume_role_policy(RoleName="r", PolicyDocument=json.dumps(EC2_TRUST))
    assert view.credentials().code == "AssumeRoleUnauthorizedAccess"
    world.iam.delete_role(RoleName="r")
    assert view.credentials().message == "The role no longer exists." and not world.works(found[-1])


FULL_URI, TOKEN = "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"
POD_URI = "http://169.254.170.23/v1/credentials"


def test_nobody_gets_a_shell_in_a_task(engine: Engine, world: Ec2World, refused: Refused) -> None:
    """https://repost.aws/knowledge-center/ecs-error-execute-command"""
    ask = {"task": engine.run(), "command": "/bin/sh", "interactive": True}
    said = refused("InvalidParameterException", engine.ecs.execute_command, **ask)
    assert said.startswith("The execute command failed because execute command was not enabled when the task was run")
    refused("InvalidParameterException", engine.ecs.execute_command, **{**ask, "task": "f" * 32})
    for on in ("cluster/default", "task/default/*"):  # it takes the action on both
        client = world.client("ecs", world.user(on[:4], {"Effect": "Allow", "Action": "ecs:*", "Resource": ARN + on}))
        refused("AccessDenied", client.execute_command, **ask)


def test_an_application_may_be_told_as_a_pod_of_eks_is(engine: Engine, world: Ec2World) -> None:
    """https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html"""
    world.role("r", TASKS)
    pod = [{"name": FULL_URI, "value": POD_URI}]
    file = {"name": f"{TOKEN}_FILE", "value": "/var/run/token"}
    own = {"name": FULL_URI, "value": "http://127.0.0.1:7/"}
    task = engine.run(
        container(environment=pod),
        container(name="file", environment=[*pod, file]),
        container(name="own", environment=[own, file]),
        role="r",
    )
    web, from_file, other = (engine.environment(task, name) for name in ("web", "file", "own"))
    relative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
    (view,) = [handle.view for handle in world.task_server.open]
    assert (web[FULL_URI], web[TOKEN], relative in web) == (POD_URI, view.authorization, False)
    assert TOKEN not in from_file and relative not in from_file
    (mount,) = engine.fake.options[engine.key(task, "file")].mounts
    assert (mount.target, mount.read_only) == ("/var/run/token", True)
    assert pod_tokens.ends(view.authorization, view.id, Path(mount.source).read_text()) is not None
    assert other[relative] == f"/v2/credentials/{view.id}" and TOKEN not in other  # somebody else's endpoint is its own
    # INVARIANT: each task has a token of its own, which nothing shows; it is the same after a restart.
    again = engine.run(container(environment=pod), role="r")
    assert engine.environment(again)[TOKEN] != web[TOKEN] and len(web[TOKEN]) >= 43
    shown = repr([member.task for member in world.workload.tasks]) + repr(engine.task(task))
    assert web[TOKEN] not in shown + repr(engine.cloud.control.describe_workloads())
    # Nor is it in the store.
    table = schema.task
    with world.store.read() as conn:
        rows = {row.id: json.loads(row.details) for row in conn.execute(select(table.c.id, table.c.details))}
    assert web[TOKEN] not in repr(rows) and rows[task]["token"].startswith("sealed:")
    world.restart()
    assert web[TOKEN] in {handle.view.authorization for handle in world.task_server.open}
    none = engine.run(container(environment=[*pod, file]))
    assert TOKEN not in engine.environment(none)
    assert [str(path) for path in world.settings.tokens.iterdir()] == [mount.source]


def test_the_token_of_a_file_ends_and_is_followed_by_another(engine: Engine, world: Ec2World) -> None:
    """https://docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html"""
    world.role("r", TASKS)
    told = [{"name": FULL_URI, "value": POD_URI}, {"name": f"{TOKEN}_FILE", "value": "/var/run/token"}]
    task = engine.run(container(environment=told), role="r")
    (view,) = [handle.view for handle in world.task_server.open]
    (mount,) = engine.fake.options[engine.key(task)].mounts
    source = Path(mount.source)
    first, inode = source.read_text(), source.stat().st_ino
    assert (source.parent.stat().st_mode & 0o777, source.stat().st_mode & 0o777) == (0o700, 0o644)
    left = lambda: pod_tokens.ends(view.authorization, view.id, source.read_text()) - world.clock.now().timestamp()  # type: ignore[operator]  # noqa: E731
    world.clock.move(hours=19)
    world.settle()
    assert source.read_text() == first
    for _ in range(50):  # it never ends under a container, whose file stays the same one
        world.clock.move(hours=1)
        world.settle()
        assert left() > 4 * 3600 and source.stat().st_ino == inode
    assert source.read_text() != first
    world.clock.move(days=3)  # nobody was there to renew it
    assert left() < 0
    world.restart()
    assert 86400 - left() < 1
    engine.ecs.stop_task(task=task)
    world.settle()
    world.clock.move(hours=1.1)
    world.settle()
    assert not source.exists()


@pytest.mark.parametrize("put", ["a neighbour's", "sealed:", "sealed:%%%", "sealed:AAAA", "sealed:é"])
def test_a_task_whose_row_was_altered_is_nobody(
    engine: Engine, world: Ec2World, caplog: pytest.LogCaptureFixture, put: str
) -> None:
    """The attack: who can write to the store gives one task the token of another one. The other tasks are served."""
    world.role("r", TASKS)
    altered, other = engine.run(role="r"), engine.run(role="r")
    table = schema.task
    with world.store.read() as conn:
        rows = {row.id: json.loads(row.details) for row in conn.execute(select(table.c.id, table.c.details))}
    token = rows[other]["token"] if put == "a neighbour's" else put
    with world.store.write() as conn:
        details = json.dumps(rows[altered] | {"token": token})
        conn.execute(update(table).where(table.c.id == altered).values(details=details))
    world.restart()
    assert [altered in line for line in caplog.messages if "has no identity" in line] == [True]
    assert (engine.view(altered).credentials(), engine.view(altered).authorization) == (None, "")
    assert engine.view(other).credentials().role_name == "r" and engine.view(other).authorization
    assert {engine.task(task)["lastStatus"] for task in (altered, other)} == {"RUNNING"}
