"""Observe mode: which denials are let through, recorded and told, and which are denials in every mode."""

from collections.abc import Callable
from dataclasses import dataclass

from kansatsu.catalog import Authorization, manages_permissions

HEADER = "x-kansatsu-would-deny"

# Services by which identities are made, handed out and explained.
_ALWAYS_ENFORCED = frozenset({"iam", "sts", "kansatsu", "organizations"})


@dataclass(frozen=True, slots=True)
class Passed:
    """The denial of `item` that was let through, its reason, and what keeps its details: the authorization id of them,
    "" without room."""

    item: Authorization
    reason: str
    keep: Callable[[], str]


def may_pass(item: Authorization) -> bool:
    """Whether observing lets this authorization pass without a policy that allows it.

    INVARIANT: observing hands neither identities nor permissions to anybody: whoever holds any key could else make
    themselves administrator, or write themselves into a bucket policy, and stay so when the mode has changed. So what
    IAM, STS and Kansatsu itself are asked, iam:PassRole wherever it is checked, and all permissions management is
    enforced in every mode; so are trust policies, which no authorization of this kind stands for.
    """
    return item.action.partition(":")[0] not in _ALWAYS_ENFORCED and not manages_permissions(item.action)
