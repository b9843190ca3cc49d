"""Which EC2 requests are ours, which are the backend's, and how two answers become one.

Every request that names one of our instances is ours, or 501: it never falls through to a backend that has never heard
of the instance (DESIGN.md, "Who owns what").
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from kansatsu.workload import Workload

Owner = Literal["ours", "backend", "both", "refuse"]
Params = Mapping[str, Any]

# Ours whatever they name: there are no associations and no launches but our own.
_ALWAYS = frozenset(
    {
        "RunInstances",
        "AssociateIamInstanceProfile",
        "DescribeIamInstanceProfileAssociations",
        "DisassociateIamInstanceProfile",
        "ReplaceIamInstanceProfileAssociation",
    }
)
# Ours when all that they name is ours: operation -> the member that names things.
_BY_NAME = {
    "StartInstances": "InstanceIds",
    "StopInstances": "InstanceIds",
    "RebootInstances": "InstanceIds",
    "TerminateInstances": "InstanceIds",
    "ModifyInstanceMetadataOptions": "InstanceId",
    "DescribeInstanceAttribute": "InstanceId",
    "CreateTags": "Resources",
    "DeleteTags": "Resources",
}
# Answered by both: operation -> (the member that names things, the list in the answer).
_MERGED = {
    "DescribeInstances": ("InstanceIds", "Reservations"),
    "DescribeInstanceStatus": ("InstanceIds", "InstanceStatuses"),
    "DescribeImages": ("ImageIds", "Images"),
    "DescribeTags": ("", "Tags"),
}


def owner(workload: Workload, operation: str, params: Params) -> Owner:
    """Who answers: "both" is ours merged with the backend's by `merge`, "refuse" is 501."""
    if operation in _ALWAYS:
        return "ours"
    if operation in _BY_NAME:
        return _by_name(workload, params.get(_BY_NAME[operation]), "backend")
    if operation in _MERGED:
        if params.get("NextToken"):
            return "backend"  # our part was in the first answer
        return _by_name(workload, params.get(_MERGED[operation][0]) or _filtered_ids(params), "both")
    # INVARIANT: nothing else about one of our instances reaches the backend.
    return "refuse" if any(_is_ours(workload, text) for text in _strings(params)) else "backend"


def _by_name(workload: Workload, named: Any, otherwise: Owner) -> Owner:
    names = [named] if isinstance(named, str) else list(named or ())
    ours = [_is_ours(workload, name) for name in names]
    if not any(ours):
        return "backend" if names else otherwise
    return "ours" if all(ours) else "refuse"


def _filtered_ids(params: Params) -> list[str]:
    """Ids in filters that settle who owns all of the answer: of plain ids, without wildcards."""
    for item in params.get("Filters") or ():
        if item.get("Name") in ("instance-id", "resource-id", "image-id"):
            values = [str(value) for value in item.get("Values") or ()]
            if values and not any(set(value) & set("*?") for value in values):
                return values if len(values) == 1 else []
    return []


def _is_ours(workload: Workload, text: str) -> bool:
    if text.startswith("i-"):
        return workload.fleet.find(text) is not None
    if text.startswith("ami-"):
        return text in workload.known_images
    return text.startswith("iip-assoc-")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def merge(operation: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """One answer: ours first, then the first page of theirs; a NextToken is theirs."""
    member = _MERGED[operation][1]
    merged = {**theirs, member: [*ours.get(member, ()), *theirs.get(member, ())]}
    return {name: value for name, value in merged.items() if name != "ResponseMetadata"}
