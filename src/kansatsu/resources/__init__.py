"""What is known of the backend's resources: their policies, and what else decides who may use them."""

from kansatsu.resources.facts import UNSUPPORTED, Kind, Place, Unsupported
from kansatsu.resources.guards import Guard, Resources
from kansatsu.resources.kinds import KINDS
from kansatsu.resources.knowledge import Knowledge, until_changed
from kansatsu.resources.public import is_public
from kansatsu.resources.setters import READERS, SETTERS, shown

__all__ = [
    "KINDS",
    "READERS",
    "SETTERS",
    "UNSUPPORTED",
    "Guard",
    "Kind",
    "Knowledge",
    "Place",
    "Resources",
    "Unsupported",
    "is_public",
    "shown",
    "until_changed",
]
