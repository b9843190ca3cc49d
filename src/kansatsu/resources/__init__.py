"""What is known of the backend's resources: their policies, and what else decides who may use them."""

from kansatsu.resources.composed import COMPOSED
from kansatsu.resources.conditions import looked_up
from kansatsu.resources.facts import UNSUPPORTED, Kind, Place, Unsupported
from kansatsu.resources.guards import POLICY_CHANGES, Guard, Resources, owner_in
from kansatsu.resources.kinds import KINDS
from kansatsu.resources.knowledge import Knowledge, until_changed
from kansatsu.resources.owners import Accounts, arn_of, bucket_of
from kansatsu.resources.public import is_public
from kansatsu.resources.setters import GRANT_PRINCIPALS, READERS, SETTERS, shown
from kansatsu.resources.tags import Deciding

__all__ = [
    "COMPOSED",
    "GRANT_PRINCIPALS",
    "KINDS",
    "POLICY_CHANGES",
    "READERS",
    "SETTERS",
    "UNSUPPORTED",
    "Accounts",
    "Deciding",
    "Guard",
    "Kind",
    "Knowledge",
    "Place",
    "Resources",
    "Unsupported",
    "arn_of",
    "bucket_of",
    "is_public",
    "looked_up",
    "owner_in",
    "shown",
    "until_changed",
]
