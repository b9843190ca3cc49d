"""Services over boto3, in process, on an engine in memory: the count, deployments, back-off, and restarts of ours."""

import asyncio
import itertools
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.conftest import EC2_TRUST
from services.ec2_world import Ec2World
from services.ecs_world import Engine, engine
from services.test_ecs_definitions import ARN, TASKS, Refused, cloud, container, ecs_client, world

__all__ = ["cloud", "ecs_client", "engine", "world"]


class Fleet:
    """A service and what one asks of it."""

    def __init__(self, engine: Engine, ecs: Any, world: Ec2World) -> None:
        self.engine, self.ecs, self.world = engine, ecs, world
        self.define()

    def define(self, **more: Any) -> str:
        """The next revision of the family."""
        made = self.ecs.register_task_definition(family="f", containerDefinitions=[container()], **more)
        return str(made["taskDefinition"]["taskDefinitionArn"])

    def create(self, count: int = 2, **more: Any) -> Any:
        given: dict[str, Any] = {"serviceName": "s", "taskDefinition": "f", "desiredCount": count, **more}
        made = self.ecs.create_service(**given)["service"]
        self.rounds(3)
        return made

    def update(self, **more: Any) -> Any:
        return self.ecs.update_service(service="s", **more)["service"]

    def rounds(self, count: int = 1) -> None:
        for _ in range(count):
            self.world.settle()

    def now(self) -> Any:
        return self.ecs.describe_services(services=["s"])["services"][0]

    def events(self) -> list[str]:
        return [each["message"] for each in reversed(self.now()["events"])]

    def tasks(self, status: str = "RUNNING") -> list[Any]:
        arns = self.ecs.list_tasks(serviceName="s", desiredStatus=status)["taskArns"]
        return list(self.ecs.describe_tasks(tasks=arns)["tasks"]) if arns else []

    def revisions(self) -> list[int]:
        return sorted(int(each["taskDefinitionArn"].rpartition(":")[2]) for each in self.tasks())

    def fail(self, task: Any, code: int = 1) -> None:
        self.engine.fake.halt(task["containers"][0]["runtimeId"], code)

    def count(self) -> tuple[int, int, int]:
        found = self.now()
        return found["desiredCount"], found["runningCount"], found["pendingCount"]


@pytest.fixture
def fleet(engine: Engine, ecs: Any, world: Ec2World) -> Fleet:
    return Fleet(engine, ecs, world)


# ---- the count -----------------------------------------------------------------------------------------------------


