"""The log driver awslogs: as the execution role, every line once, also across restarts of ours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.errors import AwsError
from kansatsu.workload.providers import Line
from kansatsu.workload.tasks.awslogs import batches
from services.conftest import ACCOUNT
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import ARN, TASKS, Refused, cloud, container, ecs_client, world

__all__ = ["cloud", "ecs_client", "engine", "world"]

ALL = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
OPTIONS = {
    "awslogs-group": "g",
    "awslogs-stream-prefix": "p",
    "awslogs-region": "eu-west-1",
    "awslogs-create-group": "true",
}


class Logs:
    """CloudWatch Logs, as far as the driver uses it."""

    def __init__(self, world: Ec2World) -> None:
        self.world = world
        self.groups: set[str] = set()
        self.streams: dict[str, list[tuple[int, str]]] = {}
        world.role("execution", TASKS)
        self.may(*ALL)
        world.answers.update(CreateLogGroup=self.group, CreateLogStream=self.stream, PutLogEvents=self.put)

    def may(self, *actions: str) -> None:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        self.world.iam.put_role_policy(RoleName="execution", PolicyName="may", PolicyDocument=document)

    def group(self, params: Any) -> Any:
        if params["logGroupName"] in self.groups:
            raise AwsError("The specified log group already exists", code="ResourceAlreadyExistsException")
        self.groups.add(params["logGroupName"])
        return {}

    def stream(self, params: Any) -> Any:
        if params["logGroupName"] not in self.groups:
            raise AwsError("The specified log group does not exist.", code="ResourceNotFoundException")
        self.streams[params["logStreamName"]] = []
        return {}

    def put(self, params: Any) -> Any:
        events = [(each["timestamp"], each["message"]) for each in params["logEvents"]]
        self.streams[params["logStreamName"]] += events
        return {}

    def write(self, *texts: str, name: str = "web") -> None:
        """What the container of that name says, a line each millisecond."""
        written = self.world.provider.written.setdefault(name, [])
        written += [Line(f"2026-03-04T05:06:07.{len(written) + n:03}000000Z", text) for n, text in enumerate(texts)]

    def deliver(self) -> None:
        self.world.clock.move(seconds=11)
        self.world.settle()
        self.world.settle()

    def run(self, engine: Engine, options: dict[str, str]) -> str:
        definition = container(logConfiguration={"logDriver": "awslogs", "options": options})
        engine.ecs.register_task_definition(
            family="f", executionRoleArn="execution", containerDefinitions=[definition, container(name="side")]
        )
        task = engine.ecs.run_task(taskDefinition="f")["tasks"][0]["taskArn"]
        self.world.settle()
        return str(task.rpartition("/")[2])


@pytest.fixture
def logs(world: Ec2World) -> Logs:
    return Logs(world)


def test_every_line_is_delivered_once(engine: Engine, logs: Logs, world: Ec2World) -> None:
    """Also what is written while Kansatsu is away, and last of all."""
    task = logs.run(engine, OPTIONS)
    name = f"p/web/{task}"
    assert logs.groups == {"g"} and logs.streams == {name: []}
    logs.write("one", "", "two")
    logs.write("not this", name="side")
    logs.deliver()
    at = 1_772_600_767_000
    assert logs.streams[name] == [(at, "one"), (at + 2, "two")]
    world.restart()
    logs.write("three")
    logs.deliver()
    logs.write("last")
    engine.end(task, "web", 0)
    assert [text for _, text in logs.streams[name]] == ["one", "two", "three", "last"]
    who = f"arn:aws:sts::{ACCOUNT}:assumed-role/execution/{task}"
    assert {(each[0], each[2]) for each in world.asked} == {(who, "eu-west-1")}


def test_without_a_prefix_the_stream_is_the_container(engine: Engine, logs: Logs) -> None:
    task = logs.run(engine, {"awslogs-group": "g", "awslogs-create-group": "true"})
    assert list(logs.streams) == [engine.key(task)]


DENIED = [
    (("logs:CreateLogStream", "logs:PutLogEvents"), OPTIONS, "AccessDeniedException: User: arn:aws:sts::"),
    (("logs:CreateLogGroup", "logs:PutLogEvents"), OPTIONS, "AccessDeniedException: User: arn:aws:sts::"),
    (ALL, {"awslogs-group": "none"}, "ResourceNotFoundException: The specified log group does not exist."),
]


@pytest.mark.parametrize(("actions", "options", "words"), DENIED)
def test_what_cannot_be_logged_is_not_started(
    engine: Engine, logs: Logs, actions: tuple[str, ...], options: dict[str, str], words: str
) -> None:
    logs.may(*actions)
    ended = engine.task(logs.run(engine, options))
    assert ended["lastStatus"] == "STOPPED"
    assert ended["stoppedReason"].startswith("ResourceInitializationError: failed to initialize logging driver: ")
    assert words in ended["stoppedReason"]
    assert not any(event[0] == "start" for event in engine.fake.events)


def test_without_an_execution_role_and_an_instance_nobody_logs(engine: Engine) -> None:
    task = engine.run(container(logConfiguration={"logDriver": "awslogs", "options": OPTIONS}))
    assert "The task has no execution role, and its cluster no container instance" in engine.task(task)["stoppedReason"]


def test_a_role_that_may_no_longer_is_named_and_nothing_is_lost(engine: Engine, logs: Logs, world: Ec2World) -> None:
    task = logs.run(engine, OPTIONS)
    logs.may("logs:CreateLogStream")
    logs.write("one")
    logs.deliver()
    (shown,) = world.control.describe_workloads(InstanceIds=[task])["Workloads"]
    (problem,) = shown["Problems"]
    assert "cannot be delivered" in problem and "logs:PutLogEvents" in problem
    assert engine.task(task)["lastStatus"] == "RUNNING"
    logs.may(*ALL)
    logs.deliver()
    assert [text for _, text in logs.streams[f"p/web/{task}"]] == ["one"]
    assert world.control.describe_workloads(InstanceIds=[task])["Workloads"][0]["Problems"] == []


def test_a_container_that_was_never_made_has_no_lines(engine: Engine, logs: Logs) -> None:
    """An engine that is asked for the log of "" answers with something else altogether."""
    asked: list[str] = []
    lines = engine.fake.lines

    async def listening(reference: str, after: str) -> Any:
        asked.append(reference)
        return await lines(reference, after)

    engine.fake.lines = listening  # type: ignore[method-assign]
    engine.fake.missing.add("web:latest")
    assert "CannotPullContainerError" in engine.task(logs.run(engine, OPTIONS))["stoppedReason"]
    assert asked == []


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"logDriver": "syslog"}, "NotImplemented", "syslog"),
    ({"logDriver": "awslogs"}, "ClientException", "awslogs-group"),
    ({"logDriver": "awslogs", "options": {**OPTIONS, "mode": "blocking"}}, "NotImplemented", "blocking"),
    ({"logDriver": "awslogs", "options": {**OPTIONS, "awslogs-datetime-format": "%Y"}}, "NotImplemented", "datetime"),
]


@pytest.mark.parametrize(("change", "code", "words"), BAD)
def test_what_a_log_configuration_may_not_say(ecs: Any, refused: Refused, change: Any, code: str, words: str) -> None:
    definitions = [container(logConfiguration=change)]
    assert words in refused(code, ecs.register_task_definition, family="f", containerDefinitions=definitions)


@given(st.lists(st.tuples(st.text(max_size=20) | st.just("x" * 262_100), st.sampled_from([0, 0, 7])), max_size=30))
def test_batches_are_what_one_call_takes(written: list[tuple[str, int]]) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html"""
    moment, lines = datetime(2026, 1, 31, tzinfo=UTC), []
    for text, hours in written:
        moment += timedelta(hours=hours)
        lines.append(Line(f"{moment:%Y-%m-%dT%H:%M:%S}.{len(lines):09}Z", text))
    found = list(batches(lines))
    assert all(sum(len(line.text.encode()) + 26 for line in batch) <= 1_048_576 for batch in found)
    assert all(_hours(batch) < 24 for batch in found)
    assert [line.stamp for batch in found for line in batch] == [line.stamp for line in lines if line.text]


