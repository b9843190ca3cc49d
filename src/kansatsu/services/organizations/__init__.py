"""AWS Organizations, as far as accounts, SCPs and RCPs need it. Importing this package registers its operations."""

from kansatsu.services.organizations import (
    accounts,
    all_features,
    delegation,
    handshakes,
    organization,
    policies,
    tags,
    units,
)

__all__ = ["accounts", "all_features", "delegation", "handshakes", "organization", "policies", "tags", "units"]