def test_a_service_from_start_to_end(fleet: Fleet, ecs: Any) -> None:
    tags = [{"key": "Team", "value": "Blue"}]
    made = fleet.create(tags=tags, propagateTags="SERVICE", enableECSManagedTags=True)
    assert (made["serviceArn"], made["status"], made["tags"]) == (f"{ARN}service/default/s", "ACTIVE", tags)
    assert made["deploymentConfiguration"]["maximumPercent"] == 200
    assert [each["rolloutState"] for each in made["deployments"]] == ["IN_PROGRESS"]
    ecs.get_waiter("services_stable").wait(services=["s"])
    shown = fleet.now()
    (deployment,) = shown["deployments"]
    assert (deployment["status"], deployment["rolloutState"], deployment["runningCount"]) == ("PRIMARY", "COMPLETED", 2)
    assert fleet.count() == (2, 2, 0)
    for task in fleet.tasks():
        assert (task["group"], task["startedBy"]) == ("service:s", deployment["id"])
    described = ecs.describe_tasks(tasks=[task["taskArn"] for task in fleet.tasks()], include=["TAGS"])["tasks"]
    managed = [{"key": f"aws:ecs:{name}Name", "value": v} for name, v in (("cluster", "default"), ("service", "s"))]
    assert described[0]["tags"] == [*tags, *managed]
    started, completed, steady = fleet.events()
    assert started.startswith("(service s) has started 2 tasks: (task ")
    assert all(f"(task {task['taskArn'].rpartition('/')[2]})" in started for task in fleet.tasks())
    assert completed == f"(service s) (deployment {deployment['id']}) deployment completed."
    assert steady == "(service s) has reached a steady state."
    assert ecs.list_services()["serviceArns"] == [made["serviceArn"]]
    assert ecs.list_services(schedulingStrategy="DAEMON")["serviceArns"] == []
    assert ecs.describe_clusters()["clusters"][0]["activeServicesCount"] == 1
    with pytest.raises(ClientError, match="ClusterContainsServicesException"):
        ecs.delete_cluster(cluster="default")

    fleet.update(desiredCount=3)
    fleet.rounds(2)
    assert fleet.count() == (3, 3, 0)
    fleet.update(desiredCount=1)
    fleet.rounds(2)
    assert fleet.count() == (1, 1, 0) and len(fleet.now()["deployments"]) == 1
    with pytest.raises(ClientError, match="cannot be stopped while it is scaled above 0"):
        ecs.delete_service(service="s")
    assert ecs.delete_service(service="s", force=True)["service"]["status"] == "DRAINING"
    with pytest.raises(ClientError, match="still Draining"):
        ecs.create_service(serviceName="s", taskDefinition="f", desiredCount=1)
    with pytest.raises(ClientError, match="ServiceNotActiveException"):
        fleet.update(desiredCount=2)
    fleet.rounds(2)
    ecs.get_waiter("services_inactive").wait(services=["s"])
    assert ecs.list_services()["serviceArns"] == [] and ecs.list_tasks()["taskArns"] == []
    again = fleet.create(1)
    assert again["status"] == "ACTIVE" and fleet.count() == (1, 1, 0)


def test_what_ends_is_replaced_and_what_others_run_is_not_counted(fleet: Fleet, ecs: Any) -> None:
    fleet.create()
    deployment = fleet.now()["deployments"][0]["id"]
    # INVARIANT: an attack: to have a service stop, or count, a task that is not its own.
    stranger = ecs.run_task(taskDefinition="f", group="service:s", startedBy=deployment)["tasks"][0]["taskArn"]
    fleet.rounds(2)
    assert fleet.count() == (2, 2, 0)
    fleet.world.clock.move(minutes=5)
    first, second = fleet.tasks()
    fleet.fail(first)
    ecs.stop_task(task=second["taskArn"])
    fleet.rounds(3)
    fleet.world.clock.move(seconds=2)
    fleet.rounds(3)
    assert fleet.count() == (2, 2, 0)
    assert {each["taskArn"] for each in fleet.tasks()} & {first["taskArn"], second["taskArn"]} == set()
    ecs.delete_service(service="s", force=True)
    fleet.rounds(2)
    assert ecs.list_tasks()["taskArns"] == [stranger]


def test_restarts_back_off(fleet: Fleet) -> None:
    """A task that ends at once is started again after 1, 2, 4, ... seconds; a quarter of an hour at the most."""
    fleet.create(1)
    for pause in (*(2**power for power in range(10)), 900, 900):
        (task,) = fleet.tasks()
        fleet.fail(task)
        fleet.rounds(2)
        fleet.world.clock.move(seconds=pause - 0.5)
        fleet.rounds()
        assert fleet.tasks() == []
        fleet.world.clock.move(seconds=0.5)
        fleet.rounds(2)
    assert sum("unable to consistently start tasks" in event for event in fleet.events()) == 1
    # One that lasted a minute is none of these.
    fleet.world.clock.move(seconds=61)
    fleet.rounds()
    fleet.fail(fleet.tasks()[0])
    fleet.rounds(3)
    assert fleet.count() == (1, 1, 0)


