"""Findings as a SARIF 2.1.0 log, which code hosts and editors show beside the text.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from kansatsu import __version__
from kansatsu.lint import RULES, Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(checked: Sequence[tuple[str, Sequence[Finding]]]) -> dict[str, Any]:
    """The log of one run over documents: each file as given, with its findings."""
    order = list(RULES)
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kansatsu",
                        "version": __version__,
                        "semanticVersion": __version__,
                        "rules": [
                            {
                                "id": rule.id,
                                "shortDescription": {"text": rule.summary},
                                "helpUri": rule.url,
                                "defaultConfiguration": {"level": str(rule.severity)},
                            }
                            for rule in RULES.values()
                        ],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [
                    _result(file, finding, order.index(finding.rule))
                    for file, findings in checked
                    for finding in findings
                ],
            }
        ],
    }


def _result(file: str, finding: Finding, index: int) -> dict[str, Any]:
    region = {
        "startLine": finding.line,
        "startColumn": finding.column,
        "endLine": finding.end_line,
        "endColumn": finding.end_column,
    }
    # A relative path stays relative, so that a code host finds it in the repository.
    location = {"artifactLocation": {"uri": quote("stdin" if file == "-" else file)}, "region": region}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": str(finding.severity),
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": location}],
    }
