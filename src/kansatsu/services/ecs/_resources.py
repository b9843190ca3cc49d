"""What ECS operations are authorized on: ARNs, and the condition keys that belong to each resource.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from kansatsu import arn
from kansatsu.catalog import Authorization, asked_tags
from kansatsu.catalog.tags import of_pairs
from kansatsu.errors import (
    ClientException,
    ClusterNotFoundException,
    InvalidParameterException,
    ServiceNotFoundException,
)
from kansatsu.identity import EntityRecord
from kansatsu.services.passing import passing
from kansatsu.services.registry import Call, Params
from kansatsu.workload.processes import ECS_TASKS
from kansatsu.workload.providers import ProviderError
from kansatsu.workload.tasks import making, records
from kansatsu.workload.tasks.hosts import Host
from kansatsu.workload.tasks.records import ACTIVE, DEFAULT_CLUSTER, Cluster, Place, TaskDefinition
from kansatsu.workload.tasks.runner import Runner
from kansatsu.workload.tasks.scheduler import Held

Context = dict[str, str | tuple[str, ...]]

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_TAG_LIMIT = 50
_MOST_CHARACTERS = {"startedBy": 128, "clientToken": 64, "reason": 1024}


def place_of(call: Call) -> Place:
    return Place(call.account, call.region)


def own_name(call: Call, given: str, kind: str) -> str | None:
    """The name in an ARN of ours of that kind, or the text itself where it is no ARN; None for an ARN of others."""
    parsed = arn.Arn.parse(given)
    if parsed is None:
        return given
    prefix = f"{kind}/"
    ours = (parsed.service, parsed.region, parsed.account) == ("ecs", call.region, call.account)
    return parsed.resource.removeprefix(prefix) if ours and parsed.resource.startswith(prefix) else None


def cluster_arn(call: Call, given: str | None) -> str:
    """The ARN of the cluster that a request names, whether there is one or not."""
    name = own_name(call, given or DEFAULT_CLUSTER, "cluster")
    return place_of(call).arn(f"cluster/{name}") if name is not None else str(given)


def find_cluster(call: Call, given: str | None) -> Cluster | None:
    """The cluster of that name or ARN, deleted ones too."""
    name = own_name(call, given or DEFAULT_CLUSTER, "cluster")
    return records.find_cluster(call.conn, place_of(call), name) if name is not None else None


def cluster_check(call: Call, action: str, given: str | None, more: Context | None = None) -> Authorization:
    """Authorization of an action on a cluster, with its tags."""
    found = find_cluster(call, given)
    context = resource_tags(found.tags if found else {}) | (more or {})
    return Authorization(f"ecs:{action}", cluster_arn(call, given), context, True)


def active_cluster(call: Call, given: str | None) -> Cluster:
    """The cluster in which tasks are. Raises ClusterNotFoundException."""
    found = find_cluster(call, given)
    if found is None:
        raise ClusterNotFoundException("Cluster not found.")
    if found.status != ACTIVE:
        raise ClusterNotFoundException("The referenced cluster was inactive.")
    return found


def find_definition(call: Call, given: str) -> TaskDefinition | None:
    """By `family`, which is its newest active revision, by `family:revision`, or by the ARN of either."""
    name = own_name(call, given, "task-definition")
    if name is None:
        return None
    family, _, revision = name.partition(":")
    if revision and not revision.isdecimal():
        return None
    return records.find_definition(call.conn, place_of(call), family, int(revision) if revision else None)


def name_within(call: Call, kind: str, cluster: str | None, given: str) -> str | None:
    """The name of a service or the id of a task in that cluster, by itself or its ARN; None for an ARN of elsewhere."""
    name = own_name(call, given, kind)
    if name is None or not given.startswith("arn:"):
        return name
    home, _, last = name.rpartition("/")
    return last if home in ("", own_name(call, cluster or DEFAULT_CLUSTER, "cluster")) else None


def service_arn(call: Call, cluster: str | None, given: str) -> str:
    """The ARN of the service that a request names, whether there is one or not."""
    if arn.Arn.parse(given) is not None:
        return given
    return place_of(call).arn(f"service/{own_name(call, cluster or DEFAULT_CLUSTER, 'cluster')}/{given}")


def find_service(call: Call, cluster: str | None, given: str) -> Held | None:
    """The service of that name or ARN, deleted ones too."""
    home, name = own_name(call, cluster or DEFAULT_CLUSTER, "cluster"), name_within(call, "service", cluster, given)
    return call.workload.services.find(place_of(call), home, name) if home and name else None


def active_service(call: Call, cluster: str | None, given: str) -> Held:
    """One that there is. Raises ServiceNotFoundException."""
    found = find_service(call, cluster, given)
    if found is None:
        raise ServiceNotFoundException("Service not found.")
    return found


def instance_arn(call: Call, cluster: str | None, given: str) -> str:
    """The ARN of the container instance that a request names by its id or ARN, whether there is one or not."""
    if arn.Arn.parse(given) is not None:
        return given
    return place_of(call).arn(f"container-instance/{own_name(call, cluster or DEFAULT_CLUSTER, 'cluster')}/{given}")


def instance_check(call: Call, action: str, cluster: str | None, given: str) -> Authorization:
    """Authorization of an action on a container instance."""
    named = instance_arn(call, cluster, given)
    found = call.workload.hosts.known(named)
    context = resource_tags(found.tags if found else {}) | {"ecs:cluster": cluster_arn(call, cluster)}
    return Authorization(f"ecs:{action}", named, context, True)


async def this_host(call: Call, cluster: str) -> Host | None:
    """The container instance that a cluster has; None without an engine that answers."""
    runner = call.workload.runner
    if runner is None:
        return None
    with suppress(ProviderError):
        host = call.workload.hosts.of_cluster(place_of(call), cluster, await runner.provider.home())
        return host if call.workload.agents.registered(host) else None
    return None


def resource_tags(tags: Mapping[str, str]) -> Context:
    """The tags of an existing resource, under both of their names."""
    return of_pairs("aws:resourcetag/", tags.items()) | of_pairs("ecs:resourcetag/", tags.items())


def tagging(
    call: Call, action: str, resource: str, tags: Sequence[Mapping[str, str]] | None
) -> Iterator[Authorization]:
    """The further check of an operation that tags what it makes.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/supported-iam-actions-tagging.html
    """
    if tags:
        yield Authorization(
            "ecs:TagResource", place_of(call).arn(resource), {**asked_tags({"tags": tags}), "ecs:createaction": action}
        )


def tag_dict(tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Key to value. Raises InvalidParameterException for tags that no resource may have.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html [?] the texts
    """
    found: dict[str, str] = {}
    for item in tags or ():
        key, value = item.get("key", ""), item.get("value", "")
        if not key or key.lower().startswith("aws:"):
            raise InvalidParameterException(f"Tag key {key!r} is not valid: it must not be empty or begin with aws:.")
        if key in found:
            raise InvalidParameterException(f"Duplicate tag key {key!r}.")
        found[key] = value
    check_number(found)
    return found


