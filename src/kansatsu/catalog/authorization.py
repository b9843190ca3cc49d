"""What one request must be allowed to do: an IAM action on a resource under conditions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kansatsu.policy import Policies, Policy, PolicySet

Params = Mapping[str, Any]
Context = dict[str, str | tuple[str, ...]]
# (table, index or "") -> the names of its partition keys, of which an index may have four; () when they are not known
PartitionKeys = Callable[[str, str], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Authorization:
    """One check: `context` holds condition keys in lower case; `exact` is False where the resource is only "*"
    because we could not tell which one AWS would have named. `sources` are ARNs of what the request names beside a
    resource that it makes: properties of those are condition keys of what is made. `granted` is a policy that the
    account gives the caller for this one check, as if it were one of its own: all that limits those limits it too.
    `absent` are condition keys that were looked up because a policy asks for them, and which the resource has not."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    exact: bool = True
    sources: tuple[str, ...] = ()
    granted: Policy | None = None
    absent: tuple[str, ...] = ()

    def also(self, policies: Policies) -> Policies:
        """The caller's policies, and what is granted for this check."""
        if self.granted is None:
            return policies
        return replace(policies, identity=PolicySet([*policies.identity, self.granted]))
