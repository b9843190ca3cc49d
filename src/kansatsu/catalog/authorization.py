"""What one request must be allowed to do: an IAM action on a resource under conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Params = Mapping[str, Any]
Context = dict[str, str | tuple[str, ...]]
# (table name) -> the name of its partition key, or None when it is not known
PartitionKey = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Authorization:
    """One check: `context` holds condition keys in lower case; `exact` is False where the resource is only "*"
    because we could not tell which one AWS would have named."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    exact: bool = True
