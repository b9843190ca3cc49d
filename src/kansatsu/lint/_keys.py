"""The condition keys that belong to no service, with their types, as the table of producers has them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from kansatsu.catalog.keys import GLOBAL


class Key(NamedTuple):
    """A condition key as AWS spells it. `type`: String, ARN, Bool, Numeric, Date or IPAddress; `many`: multivalued."""

    name: str
    type: str
    many: bool


GLOBAL_KEYS: Mapping[str, Key] = MappingProxyType(
    {
        lower: Key(name, kind.removeprefix("ArrayOf"), kind.startswith("ArrayOf"))
        for lower, (name, kind) in GLOBAL.items()
    }
)

# These depend on what is asked, so that they are there only for actions whose documentation has them.
OF_ACTIONS = frozenset({"aws:requesttag/${tagkey}", "aws:resourcetag/${tagkey}", "aws:tagkeys"})

# Set by one service and there for all: they say what runs with the role.
CROSS_SERVICE = frozenset({"ec2:roledelivery", "ec2:sourceinstancearn"}) | {
    name for name in GLOBAL_KEYS if not name.startswith("aws:")
}
