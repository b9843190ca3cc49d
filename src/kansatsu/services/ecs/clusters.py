"""Clusters: names under which tasks run. All of them are this host.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/clusters.html
"""

from collections.abc import Iterator
from typing import Any

from kansatsu.catalog import Authorization, asked_tags
from kansatsu.errors import (
    ClusterContainsServicesException,
    ClusterContainsTasksException,
    ClusterNotFoundException,
    InvalidParameterException,
    Unimplemented,
)
from kansatsu.services.ecs import _pages
from kansatsu.services.ecs._render import tag_list
from kansatsu.services.ecs._resources import (
    NAME,
    cluster_arn,
    cluster_check,
    find_cluster,
    place_of,
    tag_dict,
    tagging,
)
from kansatsu.services.registry import Call, Params, operation
from kansatsu.workload.tasks import records
from kansatsu.workload.tasks.records import ACTIVE, DEFAULT_CLUSTER, INACTIVE, Cluster
from kansatsu.workload.tasks.task import PENDING, PROVISIONING, RUNNING


def _create_checks(call: Call, params: Params) -> Iterator[Authorization]:
    name = params.get("clusterName", DEFAULT_CLUSTER)
    yield cluster_check(call, "CreateCluster", name, asked_tags(params))
    yield from tagging(call, "CreateCluster", f"cluster/{name}", params.get("tags"))


@operation("ecs", "CreateCluster", resource=_create_checks, write=True)
def create_cluster(
    call: Call, cluster_name: str = DEFAULT_CLUSTER, tags: list[dict[str, str]] | None = None
) -> dict[str, Any]:
    """One that is there already is answered as it is."""
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
    return {"cluster": shown(call, held, tags=True)}


def _named(call: Call, params: Params) -> Iterator[Authorization]:
    for given in params.get("clusters") or [DEFAULT_CLUSTER]:
        yield cluster_check(call, "DescribeClusters", given)


@operation("ecs", "DescribeClusters", resource=_named, looks=True)
def describe_clusters(
    call: Call, clusters: list[str] | None = None, include: list[str] | None = None
) -> dict[str, Any]:
    wanted = set(include or ())
    if wanted - {"TAGS"}:
        raise Unimplemented(f"The value {min(wanted - {'TAGS'})} of include of DescribeClusters is not implemented.")
    found, missing = [], []
    for given in clusters or [DEFAULT_CLUSTER]:
        cluster = find_cluster(call, given)
        if cluster is None:
            missing.append({"arn": cluster_arn(call, given), "reason": "MISSING"})
        else:
            found.append(shown(call, cluster, tags=bool(wanted)))
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


def shown(call: Call, cluster: Cluster, *, tags: bool = False) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html"""
    running, pending = _counts(call, cluster)
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": running,
        "pendingTasksCount": pending,
        "activeServicesCount": len(call.workload.services.of_cluster(cluster.place, cluster.name)),
        "statistics": [],
        "tags": tag_list(cluster.tags) if tags else [],
        "settings": [],
        "capacityProviders": [],
        "defaultCapacityProviderStrategy": [],
    }


def _counts(call: Call, cluster: Cluster) -> tuple[int, int]:
    """How many tasks run, and how many are about to."""
    states = [member.task.state for member in call.workload.tasks.of_cluster(cluster.place, cluster.name)]
    return states.count(RUNNING), states.count(PROVISIONING) + states.count(PENDING)
