"""CloudTrail: looking up management events. Importing this package registers its operations; others are 501."""

from kansatsu.services.cloudtrail import lookup

__all__ = ["lookup"]