def check_number(tags: Mapping[str, str]) -> None:
    """Raises InvalidParameterException for more than a resource may have; AWS's own do not count."""
    if sum(not key.startswith("aws:") for key in tags) > _TAG_LIMIT:
        raise InvalidParameterException(f"A resource can have at most {_TAG_LIMIT} tags.")


def role_of(call: Call, given: str) -> EntityRecord | None:
    """A role of the caller's account, by its name or its whole ARN."""
    return making.role_named(call.store.snapshot(), call.account, given)


def role_arn(call: Call, given: str) -> str:
    """The ARN of a role that is there. Raises ClientException."""
    role = role_of(call, given)
    if role is None:
        raise ClientException("Role is not valid")
    return role.arn


def pass_roles(call: Call, params: Mapping[str, Any]) -> Iterator[Authorization]:
    """The checks that handing roles to tasks takes.

    INVARIANT: who registers a definition or runs a task can do what its roles can, so they must be theirs to pass.
    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
    """
    for given in dict.fromkeys(params[member] for member in making.ROLES if params.get(member)):
        role = role_of(call, given)
        named = given if given.startswith("arn:") else arn.entity(call.account, "role", "/", given)
        yield passing(role, role.arn if role else named, ECS_TASKS, place_of(call).arn("task/*"))


def everything(_call: Call, _params: Params) -> str:
    """These actions know no resource-level permissions."""
    return "*"


def runner_of(call: Call) -> Runner:
    if call.workload.runner is None:
        raise InvalidParameterException(
            "No Container Instances were found in your cluster. There is no container engine on this host: start "
            "podman or docker, then see: kansatsu doctor"
        )
    return call.workload.runner


def check_lengths(given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if len(value) > _MOST_CHARACTERS[name]:
            raise InvalidParameterException(f"{name} has at most {_MOST_CHARACTERS[name]} characters.")
