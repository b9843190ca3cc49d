"""AWS operations, one function each; importing this package registers all that Kansatsu has."""

from importlib import import_module

SERVICES = ("iam", "iam_toolbox", "sts", "cloudtrail", "ec2", "ecs", "organizations", "kansatsu")
# What is ours entirely: an operation that we lack is 501 and never falls through to a backend.
OURS = frozenset({"iam", "sts", "ecs", "cloudtrail", "organizations", "iam-toolbox", "kansatsu"})


def load() -> None:
    """Register the operations of every service of ours."""
    for name in SERVICES:
        import_module(f"{__name__}.{name}")