def _hours(batch: list[Line]) -> float:
    first, last = (datetime.fromisoformat(line.stamp[:19]) for line in (batch[0], batch[-1]))
    return (last - first) / timedelta(hours=1)


def test_a_line_that_goes_on_is_waited_for_while_the_container_runs(logs: Logs, engine: Engine) -> None:
    first, second = "2026-03-04T05:06:01.000000000Z", "2026-03-04T05:06:02.000000000Z"
    engine.fake.written["web"] = [Line(first, "whole"), Line(second, "half", ended=False)]
    task = logs.run(engine, OPTIONS)
    logs.deliver()
    assert [text for _, text in logs.streams[f"p/web/{task}"]] == ["whole"]
    assert engine.cloud.control.get_task_logs(Task=task)["Logs"][0]["Text"] == "whole\nhalf\n"
    assert engine.cloud.control.get_task_logs(Task=task, After=[])["Logs"][0]["Text"] == "whole\n"
    engine.end(task, "web", 0)
    assert [text for _, text in logs.streams[f"p/web/{task}"]] == ["whole", "half"]


def test_who_follows_misses_nothing(engine: Engine, world: Ec2World) -> None:
    """However much is written after his first look at a container that had said nothing, or had not started."""
    waits = container(name="late", dependsOn=[{"containerName": "web", "condition": "SUCCESS"}])
    task = engine.run(container(essential=False), waits)
    first = world.control.get_task_logs(Task=task, Lines=2, After=[])["Logs"]
    assert [(each["Container"], each["Text"]) for each in first] == [("web", ""), ("late", "")]
    stamps = [f"2026-03-04T05:06:0{second}.000000000Z" for second in range(5)]
    engine.fake.written["web"] = [Line(stamp, "x", others=f" 2:{stamps[0]}") for stamp in stamps]
    after = [{"Container": each["Container"], "Last": each["Last"]} for each in first]
    (web, late) = world.control.get_task_logs(Task=task, Lines=1000, After=after)["Logs"]
    assert web == {"Container": "web", "Text": "x\n" * 5, "Last": f"{stamps[4]} 2:{stamps[0]}"}
    assert world.control.get_task_logs(Task=task, After=[{"Container": "web", "Last": web["Last"]}])["Logs"][0] == {
        **web, "Text": ""
    }  # fmt: skip
    engine.fake.broken = "away"  # what waits for its start is not asked for
    assert world.control.get_task_logs(Task=task, Container="late", After=[late])["Logs"] == [late]


