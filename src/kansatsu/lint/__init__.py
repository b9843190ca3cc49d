"""What is valid in a policy document and yet a mistake or a danger; pure, so that no server is needed."""

from kansatsu.lint._keys import GLOBAL_KEYS
from kansatsu.lint.actions import doubt
from kansatsu.lint.documents import quota
from kansatsu.lint.findings import Finding, Rule, Severity
from kansatsu.lint.guess import guess
from kansatsu.lint.rules import RULES, lint, validate

__all__ = ["GLOBAL_KEYS", "RULES", "Finding", "Rule", "Severity", "doubt", "guess", "lint", "quota", "validate"]
