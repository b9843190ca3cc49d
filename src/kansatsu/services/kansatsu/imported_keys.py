"""What conditions of IAM policies may ask about the things that an import makes: policies attached, boundaries, tags.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from kansatsu.catalog.linked_roles import PATH
from kansatsu.services.kansatsu.authorization_details import Details, Item, is_linked

Asked = Mapping[str, str | tuple[str, ...]]  # condition keys that one operation of IAM would have together
_TAGS = ("aws:requesttag/", "aws:resourcetag/", "iam:resourcetag/")


def asked_keys(details: Details) -> list[Asked]:
    """What belongs to one thing together, since a condition may ask about all of it at once.

    What is not of the documented form is left out: it is a problem, and nothing is made.
    """
    found: list[Asked] = []
    for items in details.sections.values():
        for item in items:
            with suppress(AttributeError, KeyError, TypeError):
                found += _of(details, item)
    return found


def _of(details: Details, item: Item) -> Iterator[Asked]:
    own = _of_tags(item.get("Tags", []))
    if boundary := item.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"):
        own["iam:permissionsboundary"] = details.own(str(boundary))
    if is_linked(item):
        own["iam:awsservicename"] = item["Path"].removeprefix(PATH).partition("/")[0]
    if item.get("InstanceProfileList"):
        own["iam:passedtoservice"] = "ec2.amazonaws.com"  # as AddRoleToInstanceProfile asks
    yield own
    for policy in item.get("AttachedManagedPolicies", []):
        yield own | {"iam:policyarn": details.own(str(policy["PolicyArn"]))}
    for profile in item.get("InstanceProfileList", []):
        yield _of_tags(profile.get("Tags", []))


def _of_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str | tuple[str, ...]]:
    held = {prefix + tag["Key"].lower(): str(tag["Value"]) for tag in tags for prefix in _TAGS}
    return held | ({"aws:tagkeys": tuple(tag["Key"] for tag in tags)} if held else {})


def distinct(asked: Iterable[Asked], wanted: frozenset[str] | None) -> Collection[Asked]:
    """What is left of each, once, of the keys that are wanted; None: of all."""
    left = ({key: each[key] for key in sorted(each) if wanted is None or key in wanted} for each in asked)
    return {tuple(each.items()): each for each in left if each}.values()
