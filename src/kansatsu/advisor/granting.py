"""What policies let their holders use: services, the actions of each, and which policies grant a service. Pure.

Identity-based policies alone: neither boundaries nor policies of organizations and sessions have a say.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_last-accessed.html
"""

from collections.abc import Iterator

from kansatsu.catalog import tracking
from kansatsu.policy import Policy, PolicySet


def reachable(held: PolicySet) -> Iterator[str]:
    """The services of which these policies may allow an action."""
    return (namespace for namespace in tracking.services() if grants(held, namespace))


def grants(held: PolicySet, namespace: str) -> bool:
    """May these policies allow an action of the service?"""
    names = tracking.actions(namespace) if held.concerns(namespace) else ()
    return any(held.may_allow(f"{namespace}:{name}") for name in names)


def granted(held: PolicySet, namespace: str) -> tuple[str, ...]:
    """All actions of a service that these policies may allow."""
    names = tracking.actions(namespace) if held.concerns(namespace) else ()
    return tuple(name for name in names if held.may_allow(f"{namespace}:{name}"))


def tracked(held: PolicySet, namespace: str) -> tuple[str, ...]:
    """Those of them whose use can be seen."""
    return tuple(name for name in granted(held, namespace) if tracking.is_tracked(namespace, name))


def granting(held: PolicySet, namespace: str) -> list[Policy]:
    """The policies that may allow an action of the service, each by itself."""
    found = [policy for policy in held if grants(policy.rules, namespace)]
    return sorted(found, key=lambda policy: (policy.source.name, policy.source.arn, policy.source.owner))
