"""Clusters: names under which tasks run. All of them are this host.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html
"""

from collections.abc import Callable, Iterator, Set
from typing import Any, TypeAlias

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import (
    ClusterContainsServicesException,
    ClusterContainsTasksException,
    ClusterNotFoundException,
    InvalidParameterException,
    Unimplemented,
)
from kansatsu.services.ecs import _pages
from kansatsu.services.ecs._honoured import NO_FARGATE
from kansatsu.services.ecs._render import tag_list
from kansatsu.services.ecs._resources import (
    NAME,
    active_cluster,
    cluster_arn,
    cluster_check,
    find_cluster,
    place_of,
    tag_dict,
    tagging,
    this_host,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks import records
from kansatsu.workload.tasks.records import ACTIVE, DEFAULT_CLUSTER, INACTIVE, Cluster
from kansatsu.workload.tasks.service import DRAINING
from kansatsu.workload.tasks.task import PENDING, PROVISIONING, RUNNING

_INSIGHTS = "containerInsights"
_WHOLE = frozenset({"TAGS", "SETTINGS"})
Resource: TypeAlias = Callable[[Call, Params], Authorization]


def _create_checks(call: Call, params: Params) -> Iterator[Authorization]:
    name = params.get("clusterName", DEFAULT_CLUSTER)
    yield cluster_check(call, "CreateCluster", name, asked_tags(params))
    yield from tagging(call, "CreateCluster", f"cluster/{name}", params.get("tags"))


@operation("ecs", "CreateCluster", resource=_create_checks, write=True)
def create_cluster(
    call: Call,
    cluster_name: str = DEFAULT_CLUSTER,
    tags: list[dict[str, str]] | None = None,
    settings: list[dict[str, Any]] | None = None,
    capacity_providers: list[str] | None = None,
    default_capacity_provider_strategy: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """One that is there already is answered as it is."""
    _check_settings(settings)
    strategy = [item["capacityProvider"] for item in default_capacity_provider_strategy or ()]
    _check_providers([*(capacity_providers or ()), *strategy])
    if NAME.fullmatch(cluster_name) is None:
        raise InvalidParameterException(
            "Cluster names have up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens."
        )
    wanted = tag_dict(tags)
    held = records.find_cluster(call.conn, place_of(call), cluster_name)
    # INVARIANT: one that is there keeps its tags: who may tag what he makes may not thereby tag what others made.
    if held is None or held.status == INACTIVE:
        held = Cluster(place_of(call), cluster_name, ACTIVE, wanted)
        records.save_cluster(call.conn, held)
    return {"cluster": shown(call, held, _WHOLE)}


def _check_settings(settings: list[dict[str, Any]] | None) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterSetting.html"""
    for item in settings or ():
        if item.get("value") in ("enabled", "enhanced"):
            raise Unimplemented(
                f"Container Insights are not implemented: nothing gathers the metrics of a cluster. {_INSIGHTS} is "
                "disabled, and stays so."
            )
        if item.get("value") != "disabled":
            raise InvalidParameterException(f"The value of {_INSIGHTS} is enabled, enhanced or disabled.")


def _updated(action: str) -> Resource:
    return lambda call, params: cluster_check(call, action, params["cluster"])


def _update(call: Call, cluster: str, settings: list[dict[str, Any]] | None) -> dict[str, Any]:
    """What can be set is what there is; everything else says that it cannot."""
    _check_settings(settings)
    return {"cluster": shown(call, active_cluster(call, cluster), _WHOLE)}


@operation("ecs", "UpdateCluster", resource=_updated("UpdateCluster"))
def update_cluster(call: Call, cluster: str, settings: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return _update(call, cluster, settings)


@operation("ecs", "UpdateClusterSettings", resource=_updated("UpdateClusterSettings"))
def update_cluster_settings(call: Call, cluster: str, settings: list[dict[str, Any]]) -> dict[str, Any]:
    return _update(call, cluster, settings)


def _check_providers(given: list[str]) -> None:
    for name in given:
        if name.startswith("FARGATE"):
            raise Unimplemented(NO_FARGATE)
        raise InvalidParameterException("The specified capacity provider could not be found.")  # [?] the text


@operation("ecs", "PutClusterCapacityProviders", resource=_updated("PutClusterCapacityProviders"))
def put_cluster_capacity_providers(
    call: Call,
    cluster: str,
    capacity_providers: list[str],
    default_capacity_provider_strategy: list[dict[str, Any]],
) -> dict[str, Any]:
    """There are none but none: a cluster is this host, without any of its own."""
    _check_providers([*capacity_providers, *(item["capacityProvider"] for item in default_capacity_provider_strategy)])
    return _update(call, cluster, None)


def _named(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params.get("clusters") or [DEFAULT_CLUSTER]:
        yield cluster_check(call, "DescribeClusters", given)


@operation("ecs", "DescribeClusters", resource=_named, looks=True)
async def describe_clusters(
    call: Call, clusters: list[str] | None = None, include: list[str] | None = None
) -> dict[str, Any]:
    """A part that is not asked for is empty. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html"""
    wanted = set(include or ())
    found, missing = [], []
    with call.store.read() as conn:
        call.enter(lambda: conn)
        named = {given: find_cluster(call, given) for given in clusters or [DEFAULT_CLUSTER]}
    for given, cluster in named.items():
        if cluster is None:
            missing.append({"arn": cluster_arn(call, given), "reason": "MISSING"})
            continue
        host = await this_host(call, cluster.name) if cluster.status == ACTIVE else None
        found.append(shown(call, cluster, wanted, hosts=int(host is not None)))
    return {"clusters": found, "failures": missing}


@operation("ecs", "ListClusters")
def list_clusters(call: Call, next_token: str | None = None, max_results: int | None = None) -> dict[str, Any]:
    listed = [(cluster.name, cluster.arn) for cluster in records.list_clusters(call.conn, place_of(call))]
    return _pages.page("clusterArns", listed, next_token, max_results)


def _one(call: Call, params: Params) -> Authorization:
    return cluster_check(call, "DeleteCluster", params["cluster"])


@operation("ecs", "DeleteCluster", resource=_one, write=True)
def delete_cluster(call: Call, cluster: str) -> dict[str, Any]:
    """The cluster stays, INACTIVE, for a while: "discoverable in your account for a period of time".

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html
    """
    found = find_cluster(call, cluster)
    if found is None or found.status == INACTIVE:
        raise ClusterNotFoundException("The referenced cluster was not found.")
    if call.workload.services.of_cluster(found.place, found.name):
        raise ClusterContainsServicesException("The Cluster cannot be deleted while Services are active.")
    if any(_counts(call, found)):
        raise ClusterContainsTasksException("The Cluster cannot be deleted while Tasks are active.")
    gone = Cluster(found.place, found.name, INACTIVE)
    records.save_cluster(call.conn, gone)
    return {"cluster": shown(call, gone)}


def shown(call: Call, cluster: Cluster, parts: Set[str] = frozenset(), hosts: int = 0) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html"""
    running, pending = _counts(call, cluster)
    services = call.workload.services.of_cluster(cluster.place, cluster.name)
    draining = sum(each.status == DRAINING for each in services)
    counts = {
        "runningEC2TasksCount": running,
        "runningFargateTasksCount": 0,
        "pendingEC2TasksCount": pending,
        "pendingFargateTasksCount": 0,
        "activeEC2ServiceCount": len(services) - draining,
        "activeFargateServiceCount": 0,
        "drainingEC2ServiceCount": draining,
        "drainingFargateServiceCount": 0,
    }
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": hosts,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": len(services),
        "statistics": [{"name": name, "value": str(n)} for name, n in counts.items() if "STATISTICS" in parts],
        "tags": tag_list(cluster.tags) if "TAGS" in parts else [],
        "settings": [{"name": _INSIGHTS, "value": "disabled"}] if "SETTINGS" in parts else [],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    }


def _counts(call: Call, cluster: Cluster) -> tuple[int, int]:
    """How many tasks run, and how many are about to."""
    states = [member.task.state for member in call.workload.tasks.of_cluster(cluster.place, cluster.name)]
    return states.count(RUNNING), states.count(PROVISIONING) + states.count(PENDING)