def test_a_task_is_shown_with_its_role_and_what_it_wrote(engine: Engine, world: Ec2World) -> None:
    role = world.role("r", TASKS)
    task = engine.run(container(), container(name="side"), role="r")
    instance = world.container("beside")
    held = engine.view(task).credentials()
    answer = world.control.describe_workloads()["Workloads"]
    assert {each["Id"]: each["Kind"] for each in answer} == {instance: "container", task: "task"}
    (shown,) = world.control.describe_workloads(InstanceIds=[task])["Workloads"]
    assert (shown["State"], shown["Served"], shown["Problems"]) == ("RUNNING", True, [])
    assert shown["Role"]["Arn"] == role["Arn"]
    assert [each["AccessKeyId"] for each in shown["Credentials"]] == [held.access_key_id]
    stamps = [f"2026-03-04T05:06:0{second}.000000000Z" for second in range(5)]
    engine.fake.written["web"] = [Line(stamp, f"at {stamp[18]}") for stamp in stamps]
    logs = world.control.get_task_logs(Task=task, Lines=2)["Logs"]
    assert logs == [
        {"Container": "web", "Text": "at 3\nat 4\n", "Last": stamps[4]}, {"Container": "side", "Text": ""}
    ]  # fmt: skip
    later = world.control.get_task_logs(Task=task, Lines=2, After=[{"Container": "web", "Last": stamps[1]}])
    assert (later["State"], later["Logs"][0]) == ("RUNNING", {**logs[0], "Text": "at 2\nat 3\n", "Last": stamps[3]})
    assert len(world.control.get_task_logs(Task=task, Container="side")["Logs"]) == 1
    for wrong, code in (
        ({"Task": "f" * 32}, "NoSuchTask"),
        ({"Task": task, "Container": "x"}, "InvalidParameterValue"),
        ({"Task": task, "After": [{"Container": "web", "Last": "yesterday"}]}, "InvalidParameterValue"),
    ):
        with pytest.raises(ClientError, match=code):
            world.control.get_task_logs(**wrong)
    own = {"Effect": "Allow", "Action": "kansatsu:GetTaskLogs", "Resource": f"{ARN}task/other/*"}
    with pytest.raises(ClientError, match=f"kansatsu:GetTaskLogs on resource: {ARN}task/default/{task}"):
        world.client("kansatsu", world.user("a", own)).get_task_logs(Task=task)