def test_a_daemon_has_one_task_on_this_host(fleet: Fleet, ecs: Any, refused: Refused) -> None:
    given = {"serviceName": "s", "taskDefinition": "f", "schedulingStrategy": "DAEMON"}
    assert "desired count" in refused("InvalidParameterException", ecs.create_service, **given, desiredCount=2)
    over = {"deploymentConfiguration": {"maximumPercent": 200}}
    assert "above 100" in refused("InvalidParameterException", ecs.create_service, **given, **over)
    ecs.create_service(**given)
    fleet.rounds(3)
    assert fleet.count() == (1, 1, 0)
    fleet.define()
    fleet.update(taskDefinition="f")
    most = 0
    for _ in range(6):
        fleet.rounds()
        most = max(most, len([item for item in fleet.engine.fake.containers.values() if item.running]))
    assert fleet.revisions() == [2] and most == 2  # a container and its namespace: never two tasks at once
    ecs.delete_service(service="s")
    fleet.rounds(2)
    assert fleet.now()["status"] == "INACTIVE"


# ---- deployments ---------------------------------------------------------------------------------------------------

ROLLING = [(2, 100, 200), (4, 50, 100), (4, 100, 125), (3, 0, 100), (1, 0, 200), (5, 50, 150)]


@pytest.mark.parametrize(("count", "least", "most"), ROLLING)
def test_a_rolling_update_stays_within_its_bounds(fleet: Fleet, count: int, least: int, most: int) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html"""
    fleet.create(count, deploymentConfiguration={"minimumHealthyPercent": least, "maximumPercent": most})
    fleet.define()
    assert len(fleet.update(taskDefinition="f:2")["deployments"]) == 2
    running, total = [], []
    for turn in range(40):
        workload = fleet.world.workload
        assert workload.runner is not None
        fleet.world.run(workload.runner.settle() if turn % 2 else workload.refresh())
        live = [member.task for member in fleet.world.workload.tasks.live()]
        running.append(sum(task.state == "RUNNING" and task.desired == "RUNNING" for task in live))
        total.append(len(live))
    assert min(running) >= -(-count * least // 100) and max(total) <= count * most // 100
    assert fleet.revisions() == [2] * count
    (deployment,) = fleet.now()["deployments"]
    assert deployment["rolloutState"] == "COMPLETED" and fleet.events()[-1].endswith("steady state.")


def test_what_makes_a_deployment(fleet: Fleet) -> None:
    fleet.create()
    first = fleet.now()["deployments"][0]["id"]
    for change in (
        {"desiredCount": 3},
        {"taskDefinition": "f:1"},
        {"deploymentConfiguration": {"maximumPercent": 150}},
    ):
        assert [each["id"] for each in fleet.update(**change)["deployments"]] == [first]
    fleet.rounds(2)
    fleet.update(forceNewDeployment=True)
    fleet.rounds(8)
    (second,) = fleet.now()["deployments"]
    assert second["id"] != first and fleet.revisions() == [1, 1, 1]
    assert {each["startedBy"] for each in fleet.tasks()} == {second["id"]}


def test_a_deployment_that_cannot_move_says_so(fleet: Fleet) -> None:
    fleet.create(1, deploymentConfiguration={"minimumHealthyPercent": 100, "maximumPercent": 199})
    fleet.define()
    fleet.update(taskDefinition="f")
    fleet.rounds(3)
    assert fleet.revisions() == [1]
    assert sum("Update the minimumHealthyPercent or maximumPercent" in event for event in fleet.events()) == 1


@pytest.mark.parametrize("rollback", [True, False])
def test_a_circuit_breaker_ends_a_deployment_that_fails(fleet: Fleet, rollback: bool) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": rollback}}
    fleet.create(2, deploymentConfiguration=breaker)
    fleet.engine.fake.missing.add("broken")
    fleet.ecs.register_task_definition(family="f", containerDefinitions=[container(image="broken")])
    fleet.update(taskDefinition="f:2")
    for _ in range(12):
        fleet.rounds()
        fleet.world.clock.move(seconds=3)
    events = fleet.events()
    assert any(
        "was unable to start a task. Reason: CannotPullContainerError: Error response from daemon: manifest for broken"
        in event
        for event in events
    )
    assert any("deployment failed: tasks failed to start" in event for event in events)
    assert fleet.revisions() == [1, 1] and fleet.count()[1] == 2
    deployments = fleet.now()["deployments"]
    if rollback:
        assert [each["rolloutState"] for each in deployments] == ["COMPLETED"]
        assert deployments[0]["taskDefinition"].endswith(":1")
        assert any("rolling back to deployment" in event for event in events)
    else:
        assert [each["rolloutState"] for each in deployments] == ["FAILED", "COMPLETED"]
        assert deployments[0]["failedTasks"] >= 3 and "circuit breaker" in deployments[0]["rolloutStateReason"]


def test_a_role_that_is_not_for_tasks_is_said_in_an_event(fleet: Fleet, world: Ec2World) -> None:
    world.role("r", TASKS)
    fleet.define(taskRoleArn="r")
    fleet.create(1)
    world.iam.update_assume_role_policy(RoleName="r", PolicyDocument=str(EC2_TRUST).replace("'", '"'))
    fleet.fail(fleet.tasks()[0])
    for _ in range(3):
        world.clock.move(seconds=2)
        fleet.rounds()
    assert fleet.tasks() == []
    (said,) = [event for event in fleet.events() if "failed to launch a task" in event]
    assert "ECS was unable to assume the role" in said
    world.iam.update_assume_role_policy(RoleName="r", PolicyDocument=str(TASKS).replace("'", '"'))
    world.clock.move(seconds=31)
    fleet.rounds(3)
    assert fleet.count() == (1, 1, 0)


# ---- restarts of ours ----------------------------------------------------------------------------------------------


def test_a_restart_adopts_services_and_their_tasks(fleet: Fleet, world: Ec2World) -> None:
    world.role("r", TASKS)
    fleet.define(taskRoleArn="r")
    fleet.create()
    before = {each["taskArn"] for each in fleet.tasks()}
    ids = sorted(handle.view.id for handle in world.task_server.open)
    world.restart()
    fleet.rounds(2)
    assert {each["taskArn"] for each in fleet.tasks()} == before
    assert sorted(handle.view.id for handle in world.task_server.open) == ids


@pytest.mark.parametrize("reached", range(12))
def test_a_deployment_that_was_killed_anywhere_goes_on_without_a_task_too_many(
    fleet: Fleet, world: Ec2World, reached: int
) -> None:
    """INVARIANT: however far it came: afterwards there are as many tasks as were asked for, all of the new revision."""
    fleet.create(2)
    fleet.define()
    steps, there = itertools.count(), asyncio.Event()
    own = world.store.transact

    async def slow(function: Any, *given: Any) -> Any:
        if next(steps) >= reached:
            there.set()
            await asyncio.Event().wait()  # it is killed here
        return await own(function, *given)

    world.store.transact = slow  # type: ignore[method-assign]
    world.run(_until(there, world, fleet))
    del world.store.transact  # type: ignore[method-assign]
    world.restart()
    made = [each for each in fleet.now()["deployments"] if each["taskDefinition"].endswith(":2")]
    if not made:  # it was killed before it had said anything
        fleet.update(taskDefinition="f:2")
    fleet.rounds(10)
    assert fleet.revisions() == [2, 2] and fleet.count() == (2, 2, 0)
    assert sum(item.running for item in fleet.engine.fake.containers.values()) == 4
    (deployment,) = fleet.now()["deployments"]
    assert deployment["rolloutState"] == "COMPLETED"


async def _until(there: asyncio.Event, world: Ec2World, fleet: Fleet) -> None:
    """A deployment, as far as it goes, or to its end."""
    held, now = next(iter(world.workload.services)), world.clock.now().timestamp()

    async def all_of_it() -> None:
        async with held.lock:
            await world.workload.services.change(held, held.service.deploying("f", 2, now))
        for _ in range(6):
            await world.workload.refresh()

    work = [asyncio.ensure_future(each) for each in (all_of_it(), there.wait())]
    await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    for each in work:
        each.cancel()
    await asyncio.gather(*work, return_exceptions=True)


# ---- what is refused -----------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"serviceName": "a/b"}, "InvalidParameterException", "Service names"),
    ({"taskDefinition": ""}, "InvalidParameterException", "TaskDefinition can not be blank."),
    ({"taskDefinition": "none"}, "ClientException", "TaskDefinition not found."),
    ({"cluster": "none"}, "ClusterNotFoundException", "Cluster not found."),
    ({"desiredCount": -1}, "InvalidParameterException", "negative"),
    ({"launchType": "FARGATE"}, "NotImplemented", "FARGATE"),
    ({"deploymentController": {"type": "CODE_DEPLOY"}}, "NotImplemented", "CODE_DEPLOY"),
    ({"enableExecuteCommand": True}, "NotImplemented", "enableExecuteCommand"),
    ({"loadBalancers": [{"containerPort": 1}]}, "NotImplemented", "loadBalancers"),
    ({"capacityProviderStrategy": [{"capacityProvider": "x"}]}, "NotImplemented", "capacityProviderStrategy"),
    ({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}, "NotImplemented", "BLUE_GREEN"),
    ({"deploymentConfiguration": {"bakeTimeInMinutes": 5}}, "NotImplemented", "bakeTimeInMinutes"),
    ({"deploymentConfiguration": {"maximumPercent": 99}}, "InvalidParameterException", "maximumPercent"),
    ({"deploymentConfiguration": {"minimumHealthyPercent": 200}}, "InvalidParameterException", "greater"),
    ({"tags": [{"key": "aws:x", "value": ""}]}, "InvalidParameterException", "Tag key"),
]


@pytest.mark.parametrize(("change", "code", "words"), WRONG)
def test_what_is_refused_makes_nothing(
    ecs: Any, fleet: Fleet, refused: Refused, change: Any, code: str, words: str
) -> None:
    given = {"serviceName": "s", "taskDefinition": "f", "desiredCount": 1}
    assert words in refused(code, ecs.create_service, **{**given, **change})
    assert ecs.list_services()["serviceArns"] == []


def test_services_that_there_are_not(ecs: Any, fleet: Fleet, refused: Refused) -> None:
    fleet.create(0, clientToken="t")
    assert fleet.create(0, clientToken="t")["serviceName"] == "s"
    assert "not idempotent" in refused("InvalidParameterException", fleet.create, count=1, clientToken="t")
    elsewhere = f"arn:aws:ecs:us-east-1:{'9' * 12}:service/default/s"
    for gone in ("none", elsewhere):
        for call in (ecs.update_service, ecs.delete_service):
            assert refused("ServiceNotFoundException", call, service=gone) == "Service not found."
    assert [each["reason"] for each in ecs.describe_services(services=["none", elsewhere])["failures"]] == [
        "MISSING"
    ] * 2
    refused("InvalidParameterException", ecs.describe_services, services=[])
    assert len(ecs.describe_services(services=[f"{ARN}service/default/s", "s"])["services"]) == 2


def test_making_a_service_takes_pass_role(fleet: Fleet, world: Ec2World) -> None:
    """INVARIANT: an attack: to have run as a service what one may not run as a task."""
    world.role("r", TASKS)
    fleet.define(taskRoleArn="r")
    make = {"serviceName": "s", "taskDefinition": "f", "desiredCount": 1}
    allowed = {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}
    client = world.client("ecs", world.user("a", allowed))
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/r"):
        client.create_service(**make)
    client.create_service(**{**make, "taskDefinition": "f:1"})
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: .*role/r"):
        client.update_service(service="s", taskDefinition="f:2")
    mine = {**allowed, "Resource": f"{ARN}service/default/mine"}
    with pytest.raises(ClientError, match=f"ecs:DeleteService on resource: {ARN}service/default/s"):
        world.client("ecs", world.user("b", mine)).delete_service(service="s", force=True)
