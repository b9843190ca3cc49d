"""Findings as a SARIF 2.1.0 log, which code hosts and editors show beside the text.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from kansatsu import __version__
from kansatsu.lint import RULES, Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(checked: Sequence[tuple[str, Sequence[Finding]]], unread: Mapping[str, str]) -> dict[str, Any]:
    """The log of one run over documents: each file as given, with its findings, or why it cannot be read."""
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
                "invocations": [
                    {
                        "executionSuccessful": not unread,
                        "toolExecutionNotifications": [
                            {"level": "error", "message": {"text": sentence}, "locations": [_location(file)]}
                            for file, sentence in unread.items()
                        ],
                    }
                ],
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
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": str(finding.severity),
        "message": {"text": finding.message},
        "locations": [_location(file, region=region)],
    }


def _location(file: str, **more: Any) -> dict[str, Any]:
    # A relative path stays relative, so that a code host finds it in the repository.
    return {"physicalLocation": {"artifactLocation": {"uri": quote("stdin" if file == "-" else file)}, **more}}
