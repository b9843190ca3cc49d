"""Kansatsu in tests: a server of their own, roles with exactly one policy, and what of it was used. docs/testing.md"""

from kansatsu.testing.environment import environment
from kansatsu.testing.roles import Role
from kansatsu.testing.server import Kansatsu, KansatsuError

__all__ = ["Kansatsu", "KansatsuError", "Role", "environment"]
