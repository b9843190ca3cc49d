"""What a simulation may assume beside the policies it is given: SCPs, policies taken away, the resources of a launch.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kansatsu.arn import Arn
from kansatsu.catalog import Authorization
from kansatsu.errors import InvalidInput
from kansatsu.identity import Snapshot
from kansatsu.policy import Policies, Policy, PolicySet, PolicyType, Request, Source
from kansatsu.resources import Guard
from kansatsu.services.deciding import asked
from kansatsu.services.iam.simulated import Context, policy_from

# Whether a policy that hangs on a principal is left out.
Excluded = Callable[[Source], bool]
# What a request is decided with beside what the simulation says: the request with its whole context, all policies.
Limits = Callable[[Request, Policies, Context], tuple[Request, Policies]]

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
    "scp": lambda source: False,  # none hangs on a principal: see `enforced`
    "rcp": lambda source: False,  # "identifiers that target RCPs are also ignored"
}


def enforced(snapshot: Snapshot, account: str, exclusions: Sequence[Mapping[str, Any]]) -> Limits:
    """What organizations say in a simulation by one account of what there is: SCPs and RCPs, as in the gateway.

    AWS's simulator leaves RCPs out so far; here it would say what the gateway does not. As on AWS nobody excludes them.
    """
    without_scps = any(item.get("PolicyType") == "scp" for item in exclusions)

    def limits(request: Request, policies: Policies, given: Context) -> tuple[Request, Policies]:
        whole, limited = _whole(request, policies, snapshot, given)
        caller, owner = request.principal.account, request.resource_account
        # INVARIANT: nobody learns of the policies of an organization that his account is not in.
        scps = limited.scps if together(snapshot, account, caller) and not without_scps else ()
        if together(snapshot, account, owner or caller):
            return whole, replace(limited, scps=scps)
        return _elsewhere(whole, given), replace(limited, scps=scps, rcps=())

    return limits


def assumed(snapshot: Snapshot, account: str, scps: tuple[PolicySet, ...]) -> Limits:
    """The same in a simulation of policies that are given: these SCPs, by level, and nothing else."""

    def limits(request: Request, policies: Policies, given: Context) -> tuple[Request, Policies]:
        whole, _ = _whole(request, policies, snapshot, given)
        owner = request.resource_account or request.principal.account
        seen = whole if together(snapshot, account, owner) else _elsewhere(whole, given)
        return seen, replace(policies, scps=scps)

    return limits


def _whole(request: Request, policies: Policies, snapshot: Snapshot, given: Context) -> tuple[Request, Policies]:
    item, guard = Authorization(request.action, request.resource, given), Guard(request.resource_account)
    return asked(request.principal, item, guard, request.context, policies, snapshot)


def together(snapshot: Snapshot, one: str, other: str) -> bool:
    """Are these one account, or accounts of one organization?"""
    mine, theirs = snapshot.organization(one), snapshot.organization(other)
    return one == other or (mine is not None and theirs is not None and mine.id == theirs.id)


def _elsewhere(request: Request, given: Context) -> Request:
    """The request without what only an organization tells of the resource."""
    hidden = {"aws:resourceorgid", "aws:resourceorgpaths"} - given.keys()
    return replace(request, context={key: value for key, value in request.context.items() if key not in hidden})


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
