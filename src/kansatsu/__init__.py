"""Kansatsu: AWS IAM that you run yourself; and its policy engine as a library, which needs nothing but Python.

The names of the library are loaded when they are first used, so that the command line starts fast. docs/library.md
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kansatsu.errors import MalformedPolicyDocument
    from kansatsu.policy import (
        QUOTAS,
        Condition,
        Context,
        Decision,
        Document,
        Limits,
        Match,
        Policies,
        Policy,
        PolicySet,
        PolicyType,
        Principal,
        Quota,
        Request,
        Source,
        Statement,
        Verdict,
        compile_policy,
        dump,
        evaluate,
        parse,
    )

__version__ = "0.1.0"

__all__ = [
    "QUOTAS",
    "Condition",
    "Context",
    "Decision",
    "Document",
    "Limits",
    "MalformedPolicyDocument",
    "Match",
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
    "__version__",
    "compile_policy",
    "dump",
    "evaluate",
    "parse",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    source = "kansatsu.errors" if name == "MalformedPolicyDocument" else "kansatsu.policy"
    value: object = getattr(import_module(source), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
