"""AWS operations, one function each; importing this package registers all that Kansatsu has."""

from importlib import import_module

SERVICES = ("iam", "iam_toolbox", "sts", "cloudtrail", "ec2", "ecs", "organizations", "kansatsu")


def load() -> None:
    """Register the operations of every service of ours."""
    for name in SERVICES:
        import_module(f"{__name__}.{name}")
