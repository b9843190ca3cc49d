"""What conditions of IAM policies may ask about the things that an import makes: policies attached, boundaries, tags.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from kansatsu.catalog.linked_roles import PATH
from kansatsu.services.kansatsu.authorization_details import Details, Item, is_linked

Asked = Mapping[str, dict[str, None]]  # a condition key -> its values, each once
_TAGS = ("aws:requesttag/", "aws:resourcetag/", "iam:resourcetag/")
_TAG_KEYS = "aws:tagkeys"


def asked_keys(details: Details) -> Asked:
    """Every value of each key. What is not of the documented form is left out: it is a problem, and nothing is made."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for items in details.sections.values():
        for item in items:
            with suppress(AttributeError, KeyError, TypeError):
                for key, value in _of(details, item):
                    found[key][value] = None
    return found


def _of(details: Details, item: Item) -> Iterator[tuple[str, str]]:
    for policy in item.get("AttachedManagedPolicies", []):
        yield "iam:policyarn", details.own(policy["PolicyArn"])
    if boundary := item.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"):
        yield "iam:permissionsboundary", details.own(boundary)
    if is_linked(item):
        yield "iam:awsservicename", item["Path"].removeprefix(PATH).partition("/")[0]
    if item.get("InstanceProfileList"):
        yield "iam:passedtoservice", "ec2.amazonaws.com"  # as AddRoleToInstanceProfile asks
    held = [
        *item.get("Tags", []),
        *(tag for each in item.get("InstanceProfileList", []) for tag in each.get("Tags", [])),
    ]
    for tag in held:
        yield _TAG_KEYS, tag["Key"]
        yield from ((prefix + tag["Key"].lower(), tag["Value"]) for prefix in _TAGS)


def each_value(asked: Asked) -> Iterator[dict[str, Any]]:
    """As few contexts as it takes for each value of each key to be in one of them; aws:TagKeys has all of its own."""
    columns = {key: (tuple(values),) if key == _TAG_KEYS else tuple(values) for key, values in asked.items()}
    for place in range(max(map(len, columns.values()), default=0)):
        yield {key: values[min(place, len(values) - 1)] for key, values in columns.items()}
