"""Policy documents, what they match, and the decision with its reasons; pure, nothing but the standard library."""

from kansatsu.policy._compiled import Policy, PolicySet, compile_policy
from kansatsu.policy._patterns import globs
from kansatsu.policy.diagnosis import Fault, diagnose, diagnose_all
from kansatsu.policy.document import dump, parse, principals, with_principals
from kansatsu.policy.evaluation import Decision, evaluate
from kansatsu.policy.model import (
    UNRESOLVED,
    Condition,
    Context,
    Document,
    Limits,
    Match,
    PolicyType,
    Principal,
    Request,
    Source,
    Statement,
    Verdict,
)
from kansatsu.policy.places import Places, line_and_column
from kansatsu.policy.policies import Policies, is_free
from kansatsu.policy.quotas import QUOTAS, Quota

__all__ = [
    "QUOTAS",
    "UNRESOLVED",
    "Condition",
    "Context",
    "Decision",
    "Document",
    "Fault",
    "Limits",
    "Match",
    "Places",
    "Policies",
    "Policy",
    "PolicySet",
    "PolicyType",
    "Principal",
    "Quota",
    "Request",
    "Source",
    "Statement",
    "Verdict",
    "compile_policy",
    "diagnose",
    "diagnose_all",
    "dump",
    "evaluate",
    "globs",
    "is_free",
    "line_and_column",
    "parse",
    "principals",
    "with_principals",
]
