"""What a simulation may assume beside the policies it is given: SCPs, policies taken away, the resources of a launch.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from kansatsu.arn import Arn
from kansatsu.errors import InvalidInput
from kansatsu.policy import Policy, PolicySet, PolicyType, Source
from kansatsu.services.iam.simulated import policy_from

# Whether a policy that hangs on a principal is left out.
Excluded = Callable[[Source], bool]

_AWS = "arn:aws:iam::aws:policy/"
_MANAGED = re.compile(r"arn:aws[a-z-]*:iam::(?:[0-9]{12}|aws):policy/(?:[\x21-\x7e]+/)?[\w+=,.@*?-]+", re.ASCII)
# Value of ResourceHandlingOption -> the resource types that the request must name.
_LAUNCH = ("instance", "image", "security-group", "network-interface")
_SCENARIOS = {
    "EC2-VPC-InstanceStore": _LAUNCH,
    "EC2-VPC-InstanceStore-Subnet": (*_LAUNCH, "subnet"),
    "EC2-VPC-EBS": (*_LAUNCH, "volume"),
    "EC2-VPC-EBS-Subnet": (*_LAUNCH, "subnet", "volume"),
}
_TYPES: dict[str, Excluded] = {
    "inline": lambda source: source.type is PolicyType.IDENTITY and not source.arn,
    "aws-managed": lambda source: source.type is PolicyType.IDENTITY and source.arn.startswith(_AWS),
    "user-managed": lambda source: (
        source.type is PolicyType.IDENTITY and bool(source.arn) and not source.arn.startswith(_AWS)
    ),
    "permission-boundary": lambda source: source.type is PolicyType.BOUNDARY,
    "scp": lambda source: source.type is PolicyType.SCP,
    "rcp": lambda source: False,  # "identifiers that target RCPs are also ignored"
}


def levels(given: Sequence[Mapping[str, Any]]) -> tuple[PolicySet, ...]:
    """SCPs by level, from the organization's root down to the account. Raises InvalidInput."""
    return tuple(
        PolicySet(
            policy_from(text, PolicyType.SCP, f"OrderedOrganizationPolicyInputList.{place}.{number}")
            for number, text in enumerate(level.get("ServiceControlPolicyInputList") or (), 1)
        )
        for place, level in enumerate(given, 1)
    )


def check_resources(option: str | None, resources: Iterable[str]) -> None:
    """A launch is simulated with all its resources or not at all. Raises InvalidInput."""
    if option is None:
        return
    if option not in _SCENARIOS:
        raise InvalidInput(f"Invalid Resource Handling Option: {option}")
    parsed = [found for found in map(Arn.parse, resources) if found is not None and found.service == "ec2"]
    named = {found.resource.partition("/")[0] for found in parsed}
    if missing := [kind for kind in _SCENARIOS[option] if kind not in named]:
        raise InvalidInput(f"The resource handling option {option} requires resources of these types: {missing}.")


def without(policies: Iterable[Policy], exclusions: Sequence[Mapping[str, Any]]) -> tuple[Policy, ...]:
    """The policies that none of a PolicyExclusionList names. Raises InvalidInput.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_PolicyIdentifier.html
    """
    named = [_named(item) for item in exclusions]
    return tuple(policy for policy in policies if not any(excluded(policy.source) for excluded in named))


def _named(identifier: Mapping[str, Any]) -> Excluded:
    if len(identifier) != 1:
        raise InvalidInput("A policy identifier has exactly one of PolicyType, PolicyArn and InlinePolicyIdentifier.")
    if "PolicyType" in identifier:
        return _TYPES[identifier["PolicyType"]]
    if "PolicyArn" in identifier:
        return _by_arn(identifier["PolicyArn"])
    return _inline(identifier["InlinePolicyIdentifier"])


def _by_arn(text: str) -> Excluded:
    if not _MANAGED.fullmatch(text) or "*" in text.rpartition("/")[0] or "?" in text.rpartition("/")[0]:
        raise InvalidInput(f"Invalid Policy Arn: {text}")
    matches = _wildcard(text)
    return lambda source: source.type is PolicyType.IDENTITY and bool(matches(source.arn))


def _inline(given: Mapping[str, str]) -> Excluded:
    kind, name = given["AttachmentType"], given["PolicyName"]
    matches = _wildcard(given["AttachmentName"])

    def excluded(source: Source) -> bool:
        owner, _, path = source.owner.rpartition(":")[2].partition("/")
        inline = source.type is PolicyType.IDENTITY and not source.arn
        return inline and (owner, source.name) == (kind, name) and bool(matches(path.rpartition("/")[2]))

    return excluded


def _wildcard(text: str) -> Callable[[str], re.Match[str] | None]:
    """At most one `*`, and any number of `?`."""
    if text.count("*") > 1:
        raise InvalidInput(f"Only one * is supported: {text}")
    # One star alone: nothing to try again and again.
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL).fullmatch
