"""AWS Organizations as it is stored: a tree of units and accounts, the policies that hang on it, and what was asked.

Functions take a connection first. Errors are AwsErrors with the codes of the organizations model.
"""

from kansatsu.identity.organizations import delegation, errors, policies, requests, tree
from kansatsu.identity.organizations.membership import Membership
from kansatsu.identity.organizations.tree import Member, Organization, Unit

__all__ = ["Member", "Membership", "Organization", "Unit", "delegation", "errors", "policies", "requests", "tree"]
