"""Tags in EC2 requests: what is allowed in them. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html"""

from collections.abc import Mapping, Sequence
from typing import Any

from kansatsu.errors import AwsError, InvalidParameterValue, Unimplemented

LIMIT = 50


class TagLimitExceeded(AwsError):
    """More than 50 tags on one resource."""

    code = "TagLimitExceeded"


def to_dict(tags: Sequence[Mapping[str, str]] | None) -> dict[str, str]:
    """Key to value. Raises InvalidParameterValue for keys and values that no resource may have."""
    result: dict[str, str] = {}
    for item in tags or ():
        key, value = item.get("Key", ""), item.get("Value", "")
        if not key or len(key) > 127:
            raise InvalidParameterValue(f"Tag key {key!r} is invalid: it must have 1 to 127 characters")
        if len(value) > 255:
            raise InvalidParameterValue("Tag value exceeds the maximum length of 255 characters")
        if key.lower().startswith("aws:"):
            raise InvalidParameterValue(f"Tag keys starting with 'aws:' are reserved for internal use: {key}")
        if key in result:
            raise InvalidParameterValue(f"Duplicate tag key '{key}' specified.")
        result[key] = value
    return result


def of_specifications(specifications: Sequence[Mapping[str, Any]] | None) -> dict[str, str]:
    """The tags for the instance in TagSpecifications; other resources that a launch would make do not exist here."""
    tags: dict[str, str] = {}
    for item in specifications or ():
        kind = item.get("ResourceType", "")
        if kind != "instance":
            raise Unimplemented(f"TagSpecifications for resource type {kind!r} are not implemented.")
        tags.update(to_dict(item.get("Tags")))
    check_limit(tags)
    return tags


def check_limit(tags: Mapping[str, str]) -> None:
    if len(tags) > LIMIT:
        raise TagLimitExceeded(f"The maximum number of Tags for a resource has been reached: {LIMIT}")
