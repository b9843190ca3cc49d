"""What is valid in a policy document and yet a mistake or a danger, found without a server."""

from kansatsu.lint.findings import RULES, Finding, Rule, lint

__all__ = ["RULES", "Finding", "Rule", "lint"]
