"""What one request must be allowed to do: an IAM action on a resource under conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Params = Mapping[str, Any]
Context = dict[str, str | tuple[str, ...]]
# (table, index or "") -> the names of its partition keys, of which an index may have four; () when they are not known
PartitionKeys = Callable[[str, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Authorization:
    """One check: `context` holds condition keys in lower case; `exact` is False where the resource is only "*"
    because we could not tell which one AWS would have named. `sources` are ARNs of what the request names beside a
    resource that it makes: properties of those are condition keys of what is made."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    exact: bool = True
    sources: tuple[str, ...] = ()
